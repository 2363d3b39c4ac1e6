"""Who writes next: SQLite has one writer at a time, and lets those who wait find out by sleeping and trying.

Within this process nobody has to guess, and what a person waits for goes first. It never decides for long:
after `_PATIENCE_S` a writer goes on to ask SQLite itself, which also knows of other processes.
"""

import threading
import time

_PATIENCE_S = 15.0


class Turnstile:
    """Lets one writer in at a time; threads that called `hurry` before all others."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._urgent_waiting = 0
        self._way_made_until = 0.0
        self._thread = threading.local()

    def hurry(self) -> None:
        """From now on this thread's writes go before those of others."""
        self._thread.urgent = True

    def make_way(self, seconds: float) -> None:
        """For this long no other thread begins to write: something urgent is on its way through several."""
        self._way_made_until = time.monotonic() + seconds

    def way_made_s(self) -> float:
        """For how long that still holds, 0 or less when it does not; for a thread in a hurry that can wait
        now and then."""
        return self._way_made_until - time.monotonic()

    def enter(self) -> None:
        """Wait for one's turn."""
        urgent = getattr(self._thread, "urgent", False)
        deadline = time.monotonic() + _PATIENCE_S
        with self._changed:
            self._urgent_waiting += urgent
            while (wait_s := self._wait_s(urgent, deadline)) > 0:
                self._changed.wait(wait_s)
            self._urgent_waiting -= urgent
            self._inside += 1

    def leave(self) -> None:
        """Let the next one in."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def _wait_s(self, urgent: bool, deadline: float) -> float:
        """How long to wait at most before looking again; 0 or less when it is one's turn."""
        moment = time.monotonic()
        if self._inside or (self._urgent_waiting and not urgent):
            return deadline - moment
        return 0.0 if urgent else min(self._way_made_until, deadline) - moment
