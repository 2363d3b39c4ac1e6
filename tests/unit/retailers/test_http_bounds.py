"""What a stranger's address can make us do: reach nothing private, follow nothing, wait for nothing long."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import pytest

from replenish_server.retailers.addresses import guarded_pool, is_permitted, within
from replenish_server.retailers.http import MAX_BODY_BYTES, READ_WITHIN_S, Forbidden, NoAnswer, ShopClient

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Listener:
    """A real socket that counts who comes, and says what it is told to.

    Args:
        head: sent at once.
        drops: then sent one by one.
        pause_s: seconds before each of them.
    """

    def __init__(self, head: bytes, drops: list[bytes], pause_s: float) -> None:
        self.connections = 0
        self._say = (head, drops, pause_s)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        head, drops, pause_s = self._say
        with peer:
            try:
                peer.recv(65536)
                peer.sendall(head)
                for drop in drops:
                    if self._over.wait(pause_s):
                        return
                    peer.sendall(drop)
            except OSError:
                return

    def close(self) -> None:
        """Accept nobody any more."""
        self._over.set()
        self._socket.close()


@contextmanager
def listening(head: bytes, drops: list[bytes] | None = None, pause_s: float = 0.0) -> Iterator[Listener]:
    """A listener for one test."""
    listener = Listener(head, drops or [], pause_s)
    try:
        yield listener
    finally:
        listener.close()


@contextmanager
def calling(loopback: bool) -> Iterator[ShopClient]:
    """A client for one test."""
    client = ShopClient({}, loopback=loopback)
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "fe80::1%eth0",
        "fd00::1",
        "::",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "ff02::1",
        "fec0::1",
        "::10.0.0.1",
        "64:ff9b:1::a00:1",
        "2001::a00:1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "::ffff:0:0",
    ],
)
def test_private_and_special_addresses_are_never_permitted(address: str) -> None:
    """In whichever clothes they come."""
    assert not is_permitted(address, loopback=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_loopback_is_permitted_only_where_it_is_allowed(address: str) -> None:
    """For the demo and tests."""
    assert (is_permitted(address, loopback=True), is_permitted(address, loopback=False)) == (True, False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_addresses_are_permitted(address: str) -> None:
    """A shop lives there."""
    assert is_permitted(address, loopback=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nobody_on_this_machine_is_connected_to(host: str, scheme: str) -> None:
    """However the address is spelled."""
    with listening(HEAD) as listener, calling(loopback=False) as client:
        with pytest.raises(Forbidden):
            client.send("GET", f"{scheme}://{host}:{listener.port}/.well-known/ucp")
        assert listener.connections == 0


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/", "https://10.1.2.3/", "http://10.1.2.3/", "ftp://x/"]
)
def test_loopback_permission_opens_nothing_else(url: str) -> None:
    """Neither the metadata service nor the router, nor another scheme."""
    with calling(loopback=True) as client, pytest.raises(Forbidden):
        client.send("GET", url)


@pytest.mark.parametrize("status", [b"301 Moved", b"307 Temporary Redirect", b"308 Permanent Redirect"])
def test_redirects_are_answers_and_not_orders(status: bytes) -> None:
    """Nobody else is called."""
    with listening(HEAD) as other, calling(loopback=True) as client:
        place = f"Location: http://127.0.0.1:{other.port}/\r\n".encode()
        with listening(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n" + place + b"\r\n") as first:
            answer = client.send("GET", f"http://127.0.0.1:{first.port}/")
        assert answer.status == int(status[:3])
        assert other.connections == 0


def test_a_giant_body_is_left_where_it_is() -> None:
    """Whether or not it says its length."""
    pieces = [b"x" * 65536] * (MAX_BODY_BYTES // 65536 + 1)
    head = HEAD + b"Connection: close\r\n\r\n"
    with (
        listening(head, pieces) as shop,
        calling(loopback=True) as client,
        pytest.raises(NoAnswer, match="exceeds"),
    ):
        client.send("GET", f"http://127.0.0.1:{shop.port}/")


def test_a_compressed_body_is_not_unfolded() -> None:
    """A thousandth of its size would fit."""
    packed = b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"
    with (
        listening(HEAD + packed) as shop,
        calling(loopback=True) as client,
        pytest.raises(NoAnswer, match="compressed"),
    ):
        client.send("GET", f"http://127.0.0.1:{shop.port}/")


@pytest.mark.parametrize("head", [HEAD + b"Content-Length: 500\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_a_body_or_head_that_trickles_in_is_given_up(head: bytes) -> None:
    """Each byte comes in time, and all of them never would."""
    drops = [b"x", b":"] * 250
    with listening(head, drops, pause_s=0.2) as shop, calling(loopback=True) as client:
        start = time.monotonic()
        with pytest.raises(NoAnswer):
            client.send("GET", f"http://127.0.0.1:{shop.port}/")
        assert time.monotonic() - start < 6 * READ_WITHIN_S  # the drops alone would take 100 s


def named(*answers: list[str]) -> Callable[[str, int], list[Any]]:
    """A name server that answers so, one time after the other; the last answer stays."""
    left = list(answers)

    def lookup(_host: str, port: int) -> list[Any]:
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return lookup


@contextmanager
def resolving(lookup: Callable[[str, int], list[Any]]) -> Iterator[httpcore.ConnectionPool]:
    """A client whose names lead where a test says; http to any name, for there is no certificate here."""
    with guarded_pool(True, lookup) as client:
        yield client


def test_a_name_is_resolved_once_and_the_judged_address_is_dialled() -> None:
    """A second answer, which might be another, is never asked for within a connection."""
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[Any]:
        asked.append(host)
        return named(["127.0.0.1"])(host, port)

    whole = HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    with listening(whole) as shop, resolving(lookup) as client:
        assert client.request("GET", f"http://shop.test:{shop.port}/").status == 200
    assert asked == ["shop.test"]


def test_a_name_that_turns_private_is_refused_at_the_next_connection() -> None:
    """Each connection is judged anew: yesterday's public address does not vouch for today's."""
    whole = HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    with listening(whole) as shop, resolving(named(["127.0.0.1"], ["10.0.0.1"])) as client:
        assert client.request("GET", f"http://shop.test:{shop.port}/").status == 200
        with pytest.raises(httpcore.ConnectError, match="private or special"):
            client.request("GET", f"http://shop.test:{shop.port}/")
        assert shop.connections == 1


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "fd00::1"], []]
)
def test_one_private_address_among_others_refuses_the_name(addresses: list[str]) -> None:
    """Whichever of them would have been dialled."""
    with (
        listening(HEAD) as shop,
        resolving(named(addresses)) as client,
        pytest.raises(httpcore.ConnectError, match="private or special"),
    ):
        client.request("GET", f"http://shop.test:{shop.port}/")


def test_an_address_that_is_dead_leaves_the_next_its_turn() -> None:
    """A name often has one of each family, and one of them may lead nowhere from here."""
    whole = HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    with listening(whole) as shop, resolving(named(["127.0.0.9", "127.0.0.1"])) as client:
        assert client.request("GET", f"http://shop.test:{shop.port}/").status == 200


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_name_without_an_address_is_no_answer(error: Exception) -> None:
    """Whatever the library says."""

    def lookup(_host: str, _port: int) -> list[Any]:
        raise error

    with resolving(lookup) as client, pytest.raises(httpcore.ConnectError, match="has no address"):
        client.request("GET", "http://shop.test/")


def test_a_name_server_that_never_answers_takes_no_more_than_the_exchange() -> None:
    """And hanging lookups do not pile up: past a number of them none is begun."""
    over = threading.Event()

    def lookup(_host: str, _port: int) -> list[Any]:
        over.wait(60)
        return []

    with guarded_pool(True, lookup) as client:
        for _ in range(16):
            with within(0.01), pytest.raises(httpcore.ConnectTimeout, match="not resolved in time"):
                client.request("GET", "http://shop.test/")
        with pytest.raises(httpcore.ConnectError, match="too many names"):
            client.request("GET", "http://shop.test/")
        over.set()


def test_https_is_not_left_for_http() -> None:
    """Nothing is sent in the clear but to this machine, and only where that is allowed."""
    with listening(HEAD) as shop, calling(loopback=True) as client:
        for url in (f"http://shop.test:{shop.port}/", f"http://127.0.0.1.nip.test:{shop.port}/"):
            with pytest.raises(Forbidden, match="only https"):
                client.send("GET", url)
        assert shop.connections == 0
