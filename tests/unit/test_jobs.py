"""Threads that are woken: one worker for what must not run twice, a crew where jobs may wait side by side."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from replenish_server.jobs import Crew, Postponed, Ticks, Worker

PATIENCE_S = 30.0
Job = Callable[[], None]


class Line:
    """Jobs that a crew finds, and what it did."""

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs, self.after = jobs, threading.Semaphore(0)
        self.looking = 0

    def look(self) -> Job | None:
        """The next one."""
        self.looking += 1
        assert self.looking == 1, "two look at once"
        job = self.jobs.pop(0) if self.jobs else None
        self.looking -= 1
        return job


@pytest.fixture
def line() -> Line:
    """Nothing to do."""
    return Line([])


@pytest.fixture
def crew(line: Line) -> Iterator[Crew]:
    """Two threads."""
    made = Crew("test", 2, line.look, line.after.release)
    made.start()
    yield made
    made.stop()


def test_a_job_that_waits_does_not_hold_up_the_next(crew: Crew, line: Line) -> None:
    """The first one found ends only when the second has been done."""
    second_done = threading.Event()
    line.jobs += [lambda: _wait(second_done), second_done.set]
    crew.wake()
    assert line.after.acquire(timeout=PATIENCE_S)
    assert line.after.acquire(timeout=PATIENCE_S)


def test_a_given_job_is_done_without_a_look(crew: Crew, line: Line) -> None:
    """And what became due meanwhile is looked for after it."""
    found = threading.Event()
    crew.give(lambda: line.jobs.append(found.set))
    _wait(found)


def test_a_job_that_fails_takes_no_thread_with_it(crew: Crew, line: Line) -> None:
    """As many fail as there are threads, and the next is still done."""
    for _ in range(4):
        crew.give(_fail)
    done = threading.Event()
    crew.give(done.set)
    _wait(done)


def test_a_crew_that_stops_does_what_is_in_its_line(line: Line) -> None:
    """Whoever gave a job need not ask what became of it."""
    done: list[int] = []
    crew = Crew("test", 2, line.look, lambda: None)
    for number in range(5):
        crew.give(lambda number=number: done.append(number))  # type: ignore[misc]
    crew.start()
    crew.stop()
    assert sorted(done) == list(range(5))


def _wait(event: threading.Event) -> None:
    assert event.wait(PATIENCE_S)


def _fail() -> None:
    raise RuntimeError("on purpose")


def test_a_clock_that_is_put_back_stops_no_tick() -> None:
    """The scheduler waits for a moment that, by the clock as it is now, is an hour away."""
    worked, ahead_s = threading.Semaphore(0), [3600.0]

    def work() -> int:
        worked.release()
        return 0

    ticks = Ticks([Worker("test", work)], [], lambda: time.time() + ahead_s[0])
    ticks.start()
    try:
        assert worked.acquire(timeout=PATIENCE_S)
        for job in ticks._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=1))
        while worked.acquire(timeout=1.5):  # what was on its way
            pass
        ahead_s[0] = 0.0
        assert worked.acquire(timeout=PATIENCE_S)
        assert worked.acquire(timeout=PATIENCE_S)
    finally:
        ticks.stop()


def test_what_is_postponed_is_done_at_the_end_and_at_the_latest_after_a_while() -> None:
    """A burst is stored first; a flood without end keeps no slot from being looked at."""
    busy, moment, done = True, 100.0, 0

    def work() -> int:
        nonlocal done
        done += 1
        return 1

    postponed = Postponed(work, lambda: busy, 10.0, lambda: moment)
    assert [postponed() for _ in range(3)] == [0, 0, 0]
    busy = False
    assert postponed() == 1
    busy = True
    assert postponed() == 0
    moment += 9.9
    assert postponed() == 0
    moment += 0.1
    assert postponed() == 1
    assert postponed() == 0, "it may wait again"
    assert done == 2
