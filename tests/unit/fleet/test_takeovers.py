"""Lines of the broker's log: two that take turns are told from one whose network fails."""

from replenish_server.fleet.takeovers import LASTED_S, MANY, WITHIN_S, Takeovers, out_of_memory

CAME = "1795720217: New client connected from 127.0.0.1:47389 as dev (p5, c1, k60, u'dev')."
THROWN = "1795720217: Client dev already connected, closing old connection."
LEFT = "1795720217: Client dev closed its connection."


def lines(*timed: tuple[float, str]) -> list[str | None]:
    """What is said of each line, read from second 0 on."""
    takeovers = Takeovers(0.0)
    return [takeovers.read(line, at_s) for at_s, line in timed]


def test_ping_pong_is_noticed_once_in_a_while_and_a_failing_network_is_not() -> None:
    """Twenty within ten minutes; the same a little slower is nothing."""
    fast = [(at * 2.0, line) for at in range(2 * MANY) for line in (THROWN, CAME)]
    assert [said for said in lines(*fast) if said] == ["dev", "dev"]
    slow_s = WITHIN_S / (MANY - 2)
    assert not any(lines(*((at * slow_s, line) for at in range(200) for line in (THROWN, CAME))))


def test_a_sleeper_that_each_time_ends_a_lasting_connection_is_two() -> None:
    """The third visit says it; short ones among themselves, or one that comes back to last, say nothing."""
    nights, visits, reboots = [], [], []
    for number in range(1, 5):
        at_s = number * 4000.0
        nights += [(at_s, THROWN), (at_s, CAME), (at_s + 3, LEFT), (at_s + 9, CAME)]
        visits += [(at_s, CAME), (at_s + 3, THROWN), (at_s + 3, CAME), (at_s + 5, LEFT)]
        reboots += [(at_s, THROWN), (at_s, CAME), (at_s + LASTED_S, LEFT), (at_s + LASTED_S + 1, CAME)]
    assert [at_s for (at_s, _), said in zip(nights, lines(*nights), strict=True) if said] == [12_003.0]
    assert not any(lines(*visits))
    assert not any(lines(*reboots))


def test_other_lines_say_nothing() -> None:
    """Whatever a client calls itself."""
    assert (
        lines((1, "Client dev has exceeded timeout, disconnecting."), (2, "x" * 9000), (3, "")) == [None] * 3
    )


def test_the_client_at_whose_packet_the_memory_ended_is_known() -> None:
    """As Mosquitto 2.0.11 says it, with its time and without; no other line is meant."""
    said = "Client level-9wtt3ypbkq disconnected due to out of memory."
    assert [out_of_memory(line) for line in (said, f"1795741457: {said}", LEFT, "")] == [
        "level-9wtt3ypbkq", "level-9wtt3ypbkq", None, None,
    ]  # fmt: skip
