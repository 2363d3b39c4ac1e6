"""Commands: whatever comes how often, in whatever order, each number is done at most once."""

import json

from hypothesis import given
from hypothesis import strategies as st

from firmware.app.commands import SHOWN_MS, ServerCommands
from firmware.app.meter import Flow
from firmware.app.node import Node
from firmware.core import command
from tests.unit.firmware.fake_board import Bench
from tests.unit.firmware.test_toner import Silent


def order(number: int, verb: str, until: int = 2_000_000_000) -> bytes:
    return json.dumps({"v": 1, "n": number, "do": verb, "until": until}).encode()


def meter(bench: Bench) -> tuple[Node, ServerCommands]:
    """A start of the program."""
    node = bench.node()
    program = Flow(node, Silent(), bench.contact, bench.lamp)
    node.commands = orders = ServerCommands(node, program, bench.lamp)
    return node, orders


def reported(node: Node) -> object:
    return json.loads(node.report("")).get("cmd")


def test_it_shows_itself_for_ten_seconds_without_waiting() -> None:
    bench = Bench("flow")
    node, orders = meter(bench)
    assert reported(node) is None
    assert orders.take(order(1, "identify"), False)
    before = bench.clock.ms
    for _ in range(SHOWN_MS // 100 + 5):
        orders.turn()
        bench.clock.ms += 100
    assert bench.clock.ms == before + 100 * (SHOWN_MS // 100 + 5)
    assert bench.lamp.shown.count("on") >= 20
    assert bench.lamp.shown[-1] == "off"
    assert reported(node) == {"n": 1, "r": "done"}


def test_a_restart_is_answered_by_the_next_start_and_never_repeated() -> None:
    bench = Bench("flow")
    node, orders = meter(bench)
    assert not orders.take(order(7, "restart"), False)
    assert orders.restarts
    assert reported(node) is None
    node, orders = meter(bench)
    assert (node.state.stated, reported(node)) == (0, {"n": 7, "r": "done"})
    assert not orders.take(order(7, "restart"), False)
    assert not orders.restarts


def test_late_by_a_clock_that_was_just_set_and_by_no_other() -> None:
    bench = Bench("flow")
    node, orders = meter(bench)
    node.synchronise(1_900_000_000)
    assert orders.take(order(1, "restart", 1_899_999_999), False)
    assert (orders.restarts, reported(node)) == (False, {"n": 1, "r": "late"})
    bench.clock.ms += 1000 * 100_000
    orders.take(order(2, "restart", 1_899_999_999), False)
    assert orders.restarts


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from([*command.VERBS, "dance"]), st.booleans(), st.booleans())
    )
)
def test_each_number_is_taken_at_most_once(asked: list[tuple[int, str, bool, bool]]) -> None:
    """Repeated, out of order, retained, with starts in between."""
    bench = Bench("flow")
    node, orders = meter(bench)
    highest = 0
    for number, verb, retained, starts in asked:
        hellos = node.state.seq
        orders.take(order(number, verb), retained)
        fresh = not retained and number > highest
        assert (node.state.seq > hellos) == (fresh and verb == "report")
        highest = number if fresh else highest
        assert node.state.command == highest
        if starts:
            node, orders = meter(bench)
        assert orders.restarts == (orders.restarts and not starts)


@given(
    st.binary(max_size=80)
    | st.sampled_from([b"{}", b"[]", b'{"v":1}', b'{"v":2,"n":1,"do":"restart","until":1}'])
)
def test_what_is_no_command_does_nothing(content: bytes) -> None:
    bench = Bench("flow")
    node, orders = meter(bench)
    assert not orders.take(content, False)
    assert (node.state.command, orders.restarts) == (0, False)
