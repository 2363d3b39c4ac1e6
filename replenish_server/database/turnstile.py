"""Who writes next: SQLite has one writer at a time, and lets those who wait find out by sleeping and trying.

Within this process nobody has to guess, and what a person waits for goes first. It never decides for long:
after `_PATIENCE_S` a writer goes on to ask SQLite itself, which also knows of other processes.
"""

import sys
import threading
import time

_PATIENCE_S = 15.0
# How long a thread may keep the others from the interpreter while somebody waits whose way gives it away a
# hundred times (each statement of SQLite). Who computes meanwhile takes twice as long: this is for moments.
_SWIFT_S = 0.00002
_ASIDE_S = 0.03  # a reader waits no longer than this for what is on its way
_AGAIN_S = 0.3  # and no more often, nor any writer longer: where people press all the time, all others go on


class Turnstile:
    """Lets one writer in at a time; threads that called `hurry` before all others."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._urgent_waiting = 0
        self._way_made_until = 0.0
        self._swift, self._usual_s = False, sys.getswitchinterval()
        self._thread = threading.local()

    def hurry(self) -> None:
        """From now on this thread's writes go before those of others."""
        self._thread.urgent = True

    def make_way(self, seconds: float) -> None:
        """For this long no other thread begins to write, and those that read step aside: something urgent is
        on its way through several, which get the interpreter more quickly."""
        self._way_made_until = time.monotonic() + seconds
        if not self._swift:
            self._swift, usual_s = True, sys.getswitchinterval()
            if usual_s > 2 * _SWIFT_S:  # else another thread has just done this
                self._usual_s = usual_s
            sys.setswitchinterval(_SWIFT_S)

    def step_aside(self) -> None:
        """Called by whoever reads, before a statement: one in no hurry lets pass what is on its way, now and
        then."""
        if not self._swift or getattr(self._thread, "urgent", False):
            return
        moment = time.monotonic()
        left = self._way_made_until - moment
        if left <= 0:
            self._way_is_over()
        elif moment >= getattr(self._thread, "let_pass_again", 0.0):
            self._thread.let_pass_again = moment + _AGAIN_S
            time.sleep(min(left, _ASIDE_S))

    def _way_is_over(self) -> None:
        self._swift = False
        sys.setswitchinterval(self._usual_s)

    def way_made_s(self) -> float:
        """For how long that still holds, 0 or less when it does not; for a thread in a hurry that can wait
        now and then."""
        return self._way_made_until - time.monotonic()

    def enter(self) -> None:
        """Wait for one's turn."""
        urgent = getattr(self._thread, "urgent", False)
        came = time.monotonic()
        with self._changed:
            self._urgent_waiting += urgent
            while (wait_s := self._wait_s(urgent, came)) > 0:
                self._changed.wait(wait_s)
            self._urgent_waiting -= urgent
            self._inside += 1
            if self._swift and not urgent:
                self._way_is_over()

    def leave(self) -> None:
        """Let the next one in."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def _wait_s(self, urgent: bool, came: float) -> float:
        """How long to wait at most before looking again; 0 or less when it is one's turn."""
        moment = time.monotonic()
        if self._inside or (self._urgent_waiting and not urgent):
            return came + _PATIENCE_S - moment
        return 0.0 if urgent else min(self._way_made_until, came + _AGAIN_S) - moment
