"""Bytes to events: it never raises, whatever arrives, and keeps what can still be acknowledged."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.telemetry.codec import (
    GESTURES,
    MAX_AGE_S,
    MAX_NUMBER,
    MAX_PAYLOAD_BYTES,
    QUALITIES,
    TYPES,
    Event,
    Rejected,
    decode_event,
    decode_report,
    encode_ack,
    is_press,
    parse_topic,
)

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=9),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=9,
)
EVENTS = st.fixed_dictionaries(
    {
        "v": st.just(1),
        "b": st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
        "s": st.integers(0, 2**32 - 1),
        "t": st.sampled_from(TYPES),
        "n": st.integers(0, MAX_NUMBER),
    },
    optional={
        "a": st.integers(0, MAX_AGE_S),
        "c": st.integers(0, 2),
        "k": st.from_regex(r"[a-z0-9_-]{1,16}", fullmatch=True),
        "q": st.sampled_from(QUALITIES),
        "g": st.sampled_from(GESTURES),
    },
)


def wire(document: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode()


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.dictionaries(st.text(min_size=2, max_size=5), st.integers(), max_size=3))
def test_every_event_within_the_limits_is_read_whatever_else_it_carries(
    document: dict[str, Any], more: dict[str, int]
) -> None:
    """Unknown keys are ignored; what is missing has its default."""
    read = decode_event(wire(more | document))
    assert isinstance(read, Event), read
    keys = {"b": "boot", "s": "seq", "t": "type", "n": "number", "a": "age_s", "c": "clock", "k": "slot_key",
            "q": "quality", "g": "gesture"}  # fmt: skip
    defaults = {"a": 0, "c": 0, "k": "main", "q": "ok", "g": None}
    assert defaults | document == {"v": 1} | {key: getattr(read, name) for key, name in keys.items()}


SPELLINGS = (
    ('"n":1000.0', {}),
    ('"n":1e3', {}),
    ('"n":1.0E+3,"a":3.0,"c":2.0', {"age_s": 3, "clock": 2}),
    ('"n":-0.0', {"number": 0}),
    ('"n":1000,"q":null,"k":null,"a":null,"c":null,"g":null', {}),
    ('"n":1000,"zz":1e999', {}),
    ('"n":1000,"zz":"\\ud800"', {}),
    ('"n":1000,"h":{"fw":"x","door":true,"list":[1],"more":{"x":1},"far":1e999,"half":"\\ud800"}',
     {"health": {"fw": "x"}}),
    ('"n":1000,"h":{"\\ud800":1}', {"health": {}}),
    ('"n":1000,"\\ud800":{"x":[null]}', {}),
)  # fmt: skip


@pytest.mark.parametrize(("rest", "read_as"), SPELLINGS)
def test_what_other_encoders_write_is_read_as_meant(rest: str, read_as: dict[str, Any]) -> None:
    """What JSON calls the same number is the same, and an unknown part of `h` costs no reading."""
    for mark in (b"", b"\xef\xbb\xbf"):
        event = decode_event(mark + b'{"v":1.0,"b":"5f3a9c01","s":7.0,"t":"level",' + rest.encode() + b"}")
        expected = {
            "boot": "5f3a9c01",
            "seq": 7,
            "number": 1000,
            "quality": "ok",
            "slot_key": "main",
        } | read_as
        assert expected == {name: getattr(event, name) for name in expected}


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ('"n":1000.5', "malformed"),
        ('"n":"1000"', "malformed"),
        ('"n":true', "malformed"),
        ('"n":1000,"h":[]', "malformed"),
        ('"n":1e300', "out_of_range"),
        ('"n":1000,"q":"\\ud800"', "out_of_range"),
        ('"n":null', "out_of_range"),
    ],
)
def test_what_is_still_wrong_lets_the_device_go(rest: str, code: str) -> None:
    """Its reason can be kept by a database, whatever was in it."""
    rejected = decode_event(b'{"v":1,"b":"5f3a9c01","s":7,"t":"level",' + rest.encode() + b"}")
    assert isinstance(rejected, Rejected)
    assert (code, ("5f3a9c01", 7)) == (rejected.code, rejected.key)
    assert rejected.reason.encode()


@pytest.mark.parametrize("payload", [b'{"b":"5f3a9c01","s":7,"n":NaN}', b'{"b":"5f3a9c01","s":7}\0', b"[1]"])
def test_what_is_no_json_object_has_no_key(payload: bytes) -> None:
    rejected = decode_event(payload)
    assert isinstance(rejected, Rejected)
    assert ("malformed", None) == (rejected.code, rejected.key)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=64), JSON.map(wire), EVENTS.map(lambda d: wire(d)[:-3])))
def test_it_never_raises(payload: bytes) -> None:
    """A stream is not stopped by what is in it."""
    for decoded in (decode_event(payload), decode_report(payload)):
        if isinstance(decoded, Rejected):
            assert decoded.reason
            assert decoded.code


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.sampled_from("vtackqgn"), JSON)
def test_a_spoilt_event_is_rejected_with_its_key_or_read(
    document: dict[str, Any], key: str, spoilt: Any
) -> None:
    """As long as boot and sequence are whole, the device can be told to let go."""
    payload = wire(document | {key: spoilt})
    if len(payload) > MAX_PAYLOAD_BYTES:
        return
    read = decode_event(payload)
    expected = (document["b"], document["s"])
    assert expected == (read.key if isinstance(read, Rejected) else (read.boot, read.seq))


@pytest.mark.parametrize(("size", "ok"), [(MAX_PAYLOAD_BYTES, True), (MAX_PAYLOAD_BYTES + 1, False)])
def test_512_bytes_are_an_event_and_513_are_not(size: int, ok: bool) -> None:
    """The limit belongs to the allowed side."""
    document = {"v": 1, "b": "0" * 8, "s": 1, "t": "press", "x": ""}
    document["x"] = "x" * (size - len(wire(document)))
    assert size == len(wire(document))
    assert ok is isinstance(decode_event(wire(document)), Event)


def test_a_payload_of_a_mebibyte_costs_no_more_than_its_refusal() -> None:
    """Its key is not searched for beyond the first part."""
    read = decode_event(b'{"v":1,"b":"00000000","s":1,"x":"' + b"x" * (1 << 20) + b'"}')
    assert isinstance(read, Rejected)
    assert ("oversized", None) == (read.code, read.key)


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        ("rp/1/level-1/up/ev", ("level-1", "ev")),
        ("rp/1/A_b.c-9/up/st", ("A_b.c-9", "st")),
        ("rp/1/" + "a" * 64 + "/up/ev", ("a" * 64, "ev")),
        ("rp/1/" + "a" * 65 + "/up/ev", None),
        ("rp/1//up/ev", None),
        ("rp/1/a/b/up/ev", None),
        ("rp/2/a/up/ev", None),
        ("rp/1/a/down/ev", None),
        ("rp/1/a/up/log", None),
        ("rp/1/a/up/ev/", None),
        ("rp/1/a/up/ev\n", None),
        ("rp/1/ä/up/ev", None),
        ("", None),
    ],
)
def test_topics(topic: str, address: tuple[str, str] | None) -> None:
    """Only events and reports of a device have an address."""
    assert address == parse_topic(topic)


def test_acknowledgements_are_compact() -> None:
    """A battery pays for every byte."""
    assert encode_ack("00000000", [1, 2]) == b'{"b":"00000000","s":[1,2]}'
    assert encode_ack("00000000", [1], "placed") == b'{"b":"00000000","s":[1],"r":"placed"}'


def test_a_press_is_guessed_from_its_bytes() -> None:
    """Wrong guesses only cost ten milliseconds."""
    assert is_press(b'{"v":1,"t":"press"}')
    assert not is_press(b'{"v":1,"t":"level"}')
