"""`replenish retailer ...`: shops that the household buys from."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import Session

from replenish_server.cli.parts import AsJson, console, fail, open_database, print_json, say
from replenish_server.households.money import money
from replenish_server.retailers.book.prices import PriceListRefused, import_prices, read_price_list
from replenish_server.retailers.feed import keys
from replenish_server.retailers.feed.messages import rotate_secret, set_hook
from replenish_server.retailers.instruments import (
    Instrument,
    InstrumentRefused,
    add_instrument,
    instruments_of,
    remove_instrument,
    use_first,
)
from replenish_server.retailers.kinds import NewRetailer, RetailerKind, RetailerRefused, check_url
from replenish_server.retailers.registry import add_retailer, list_retailers
from replenish_server.retailers.tables import Retailer
from replenish_server.settings import Settings

retailer_app = typer.Typer(no_args_is_help=True, help="Shops that this household buys from.")
key_app = typer.Typer(no_args_is_help=True, help="Keys with which a retailer reads and answers its orders.")
price_app = typer.Typer(no_args_is_help=True, help="Price lists of retailers that have no catalogue.")
pay_app = typer.Typer(no_args_is_help=True, help="With what a UCP shop is paid, in the order it is tried.")
hook_app = typer.Typer(no_args_is_help=True, help="Where a retailer wants to be told of its orders.")
retailer_app.add_typer(key_app, name="key")
retailer_app.add_typer(price_app, name="prices")
retailer_app.add_typer(pay_app, name="pay")
retailer_app.add_typer(hook_app, name="hook")

RetailerArgument = Annotated[str, typer.Argument(help="Id of the shop, e.g. shop-7k2m9qwe4x.")]


@retailer_app.command("add")
def retailer_add(
    name: Annotated[str, typer.Argument(help="What the shop is called.")],
    url: Annotated[str, typer.Argument(help="Its origin; may be left out for a list.")] = "",
    kind: Annotated[
        RetailerKind, typer.Option(help="How it is ordered from; see docs/retailers.md.")
    ] = RetailerKind.UCP,
    handler: Annotated[str, typer.Option(help="UCP: id of the payment handler that issued the token.")] = "",
    token_env: Annotated[str, typer.Option(help="Environment variable that holds the payment token.")] = "",
    payment_name: Annotated[
        str | None, typer.Option(help="UCP: what the household calls it, e.g. 'Visa 4711'.")
    ] = None,
    agreement: Annotated[
        str | None, typer.Option(help="Where the shop's permission for unattended orders is written.")
    ] = None,
    cart_template: Annotated[
        str | None,
        typer.Option(help="Address of a filled cart, with {id} and {qty}, or {lines:[not bold]id[/]:qty}."),
    ] = None,
    shipping: Annotated[
        str | None, typer.Option(help="Feed: what carrying an order costs, in minor units: 390 is 3.90 EUR.")
    ] = None,
    acknowledge_within: Annotated[
        str | None, typer.Option(help="Feed: hours in which it must say that it saw an order.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="cXML: our credential, domain:identity.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="cXML: the supplier's credential, domain:identity.")] = None,
    sender: Annotated[
        str | None, typer.Option(help="cXML: who sends, domain:identity; --from if left out.")
    ] = None,
    cost_center: Annotated[str | None, typer.Option(help="cXML: written on every line.")] = None,
    deployment_mode: Annotated[str | None, typer.Option(help="cXML: production or test.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a shop. Where none of our ways to order works, orders wait for a person with a link or a list."""
    given = {
        "cart_template": cart_template,
        "payment_name": payment_name,
        "shipping_minor": shipping,
        "acknowledge_hours": acknowledge_within,
        "cxml_from": from_,
        "cxml_to": to,
        "cxml_sender": sender,
        "cost_center": cost_center,
        "deployment_mode": deployment_mode,
    }
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
        raise fail(f"Not added: {error}.") from error
    if as_json:
        print_json({"retailer_id": retailer_id, "kind": kind.value})
    else:
        say(f"Added {name} as {retailer_id}.")


@retailer_app.command("list")
def retailer_list(as_json: AsJson = False) -> None:
    """List shops and how each is ordered from."""
    with open_database(Settings()).read() as session:
        rows = [
            {"retailer_id": row.id, "kind": row.kind, "name": row.name, "url": row.url}
            for row in list_retailers(session)
        ]
    if as_json:
        print_json(rows)
        return
    table = Table("shop", "kind", "name", "address")
    for row in rows:
        table.add_row(row["retailer_id"], row["kind"], row["name"], row["url"])
    console.print(table)


