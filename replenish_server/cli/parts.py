"""What every command uses: the console, the error exit, and the data folder's database."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from replenish_server import operations
from replenish_server.database import Database
from replenish_server.ids import HouseholdId
from replenish_server.settings import Settings

# What is printed holds names that people and shops chose: it is never read as Rich's markup, nor for emoji.
console = Console(highlight=False, markup=False, emoji=False)
_errors = Console(highlight=False, markup=False, emoji=False, stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]


def say(text: str, style: str = "") -> None:
    """Print a sentence as it is, in one line however narrow the terminal: addresses and keys are copied."""
    console.print(text, soft_wrap=True, style=style)


def fail(text: str) -> typer.Exit:
    """Say on stderr what is wrong and what to do; raise what this returns."""
    _errors.print(text, soft_wrap=True, style="red")
    return typer.Exit(2)


def open_database(settings: Settings, *, create: bool = False) -> Database:
    """The installation's database with the newest schema; a file that is not there is made only if `create`.

    Raises:
        typer.Exit: there is no such database, or it does not answer.
    """
    try:
        return operations.open_database(settings, create=create)
    except operations.DatabaseUnfit as error:
        raise fail(str(error)) from error


def the_household(database: Database) -> HouseholdId:
    """The household of this data folder.

    Raises:
        typer.Exit: there is none yet.
    """
    household_id = operations.the_household(database)
    if household_id is None:
        raise fail("There is no household yet. Run: replenish setup --help")
    return household_id


def print_json(data: Any) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
