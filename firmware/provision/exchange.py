"""One question over HTTPS: a claim code for a credential (docs/wire.md, "Claiming"). It stores nothing.

HTTP/1.1 by hand over a `Link`: one request, `Connection: close`, an answer of at most 16 KiB.
"""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Clock, Link


_WITHIN_MS = 20_000
_MOST = 16_384
_PIECE_BYTES = 128


class ExchangeError(Exception):
    """The server answered something that is no answer."""


def exchange(link: "Link", clock: "Clock", host: str, code: str, kind: str) -> tuple[int, dict[str, object]]:
    """(status, body) of the server's answer.

    Args:
        link: to the edge, over TLS that checks the server; it is opened and closed here.
        clock: bounds the wait, 20 s in all.
        host: the name that the server's certificate has.
        code: claim code.
        kind: "password" or "psk".

    Raises:
        OSError: no connection, or no whole answer in time.
        ValueError: TLS refused the server, or the answer is not JSON.
        ExchangeError: the answer is not HTTP, not an object, or too long.
    """
    started = clock.ticks_ms()
    body = json.dumps({"code": code, "credential": kind}).encode()
    head = (
        f"POST /claim/v1/exchange HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        link.open()
        link.send(head.encode() + body, _WITHIN_MS)
        answer = b""
        while True:
            whole = _whole(answer)
            if whole is not None:
                return whole
            left_ms = _WITHIN_MS - clock.since_ms(started)
            if left_ms <= 0 or len(answer) > _MOST:
                raise OSError(110)  # ETIMEDOUT
            answer += link.receive(left_ms, _PIECE_BYTES)
    finally:
        link.close()


def _whole(answer: bytes) -> tuple[int, dict[str, object]] | None:
    """Status and body once everything has come; None before."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = answer[:end].decode().split("\r\n")
    first = lines[0].split(" ")
    if not first[0].startswith("HTTP/1.") or len(first) < 2:
        raise ExchangeError("not HTTP")
    length = -1
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length":
            length = int(value.strip())
    if not 0 <= length <= _MOST:
        raise ExchangeError("no length, or too long")
    body = answer[end + 4 :]
    if len(body) < length:
        return None
    document = json.loads(body[:length])
    if not isinstance(document, dict):
        raise ExchangeError("not an object")
    return int(first[1]), document
