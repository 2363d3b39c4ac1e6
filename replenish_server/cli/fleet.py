"""The commands about credentials: the certificate authority, and what a device logs in with."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import Session, select

from replenish_server import operations
from replenish_server.cli.parts import AsJson, console, fail, open_database, print_json, say
from replenish_server.fleet import commands
from replenish_server.fleet.authority import Authority, NoAuthority
from replenish_server.fleet.claims import CODE_LASTS, create_code
from replenish_server.fleet.credentials import CredentialKind, give_credential, revoke_device
from replenish_server.fleet.networks import want_network
from replenish_server.fleet.registry import DeviceRefused
from replenish_server.fleet.tables import DeviceCommand, Slot
from replenish_server.fleet.units import OF_KIND
from replenish_server.ids import DeviceId, SlotId
from replenish_server.operations import fleet_report
from replenish_server.operations.doctor import examine
from replenish_server.replenishment.device_lifecycle import leave_household
from replenish_server.settings import Settings

ca_app = typer.Typer(no_args_is_help=True, help="The private certificate authority that devices trust.")

_ANSWER_S = 95.0  # a minute to hear it, half to answer
_ASKED = {
    "done": "done.",
    "late": "it heard it too late and did nothing; ask again.",
    "unknown": "its firmware does not know this; update it.",
    "waiting": "no answer yet. Is `replenish serve` running, and the device on?",
    "unanswered": "no answer. Is `replenish serve` running, and the device on?",
}

Host = Annotated[
    list[str] | None,
    typer.Option(help="A name or address under which devices reach this machine; may be repeated."),
]


@ca_app.command("init")
def ca_init(host: Host = None, as_json: AsJson = False) -> None:
    """Make the authority and the broker's certificate, and open the TLS listeners at its next start."""
    settings = Settings()
    authority = Authority(settings.authority_folder)
    fresh = authority.init(host or settings.device_hosts)
    operations.broker_files(settings)
    if as_json:
        print_json({"made": fresh, "ca": str(authority.ca_certificate)})
    elif fresh:
        say(f"Made {authority.ca_certificate}. Restart the broker: it now also listens with TLS.")
    else:
        say(f"{authority.ca_certificate} is there already; nothing was changed.")


@ca_app.command("renew")
def ca_renew(host: Host = None, as_json: AsJson = False) -> None:
    """Give the broker a fresh key and certificate; devices need nothing new, and connections stay."""
    settings = Settings()
    authority = Authority(settings.authority_folder)
    try:
        authority.renew(host or settings.device_hosts)
    except NoAuthority as error:
        raise fail(str(error)) from error
    told = operations.gatekeeper(open_database(settings), settings).reload()
    if as_json:
        print_json({"renewed": True, "broker_told": told})
    else:
        say("Renewed." + ("" if told else " No broker is running; it will find it at its start."))


@ca_app.command("issue")
def ca_issue(device_id: str, as_json: AsJson = False) -> None:
    """Make a certificate for a device that is registered; printed once."""
    _another_credential(device_id, CredentialKind.CERTIFICATE, as_json)


