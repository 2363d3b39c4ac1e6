"""PURE: bytes from a device to an event, or to the reason why not. It never raises on what it reads.

Source: docs/wire.md (event envelope); golden messages in tests/contract/messages.
"""

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

SCHEMA = 1
MAX_PAYLOAD_BYTES = 512
MAX_AGE_S = 366 * 86_400  # an older record says nothing about today, and would overflow nothing either
MAX_NUMBER = 100_000_000  # 100 t, or 100,000 m3: beyond any household's container
PRESS_AGE_LIMIT = timedelta(minutes=10)
TYPES = ("level", "usage", "press", "refill", "hello")
QUALITIES = ("ok", "settling", "coarse", "unknown")
GESTURES = ("short", "long", "double")

TOPIC_HEAD, TOPIC_TAILS = "rp/1/", ("/up/ev", "/up/st")  # around a device's id
_TOPIC = re.compile(r"rp/1/([A-Za-z0-9_.-]{1,64})/up/(ev|st)")
_BOOT = re.compile(r"[0-9a-f]{8}")
_SLOT_KEY = re.compile(r"[a-z0-9_-]{1,16}")
_MEASURED = ("level", "usage", "refill")
_NAMES = "vbstacknqgh"
_WIRE_NAMES = {
    "boot": "b",
    "seq": "s",
    "type": "t",
    "age_s": "a",
    "clock": "c",
    "slot_key": "k",
    "number": "n",
    "quality": "q",
    "gesture": "g",
    "health": "h",
}


class Event(msgspec.Struct, frozen=True, gc=False, rename=_WIRE_NAMES):
    """One event as the device recorded it; decoding checks every limit but those of `_problem`.

    Args:
        v: schema.
        boot: boot id, 8 hex digits.
        seq: sequence within the boot, u32.
        type: one of `TYPES`.
        age_s: seconds between the event and its sending.
        clock: 0 no clock, 1 kept over sleep, 2 set by the server.
        slot_key: slot on the device.
        number: the reading in wire units (g, ml, pages, tenths of a percent); None where it has none.
        quality: one of `QUALITIES`.
        gesture: one of `GESTURES` for a press.
        health: battery, signal, dropped records, promised next wake, firmware.
    """

    v: Literal[1]
    boot: Annotated[str, Meta(min_length=8, max_length=8)]
    seq: Annotated[int, Meta(ge=0, lt=2**32)]
    type: Literal["level", "usage", "press", "refill", "hello"]
    age_s: Annotated[int, Meta(ge=0, le=MAX_AGE_S)] = 0
    clock: Annotated[int, Meta(ge=0, le=2)] = 0
    slot_key: Annotated[str, Meta(min_length=1, max_length=16)] = "main"
    number: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] | None = None
    quality: Literal["ok", "settling", "coarse", "unknown"] = "ok"
    gesture: Literal["short", "long", "double"] | None = None
    health: dict[str, int | float | str | None] | None = None


@dataclass(frozen=True)
class Rejected:
    """A message that cannot be used.

    Args:
        reason: a sentence for a person.
        code: a stable word for counting.
        key: (boot, seq) where they could still be read, so that the device can be told to let go.
    """

    code: str
    reason: str
    key: tuple[str, int] | None = None


class _Wire(msgspec.Struct):
    v: int
    b: str
    s: int
    t: str
    a: int = 0
    c: int = 0
    k: str = "main"
    n: int | None = None
    q: str = "ok"
    g: str | None = None
    h: dict[str, int | float | str | None] | None = None


_event = msgspec.json.Decoder(Event)
_encode = msgspec.json.Encoder().encode
_report = msgspec.json.Decoder(dict[str, Any])


def parse_topic(topic: str) -> tuple[str, str] | None:
    """(device id, "ev" or "st") of an `up` topic, or None for any other."""
    match = _TOPIC.fullmatch(topic)
    return (match[1], match[2]) if match else None


