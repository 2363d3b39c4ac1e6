"""The one place where the server reads the time. Rules never read it: `now` is an argument."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the composition root hands to everything that must know the time."""

    @property
    def speed(self) -> float:
        """Seconds of this clock in one real second."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


@dataclass(frozen=True)
class SystemClock:
    """The machine's own clock."""

    speed: float = 1.0

    def now(self) -> datetime:
        """The machine's time, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class AcceleratedClock:
    """A straight line over the machine's clock, for simulated households (see `replenish demo`).

    Args:
        origin_s: simulated Unix seconds at the moment `wall_start_s`.
        wall_start_s: real Unix seconds when the simulation began.
        speed: simulated seconds per real second.
    """

    origin_s: float
    wall_start_s: float
    speed: float

    def now(self) -> datetime:
        """The simulated time, aware, in UTC."""
        return datetime.fromtimestamp(self.origin_s + (time.time() - self.wall_start_s) * self.speed, UTC)


def parse_clock(text: str) -> Clock:
    """A clock from its setting: "system", or "origin,wall_start,speed" in seconds.

    Raises:
        ValueError: the text is neither.
    """
    if text == "system":
        return SystemClock()
    parts = text.split(",")
    if len(parts) != 3:
        raise ValueError(f"REPLENISH_CLOCK must be 'system' or 'origin,wall_start,speed', not {text!r}")
    origin_s, wall_start_s, speed = (float(part) for part in parts)
    return AcceleratedClock(origin_s, wall_start_s, speed)
