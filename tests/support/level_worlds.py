"""Load cells in a home over months, with what truly was in the container: for judging the level tracker.

Three noise models of about the same width. The tracker was chosen on "white" and "memory" (noise that
remembers, heavy tails, a triangular swing that changes daily), seeds 100 to 107. "unseen" was written when
the tracker was finished and is only ever judged on, with other seeds: hours of double noise, a slow wander,
coarse steps, a swing with a steep flank.
"""

import math
import random
from dataclasses import dataclass, field

from firmware.core import config, level, reporting, tracker
from firmware.core.state import State

ZERO, COUNTS_PER_KG, CAPACITY_G = 84_000, 420_000, 2500
DAY_S = 86_400
_MATCH_S = 6 * 3600
VALUES = config.defaults("level", CAPACITY_G).values


@dataclass
class Tally:
    """What the tracker made of some worlds."""

    days: float = 0
    doses: int = 0
    found: int = 0
    false_doses: int = 0
    refills: int = 0
    found_refills: int = 0
    false_refills: int = 0
    wakes: int = 0
    reports: int = 0
    qualities: dict[str, int] = field(default_factory=dict)
    errors_g: list[float] = field(default_factory=list)

    def recall(self) -> float:
        return self.found / self.doses

    def false_per_year(self) -> float:
        return (self.false_doses + self.false_refills) * 365 / self.days

    def error_p95_g(self) -> float:
        ordered = sorted(self.errors_g)
        return ordered[int(len(ordered) * 0.95)]

    def share(self, quality: str) -> float:
        return self.qualities.get(quality, 0) / self.wakes


class World:
    """One container on one cell.

    Args:
        seed: everything follows from it.
        noise: 1, 2 or 4 times the usual noise of 1.5 g, within a burst and from burst to burst.
        swing_g: daily swing, peak to peak.
        model: "white", "memory" or "unseen".
    """

    def __init__(self, seed: int, noise: int, swing_g: float, model: str) -> None:
        self.rng = random.Random(f"{seed}-{noise}-{model}")
        self.sigma, self.swing_g, self.model = 1.5 * noise, swing_g, model
        self.true_g = 2400.0
        self.steps: list[tuple[int, float]] = []
        self._memory, self._loud = 0.0, 0
        self._creep: tuple[int, float] = (0, 0.0)
        self._busy_until = self._lifted_until = -1
        self._day, self._day_swing = -1, swing_g
        self._next_dose = self._when(0)
        self._next_lift = int(self.rng.expovariate(1 / (2 * DAY_S)))

    def advance(self, now_s: int) -> None:
        """Let doses, refills, lifts and the machine happen until now."""
        while self._next_dose <= now_s:
            at, dose = self._next_dose, self.rng.uniform(35, 90)
            if self.true_g < 250:
                self._step(at, 2400.0 - self.true_g)
            else:
                self._step(at, -dose)
                if self.rng.random() < 0.8:
                    self._busy_until = at + int(self.rng.uniform(2400, 7200))
            self._next_dose = self._when(at)
        if self._next_lift <= now_s:
            self._lifted_until = self._next_lift + int(self.rng.uniform(30, 900))
            self._next_lift += int(self.rng.expovariate(1 / (2 * DAY_S)))

    def burst(self, now_s: int) -> list[int]:
        """Twelve samples in counts."""
        base = self.true_g + self._slow_g(now_s)
        if self._lifted_until >= now_s:
            base = -180.0
        shake = 0.0
        if self._busy_until >= now_s:  # strong most of the time, faint between
            shake = 45.0 if self.rng.random() < 0.8 else 8.0
        grams = [base + self._white() + self.rng.uniform(-shake, shake) for _ in range(level.SAMPLES)]
        if self.rng.random() < 0.02:
            grams[self.rng.randrange(level.SAMPLES)] += 1600
        if self.model == "unseen":
            grams = [0.5 * round(2 * gram) for gram in grams]
        return [int(ZERO + gram * COUNTS_PER_KG / 1000) for gram in grams]

    def _when(self, after: int) -> int:
        return after + int(3 * 3600 + self.rng.expovariate(1 / (1.3 * DAY_S)))

    def _step(self, at: int, by_g: float) -> None:
        self.true_g += by_g
        self.steps.append((at, by_g))
        self._creep = (at, by_g)

    def _slow_g(self, now_s: int) -> float:
        at, by_g = self._creep
        creep = -0.002 * by_g * math.exp(-(now_s - at) / 2700) + 1.5 * math.sin(now_s / (40 * DAY_S))
        part = now_s % DAY_S / DAY_S
        if self.model == "unseen":
            return creep + self._unseen_g(part)
        if self.model == "white":
            return creep + self.swing_g / 2 * math.sin(2 * math.pi * part) + self.rng.gauss(0, self.sigma)
        if now_s // DAY_S != self._day:
            self._day, self._day_swing = now_s // DAY_S, self.swing_g * self.rng.uniform(0.6, 1.0)
        triangle = 4 * abs(part - 0.5) - 1
        self._memory = 0.6 * self._memory + self._white() * 0.8  # as wide as white noise of the same sigma
        return creep + self._day_swing / 2 * triangle + self._memory

    def _unseen_g(self, part: float) -> float:
        flank = part * 4 if part < 0.25 else (1 - part) * 4 / 3
        self._memory = 0.95 * self._memory + self.rng.gauss(0, 0.15 * self.sigma)
        if self.rng.random() < 0.01:
            self._loud = 8
        self._loud -= 1
        width = self.sigma * (2.0 if self._loud > 0 else 0.8)
        return self.swing_g * (flank - 0.5) + self._memory + self.rng.uniform(-1.7, 1.7) * width

    def _white(self) -> float:
        if self.model != "memory":
            return self.rng.gauss(0, self.sigma)
        # A mixture with heavy tails and the same standard deviation.
        wide = self.rng.random() < 0.1
        return self.rng.gauss(0, self.sigma * (2.2 if wide else 0.76))


