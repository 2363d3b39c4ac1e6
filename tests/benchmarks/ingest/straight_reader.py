"""The baseline: the least that a durable reader can do. No rules, no keys, no answers to devices.

`python -m tests.benchmarks.ingest.straight_reader PORT USER PASSWORD DATABASE`: MQTT 5 by hand, msgspec,
SQLite with synchronous=FULL, last value per device, PUBACK after COMMIT. Prints READY once subscribed.
"""

import socket
import sqlite3
import struct
import sys

import msgspec

_SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE reading(id INTEGER PRIMARY KEY, device TEXT, seq INTEGER, number INTEGER, age INTEGER);
CREATE TABLE device_state(device TEXT PRIMARY KEY, seq INTEGER, number INTEGER) WITHOUT ROWID;
"""


class _Event(msgspec.Struct, gc=False):
    s: int
    n: int
    a: int = 0


_decode = msgspec.json.Decoder(_Event).decode


def main() -> None:
    """Read for ever."""
    port, user, password, path = sys.argv[1:]
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(_SCHEMA)
    broker = socket.create_connection(("127.0.0.1", int(port)))
    broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    fields = b"".join(struct.pack(">H", len(text)) + text.encode() for text in ("reader", user, password))
    connect = b"\x00\x04MQTT\x05\xc2\x02\x58\x03\x21" + struct.pack(">H", 1000) + fields
    broker.sendall(b"\x10" + bytes([len(connect)]) + connect)
    broker.recv(4096)
    topic = b"rp/1/+/up/#"
    subscribe = b"\x00\x01\x00" + struct.pack(">H", len(topic)) + topic + b"\x01"
    broker.sendall(b"\x82" + bytes([len(subscribe)]) + subscribe)
    broker.recv(4096)
    print("READY", flush=True)
    rest = b""
    while data := broker.recv(1 << 18):
        messages, rest = _messages(rest + data)
        if messages:
            _store(database, messages)
            broker.sendall(b"".join([b"\x40\x02" + packet_id for _, _, packet_id in messages]))


def _messages(data: bytes) -> tuple[list[tuple[bytes, bytes, bytes]], bytes]:
    """(topic, payload, packet id) of every whole PUBLISH, and the bytes of one that is not."""
    found = []
    at, end = 0, len(data)
    while end - at >= 2:
        head, length, body = data[at], data[at + 1], at + 2
        if length & 128:
            if end - at < 3:
                break
            length, body = (length & 127) | data[at + 2] << 7, at + 3
        after = body + length
        if after > end:
            break
        if head & 0xF0 == 0x30:
            topic_end = body + 2 + (data[body] << 8 | data[body + 1])
            payload = topic_end + 3 + data[topic_end + 2]
            found.append((data[body + 2 : topic_end], data[payload:after], data[topic_end : topic_end + 2]))
        at = after
    return found, data[at:]


def _store(database: sqlite3.Connection, messages: list[tuple[bytes, bytes, bytes]]) -> None:
    rows = []
    for topic, payload, _ in messages:
        event = _decode(payload)
        rows.append((topic[5:-6].decode(), event.s, event.n, event.a))
    last = {row[0]: row for row in rows}
    database.execute("BEGIN IMMEDIATE")
    database.executemany("INSERT INTO reading(device, seq, number, age) VALUES(?, ?, ?, ?)", rows)
    database.executemany(
        "INSERT INTO device_state VALUES(?, ?, ?) ON CONFLICT(device) DO UPDATE"
        " SET seq = excluded.seq, number = excluded.number WHERE excluded.seq > device_state.seq",
        [row[:3] for row in last.values()],
    )
    database.execute("COMMIT")


if __name__ == "__main__":
    main()
