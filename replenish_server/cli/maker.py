"""The commands for a board on the table: `replenish device flash` and `replenish device calibrate`."""

import json
import os
from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Any

import typer
from rich.progress import Progress

from replenish_server.cli.parts import AsJson, console, fail, open_database, print_json, say
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.claims import create_code
from replenish_server.fleet.units import OF_KIND
from replenish_server.maker import calibration, flashing
from replenish_server.maker.board import Board, BoardError, find_port
from replenish_server.maker.image import compile_firmware
from replenish_server.settings import Settings

_KNOCK_S = 40.0  # long enough to find a reset button
_CLAIM_S = 60.0
_BATTERY = ("button", "level")

Port = Annotated[str | None, typer.Option(help="Serial port of the board; found when only one is attached.")]


def add_maker_commands(device_app: typer.Typer) -> None:
    """Hang the two commands under `replenish device`."""
    device_app.command("flash")(flash)
    device_app.command("calibrate")(calibrate)


def flash(
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(OF_KIND)}.")],
    port: Port = None,
    server: Annotated[
        str | None, typer.Option(help="This server's name or address, as in its certificate.")
    ] = None,
    capacity: Annotated[
        int, typer.Option(min=0, help="Grams in a full container; millilitres of a filter.")
    ] = 0,
    sensor: Annotated[str, typer.Option(help='"tof" for a distance sensor instead of a load cell.')] = "",
    slot: Annotated[
        list[str] | None, typer.Option(help="pages: KEY=PAGES, or KEY=PAGES:INDEX of the printer's supply.")
    ] = None,
    printer: Annotated[str, typer.Option(help="pages: the printer's address, if it speaks SNMP.")] = "",
    ssid: Annotated[str, typer.Option(help="Wi-Fi to claim it in at once; its password is asked for.")] = "",
    address: Annotated[
        str,
        typer.Option(
            help="What the router reserved for it there: ADDRESS/BITS,GATEWAY; batteries last longer."
        ),
    ] = "",
    code: Annotated[str, typer.Option(help="Claim code; a fresh one is made when there is none.")] = "",
    new: Annotated[
        bool, typer.Option("--new", help="Forget who the board is, and its unsent records.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put the firmware on a board over USB, read it back, and start it; with --ssid, claim it too."""
    settings = Settings()
    factory = _factory(settings, kind, server, capacity, sensor, slot or [], printer) | _address(
        address, ssid
    )
    if not code:
        open_database(settings)  # a new board needs a code of a household: said before anything is written
    key = _wifi_key() if ssid else ""
    try:
        with Board(port or find_port()) as board, Progress(console=console, disable=as_json) as progress:
            task = progress.add_task("flashing", total=None)
            board.interrupt(_KNOCK_S, _ask_for_reset)
            frozen = flashing.is_frozen(board)
            done = flashing.flash(
                board, {} if frozen else compile_firmware(), factory, new,
                lambda at, of: progress.update(task, completed=at, total=of),
            )  # fmt: skip
            factory = json.loads(board.read("data/factory.json") or b"{}")
            board.reset()
            if not done.known:
                code = code or _fresh_code(settings, kind)
            claimed = _claim(board, ssid, key, code) if ssid and not done.known else ""
    except BoardError as error:
        raise fail(str(error)) from error
    said = {
        "kind": kind, "frozen": frozen, "written": done.written, "unchanged": done.kept,
        "removed": done.removed,
        "device_id": done.known, "code": code, "claim": claimed,
        "wifi": factory["setup_name"], "wifi_key": factory["setup_key"],
    }  # fmt: skip
    if as_json:
        print_json(said)
    else:
        _tell(said)
    if claimed in ("code", "offline"):
        raise typer.Exit(1)


def calibrate(
    port: Port = None,
    amount: Annotated[
        float | None, typer.Option(min=0.1, help="The known weight in g, the litres, or the pages.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not wait for Enter between the steps.")] = False,
    as_json: AsJson = False,
) -> None:
    """Calibrate the sensor of an attached board: tare and a known weight, litres, or pages."""
    try:
        with Board(port or find_port()) as board:
            board.interrupt(_KNOCK_S, _ask_for_reset)
            kind, sensor = calibration.kind_of(board)
            if kind == "button":
                raise fail("a button has nothing to calibrate")
            change = (
                _level(board, sensor, amount, yes) if kind == "level" else _counter(board, kind, amount, yes)
            )
            calibration.write_factory(board, json.loads(json.dumps(change)))
            board.reset()
    except BoardError as error:
        raise fail(str(error)) from error
    if as_json:
        print_json({"kind": kind} | change)
    else:
        say(f"Written to the board, which starts anew: {json.dumps(change)}")


def _ask_for_reset() -> None:
    typer.echo("No answer yet: press the board's reset button (EN) now.", err=True)


def _level(board: Board, sensor: str, amount: float | None, yes: bool) -> dict[str, Any]:
    _step("Put the empty container on the sensor and take your hand away.", yes)
    empty = calibration.measure_counts(board, sensor)
    grams = round(_asked("Grams of a known weight (a full litre of water is 1000)", amount))
    _step(f"Put the {grams} g into the container.", yes)
    zero, slope = calibration.level_factors(empty, calibration.measure_counts(board, sensor), grams)
    return {"zero": zero, "counts_per_kg": slope}


def _counter(board: Board, kind: str, amount: float | None, yes: bool) -> dict[str, Any]:
    litres = kind == "flow"
    known = _asked(
        "Litres that you will let run into a bucket" if litres else "Pages that you will print", amount
    )
    calibration.count_pulses(board)
    _step(f"Let {known:g} l run." if litres else f"Print {known:g} pages.", yes)
    pulses = calibration.pulses_counted(board)
    if litres:
        return {"cfg": {"pulses_per_l": calibration.flow_factor(pulses, known)}}
    return {"cfg": {"pulses_per_page": calibration.page_factor(pulses, round(known))}}


def _asked(question: str, amount: float | None) -> float:
    found = amount if amount is not None else typer.prompt(question, type=float)
    if found <= 0:
        raise fail("give an amount above nothing")
    return float(found)


def _step(text: str, yes: bool) -> None:
    say(text)
    if not yes:
        typer.prompt("Then press Enter", default="", show_default=False)


def _factory(
    settings: Settings,
    kind: str,
    server: str | None,
    capacity: int,
    sensor: str,
    slots: list[str],
    printer: str,
) -> dict[str, Any]:
    """What the maker knows of the board, for `data/factory.json`."""
    if kind not in OF_KIND:
        raise fail(f"unknown kind {kind!r}; this release knows {', '.join(OF_KIND)}")
    authority = Authority(settings.authority_folder)
    if not authority.exists:
        raise fail(
            "boards connect over TLS, and there is no certificate authority yet. Run: replenish ca init"
        )
    host = server or settings.device_hosts[0]
    if server is None and (host == "localhost" or host.startswith("127.")):
        raise fail(
            "say how a board on the Wi-Fi reaches this machine: --server 192.168.1.5, a name or "
            "address that the "
            "certificate has (replenish ca renew --host 192.168.1.5)"
        )
    known = authority.server_names()
    if host not in known:
        raise fail(
            f"the server's certificate does not have {host!r}, and a board would refuse it; it has "
            f"{', '.join(known)}. Run: replenish ca renew --host {host}"
        )
    if sensor not in ("", "tof"):
        raise fail(f'unknown sensor {sensor!r}; leave it out for a load cell, or give "tof"')
    name, key = flashing.label()
    factory: dict[str, Any] = {
        "kind": kind,
        "server": host,
        "server_port": settings.edge_port,
        "ca": authority.ca_certificate.read_text(),
        "credential": "psk" if kind in _BATTERY else "password",
        "setup_name": name,
        "setup_key": key,
    }
    if kind in ("level", "flow") and not capacity:
        raise fail("say what a full container or a new filter holds: --capacity, in grams or millilitres")
    if kind == "level":
        factory |= {"capacity_g": capacity} | ({"sensor": sensor} if sensor else {})
    elif kind == "flow":
        factory["slots"] = {"main": {"capacity": capacity}}
    elif kind == "pages":
        factory["slots"] = dict(_slot(text) for text in slots)
        if not factory["slots"]:
            raise fail("say what the printer has: --slot black=2500, once for each cartridge")
        if printer:
            factory["printer"] = printer
    return factory


def _address(text: str, ssid: str) -> dict[str, list[str]]:
    """Wi-Fi, address, mask, gateway, name server (which is the gateway); nothing where none is reserved."""
    if not text:
        return {}
    if not ssid:
        raise fail("--address belongs to one Wi-Fi: say which with --ssid")
    own, _, gateway = text.partition(",")
    try:
        interface, router = IPv4Interface(own), IPv4Address(gateway)
    except ValueError as error:
        raise fail(f"{text!r}: write ADDRESS/BITS,GATEWAY, such as 192.168.1.50/24,192.168.1.1") from error
    if router not in interface.network or router == interface.ip or interface.network.prefixlen > 30:
        raise fail(f"{gateway} is no gateway for {own}: both lie in one network, and are two machines")
    return {"address": [ssid, str(interface.ip), str(interface.netmask), str(router), str(router)]}


def _slot(text: str) -> tuple[str, dict[str, int]]:
    key, _, rest = text.partition("=")
    pages, _, index = rest.partition(":")
    if not (key and pages.isdecimal() and (not index or index.isdecimal())):
        raise fail(
            f"{text!r} is no slot; write KEY=PAGES or KEY=PAGES:INDEX, such as black=2500 or cyan=1200:2"
        )
    return key, {"capacity": int(pages)} | ({"supply": int(index)} if index else {})


def _wifi_key() -> str:
    """From REPLENISH_WIFI_KEY, or typed; never an argument, which other users of the machine can read."""
    known = os.environ.get("REPLENISH_WIFI_KEY")
    return known if known is not None else typer.prompt("Wi-Fi password", hide_input=True, default="")


def _fresh_code(settings: Settings, kind: str) -> str:
    with open_database(settings).write() as session:
        return create_code(session, kind, settings.make_clock().now())


def _claim(board: Board, ssid: str, key: str, code: str) -> str:
    """Tell the board Wi-Fi and code; what came of it, in the board's own word, or "silent"."""
    told = False
    for fact in board.lines(_CLAIM_S):
        if fact["e"] == "setup" and fact.get("open") == "console" and not told:
            board.type("rp " + json.dumps({"setup": {"ssid": ssid, "key": key, "code": code}}))
            told = True
        elif fact["e"] == "setup" and fact.get("r") == "refused":
            raise BoardError(
                f"the board does not take the {fact.get('why')}: check --ssid, password and --code"
            )
        elif fact["e"] == "claim":
            return str(fact.get("r"))
    return "silent"


def _tell(said: dict[str, Any]) -> None:
    if said["frozen"]:
        say("Its image holds the firmware: only settings were written.")
        if said["removed"]:
            say(f"{said['removed']} files that hid the image and its updates were removed.")
    else:
        say(f"{said['written']} files written and read back, {said['unchanged']} were the same.")
    if said["device_id"]:
        say(f"It is still {said['device_id']}; --new makes it nobody's.")
        return
    say(f"Claim code: {said['code']} (shown once; print it on the label)")
    say(f"Its own Wi-Fi while the button is held for 3 s: {said['wifi']}, password {said['wifi_key']}")
    say(_CLAIMS.get(said["claim"], _CLAIMS[""]))


_CLAIMS = {
    "": "Add it in the page under Devices, then hold its button and enter Wi-Fi and code on a phone.",
    "waiting": "It waits: add it in the page under Devices with this code.",
    "claimed": "It has its credential and connects now.",
    "code": "The server does not know this code. Make one: replenish claim-code",
    "offline": ("It did not reach the server. Check the Wi-Fi, --server, and that replenish serve runs."),
    "silent": ("It has said nothing. Press its reset button and look at its console at 115200 baud."),
}
