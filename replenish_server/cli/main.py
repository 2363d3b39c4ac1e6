"""The `replenish` command. It reads arguments, calls one use case, and prints; nothing else."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from replenish_server import operations
from replenish_server.cli.dash import dash_app
from replenish_server.cli.database import database_app
from replenish_server.cli.firmware import firmware_app
from replenish_server.cli.fleet import add_device_commands, ca_app, claim_code, doctor, fleet, show_credential
from replenish_server.cli.households import household_app
from replenish_server.cli.maker import add_maker_commands
from replenish_server.cli.mandate import mandate_app, pause
from replenish_server.cli.operator import operator_app
from replenish_server.cli.orders import add_order_commands
from replenish_server.cli.parts import (
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
    choose_household,
    console,
    say,
)
from replenish_server.cli.parts import fail as _fail
from replenish_server.cli.parts import open_database as _database
from replenish_server.cli.parts import print_json as _print
from replenish_server.cli.parts import the_household as _household
from replenish_server.cli.people import person_app, token_app
from replenish_server.cli.retailers import retailer_app
from replenish_server.cli.rollout import rollout_app
from replenish_server.failures import require_free_ports
from replenish_server.fleet.authority import Authority, NoAuthority
from replenish_server.fleet.broker import find_mosquitto
from replenish_server.fleet.credentials import CredentialKind
from replenish_server.fleet.registry import DeviceRefused, NewDevice, Product
from replenish_server.fleet.units import OF_KIND
from replenish_server.forecast.contest import LEAST_HOUSEHOLDS, LEAST_ROWS
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.particulars import Address, ParticularsRefused, check_particulars
from replenish_server.ids import RetailerId
from replenish_server.interpreter import BROKER_FILES, open_many_files
from replenish_server.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Things that order for themselves.")
device_app = typer.Typer(no_args_is_help=True, help="Devices and their credentials.")
app.add_typer(device_app, name="device")
add_device_commands(device_app)
add_maker_commands(device_app)
app.add_typer(ca_app, name="ca")
app.add_typer(firmware_app, name="firmware")
app.add_typer(rollout_app, name="rollout")
app.command()(claim_code)
app.command()(doctor)
app.command()(fleet)
keys_app = typer.Typer(no_args_is_help=True, help="The signing keys by which shops know this server.")
app.add_typer(keys_app, name="keys")
app.add_typer(retailer_app, name="retailer")
app.add_typer(dash_app, name="drs")
app.add_typer(mandate_app, name="mandate")
app.command()(pause)
app.add_typer(household_app, name="household")
app.add_typer(person_app, name="person")
app.add_typer(token_app, name="token")
app.add_typer(operator_app, name="operator")
app.add_typer(database_app, name="database")
add_order_commands(app)


def main() -> None:
    """Run the command line."""
    app()


@app.callback()
def choose(
    household: Annotated[
        str,
        typer.Option(
            envvar="REPLENISH_HOUSEHOLD",
            help="Name or id of the home that it is about, where several are here.",
        ),
    ] = "",
) -> None:
    """Things that order for themselves."""
    choose_household(household)


@app.command()
def setup(
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
    """Prepare a data folder: database, certificates, broker files, and the household."""
    settings = Settings()
    address = Address(buyer, email, street, locality, postal_code, country)
    try:
        check_particulars(name, address, time_zone, language, currency)
    except ParticularsRefused as error:
        raise _fail(f"Nothing was made: {error}.") from error
    database = _database(settings, create=True)
    if operations.households(database):
        raise _fail(f"{settings.data_dir} already holds a household. For another: replenish household add")
    Authority(settings.authority_folder).init(settings.device_hosts)
    files = operations.broker_files(settings)
    household_id = operations.create_household(
        database, name, address, time_zone, language, currency, settings.make_clock().now()
    )
    if as_json:
        _print({"household_id": household_id, "broker_conf": str(files.conf)})
        return
    say(f"Household {name} is ready in {settings.data_dir}.")
    say("Next: replenish retailer add, replenish device add, then replenish broker and replenish serve.")


@device_app.command("add")
def device_add(
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(OF_KIND)}.")],
    retailer: Annotated[str, typer.Option(help="Id of the shop, from `replenish retailer add`.")],
    item: Annotated[str, typer.Option(help="The shop's id of the pack.")],
    product: Annotated[str, typer.Option(help="What people call the product.")],
    name: Annotated[str, typer.Option(help="What people call the device.")] = "Device",
    slot: Annotated[str, typer.Option(help="What people call the consumable.")] = "Slot",
    category: Annotated[str, typer.Option(help="Kind of consumable, e.g. detergent.")] = "other",
    pack: Annotated[int, typer.Option(help="Grams, millilitres or pages in a pack; 1 for a button.")] = 1,
    capacity: Annotated[int | None, typer.Option(help="Grams, millilitres or pages when full.")] = None,
    threshold: Annotated[int | None, typer.Option(help="At which more is wanted, likewise.")] = None,
    mode: Annotated[
        Mode,
        typer.Option(help="shadow: a trial that buys nothing; ask: approve each order; auto; notify."),
    ] = Mode.SHADOW,
    cap: Annotated[int | None, typer.Option(help="Most one order may cost, in minor units.")] = None,
    currency: Annotated[str, typer.Option(help="ISO 4217, of the cap.")] = "EUR",
    remaining: Annotated[
        int | None, typer.Option(help="What remains in it now; for flow and pages, which cannot see it.")
    ] = None,
    device_id: Annotated[str | None, typer.Option("--id", help="Wished device id.")] = None,
    credential: Annotated[
        CredentialKind, typer.Option(help="How it logs in; psk and certificate need `replenish ca init`.")
    ] = CredentialKind.PASSWORD,
    as_json: AsJson = False,
) -> None:
    """Add a device with one slot, and print what it needs to connect."""
    settings = Settings()
    database = _database(settings)
    household_id = _household(database)
    factor = OF_KIND[kind].factor if kind in OF_KIND else 1
    new = NewDevice(
        kind=kind,
        name=name,
        slot_name=slot,
        category=category,
        product=Product(RetailerId(retailer), item, product, pack * factor),
        capacity=None if capacity is None else capacity * factor,
        threshold=None if threshold is None else threshold * factor,
        device_id=device_id,
        remaining=None if remaining is None else remaining * factor,
    )
    try:
        now = settings.make_clock().now()
        made = operations.register_device(
            database, settings, household_id, new, Mandate(mode, cap, currency), now, credential
        )
    except (DeviceRefused, NoAuthority) as error:
        raise _fail(str(error)) from error
    if as_json:
        _print({**made.__dict__, "kind": kind})
        return
    show_credential(made)


@device_app.command("list")
def device_list(as_json: AsJson = False) -> None:
    """List devices and their slots."""
    rows = operations.list_devices(_database(Settings()))
    if as_json:
        _print(rows)
        return
    table = Table("device", "kind", "name", "slot", "last seen", "revoked")
    for row in rows:
        seen, revoked = row["last_seen_at"] or "never", row["revoked_at"] or ""
        table.add_row(row["device_id"], row["kind"], row["name"], row["slot"], seen, revoked)
    console.print(table)


@keys_app.command("rotate")
def keys_rotate(as_json: AsJson = False) -> None:
    """Add a key that takes over in ten minutes; the old one stays published for a week after that."""
    from replenish_server.retailers.ucp.keys import KeyRing

    kid = KeyRing(Settings().platform_keys).rotate()
    if as_json:
        _print({"kid": kid})
    else:
        say(f"Key {kid} is published now, and signs from ten minutes on.")


@app.command()
def stats(as_json: AsJson = False) -> None:
    """Rows stored, devices, orders by state, quarantine by reason, backlog."""
    settings = Settings()
    data = operations.collect_stats(_database(settings), settings.make_clock().now())
    if as_json:
        _print(data)
        return
    table = Table("what", "count")
    for name in ("readings", "readings_set_aside", "presses", "devices", "slots_due", "calls_unanswered"):
        table.add_row(name.replace("_", " "), str(data[name]))
    for state, number in sorted(data["orders"].items()):
        table.add_row(f"orders {state}", str(number))
    for code, number in sorted(data["quarantine"].items()):
        table.add_row(f"quarantine {code}", str(number))
    console.print(table)
    for row in data["quarantine_newest"]:
        say(f"{row['at']}  {row['topic']}: {row['reason']} ({row['seen']}x)")


@app.command()
def backtest(as_json: AsJson = False) -> None:
    """How good the forecasts would have been on what was recorded here."""
    from replenish_server.replenishment.refit import backtest as run

    settings = Settings()
    with _database(settings).read() as session:
        report = run(session, settings.make_clock().now())
    if as_json:
        _print(asdict(report))
        return
    if report.serving is None:
        say(
            f"Nothing to judge yet: {report.days_recorded} days of {report.slots} slots with a sensor are "
            "recorded; the first moments can be judged after about 90."
        )
        return
    score, table = report.serving, Table("what", "value")
    table.add_row("model", report.version)
    table.add_row("past moments judged", str(report.outcomes))
    table.add_row("mean error of the middle estimate", f"{score.median_error_days:.1f} days")
    table.add_row("CRPS (the whole distribution)", f"{score.crps_days:.2f} days")
    table.add_row("truth inside the 80 % range", f"{100 * score.within_80:.0f} %")
    table.add_row("truth inside the 90 % range", f"{100 * score.within_90:.0f} %")
    table.add_row("ran out before the 5 % estimate", f"{100 * score.below_05:.1f} %")
    console.print(table)


@app.command()
def refit(as_json: AsJson = False) -> None:
    """Fit a model on this fleet's own outcomes; it serves if it beats the one that does."""
    from replenish_server.replenishment.refit import refit as run

    settings = Settings()
    contest = run(_database(settings), settings.make_clock().now())
    champion, challenger = contest.champion, contest.challenger
    if as_json:
        _print(
            {
                "rows": contest.rows,
                "households": contest.households,
                "champion_crps_days": None if champion is None else champion.crps_days,
                "challenger_crps_days": None if challenger is None else challenger.crps_days,
                "won": contest.winner is not None,
            }
        )
    elif champion is None or challenger is None:
        say(
            f"Not enough to learn from: {contest.rows} outcomes of {contest.households} households; "
            f"{LEAST_ROWS} of {LEAST_HOUSEHOLDS} are needed. The shipped model keeps serving."
        )
    else:
        verdict = (
            "The new model serves now." if contest.winner is not None else "The old model keeps serving."
        )
        say(f"CRPS {challenger.crps_days:.2f} days against {champion.crps_days:.2f}. {verdict}")


