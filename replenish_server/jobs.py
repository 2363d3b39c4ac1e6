"""Ticks only: APScheduler wakes workers, and what is due is always a row, never a job (docs/adr/0004)."""

import logging
import threading
from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger(__name__)

_TICK_S = 1.0
_SELDOM_S = 3600.0


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
        self._thread.join(timeout=15)

    def _run(self) -> None:
        self._first()
        while True:
            self._wanted.wait()
            if self._stopping:
                return
            self._wanted.clear()
            try:
                moved = self._work()
            except Exception:
                log.exception("action=worker_failed worker=%s", self.name)
                continue
            if moved and self._then is not None:
                self._then()


class Ticks:
    """Wakes the workers every second, so that what became due by time alone is seen.

    Args:
        workers: whom to wake.
        seldom: whom to wake only every hour.
    """

    def __init__(self, workers: list[Worker], seldom: list[Worker]) -> None:
        self._workers = [*workers, *seldom]
        # In memory, one process, no job store: a tick that was missed is made good by the next one.
        self._scheduler = BackgroundScheduler(timezone="UTC")
        for worker in self._workers:
            self._scheduler.add_job(
                worker.wake,
                "interval",
                seconds=_SELDOM_S if worker in seldom else _TICK_S,
                coalesce=True,
                misfire_grace_time=None,
                name=worker.name,
            )

    def start(self) -> None:
        """Start workers, then ticks."""
        for worker in self._workers:
            worker.start()
            worker.wake()
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticks, then workers."""
        self._scheduler.shutdown(wait=False)
        for worker in self._workers:
            worker.stop()
