"""One accelerated clock that every simulated part reads from the same three numbers."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class SimClock:
    """Simulated time as a straight line over the machine's own clock.

    Args:
        origin_s: simulated Unix time, in seconds, at the moment `wall_start_s`.
        wall_start_s: Unix time of this machine, in seconds, when the simulation began.
        speed: simulated seconds that pass in one real second; 1.0 is real time.
    """

    origin_s: float
    wall_start_s: float
    speed: float

    @classmethod
    def started_now(cls, speed: float, origin: datetime | None = None) -> "SimClock":
        """A clock that reads `origin` (default: the real time) now and runs at `speed` from here."""
        wall_s = time.time()
        return cls(origin.timestamp() if origin else wall_s, wall_s, speed)

    @classmethod
    def parse(cls, text: str) -> "SimClock":
        """Read what `str()` wrote: "origin,wall_start,speed". Raises ValueError on anything else."""
        parts = text.split(",")
        if len(parts) != 3:
            raise ValueError(f"a simulated clock is 'origin,wall_start,speed' in seconds, not {text!r}")
        return cls(float(parts[0]), float(parts[1]), float(parts[2]))

    def __str__(self) -> str:
        return f"{self.origin_s!r},{self.wall_start_s!r},{self.speed!r}"

    def now_s(self) -> float:
        """Simulated Unix time in seconds."""
        return self.origin_s + (time.time() - self.wall_start_s) * self.speed

    def now(self) -> datetime:
        """Simulated time, aware, in UTC."""
        return datetime.fromtimestamp(self.now_s(), UTC)

    def real_s(self, simulated_s: float) -> float:
        """How many real seconds `simulated_s` simulated seconds take."""
        return simulated_s / self.speed
