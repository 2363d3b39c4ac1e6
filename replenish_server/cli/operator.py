"""`replenish operator`: who looks after the fleet at /fleet, and belongs to no household."""

from typing import Annotated

import typer
from rich.table import Table

from replenish_server.cli.parts import AsJson, console, fail, open_database, print_json, say, sign_in_url
from replenish_server.households.operators import (
    OperatorRefused,
    add_operator,
    ever_had_operators,
    operators,
    remove_operator,
)
from replenish_server.households.sign_in import links_for_owners
from replenish_server.settings import Settings

operator_app = typer.Typer(no_args_is_help=True, help="Who looks after the fleet, at /fleet.")


@operator_app.command("add")
def operator_add(
    name: Annotated[str, typer.Argument(help="What people call them.")], as_json: AsJson = False
) -> None:
    """Add somebody; prints the token with which they sign in at /fleet, once."""
    settings = Settings()
    now = settings.make_clock().now()
    try:
        with open_database(settings).write() as session:
            first = not ever_had_operators(session)
            row, token = add_operator(session, name, now)
            links = links_for_owners(session, now) if first else {}
    except OperatorRefused as error:
        raise fail(str(error)) from error
    links = {who: sign_in_url(settings, link) for who, link in links.items()}
    if as_json:
        print_json({"operator_id": row.id, "name": row.name, "token": token, "links": links})
        return
    say(f"Added {row.name}. They sign in at {settings.base_url}/fleet with this token, shown once:")
    say(token)
    for who, link in links.items():
        say(f"From now on {who} has to sign in; this link works once: {link}")


@operator_app.command("list")
def operator_list(as_json: AsJson = False) -> None:
    """Who may sign in at /fleet."""
    with open_database(Settings()).read() as session:
        rows = operators(session)
    if as_json:
        print_json([{"operator_id": row.id, "name": row.name} for row in rows])
        return
    table = Table("operator", "name", "since")
    for row in rows:
        table.add_row(row.id, row.name, row.created_at.isoformat(timespec="minutes"))
    console.print(table)


@operator_app.command("remove")
def operator_remove(who: Annotated[str, typer.Argument(help="Name or id.")], as_json: AsJson = False) -> None:
    """End somebody's token and sessions at once."""
    settings = Settings()
    try:
        with open_database(settings).write() as session:
            row = remove_operator(session, who, settings.make_clock().now())
    except OperatorRefused as error:
        raise fail(str(error)) from error
    if as_json:
        print_json({"operator_id": row.id, "removed": True})
    else:
        say(f"Removed {row.name}.")
