"""What every command uses: the console, the error exit, and the data folder's database."""

import json
import sys
from contextvars import ContextVar
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

NO_HOUSEHOLD = "There is no household yet. Run: replenish setup --help"
_chosen: ContextVar[str] = ContextVar("household", default="")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]

# Who a home is, for the commands that make one.
HomeName = Annotated[str, typer.Option("--name", help="What the home is called.")]
Buyer = Annotated[str, typer.Option(help="First and last name for parcels.")]
Email = Annotated[str, typer.Option(help="Where the shop writes to.")]
Street = Annotated[str, typer.Option(help="Street and number.")]
Locality = Annotated[str, typer.Option(help="Town.")]
PostalCode = Annotated[str, typer.Option(help="As the carrier wants it.")]
Country = Annotated[str, typer.Option(help="Two letters, ISO 3166.")]
TimeZone = Annotated[str, typer.Option(help="IANA name, e.g. Europe/Berlin.")]
Language = Annotated[str, typer.Option(help="en or ko.")]
Currency = Annotated[str, typer.Option(help="ISO 4217.")]


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


def choose_household(wanted: str) -> None:
    """Of which household the command of this context is, by name or id; "" where there is one only."""
    _chosen.set(wanted)


def the_household(database: Database) -> HouseholdId:
    """The household that was chosen, or the only one.

    Raises:
        typer.Exit: there is none yet, none of that name, or it has to be said which of several.
    """
    homes = operations.households(database)
    if not homes:
        raise fail(NO_HOUSEHOLD)
    wanted = _chosen.get()
    if wanted in homes:
        return HouseholdId(wanted)
    found = [household_id for household_id, name in homes.items() if wanted in ("", name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise fail(f"There is no household {wanted}. See: replenish household list")
    which = ", ".join(f"{homes[household_id]} ({household_id})" for household_id in found)
    raise fail(f"There are several: {which}. Say which: replenish --household ID ...")


def sign_in_url(settings: Settings, token: str) -> str:
    """Where a link of `households.sign_in` lets its person in, once."""
    return f"{settings.base_url}/sign-in/{token}"


def print_json(data: Any) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
