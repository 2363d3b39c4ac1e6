"""The ingest session against a broker whose every byte the test decides."""

import socket
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from replenish_server.telemetry.session import BrokerAddress, Delivery, IngestSession

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
WELCOME = b"\x20\x06\x00\x00\x03\x21\x00\x14"  # takes 20 messages at once
SUBSCRIBED = b"\x90\x04\xff\xff\x00\x01"


class Broker:
    """A listening socket, and the connection of the session that is tested."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._connection: socket.socket | None = None
        self._stream = b""

    def welcome(self, session: IngestSession, welcome: bytes = WELCOME) -> None:
        """Take the session in, as far as its subscription."""
        accepting = threading.Thread(target=self._accept, args=(welcome,))
        accepting.start()
        while not session.connected.is_set():
            assert session.receive(0.2) is None
        accepting.join()

    def _accept(self, welcome: bytes) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(20)
        self._stream = b""
        assert self.packet()[0] >> 4 == 1
        self._connection.sendall(welcome)
        assert self.packet()[0] >> 4 == 8
        self._connection.sendall(SUBSCRIBED)

    def packet(self) -> bytes:
        """The next packet of the session; the ones here are shorter than 16 KiB."""
        assert self._connection is not None
        while True:
            if len(self._stream) >= 3:
                length, start = self._stream[1], 2
                if length > 127:
                    length, start = length & 127 | self._stream[2] << 7, 3
                if len(self._stream) >= start + length:
                    whole, self._stream = self._stream[: start + length], self._stream[start + length :]
                    return whole
            data = self._connection.recv(4096)
            assert data, "the session hung up"
            self._stream += data

    def say(self, data: bytes) -> None:
        """Send bytes."""
        assert self._connection is not None
        self._connection.sendall(data)

    def hang_up(self) -> None:
        """End the connection."""
        assert self._connection is not None
        self._connection.close()

    def close(self) -> None:
        """End everything."""
        self._listener.close()
        if self._connection is not None:
            self._connection.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker without a session."""
    made = Broker()
    yield made
    made.close()


@pytest.fixture
def session(broker: Broker) -> Iterator[IngestSession]:
    """A session that is not connected yet."""
    made = IngestSession(BrokerAddress("127.0.0.1", broker.port, "me", "secret"), lambda: NOW)
    yield made
    made.stop()


def message(packet_id: int, payload: bytes = b"{}") -> bytes:
    """A PUBLISH of QoS 1."""
    topic = b"rp/1/a/up/ev"
    body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", packet_id) + b"\x00" + payload
    return bytes([0x32, len(body)]) + body


def deliver(session: IngestSession) -> Delivery:
    """The next delivery."""
    for _ in range(50):
        delivery = session.receive(0.2)
        if delivery is not None:
            return delivery
    raise AssertionError("nothing was delivered")


def test_nothing_is_acknowledged_before_it_is_told_to(broker: Broker, session: IngestSession) -> None:
    """And then all of a delivery at once."""
    broker.welcome(session)
    broker.say(message(1) + message(2))
    delivery = deliver(session)
    assert ["rp/1/a/up/ev"] * 2 == [one.topic for one in delivery.messages]
    assert [NOW] * 2 == [one.received_at for one in delivery.messages]
    session.publish_ack("a", b"first")
    session.acknowledge(delivery)
    assert b"first" in broker.packet()
    assert [b"\x40\x02\x00\x01", b"\x40\x02\x00\x02"] == [broker.packet(), broker.packet()]


def test_what_is_no_message_ends_no_wait(broker: Broker, session: IngestSession) -> None:
    """While a press is on its way readings wait for a while: a broker that answers a ping must not end it."""
    broker.welcome(session)
    broker.say(b"\xd0\x00")
    later = threading.Timer(0.1, broker.say, [message(1)])
    later.start()
    delivery = session.receive(20)
    later.join()
    assert delivery is not None
    assert len(delivery.messages) == 1


def test_a_delivery_is_never_acknowledged_on_another_connection(
    broker: Broker, session: IngestSession
) -> None:
    """Packet id 1 means another message there."""
    broker.welcome(session)
    broker.say(message(1))
    old = deliver(session)
    broker.hang_up()
    while session.connected.is_set():
        session.receive(0.2)
    broker.welcome(session)
    session.acknowledge(old)
    broker.say(message(1, b"other"))
    new = deliver(session)
    assert [b"\x00\x01"] == old.joined(new).packet_ids
    session.publish_ack("a", b"marker")
    assert b"marker" in broker.packet()
    session.acknowledge(old.joined(new))
    assert b"\x40\x02\x00\x01" == broker.packet()


def test_device_acks_that_the_broker_did_not_confirm_are_sent_again(
    broker: Broker, session: IngestSession
) -> None:
    """The device waits for them; what was confirmed is not repeated."""
    broker.welcome(session)
    session.publish_acks([("a", b"one"), ("b", b"two")])
    first, second = broker.packet(), broker.packet()
    assert b"one" in first
    assert b"two" in second
    at = 4 + first[3]
    broker.say(b"\x40\x02" + first[at : at + 2])
    broker.say(message(9))
    deliver(session)  # so the confirmation before it has been read
    broker.hang_up()
    while session.connected.is_set():
        session.receive(0.2)
    session.publish_ack("c", b"three")
    broker.welcome(session)
    assert [b"two", b"three"] == [packet[-len(word) :] for packet, word in
                                  ((broker.packet(), b"two"), (broker.packet(), b"three"))]  # fmt: skip


def test_no_more_than_the_broker_takes_is_under_way(broker: Broker, session: IngestSession) -> None:
    """The twenty-first waits for a confirmation."""
    broker.welcome(session)
    session.publish_acks([("a", b"%03d" % number) for number in range(25)])
    sent = [broker.packet() for _ in range(20)]
    session.keep_alive()
    at = 4 + sent[0][3]
    broker.say(b"\x40\x02" + sent[0][at : at + 2])
    session.receive(1.0)
    assert broker.packet().endswith(b"020")


@pytest.mark.parametrize(
    "nonsense",
    [b"\x30\xff\xff\xff\xff\xff", b"\xe0\x02\x8e\x00", b"\x30\x01\x00"],
    ids=["long", "bye", "cut"],
)
def test_a_broker_that_talks_nonsense_is_left_and_found_again(
    broker: Broker, session: IngestSession, nonsense: bytes
) -> None:
    """The thread lives on."""
    broker.welcome(session)
    broker.say(nonsense)
    while session.connected.is_set():
        session.receive(0.2)
    broker.welcome(session)
    assert session.connected.is_set()
