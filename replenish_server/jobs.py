"""Ticks only: APScheduler wakes workers, and what is due is always a row, never a job (docs/adr/0004)."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Protocol

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from replenish_server.failures import log_failure

log = logging.getLogger(__name__)

_TICK_S = 1.0
_SELDOM_S = 3600.0
_STOP_S = 15.0  # what is still in hand then ends with the process; a crash would have ended it, too


class Worker:
    """A thread that works whenever it is woken, and never twice at once.

    Args:
        name: for logs.
        work: does all that is due; an exception is logged and the next tick tries again.
        then: called after work that moved something, to wake whoever comes next.
        first: called once in the worker's own thread.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], int],
        then: Callable[[], None] | None = None,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        self._first = first
        self.name = name
        self._work = work
        self._then = then
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Work soon; returns at once."""
        self._wanted.set()

    def stop(self) -> None:
        """Finish what is in hand and end."""
        self._stopping = True
        self._wanted.set()
        self._thread.join(timeout=_STOP_S)

    def _run(self) -> None:
        self._first()
        while True:
            self._wanted.wait()
            self._wanted.clear()  # before the look: a stop in between is seen now, or wakes once more
            if self._stopping:
                return
            try:
                moved = self._work()
            except Exception as error:  # noqa: BLE001 - told, and the worker goes on
                log_failure(log, error, "action=worker_failed worker=%s", self.name)
                continue
            if moved and self._then is not None:
                self._then()


class Postponed:
    """Work for a `Worker` that lets something else go on first, but not for ever.

    Args:
        work: does all that is due.
        busy: whether something else goes on that this would slow down, and that makes more of it due.
        at_most_s: after this long it is done all the same, once; then it may wait again.
        now: seconds that only rise.
    """

    def __init__(
        self,
        work: Callable[[], int],
        busy: Callable[[], bool],
        at_most_s: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work, self._busy, self._at_most_s, self._now = work, busy, at_most_s, now
        self._since: float | None = None

    def __call__(self) -> int:
        """Do it, or nothing yet; the tick asks again."""
        if self._busy():
            moment = self._now()
            self._since = moment if self._since is None else self._since
            if moment - self._since < self._at_most_s:
                return 0
        self._since = None
        return self._work()


Job = Callable[[], None]


class Crew:
    """Several threads that share one line of work, so that a slow job does not hold up the next.

    Args:
        name: for logs.
        size: how many threads.
        look: finds one job that is due; None when there is none. It is never called by two at once.
        then: called after each job, to wake whoever comes next.
        first: called once in each thread.
    """

    def __init__(
        self,
        name: str,
        size: int,
        look: Callable[[], Job | None],
        then: Callable[[], None],
        first: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._look, self._then, self._first = look, then, first
        self._line: SimpleQueue[Job | None] = SimpleQueue()  # None: look for one
        self._looking = threading.Lock()
        self._look_is_wanted = False
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(size)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for work soon; returns at once."""
        if not self._look_is_wanted:
            self._look_is_wanted = True
            self._line.put(None)

    def give(self, job: Job) -> None:
        """Have a job done that was found elsewhere; returns at once."""
        self._line.put(job)

    def stop(self) -> None:
        """Finish what is in the line and end."""
        self._stopping = True
        for _ in self._threads:
            self._line.put(None)
        give_up_s = time.monotonic() + _STOP_S
        for thread in self._threads:
            thread.join(timeout=max(0.0, give_up_s - time.monotonic()))

    def _run(self) -> None:
        self._first()
        while True:
            job = self._line.get()
            if job is None and self._stopping:
                return
            try:
                job = job or self._found()
                if job is None:
                    continue
                job()
            except Exception as error:  # noqa: BLE001 - told, and the worker goes on
                log_failure(log, error, "action=worker_failed worker=%s", self.name)
                continue
            self.wake()  # what waited for this one to end
            self._then()

    def _found(self) -> Job | None:
        with self._looking:
            self._look_is_wanted = False
            job = self._look()
        if job is not None:
            self.wake()  # the next of us looks on while this one works
        return job


class Wakeable(Protocol):
    """A worker, or a crew of them."""

    name: str

    def start(self) -> None:
        """Start the threads."""

    def wake(self) -> None:
        """Work soon; returns at once."""

    def stop(self) -> None:
        """Finish what is in hand and end."""


class Ticks:
    """Wakes the workers every second, so that what became due by time alone is seen.

    Args:
        workers: whom to wake.
        seldom: whom to wake only every hour.
        wall_s: Unix seconds by the machine's clock.
    """

    def __init__(
        self,
        workers: Sequence[Wakeable],
        seldom: Sequence[Wakeable],
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._workers = [*workers, *seldom]
        self._wall_s = wall_s
        self._ended = threading.Event()
        # In memory, one process, no job store: a tick that was missed is made good by the next one.
        # Waking takes no time, so one thread does it for all; the pool of the library would keep ten.
        self._scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(1)})
        for name, woken, seconds in (("often", workers, _TICK_S), ("seldom", seldom, _SELDOM_S)):
            self._scheduler.add_job(
                _wake_all,
                "interval",
                args=[woken],
                seconds=seconds,
                coalesce=True,
                misfire_grace_time=None,
                name=name,
            )

    def start(self) -> None:
        """Start workers, then ticks."""
        for worker in self._workers:
            worker.start()
            worker.wake()
        self._scheduler.start()
        threading.Thread(target=self._watch_clock, name="clock", daemon=True).start()

    def _watch_clock(self) -> None:
        """Begin the ticks anew after the clock was put back: the scheduler would wait for its old time."""
        before_s = self._wall_s() - time.monotonic()
        while not self._ended.wait(_TICK_S):
            ahead_s = self._wall_s() - time.monotonic()
            if ahead_s < before_s - _TICK_S:
                log.warning("action=clock_put_back seconds=%.0f", before_s - ahead_s)
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))
            before_s = ahead_s

    def stop(self) -> None:
        """Stop ticks, then workers."""
        self._ended.set()
        self._scheduler.shutdown(wait=False)
        for worker in self._workers:
            worker.stop()


def _wake_all(workers: Sequence[Wakeable]) -> None:
    for worker in workers:
        worker.wake()