def decode_event(payload: bytes) -> Event | Rejected:
    """Read one event envelope."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Rejected(
            "oversized", f"{len(payload)} bytes; an event has at most {MAX_PAYLOAD_BYTES}", _read_key(payload)
        )
    try:
        event = _event.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        said = _as_meant(payload)
        if said is None:
            return Rejected("malformed", f"not a readable event: {error}", _read_key(payload))
        try:
            event = msgspec.convert(said, Event)
        except (msgspec.ValidationError, OverflowError) as unlike:
            return _reason(said, unlike)
    if (
        not _BOOT.fullmatch(event.boot)
        or (event.slot_key != "main" and not _SLOT_KEY.fullmatch(event.slot_key))
        or (event.number is None and event.type in _MEASURED and event.quality != "unknown")
    ):
        return _reason(_as_meant(payload) or {}, None)
    return event


def _as_meant(payload: bytes, errors: str = "strict") -> dict[str, Any] | None:
    """An event that encoders of others spell differently, as the contract spells it; None for no JSON object.

    JSON has one kind of number, so 1000.0 and 1e3 are whole; null is what is missing; a byte order mark says
    nothing; and what a reader does not understand of `h` never costs the reading beside it.
    """
    try:
        said = json.loads(payload.decode("utf-8-sig", errors), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    meant = {name: said[name] for name in _NAMES if said.get(name) is not None}
    for name, value in meant.items():
        if isinstance(value, float) and value.is_integer():
            meant[name] = int(value)
        elif isinstance(value, str):
            meant[name] = value.encode("utf-8", "replace").decode()
    health = meant.get("h")
    if isinstance(health, dict):
        meant["h"] = {name: value for name, value in health.items() if _is_told(name) and _is_told(value)}
    return meant


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _is_told(value: Any) -> bool:
    """Whether a part of `h` is a number or a text, and one that can be kept and sent on."""
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    )


def _reason(said: dict[str, Any], error: Exception | None) -> Rejected:
    """Why an event is refused, in words; it is looked at again with nothing but its types checked."""
    try:
        wire = msgspec.convert(said, _Wire)
    except (msgspec.ValidationError, OverflowError) as unlike:
        return Rejected("malformed", f"not a readable event: {unlike}", _key_of(said))
    code, reason = _problem(wire) or ("malformed", f"not a readable event: {error}")
    return Rejected(code, reason, _key_of(said))


def decode_report(payload: bytes) -> dict[str, Any] | Rejected:
    """Read a reported-state document (`up/st`)."""
    if len(payload) > MAX_PAYLOAD_BYTES * 2:
        return Rejected("oversized", f"{len(payload)} bytes; a report has at most {MAX_PAYLOAD_BYTES * 2}")
    try:
        report = _report.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return Rejected("malformed", f"not a readable report: {error}")
    if report.get("v") != SCHEMA:
        return Rejected("schema", f"report schema {report.get('v')!r}; this server reads {SCHEMA}")
    return report


def is_press(payload: bytes) -> bool:
    """A cheap guess that decides only how long the writer waits for company."""
    return b'"press"' in payload


def encode_ack(boot: str, seqs: list[int], answer: str | None = None) -> bytes:
    """The `down/ack` message: these records are stored; for one press, what became of it."""
    return _encode({"b": boot, "s": seqs} if answer is None else {"b": boot, "s": seqs, "r": answer})


def _problem(wire: _Wire) -> tuple[str, str] | None:  # noqa: PLR0911 - one line per rule reads best
    if wire.v != SCHEMA:
        return "schema", f"event schema {wire.v}; this server reads {SCHEMA}"
    if not _BOOT.fullmatch(wire.b):
        return "out_of_range", "the boot id `b` is not 8 hex digits"
    if not 0 <= wire.s < 2**32:
        return "out_of_range", f"the sequence `s` is {wire.s}; it is an unsigned 32-bit number"
    if wire.t not in TYPES:
        return "type", f"unknown event type {wire.t[:20]!r}"
    if not 0 <= wire.a <= MAX_AGE_S:
        return "out_of_range", f"the age `a` is {wire.a} s; at most {MAX_AGE_S} s are believed"
    if not 0 <= wire.c <= 2:
        return "out_of_range", f"the clock quality `c` is {wire.c}; it is 0, 1 or 2"
    if not _SLOT_KEY.fullmatch(wire.k):
        return "out_of_range", "the slot key `k` is not 1 to 16 lower-case letters, digits, - or _"
    if wire.q not in QUALITIES:
        return "out_of_range", f"unknown quality {wire.q[:20]!r}"
    if wire.n is not None and not 0 <= wire.n <= MAX_NUMBER:
        return "out_of_range", f"the reading `n` is {wire.n}; it lies between 0 and {MAX_NUMBER}"
    if wire.t in _MEASURED and wire.n is None and wire.q != "unknown":
        return "out_of_range", f"a {wire.t} event needs its reading `n`"
    if wire.g is not None and wire.g not in GESTURES:
        return "out_of_range", f"unknown gesture {wire.g[:20]!r}"
    return None


def _key_of(said: dict[str, Any]) -> tuple[str, int] | None:
    boot, seq = said.get("b"), said.get("s")
    if not isinstance(boot, str) or not isinstance(seq, int) or isinstance(seq, bool):
        return None
    return (boot, seq) if _BOOT.fullmatch(boot) and 0 <= seq < 2**32 else None


def _read_key(payload: bytes) -> tuple[str, int] | None:
    said = _as_meant(payload[: MAX_PAYLOAD_BYTES * 32], "replace")
    return None if said is None else _key_of(said)
