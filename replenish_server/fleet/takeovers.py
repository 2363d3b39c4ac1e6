"""PURE: who is thrown off the broker by whom, read from its log: a copied credential that only listens.

Two that hold one credential have one client id, so each ends the other's connection. A device by itself does
that now and then, after its network failed; it never does so again and again, and one that sleeps between
short visits never finds a connection of its own that lasted. Source: docs/fleet.md (a copied credential).
"""

import re
from collections import deque
from dataclasses import dataclass, field

MANY = 20
WITHIN_S = 600.0
"""So many times in so many seconds is no network that fails."""

LASTED_S = 600.0
VISITS = 3
"""Short visits that each ended a connection which had lasted."""

_KEPT = 100_000
_LINE = re.compile(
    r"(?:\d+: )?(?:New client connected from \S+ as (?P<came>\S+) \(|"
    r"Client (?P<thrown>\S+) already connected, closing old connection|"
    r"Client (?P<left>\S+) (?:closed its connection|disconnected)\b)"
)
_OUT_OF_MEMORY = re.compile(r"(?:\d+: )?Client (\S+) disconnected due to out of memory")


def out_of_memory(line: str) -> str | None:
    """The client id at whose packet the broker would have needed more memory than it may; None otherwise."""
    found = _OUT_OF_MEMORY.match(line)
    return None if found is None else found[1]


@dataclass
class _Seen:
    """What is known of one client id; moments are seconds of a clock that only grows."""

    since_s: float | None
    thrown_s: deque[float] = field(default_factory=lambda: deque(maxlen=MANY))
    ended_a_long_one: bool = False
    visits: int = 0


class Takeovers:
    """Remembers connections, and says when two take turns.

    Args:
        began_s: since when the log was read; what was connected before has lasted since then at least.
    """

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._seen: dict[str, _Seen] = {}

    def read(self, line: str, now_s: float) -> str | None:
        """Take in a line of the broker's log; the client id under which two now take turns, or None."""
        found = _LINE.match(line)
        if found is None:
            return None
        client_id = str(found[found.lastgroup or 0])
        seen = self._seen.get(client_id)
        if seen is None:
            if len(self._seen) >= _KEPT:
                self._seen.clear()
            seen = self._seen[client_id] = _Seen(self._began_s)
        if found["thrown"]:
            return client_id if self._thrown(seen, now_s) else None
        if found["came"]:
            seen.since_s = now_s
            return None
        return client_id if self._left(seen, now_s) else None

    def _thrown(self, seen: _Seen, now_s: float) -> bool:
        lasted_s = 0.0 if seen.since_s is None else now_s - seen.since_s
        seen.ended_a_long_one = lasted_s >= LASTED_S
        seen.thrown_s.append(now_s)
        if len(seen.thrown_s) < MANY or now_s - seen.thrown_s[0] > WITHIN_S:
            return False
        seen.thrown_s.clear()
        return True

    def _left(self, seen: _Seen, now_s: float) -> bool:
        """A connection that its owner closed; was it a short visit upon a long one?"""
        short = seen.since_s is not None and now_s - seen.since_s < LASTED_S
        seen.visits += short and seen.ended_a_long_one
        seen.since_s, seen.ended_a_long_one = None, False
        if seen.visits < VISITS:
            return False
        seen.visits = 0
        return True
