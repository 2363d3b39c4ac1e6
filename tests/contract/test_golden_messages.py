"""Every golden message of wire version 1 means what its expectation says, to the server and to the firmware.

A message never changes once a device in the field may send it: a new meaning is a new file.
"""

import hashlib
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict

from firmware.core import command, config, event, measured
from replenish_server.fleet.commands import document
from replenish_server.fleet.manifest import bytes_of, read_manifest
from replenish_server.fleet.signing import PublicKey, check_image
from replenish_server.fleet.tables import DeviceCommand, Twin
from replenish_server.fleet.twin import desired_document
from replenish_server.telemetry.codec import Event, Rejected, decode_event, decode_report, encode_ack
from tests.fakes.retailer_house import NOW

MESSAGES = Path(__file__).parent / "messages"
PAGE = Path(__file__).parents[2] / "docs" / "wire.md"
NAMES = sorted(path.name.removesuffix(".expected.json") for path in MESSAGES.glob("*.expected.json"))


def payload(name: str) -> bytes:
    """The message as it is on the wire: without the newline that ends the file."""
    (path,) = [path for path in MESSAGES.glob(f"{name}.*") if not path.name.endswith(".expected.json")]
    return path.read_bytes().removesuffix(b"\n")


def expectation(name: str) -> dict[str, Any]:
    """What it means."""
    found: dict[str, Any] = json.loads((MESSAGES / f"{name}.expected.json").read_text(encoding="utf-8"))
    return found


def meaning(name: str) -> dict[str, Any]:
    """What our codecs make of it."""
    content = payload(name)
    kind = name.split("-", maxsplit=1)[0]
    if kind == "ack":
        read = event.parse_ack(content)
        assert read is not None
        boot, seqs, answer = read
        return {"ack": {"boot": boot, "seqs": seqs, "answer": answer or None}}
    if kind == "cmd":
        asked = command.parse(content)
        assert asked is not None
        return {"command": {"number": asked.number, "verb": asked.verb, "until": asked.until}}
    if kind == "desired":
        document = config.parse(content)
        rest = {key: value for key, value in document.items() if key not in ("v", "rev", "now")}
        return {"desired": {"rev": document["rev"], "now": config.server_now(document), "desired": rest}}
    decoded = decode_event(content) if kind == "ev" else decode_report(content)
    if isinstance(decoded, Rejected):
        return {"rejected": {"code": decoded.code, "key": decoded.key and list(decoded.key)}}
    if isinstance(decoded, Event):
        return {"event": {name: value for name, value in asdict(decoded).items() if name != "v"}}
    return {"report": decoded}


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_message_means_what_it_meant(name: str) -> None:
    """Field by field, and every refusal with its code and the key that can still be acknowledged."""
    assert expectation(name) == meaning(name)


def test_every_message_has_its_expectation() -> None:
    """No file is forgotten."""
    messages = {path.stem for path in MESSAGES.iterdir() if not path.name.endswith(".expected.json")}
    assert set(NAMES) == messages


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ack-")])
def test_the_server_writes_the_golden_acknowledgements(name: str) -> None:
    """To the byte."""
    ack = expectation(name)["ack"]
    assert payload(name) == encode_ack(ack["boot"], ack["seqs"], ack["answer"])


def test_the_server_writes_the_golden_desired_document() -> None:
    """To the byte, as the publisher compacts it."""
    wanted = expectation("desired-level")["desired"]
    twin = Twin(device_id="d", desired=wanted["desired"], desired_rev=wanted["rev"], desired_at=NOW)
    written = json.dumps(desired_document(twin, NOW), separators=(",", ":")).encode()
    assert payload("desired-level") == written


def test_the_server_writes_the_golden_command() -> None:
    """To the byte."""
    wanted = expectation("cmd-identify")["command"]
    asked = DeviceCommand(device_id="d", number=wanted["number"], verb=wanted["verb"], asked_at=NOW)
    written = document(asked) | {"until": wanted["until"]}
    assert payload("cmd-identify") == json.dumps(written, separators=(",", ":")).encode()


