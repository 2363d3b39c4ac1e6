"""MQTT 5 by hand: every packet is found wherever the stream is cut, and nothing that arrives raises."""

import struct

import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from replenish_server.telemetry import packets
from replenish_server.telemetry.packets import Publish, Read, read

MESSAGES = st.builds(
    Publish,
    st.text(min_size=1, max_size=30),
    st.binary(max_size=400),
    st.booleans(),
    st.one_of(st.just(b""), st.binary(min_size=2, max_size=2)),
)


def encoded(message: Publish, properties: bytes = b"\x00") -> bytes:
    """A PUBLISH as a broker writes it."""
    topic = message.topic.encode()
    head = 0x30 | message.retained | (2 if message.packet_id else 0)
    body = struct.pack(">H", len(topic)) + topic + message.packet_id + properties + message.payload
    length, coded = len(body), b""
    while True:
        length, byte = length >> 7, length & 127
        coded += bytes([byte | 128 if length else byte])
        if not length:
            return bytes([head]) + coded + body


def read_in_pieces(stream: bytes, cuts: list[int]) -> tuple[list[Publish], list[int], Read]:
    """Everything in a stream that arrives in pieces."""
    publishes: list[Publish] = []
    pubacks: list[int] = []
    rest = b""
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    start = 0
    found = read(b"")
    for end in ends:
        found = read(rest + stream[start:end])
        publishes += found.publishes
        pubacks += found.pubacks
        rest, start = found.rest, end
    return publishes, pubacks, found


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, max_size=8), st.lists(st.integers(0, 4000), max_size=12))
def test_messages_are_found_wherever_the_stream_is_cut(messages: list[Publish], cuts: list[int]) -> None:
    """In order, whole, with nothing left over."""
    stream = b"".join(encoded(message) for message in messages) + b"\x40\x02\x01\x02\xd0\x00"
    publishes, pubacks, last = read_in_pieces(stream, cuts)
    assert messages == publishes
    assert [0x0102] == pubacks
    assert b"" == last.rest
    assert last.closed is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_it_never_raises(data: bytes) -> None:
    """A broker that speaks something else is a closed connection, not a dead thread."""
    found = read(data)
    assert len(found.rest) <= len(data)


def test_properties_of_a_message_are_passed_over() -> None:
    """Long ones too: a user property of 200 bytes makes the length take two bytes."""
    user = b"\x26" + struct.pack(">H", 1) + b"k" + struct.pack(">H", 200) + b"v" * 200
    message = Publish("rp/1/a/up/ev", b"payload", False, b"\x00\x07")
    stream = encoded(message, packets._sized(user))
    assert [message] == read(stream).publishes


def test_a_packet_beyond_every_limit_ends_the_connection() -> None:
    """Its body is not waited for: it would fill the memory."""
    assert read(b"\x30\xff\xff\xff\x7f" + b"x" * 10).closed
    assert read(b"\x30\xff\xff\xff\xff\x01").closed


@pytest.mark.parametrize(
    ("properties", "maximum"),
    [(b"", 65_535), (b"\x21\x03\xe8", 1000), (b"\x12\x00\x02id\x24\x01\x22\x00\x0a\x21\x00\x14\x2a\x01", 20)],
)
def test_the_brokers_welcome(properties: bytes, maximum: int) -> None:
    """How many of our messages it takes at once is among properties of every size."""
    body = b"\x01\x00" + bytes([len(properties)]) + properties
    accepted = read(b"\x20" + bytes([len(body)]) + body).accepted
    assert packets.Accepted(0, True, maximum) == accepted


def test_refusals_and_farewells() -> None:
    """Reasons at and above 0x80 are failures."""
    refused = read(b"\x20\x03\x00\x87\x00").accepted
    assert refused is not None
    assert refused.reason == 0x87
    assert read(b"\x90\x04\xff\xff\x00\x01").subscribed
    assert read(b"\x90\x04\xff\xff\x00\x87").subscribed is False
    assert "0x8e" in (read(b"\xe0\x02\x8e\x00").closed or "")


def test_our_packets_are_what_another_library_writes() -> None:
    """PUBLISH and PUBACK byte for byte as paho packs them."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.MessageExpiryInterval = 120
    body = b"\x00\x10rp/1/a/down/ack/" + struct.pack(">H", 7) + properties.pack() + b"{}"
    expected = bytes([paho.PUBLISH | 2, len(body)]) + body
    assert expected == packets.publish("rp/1/a/down/ack/", b"{}", 7, 120)
    assert b"\x40\x02\x00\x01\x40\x02\x00\x02" == packets.pubacks([b"\x00\x01", b"\x00\x02"])
    assert b"" == packets.pubacks([])
