"""One file over HTTP, from a byte on, with bounded waits. It stores nothing and follows nothing.

Source: RFC 9110 (13.1.5 If-Range, 14 Range, 15.3.7), RFC 9112. Only answers with a Content-Length are taken.
"""

import errno

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Clock, Link, Links

_ASK_MS = const(16_000)
"""From the look-up of the name until the request has left."""

_WAIT_MS = const(10_000)
"""Without a single byte."""

_LONGEST_HEAD = const(2048)
_PIECE_BYTES = const(512)


class Answer:
    """What a server said to a request for a file.

    Args:
        status: HTTP status.
        start: first byte that follows.
        size: of the whole file, in bytes.
        length: bytes that follow.
        retry_s: seconds after which to ask again, 0 when it said none.
    """

    def __init__(self, status: int, start: int, size: int, length: int, retry_s: int) -> None:
        self.status = status
        self.start = start
        self.size = size
        self.length = length
        self.retry_s = retry_s


class Download:
    """Downloads from one server.

    Args:
        links: the ways to it.
        host: name of the server, as in its certificate.
        clock: bounds every wait.
    """

    def __init__(self, links: "Links", host: str, clock: "Clock") -> None:
        self._links = links
        self._host = host
        self._clock = clock
        self._link: Link | None = None
        self._held = b""
        self._left = 0

    def open(self, port: int, path: str, offset: int, sha256: str) -> Answer:
        self.close()
        self._link = link = self._links.to(port)
        link.open()
        ask = f"GET {path} HTTP/1.1\r\nHost: {self._host}:{port}\r\nConnection: close\r\n"
        if offset:
            ask += f'Range: bytes={offset}-\r\nIf-Range: "{sha256}"\r\n'
        link.send((ask + "\r\n").encode(), _ASK_MS)
        self._held = b""
        while b"\r\n\r\n" not in self._held:
            if len(self._held) > _LONGEST_HEAD:
                raise OSError("no HTTP answer")
            self._held += self._receive()
        head, self._held = self._held.split(b"\r\n\r\n", 1)
        answer = read_head(head)
        self._left = answer.length
        return answer

    def read(self, count: int) -> bytes:
        count = min(count, self._left)
        while len(self._held) < count:
            self._held += self._receive()
        content, self._held = self._held[:count], self._held[count:]
        self._left -= count
        return content

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _receive(self) -> bytes:
        received = self._link.receive(_WAIT_MS, _PIECE_BYTES) if self._link else b""
        if not received:
            raise OSError(errno.ETIMEDOUT)
        return received


class ServerLinks:
    """Verified links to the server's other ports.

    Args:
        host: name or address, as in the certificate.
        authority: PEM; nobody else is believed.
        clock: bounds every wait.
    """

    def __init__(self, host: str, authority: str, clock: "Clock") -> None:
        self._host = host
        self._authority = authority
        self._clock = clock

    def to(self, port: int) -> "Link":
        from firmware.net.certificate import secured
        from firmware.net.tcp import TcpWire
        from firmware.net.wire import WireLink

        return WireLink(TcpWire(self._host, port, secured(self._host, {"ca": self._authority})), self._clock)


def read_head(head: bytes) -> Answer:
    """Status and the few fields that matter. Raises OSError for what is no answer to us."""
    try:
        lines = head.decode().split("\r\n")
        version, status = lines[0].split(" ")[:2]
        fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        start, size = _place(fields.get("content-range", ""))
        length = int(fields.get("content-length", "0"))
        answer = Answer(int(status), start, length if size < 0 else size, length, _seconds(fields))
    except ValueError:
        raise OSError("no HTTP answer")  # noqa: B904 - MicroPython cannot chain
    if not version.startswith("HTTP/1.") or "transfer-encoding" in fields or length < 0:
        raise OSError("no HTTP answer")
    return answer


def _place(field: str) -> tuple[int, int]:
    """(first byte, size of the whole) of a Content-Range; (0, -1) without one. Raises ValueError."""
    if not field.startswith("bytes "):
        return 0, -1
    place, size = field[6:].split("/")
    return (0 if place == "*" else int(place.split("-")[0])), int(size)


def _seconds(fields: dict[str, str]) -> int:
    value = fields.get("retry-after", "")
    return int(value) if value.isdigit() else 0
