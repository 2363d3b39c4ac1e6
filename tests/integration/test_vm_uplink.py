"""A water meter with its lasting connection over TLS: it counts on whatever happens, and loses nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from replenish_server.fleet.broker import TWIN_USER
from tests.support.shipped_broker import ShippedBroker
from tests.support.slow_proxy import SlowProxy
from tests.support.vm_board import PASSWORD, Board, Server, until

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


def test_what_is_asked_of_it_once_is_done_once_and_answered(
    board: Board, played_server: Server, shipped_broker: ShippedBroker
) -> None:
    """It blinks, reports, starts anew; a repeat, one from yesterday and one of a later release do nothing."""

    def ask(number: int, verb: str, until: int = 4_000_000_000) -> None:
        document = {"v": 1, "n": number, "do": verb, "until": until}
        publisher.say("d1", "cmd", document)

    def answered(number: int, word: str) -> bool:
        return any(report.get("cmd") == {"n": number, "r": word} for report in played_server.reports)

    publisher = Server(shipped_broker.inner, TWIN_USER, PASSWORD)
    publisher.start()
    board.vm.start()
    until(lambda: played_server.of_type("hello"))
    ask(3, "identify")
    until(lambda: answered(3, "done"))
    until(lambda: board.light.exists() and len(board.light.read_text().splitlines()) >= 6)  # it blinks
    board.vm.pulse(450)
    hellos = len(played_server.of_type("hello"))
    ask(4, "report")
    until(lambda: answered(4, "done") and told(played_server) == [1000])
    until(lambda: len(played_server.of_type("hello")) == hellos + 1)
    ask(5, "restart")
    until(lambda: answered(5, "done"))
    assert [fact["cause"] for fact in board.said("wake")] == ["power", "timer"]
    for number in (5, 4, 3):
        ask(number, "restart")  # the broker repeats
    ask(6, "dance")
    until(lambda: answered(6, "unknown"))
    publisher.say("d1", "desired", {"v": 1, "rev": 1, "now": 1_900_000_000})
    until(lambda: board.said("desired"))
    ask(7, "restart", until=1_900_000_000 - 60)
    until(lambda: answered(7, "late"))
    ask(8, "report")
    until(lambda: answered(8, "done"))
    assert len(board.said("wake")) == 2
    assert [fact["n"] for fact in board.said("command")] == [3, 4, 5, 6, 7, 8]
    publisher.stop()


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