@key_app.command("create")
def key_create(
    retailer: RetailerArgument,
    label: Annotated[str, typer.Option(help="Who holds it, e.g. warehouse.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once; only its hash is kept."""
    settings = Settings()
    try:
        with open_database(settings).write() as session:
            key = keys.make_key(session, retailer, label, settings.make_clock().now())
    except keys.KeyRefused as error:
        raise fail(f"No key was made: {error}.") from error
    if as_json:
        print_json({"key": key, "retailer_id": retailer})
    else:
        say(f"Key, shown once: {key}")


@key_app.command("list")
def key_list(
    retailer: Annotated[str | None, typer.Argument(help="Only of this shop.")] = None, as_json: AsJson = False
) -> None:
    """List keys by the part of them that may be shown."""
    with open_database(Settings()).read() as session:
        rows = [
            {
                "key_id": f"rk_{row.id}",
                "retailer_id": row.retailer_id,
                "label": row.label,
                "created_at": row.created_at.isoformat(),
                "last_used_at": None if row.last_used_at is None else row.last_used_at.isoformat(),
                "revoked": row.revoked_at is not None,
            }
            for row in keys.list_keys(session, retailer)
        ]
    if as_json:
        print_json(rows)
        return
    table = Table("key", "shop", "label", "last used", "")
    for row in rows:
        used = str(row["last_used_at"] or "never")
        state = "revoked" if row["revoked"] else "valid"
        table.add_row(str(row["key_id"]), str(row["retailer_id"]), str(row["label"]), used, state)
    console.print(table)


@key_app.command("revoke")
def key_revoke(
    key_id: Annotated[str, typer.Argument(help="What `key list` shows, e.g. rk_7k2m9qwe.")],
) -> None:
    """End a key at once, and every console that it signed in."""
    settings = Settings()
    try:
        with open_database(settings).write() as session:
            keys.revoke_key(session, key_id, settings.make_clock().now())
    except keys.KeyRefused as error:
        raise fail(f"Nothing was revoked: {error}.") from error
    say(f"Key {key_id} is revoked.")


@pay_app.command("list")
def pay_list(retailer: RetailerArgument, as_json: AsJson = False) -> None:
    """List the ways to pay. The first is tried, and the second once if that was declined; then a person."""
    with open_database(Settings()).read() as session:
        found = session.get(Retailer, retailer)
        if found is None:
            raise fail(f"There is no retailer {retailer!r}; see replenish retailer list")
        rows = [{"name": one.name, "handler": one.handler} for one in instruments_of(session, found)]
    if as_json:
        print_json(rows)
        return
    table = Table("", "way to pay", "handler")
    for place, row in enumerate(rows, 1):
        table.add_row(str(place), row["name"], row["handler"])
    console.print(table)


@pay_app.command("add")
def pay_add(
    retailer: RetailerArgument,
    name: Annotated[str, typer.Argument(help="What the household calls it, e.g. 'Giro 0815'.")],
    handler: Annotated[str, typer.Option(help="Id of the payment handler that issued the token.")],
    token_env: Annotated[str, typer.Option(help="Environment variable that holds the payment token.")],
) -> None:
    """Put a way to pay at the end of the list."""
    new = Instrument(name.strip(), handler, os.environ.get(token_env, ""))
    _change_ways_to_pay(lambda session: add_instrument(session, retailer, new))
    say(f"{name} is tried when the way to pay before it was declined.")


@pay_app.command("first")
def pay_first(retailer: RetailerArgument, name: Annotated[str, typer.Argument()]) -> None:
    """Try this one first; the others keep their order."""
    _change_ways_to_pay(lambda session: use_first(session, retailer, name))
    say(f"{name} is tried first.")


@pay_app.command("remove")
def pay_remove(retailer: RetailerArgument, name: Annotated[str, typer.Argument()]) -> None:
    """Forget one and its token."""
    _change_ways_to_pay(lambda session: remove_instrument(session, retailer, name))
    say(f"{name} is forgotten.")


def _change_ways_to_pay(change: Callable[[Session], None]) -> None:
    try:
        with open_database(Settings()).write() as session:
            change(session)
    except InstrumentRefused as error:
        raise fail(f"Nothing was changed: {error}.") from error


@price_app.command("import")
def prices_import(
    retailer: RetailerArgument,
    file: Annotated[
        Path, typer.Argument(help="CSV: item_id,name,unit_price,currency[,unit,available]; prices as 12.90.")
    ],
    as_json: AsJson = False,
) -> None:
    """Replace a shop's price list. A file with one mistake changes nothing."""
    settings = Settings()
    database = open_database(settings)
    try:
        rows = read_price_list(file.read_text(encoding="utf-8"))
        with database.write() as session:
            import_prices(session, retailer, rows, settings.make_clock().now())
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{file} cannot be read as UTF-8 text: {error}") from error
    except PriceListRefused as error:
        raise fail(f"Nothing was changed. {file}: {error}.") from error
    if as_json:
        print_json({"retailer_id": retailer, "articles": len(rows)})
    else:
        dearest = max(rows, key=lambda row: row.unit_minor)
        price = money(dearest.unit_minor, dearest.currency)
        say(
            f"{len(rows)} articles are on the price list of {retailer}. Dearest: {dearest.name}, {price}.",
        )


@hook_app.command("set")
def hook_set(
    retailer: RetailerArgument,
    url: Annotated[str, typer.Argument(help="https address that takes Standard Webhooks.")],
    as_json: AsJson = False,
) -> None:
    """Tell a shop of its orders at this address, and print the secret that signs the messages."""
    settings = Settings()
    try:
        check_url(url, "the hook's address")
        with open_database(settings).write() as session:
            secret = set_hook(session, retailer, url, settings.make_clock().now())
    except (RetailerRefused, keys.KeyRefused) as error:
        raise fail(f"Nothing was changed: {error}.") from error
    _show_secret(retailer, secret, as_json)


@hook_app.command("rotate")
def hook_rotate(retailer: RetailerArgument, as_json: AsJson = False) -> None:
    """Make a new secret. For a day messages are signed with both, so that nothing is missed."""
    settings = Settings()
    with open_database(settings).write() as session:
        secret = rotate_secret(session, retailer, settings.make_clock().now())
    if secret is None:
        raise fail(f"{retailer} has no hook yet. Run: replenish retailer hook set {retailer} URL")
    _show_secret(retailer, secret, as_json)


def _show_secret(retailer: str, secret: str, as_json: bool) -> None:
    if as_json:
        print_json({"retailer_id": retailer, "secret": secret})
    else:
        say(f"Secret for the signatures: {secret}")
