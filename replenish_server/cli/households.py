"""`replenish household`: the homes of this server, each with its own people, rules and ledger."""

import typer
from rich.table import Table

from replenish_server import operations
from replenish_server.cli.parts import (
    NO_HOUSEHOLD,
    AsJson,
    Buyer,
    Country,
    Currency,
    Email,
    HomeName,
    Language,
    Locality,
    PostalCode,
    Street,
    TimeZone,
    console,
    fail,
    open_database,
    print_json,
    say,
    sign_in_url,
)
from replenish_server.households.membership import must_sign_in
from replenish_server.households.particulars import Address, ParticularsRefused
from replenish_server.households.sign_in import links_for_owners
from replenish_server.settings import Settings

household_app = typer.Typer(no_args_is_help=True, help="The homes of this server.")


@household_app.command("add")
def household_add(
    name: HomeName,
    buyer: Buyer,
    email: Email,
    street: Street,
    locality: Locality,
    postal_code: PostalCode,
    country: Country,
    time_zone: TimeZone = "UTC",
    language: Language = "en",
    currency: Currency = "EUR",
    as_json: AsJson = False,
) -> None:
    """Add a further home; from the second one on every home signs in, and its owner gets a link for it."""
    settings = Settings()
    database, now = open_database(settings), settings.make_clock().now()
    homes = operations.households(database)
    if not homes:
        raise fail(NO_HOUSEHOLD)
    with database.read() as session:
        asked_before = must_sign_in(session, next(iter(homes)))
    address = Address(buyer, email, street, locality, postal_code, country)
    try:
        household_id = operations.create_household(
            database, name, address, time_zone, language, currency, now
        )
    except ParticularsRefused as error:
        raise fail(f"Nothing was made: {error}.") from error
    with database.write() as session:
        found = links_for_owners(session, now, household_id if asked_before else None)
    links = {who: sign_in_url(settings, link) for who, link in found.items()}
    if as_json:
        print_json({"household_id": household_id, "name": name, "links": links})
        return
    say(f"Added {name} as {household_id}. Commands about it: replenish --household {household_id} ...")
    for who, link in links.items():
        say(f"{who} has to sign in; this link works once: {link}")


@household_app.command("list")
def household_list(as_json: AsJson = False) -> None:
    """The homes of this server, oldest first."""
    homes = operations.households(open_database(Settings()))
    if as_json:
        print_json([{"household_id": household_id, "name": name} for household_id, name in homes.items()])
        return
    table = Table("household", "name")
    for household_id, name in homes.items():
        table.add_row(household_id, name)
    console.print(table)
