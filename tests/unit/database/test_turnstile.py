"""Who writes next: one at a time, the urgent first, and nobody for ever."""

import sys
import threading
import time
from collections.abc import Callable

from replenish_server.database.turnstile import Turnstile


def thread(work: Callable[[], None]) -> threading.Thread:
    """A thread that has begun."""
    made = threading.Thread(target=work, daemon=True)
    made.start()
    return made


def test_one_at_a_time_and_the_urgent_first() -> None:
    """Ten that came before the urgent one go after it; no two are ever inside together."""
    turnstile, order, inside = Turnstile(), list[str](), list[int]()

    def write(name: str) -> None:
        if name == "urgent":
            turnstile.hurry()
        turnstile.enter()
        inside.append(1)
        assert len(inside) == 1
        order.append(name)
        inside.pop()
        turnstile.leave()

    turnstile.enter()
    waiting = [thread(lambda n=number: write(f"later {n}")) for number in range(10)]  # type: ignore[misc]
    time.sleep(0.1)
    waiting.append(thread(lambda: write("urgent")))
    time.sleep(0.1)
    assert order == []
    turnstile.leave()
    for each in waiting:
        each.join(20)
    assert len(order) == 11
    assert order[0] == "urgent"


def test_way_is_made_for_the_urgent_alone_and_not_for_ever() -> None:
    """An ordinary writer waits until the time is over; an urgent one walks through."""
    turnstile, passed = Turnstile(), threading.Event()

    def write() -> None:
        turnstile.enter()
        turnstile.leave()
        passed.set()

    turnstile.make_way(600.0)
    ordinary = thread(write)
    assert not passed.wait(0.1)

    def hurry() -> None:
        turnstile.hurry()
        turnstile.enter()
        turnstile.make_way(0.0)
        turnstile.leave()

    thread(hurry).join(20)
    ordinary.join(20)
    assert passed.is_set()


def test_presses_without_end_stop_nobody() -> None:
    """Way is made all the time: an ordinary writer goes in between, a reader waits for one of many."""
    turnstile, written, over = Turnstile(), threading.Event(), threading.Event()

    def press() -> None:
        while not over.is_set():
            turnstile.make_way(600.0)
            time.sleep(0.001)

    def write() -> None:
        turnstile.enter()
        turnstile.leave()
        written.set()

    slept = list[float]()

    def read() -> None:
        for _ in range(100):
            began = time.monotonic()
            turnstile.step_aside()
            slept.append(time.monotonic() - began)

    presses = thread(press)
    thread(read).join(20)
    thread(write).join(10)  # `_PATIENCE_S` would be more
    over.set()
    presses.join(20)
    turnstile.make_way(0.0)
    turnstile.step_aside()
    assert written.is_set()
    assert sum(each > 0.02 for each in slept) < 20


def test_a_reader_steps_aside_once_and_the_urgent_do_not() -> None:
    """For a moment, however long the way is; threads take turns more often until somebody finds it over."""
    turnstile, usual = Turnstile(), sys.getswitchinterval()
    turnstile.step_aside()
    assert sys.getswitchinterval() == usual
    turnstile.make_way(600.0)
    assert sys.getswitchinterval() < 0.0002
    waits = list[float]()

    def read(urgent: bool) -> None:
        if urgent:
            turnstile.hurry()
        for _ in range(2):
            began = time.monotonic()
            turnstile.step_aside()
            waits.append(time.monotonic() - began)

    thread(lambda: read(urgent=False)).join(20)
    thread(lambda: read(urgent=True)).join(20)
    assert waits[0] > 0.02
    assert sys.getswitchinterval() < 0.0002
    turnstile.make_way(0.0)
    turnstile.step_aside()
    assert sys.getswitchinterval() == usual
