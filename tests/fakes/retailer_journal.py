"""The step journal in memory: what `DatabaseJournal` keeps, without a database."""

from collections.abc import Callable
from datetime import datetime

from replenish_server.retailers.port import JournalClosed, StoredCall


class MemoryJournal:
    """Implements `retailers.port.Journal`.

    Args:
        now: the clock of `prepared_at`.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.calls: dict[str, StoredCall] = {}
        self.closed = False

    def find(self, step: str) -> StoredCall | None:
        """The stored call of this step, or None."""
        return self.calls.get(step)

    def prepare(self, step: str, method: str, url: str, body: bytes | Callable[[str], bytes]) -> StoredCall:
        """Store a call with a fresh key, unless the step has one."""
        if step not in self.calls:
            if self.closed:
                raise JournalClosed("closed by the test")
            key = f"key-{len(self.calls)}-{step}"
            content = body if isinstance(body, bytes) else body(key)
            self.calls[step] = StoredCall(key, method, url, content, self._now(), None, None)
        return self.calls[step]

    def hold(self) -> None:
        """Nobody takes over here, unless the test closed it."""
        if self.closed:
            raise JournalClosed("closed by the test")

    def answered(self, step: str, status: int, answer: bytes) -> None:
        """Store the answer of a step; the first answer stays."""
        if self.closed:
            raise JournalClosed("closed by the test")
        call = self.calls.get(step)
        if call is not None and call.status is None:
            self.calls[step] = StoredCall(
                call.key, call.method, call.url, call.body, call.prepared_at, status, answer
            )