def claim_code(
    kind: Annotated[str, typer.Option(help=f"One of: {', '.join(OF_KIND)}.")],
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many codes.")] = 1,
    svg: Annotated[Path | None, typer.Option(help="A folder for the codes as pictures, to print.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make one-time codes for devices; a household types or scans one, and the device exchanges it."""
    import segno

    settings = Settings()
    database, now = open_database(settings), settings.make_clock().now()
    try:
        with database.write() as session:
            codes = [create_code(session, kind, now) for _ in range(count)]
    except ValueError as error:
        raise fail(str(error)) from error
    if svg is not None:
        svg.mkdir(parents=True, exist_ok=True)
        for code in codes:
            segno.make_qr(code, error="m").save(str(svg / f"{code}.svg"), scale=6, border=4, light="#fff")
    if as_json:
        print_json({"kind": kind, "codes": codes})
        return
    for code in codes:
        say(f"{kind}: {code} (shown once; valid for {CODE_LASTS.days} days)")
        if svg is None and count == 1:
            segno.make_qr(code, error="m").terminal(out=sys.stdout, compact=True)


def fleet(
    state: Annotated[
        str | None, typer.Option(help="Only those: heard, silent, never, revoked, erasing, gone.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help=f"Only those: {', '.join(OF_KIND)}.")] = None,
    sign: Annotated[str | None, typer.Option(help=f"Only those: {', '.join(fleet_report.SIGNS)}.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Everything, for a spreadsheet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every device with presence, health, firmware, settings and what of it was refused, with the reason."""
    settings = Settings()
    wanted = fleet_report.FleetFilter(state or "", kind or "", sign=sign or "")
    with open_database(settings).read() as session:
        rows = fleet_report.fleet_rows(session, settings.make_clock().now(), wanted)
    if as_csv:
        sys.stdout.write(fleet_report.as_csv(rows))
    elif as_json:
        print_json([fleet_report.document(row) for row in rows])
    else:
        table = Table(
            "device", "kind", "state", "last heard", "firmware", "update", "settings", "refused", "why"
        )
        for row in rows:
            seen = "" if row.last_seen_at is None else row.last_seen_at.isoformat(timespec="seconds")
            agreed = "pending" if "pending" in row.signs else "in force"
            why = row.update_why or row.refused_why
            presence = ", ".join([row.state, *filter(None, [row.alarm, *row.troubles.split()])])
            table.add_row(
                row.device_id, row.kind, presence, seen, row.firmware, row.update, agreed,
                str(row.refused), why[:60],
            )  # fmt: skip
        console.print(table)


def doctor(as_json: AsJson = False) -> None:
    """Look at broker, database, clock, TLS, permissions, shops and devices; each line says what to do."""
    found = examine(Settings(), datetime.now(UTC))
    if as_json:
        print_json({"ok": all(each.ok for each in found), "findings": [asdict(each) for each in found]})
    else:
        for each in found:
            mark = "ok  " if each.ok else "look"
            say(f"{mark} {each.what}: {each.said}", "" if each.ok else "red")
    if not all(each.ok for each in found):
        raise typer.Exit(1)


def ask(
    device_id: str,
    what: Annotated[str, typer.Argument(help=f"One of: {', '.join(commands.VERBS)}.")],
    as_json: AsJson = False,
) -> None:
    """Ask a water meter or page counter once: identify (blink for 10 s), report, or restart.

    A running server sends it; a device that does not hear it within a minute never does it.
    """
    settings = Settings()
    database, clock = open_database(settings), settings.make_clock()
    try:
        with database.write() as session:
            number = commands.ask(session, device_id, what, clock.now()).number
    except DeviceRefused as error:
        raise fail(str(error)) from error
    until = time.monotonic() + _ANSWER_S
    state = "waiting"
    while state == "waiting" and time.monotonic() < until:
        time.sleep(0.2)
        with database.read() as session:
            state = commands.state_of(session.get_one(DeviceCommand, device_id), clock.now())
    if as_json:
        print_json({"device_id": device_id, "number": number, "state": state})
    else:
        say(f"{device_id}: {_ASKED[state]}")
    if state != "done":
        raise typer.Exit(1)


def add_device_commands(device_app: typer.Typer) -> None:
    """Hang the commands about credentials under `replenish device`."""
    device_app.command("ask")(ask)

    @device_app.command("credential")
    def credential(
        device_id: str,
        kind: Annotated[CredentialKind, typer.Argument(help="password, psk or certificate.")],
        as_json: AsJson = False,
    ) -> None:
        """Give a device a further credential, printed once; the one it has keeps working."""
        _another_credential(device_id, kind, as_json)

    @device_app.command("network")
    def network(
        device_id: str,
        ssid: Annotated[str | None, typer.Option(help="Name of the Wi-Fi; its key is asked for.")] = None,
        key: Annotated[
            str | None, typer.Option(envvar="REPLENISH_WIFI_KEY", help="Key of the Wi-Fi.")
        ] = None,
        host: Annotated[str | None, typer.Option(help="Name or address of the broker.")] = None,
        port: Annotated[int | None, typer.Option(help="Its port for this device's credential.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Move a device to another network, or, without options, back to the one of its setup.

        It hears of it over the old one, tries the new one twice, and goes back when that leads nowhere.
        """
        if ssid is not None and key is None:
            key = typer.prompt("Key of the Wi-Fi (empty for an open one)", default="", hide_input=True)
        settings = Settings()
        try:
            with open_database(settings).write() as session:
                wanted = want_network(
                    session,
                    device_id,
                    settings.make_clock().now(),
                    ssid=ssid,
                    key=key if ssid is not None else None,
                    host=host,
                    port=port,
                )
        except DeviceRefused as error:
            raise fail(str(error)) from error
        if as_json:
            print_json({"device_id": device_id, "net": wanted})
        else:
            say(f"Device {device_id} hears of it when it next talks; see its report.")

    @device_app.command("reset")
    def reset(
        device_id: str,
        why: Annotated[str, typer.Option(help="Why, for the list of devices.")] = "",
        as_json: AsJson = False,
    ) -> None:
        """Let a device go for good: revoked, and all it measured wiped. It comes back with a new code."""
        _end(leave_household, device_id, why)
        if as_json:
            print_json({"device_id": device_id, "revoked": True})
        else:
            say(f"Device {device_id} is out; a running server wipes what it measured.")

    @device_app.command("revoke")
    def revoke(
        device_id: str,
        why: Annotated[str, typer.Option(help="Why, for the list of devices.")] = "",
        as_json: AsJson = False,
    ) -> None:
        """End a device: its connection is cut, and nothing that it says counts any more."""
        fresh = _end(revoke_device, device_id, why)
        if as_json:
            print_json({"device_id": device_id, "revoked": True, "fresh": fresh})
        else:
            say(f"Device {device_id} " + ("is" if fresh else "was") + " revoked.")


def _end(end: Callable[[Session, str, str, datetime], bool], device_id: str, why: str) -> bool:
    """End a device in one way, and shut it out at the broker; returns what the way returns."""
    settings = Settings()
    database = open_database(settings)
    try:
        with database.write() as session:
            done = end(session, device_id, why, settings.make_clock().now())
    except DeviceRefused as error:
        raise fail(str(error)) from error
    operations.gatekeeper(database, settings).run()
    return done


def show_credential(made: operations.Credential) -> None:
    """Print what a device needs, for somebody who copies it."""
    say(f"Device {made.device_id} may connect to {made.host}:{made.port}.")
    for what, value in (("Password", made.password), ("Key", made.psk)):
        if value:
            say(f"{what}, shown once: {value}")
    if made.certificate:
        say(f"Certificate and key, shown once:\n{made.certificate}{made.key}")


def _another_credential(device_id: str, kind: CredentialKind, as_json: bool) -> None:
    settings = Settings()
    database, authority = open_database(settings), Authority(settings.authority_folder)
    try:
        with database.write() as session:
            slot_id = session.exec(select(Slot.id).where(Slot.device_id == device_id)).first()
            if slot_id is None:
                raise fail(f"There is no device {device_id!r}; see: replenish device list")
            secret = give_credential(session, device_id, kind, authority, settings.make_clock().now())
    except (DeviceRefused, NoAuthority) as error:
        raise fail(str(error)) from error
    operations.gatekeeper(database, settings).sync()
    made = operations.describe_credential(settings, DeviceId(device_id), SlotId(slot_id), secret)
    if as_json:
        print_json(made.__dict__)
    else:
        show_credential(made)
