"""A water meter with its lasting connection over TLS: it counts on whatever happens, and loses nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shipped_broker import ShippedBroker
from tests.support.slow_proxy import SlowProxy
from tests.support.vm_board import Board, Server, until

pytestmark = [pytest.mark.broker, pytest.mark.vm, pytest.mark.timeout(90)]


@pytest.fixture
def proxy(shipped_broker: ShippedBroker) -> Iterator[SlowProxy]:
    running = SlowProxy(shipped_broker.ports["password"]).start()
    yield running
    running.stop()


@pytest.fixture
def board(shipped_broker: ShippedBroker, proxy: SlowProxy, tmp_path: Path) -> Iterator[Board]:
    known = shipped_broker.board_config("d1", "password") | {"port": proxy.port}
    board = Board("flow", tmp_path / "board", 0, 60.0, **known)
    yield board
    board.vm.stop()


def told(played_server: Server) -> list[int]:
    """Totals as the server has them."""
    return sorted({event["n"] for event in played_server.of_type("usage")})


def test_a_peer_that_never_answers_the_handshake_stops_no_pulse(
    board: Board, played_server: Server, proxy: SlowProxy
) -> None:
    """TCP connects, TLS says nothing; what was counted meanwhile arrives when somebody answers."""
    proxy.forwards = False
    board.vm.start()
    until(lambda: proxy.up > 50)  # the greeting left, into nothing
    for count in range(1, 4):
        board.vm.pulse(4500)
        until(lambda wanted=count: len([key for key in board.vm.recorded if key[2] == "usage"]) == wanted)
    assert played_server.events == []
    proxy.forwards = True
    proxy.cut()
    until(lambda: told(played_server) == [10_000, 20_000, 30_000])
    until(lambda: board.vm.pending() == 0)
    assert len(board.said("wake")) == 1


def test_a_broker_that_dies_and_a_server_that_is_late_lose_nothing(
    board: Board, played_server: Server, shipped_broker: ShippedBroker, proxy: SlowProxy
) -> None:
    """`kill -9` of the broker: what it had acknowledged itself is gone with it, and is sent again."""
    board.vm.start()
    until(lambda: played_server.of_type("hello"))
    played_server.acknowledges = False
    board.vm.pulse(4500)
    until(lambda: told(played_server) == [10_000])
    shipped_broker.kill()
    board.vm.pulse(4500)
    until(lambda: len(board.vm.recorded) == 3)
    played_server.acknowledges = True
    proxy.forwards = False  # until the server is back too: what it misses would come again after ACK_MS
    played_server.forget_subscription()
    shipped_broker.start()
    until(played_server.is_listening)
    proxy.forwards = True
    proxy.cut()
    until(lambda: board.vm.pending() == 0)
    assert {(boot, seq) for boot, seq, _ in board.vm.recorded} <= played_server.keys()
    assert proxy.connections >= 2
