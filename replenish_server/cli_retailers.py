"""`replenish retailer ...`: shops that the household buys from."""

import os
from typing import Annotated

import typer
from rich.markup import escape

from replenish_server.cli_parts import AsJson, console, fail, open_database, print_json
from replenish_server.retailers.kinds import NewRetailer, RetailerKind, RetailerRefused
from replenish_server.retailers.registry import add_retailer
from replenish_server.settings import Settings

retailer_app = typer.Typer(no_args_is_help=True, help="Shops that this household buys from.")


@retailer_app.command("add")
def retailer_add(
    name: Annotated[str, typer.Argument(help="What the shop is called.")],
    url: Annotated[str, typer.Argument(help="Its origin; may be left out for a list.")] = "",
    kind: Annotated[
        RetailerKind, typer.Option(help="How it is ordered from; see docs/retailers.md.")
    ] = RetailerKind.UCP,
    handler: Annotated[str, typer.Option(help="UCP: id of the payment handler that issued the token.")] = "",
    token_env: Annotated[str, typer.Option(help="Environment variable that holds the payment token.")] = "",
    agreement: Annotated[
        str | None, typer.Option(help="Where the shop's permission for unattended orders is written.")
    ] = None,
    cart_template: Annotated[
        str | None, typer.Option(help="Address of a filled cart, with {id} and {qty}, or {lines:id:qty}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a shop. Where none of our ways to order works, orders wait for a person with a link or a list."""
    given = {"cart_template": cart_template}
    secret = os.environ.get(token_env, "") if token_env else ""
    if token_env and not secret:
        raise fail(f"The environment variable {token_env} is empty; put the payment token there.")
    options = {key: value for key, value in given.items() if value is not None}
    new = NewRetailer(kind, name, url, handler, secret, agreement, options)
    settings = Settings()
    database = open_database(settings)
    try:
        with database.write() as session:
            retailer_id = add_retailer(session, new, settings.make_clock().now())
    except RetailerRefused as error:
        raise fail(escape(f"Not added: {error}.")) from error
    if as_json:
        print_json({"retailer_id": retailer_id, "kind": kind.value})
    else:
        console.print(f"Added {name} as [bold]{retailer_id}[/bold].")