def test_the_firmware_writes_the_golden_events() -> None:
    """To the byte: what devices send is what these files say."""
    boot = "5f3a9c01"
    health: dict[str, object] = {"bat": 2950, "rssi": -61, "drop": 0, "next": 86400, "fw": "0.1.0"}
    assert payload("ev-level") == event.with_age(
        event.record(boot, 7, "level", measured.level(1420, "ok")), 3, 2
    )
    assert payload("ev-level-unknown") == event.with_age(
        event.record(boot, 8, "level", measured.level(None, "unknown")), 0, 1
    )
    assert payload("ev-press") == event.with_age(event.record(boot, 9, "press", {"g": "short"}), 2, 1)
    meter: dict[str, object] = {"bat": 3300, "rssi": -61, "drop": 0, "next": 3600, "fw": "0.1.0"}
    for seq, alarm in ((12, "leak"), (13, "burst")):
        said = event.record(boot, seq, "hello", {"h": meter | {"alarm": alarm}})
        assert payload(f"ev-hello-{alarm}") == event.with_age(said, 1, 2)
    told = event.record(boot, 14, "level", measured.supply("cyan", 400, "coarse", 400))
    assert payload("ev-level-supply") == event.with_age(told, 1, 2)
    assert payload("ev-hello") == event.with_age(event.record(boot, 0, "hello", {"h": health}), 1, 0)


def test_the_firmware_reports_the_golden_state() -> None:
    """Settings in force, and what was clamped."""
    wish = config.parse(payload("desired-level"))
    for name, threshold in (("st-level", 400), ("st-limited", 9000)):
        report = json.loads(payload(name))
        asked = wish | {"rev": report["rev"], "slots": {"main": {"threshold": threshold, "watch": 620}}}
        in_force = config.resolve("level", 2000, asked).document()
        assert {key: report[key] for key in in_force} == in_force


@pytest.mark.parametrize(
    ("kind", "slots"), [("flow", {"main": 100_000}), ("pages", {"black": 2500, "cyan": 1200})]
)
def test_a_meter_takes_the_golden_settings(kind: str, slots: dict[str, int]) -> None:
    """The server writes them, the firmware reports them, to the byte."""
    wanted = expectation(f"desired-{kind}")["desired"]
    twin = Twin(device_id="d", desired=wanted["desired"], desired_rev=wanted["rev"], desired_at=NOW)
    written = json.dumps(desired_document(twin, NOW), separators=(",", ":")).encode()
    assert payload(f"desired-{kind}") == written
    document: dict[str, object] = {"v": 1, "h": event.health(3300, -61, 0, 3600), "next": 3600}
    document.update(config.resolve(kind, 0, config.parse(written), slots).document())
    assert payload(f"st-{kind}") == event.compact(document).encode()


def test_the_golden_manifest_is_signed_as_the_page_says() -> None:
    """Read by the server's code and, with nothing but `pow`, as a board reads it."""
    known = json.loads((MESSAGES.parent / "firmware-key.json").read_text(encoding="utf-8"))
    modulus = int(known["n"], 16)
    offered = read_manifest(json.loads(payload("desired-firmware"))["fw"])
    image = bytes(range(256)) * 40
    check_image(offered, image, {known["key"]: PublicKey(known["key"], modulus)})
    (lines,) = re.findall(r"```\n(replenish-firmware/1\n.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert lines.encode() == bytes_of(offered)
    opened = pow(int.from_bytes(b64decode(offered.sig), "big"), known["e"], modulus).to_bytes(384, "big")
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    assert opened == b"\0\1" + b"\xff" * 330 + b"\0" + prefix + hashlib.sha256(lines.encode()).digest()
    assert hashlib.sha256(modulus.to_bytes(384, "big")).hexdigest()[:8] == known["key"] == offered.key