@app.command()
def broker() -> None:
    """Run Mosquitto on this data folder, in the foreground."""
    settings = Settings()
    files = operations.broker_files(settings)
    binary = find_mosquitto()
    if binary is None:
        raise _fail("Mosquitto is not installed. Run: sudo apt-get install mosquitto")
    require_free_ports(operations.broker_ports(settings))
    open_many_files(BROKER_FILES)
    os.execv(binary, [binary, "-c", str(files.conf)])  # noqa: S606 - the path is looked up, not given


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False
)
def serve(context: typer.Context) -> None:
    """Run the server: ingest, page and workers, in one process or, with --role, in several."""
    command = [sys.executable, "-m", "replenish_server", "serve", *context.args]
    os.execv(sys.executable, command)  # noqa: S606 - in a process without what this one has loaded


@app.command()
def demo(
    until_order: Annotated[
        bool, typer.Option("--until-order", help="End once a level and a press order are delivered.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds for --until-order; then it ends with status 1.")
    ] = 90,
    speed: Annotated[float, typer.Option(help="Simulated seconds per real second.")] = 7200,
    seed: Annotated[int, typer.Option(help="Everything random comes from here.")] = 1,
    port: Annotated[int, typer.Option(help="TCP port of the page; 0 takes a free one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Watch it work: broker, server, retailer and a household at high speed. Ctrl-C leaves nothing."""
    from replenish_server.demo.run import DemoOptions, run_demo

    binary = find_mosquitto()
    if binary is None:
        raise _fail("Mosquitto is not installed. Run: sudo apt-get install mosquitto")
    options = DemoOptions(binary, speed, seed, until_order, timeout, as_json, port)
    raise typer.Exit(run_demo(options))


@app.command()
def sim(
    devices: Annotated[int, typer.Option(help="How many devices, in a private house.")] = 20,
    credentials: Annotated[
        Path | None,
        typer.Option(help="Lines of `replenish device add --json`: use these devices and their broker."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long devices record.")] = 10,
    every: Annotated[float, typer.Option(help="Mean seconds between two readings of a device.")] = 0.5,
    outage: Annotated[float, typer.Option(help="Chance, at each reading, to leave the network.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Everything random comes from here.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Run many simulated devices with faults, and count what was lost (status 1 if anything was)."""
    from replenish_server.demo.sim import SimOptions, run_sim

    binary = find_mosquitto()
    if binary is None:
        raise _fail("Mosquitto is not installed. Run: sudo apt-get install mosquitto")
    raise typer.Exit(run_sim(SimOptions(binary, devices, credentials, seconds, every, outage, seed, as_json)))