def run(tally: Tally, world: World, days: int) -> None:
    """Play one board in one world, waking as the firmware's own policy says, and add what came of it."""
    state, now_s = State("00c0ffee"), 0
    seen: list[tuple[int, float]] = []
    while now_s < days * DAY_S:
        world.advance(now_s)
        burst = level.judge(world.burst(now_s), ZERO, COUNTS_PER_KG, CAPACITY_G)
        reading = tracker.track(state, burst, 1, now_s)
        reason = reporting.report_reason(state, reading, VALUES, now_s)
        reporting.note_reading(state, reading, VALUES, now_s, bool(reason))
        tally.wakes += 1
        tally.reports += 1 if reason else 0
        tally.qualities[reading.quality] = tally.qualities.get(reading.quality, 0) + 1
        if reading.grams is not None and reading.quality in ("ok", "coarse"):
            tally.errors_g.append(abs(reading.grams - world.true_g))
        if reading.step_mg:
            seen.append((now_s, reading.step_mg / 1000))
        now_s += reporting.next_measure_s(state, VALUES, now_s)
        if world.model != "white":
            now_s += world.rng.randrange(-60, 60)
    _match(tally, [step for step in world.steps if step[0] < days * DAY_S - _MATCH_S], seen)
    tally.days += days


def _match(tally: Tally, truth: list[tuple[int, float]], seen: list[tuple[int, float]]) -> None:
    """One step seen answers one true step of the same sign and about the same size, soon after it."""
    left = list(seen)
    for at, by_g in truth:
        answer = next(
            (one for one in left if 0 <= one[0] - at <= _MATCH_S and 0.5 < one[1] / by_g < 1.5), None
        )
        if answer:
            left.remove(answer)
        if by_g < 0:
            tally.doses += 1
            tally.found += 1 if answer else 0
        else:
            tally.refills += 1
            tally.found_refills += 1 if answer else 0
    tally.false_doses += sum(1 for _, by_g in left if by_g < 0)
    tally.false_refills += sum(1 for _, by_g in left if by_g > 0)


def score(seeds: range, noise: int, days: int, swing_g: float = 15.0, model: str = "white") -> Tally:
    """The tally over one world per seed."""
    tally = Tally()
    for seed in seeds:
        run(tally, World(seed, noise, swing_g, model), days)
    return tally
