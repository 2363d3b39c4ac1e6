"""The door of a board for people: a page on its own Wi-Fi, or lines on its serial console. Bounded in time.

It hands back what was entered, checked; it stores nothing and joins no network.
"""

import json
import socket

from firmware.app.console import say
from firmware.provision import page
from firmware.provision.setup_request import SetupRequest, check, parse_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Clock, Console


_LONGEST_REQUEST = 2048
_REQUEST_S = 2
"""How long one visitor may take for a request: the next one waits meanwhile."""

_TURN_S = 0.2
_ENTRIES = ("ssid", "key", "code")


class Portal:
    """Waits for entries.

    Args:
        clock: bounds the wait.
        console: serial lines; None where nobody listens.
        token: unguessable, comes back with the form.
        code_needed: whether the board has no credential yet.
        networks: names of networks in reach.
    """

    def __init__(
        self, clock: "Clock", console: "Console | None", token: str, code_needed: bool, networks: list[str]
    ) -> None:
        self._clock = clock
        self._console = console
        self._token = token
        self._code_needed = code_needed
        self._networks = networks

    def listen(self, seconds: int) -> SetupRequest | None:
        """Wait for a line on the console; None when none was good in time."""
        started = self._clock.ticks_ms()
        while self._clock.since_ms(started) < 1000 * seconds:
            entered = self._line()
            if entered is not None:
                return entered
            self._clock.sleep_ms(20)
        return None

    def open(self, seconds: int, port: int, alive: "Alive") -> SetupRequest | None:
        """Serve the page, and listen to the console beside it; None when nothing good came in time.

        Args:
            seconds: how long.
            port: TCP port, on every address of the board.
            alive: feeds the watchdog.

        Raises:
            OSError: the port is taken.
        """
        door = socket.socket()
        started = self._clock.ticks_ms()
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(socket.getaddrinfo("0.0.0.0", port)[0][-1])  # noqa: S104 - no other interface is on
            door.listen(2)
            door.settimeout(_TURN_S)
            while self._clock.since_ms(started) < 1000 * seconds:
                alive.feed()
                entered = self._line() or self._visit(door)
                if entered is not None:
                    return entered
                self._clock.sleep_ms(1)
            return None
        finally:
            door.close()

    def _line(self) -> SetupRequest | None:
        """What a line `rp {"setup":{...}}` says; anything else on the console is not for us."""
        line = self._console.line() if self._console else None
        if line is None or not line.startswith("rp "):
            return None
        try:
            asked = json.loads(line[3:])["setup"]
            entries = [str(asked.get(name, "")) for name in _ENTRIES]
        except (ValueError, KeyError, TypeError, AttributeError):
            say("setup", r="refused", why="line")
            return None
        entered, problem = check(entries[0], entries[1], entries[2], self._code_needed)
        if problem:
            say("setup", r="refused", why=problem)
        return entered

    def _visit(self, door: socket.socket) -> SetupRequest | None:
        try:
            visitor = door.accept()[0]
        except OSError:
            return None  # nobody came in this turn
        try:
            visitor.settimeout(_REQUEST_S)
            request = _request(visitor)
            if request is None:
                return None
            answer, entered = self._answer(request[0], request[1], request[2])
            visitor.sendall(answer)
            return entered
        except OSError:
            return None  # gone, or too slow
        finally:
            visitor.close()

    def _answer(self, method: str, path: str, body: bytes) -> tuple[bytes, SetupRequest | None]:
        if method == "GET" and path == "/":
            return _reply("200 OK", self._form({}, "")), None
        if method != "POST" or path != "/setup":
            return _reply("302 Found", "", "Location: /\r\n"), None
        try:
            fields = parse_form(body)
        except ValueError:
            fields = {}
        if fields.get("token") != self._token:
            return _reply("403 Forbidden", self._form(fields, "form")), None
        entries = [fields.get(name, "") for name in _ENTRIES]
        entered, problem = check(entries[0], entries[1], entries[2], self._code_needed)
        if entered is None:
            return _reply("400 Bad Request", self._form(fields, problem)), None
        return _reply("200 OK", page.taken()), entered

    def _form(self, fields: dict[str, str], problem: str) -> str:
        return page.form(
            self._token,
            self._networks,
            fields.get("ssid", ""),
            fields.get("code", ""),
            problem,
            self._code_needed,
        )


class Alive:
    """The watchdog, as somebody sees it who may take minutes."""

    def feed(self) -> None:
        """Still at work."""
        raise NotImplementedError


def _request(visitor: socket.socket) -> tuple[str, str, bytes] | None:
    """(method, path, body); None for what is no small HTTP request. Raises OSError."""
    content = b""
    while True:
        end = content.find(b"\r\n\r\n")
        if end >= 0:
            try:
                lines = content[:end].decode().split("\r\n")
                method, path, _ = lines[0].split(" ")
                length = 0
                for line in lines[1:]:
                    if line.lower().startswith("content-length:"):
                        length = int(line[15:].strip())
            except ValueError:
                return None
            if not 0 <= length <= _LONGEST_REQUEST:
                return None
            if len(content) - end - 4 >= length:
                return method, path, content[end + 4 : end + 4 + length]
        elif len(content) > _LONGEST_REQUEST:
            return None
        more = visitor.recv(512)
        if not more:
            return None
        content += more


def _reply(status: str, body: str, more: str = "") -> bytes:
    content = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + content
