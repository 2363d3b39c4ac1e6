"""PURE: from totals since power-on (flow, pages) to what was used, and what remains of a pack or filter.

A total is not a difference: whatever is lost on the way comes with the next one. A new boot counts from
nothing, and so does a counter that falls within a boot; use is never negative. What remains is told as level
readings, so that a slot which counts flows through the same grid and forecast as one that weighs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from replenish_server.inventory.events import DAY, Consumption, Refill, daily_use
from replenish_server.inventory.levels import LevelHistory, LevelSample
from replenish_server.inventory.sequence import in_order


@dataclass(frozen=True)
class TotalSample:
    """One reading of a total.

    Args:
        at: when the device counted, aware UTC.
        boot: boot id, which the device draws at power-on.
        seq: sequence within the boot.
        total: base units used since the boot began; None when the device could not tell. A boot's very first
            record, a `hello` with sequence 0, is a total of 0.
        good: quality `ok` and not late.
        retained: whether it came as a retained copy, whose age nobody knows.
    """

    at: datetime
    boot: str
    seq: int
    total: int | None
    good: bool
    retained: bool = False


@dataclass(frozen=True)
class Reset:
    """A moment from which on it is known what was there.

    Args:
        at: when, aware UTC.
        remaining: base units that were there then.
        refilled: whether stock came in; False where a person only said what was there.
        after: (boot, sequence) of the record just before it, where the device reported it by itself: a total
            that was sent there was counted before the reset, whatever the clocks say.
    """

    at: datetime
    remaining: int
    refilled: bool = True
    after: tuple[str, int] | None = None


@dataclass(frozen=True)
class TotalHistory:
    """What the totals say.

    Args:
        uses: consumption, in the order in which it was counted.
        remaining: one sample per reading, as `levels.read_levels` and `grid.LevelGrid` take them; its level
            is None before the first reset, because nobody knows what was there.
        refills: resets that brought stock, oldest first.
        counted_from: when the first total was read; what was used before is not known by time; or None.
        counted_to: when the newest was read; None without any.
    """

    uses: tuple[Consumption, ...]
    remaining: tuple[LevelSample, ...]
    refills: tuple[Refill, ...]
    counted_from: datetime | None = None
    counted_to: datetime | None = None


def read_totals(samples: Iterable[TotalSample], resets: Iterable[Reset], capacity: int) -> TotalHistory:
    """Read a history of totals.

    Args:
        samples: readings in any order, with or without duplicates.
        resets: refills that the device or a person reported, and corrections, in any order.
        capacity: base units of a full pack or filter, positive.
    """
    ordered = in_order(sample for sample in samples if not sample.retained)
    counted = _without_glitches([s for s in ordered if s.good and s.total is not None], capacity)
    known = sorted(set(resets), key=lambda reset: (reset.at, reset.refilled, reset.remaining))
    uses: list[Consumption] = []
    steps = {(step.boot, step.seq): step for step in _increments(counted)}
    in_sequence = {reset.after: reset for reset in known if reset.after in steps}
    left = _Remaining([reset for reset in known if reset.after not in in_sequence])
    remaining: list[LevelSample] = []
    for sample in ordered:
        step = steps.get((sample.boot, sample.seq))
        if step is None:
            remaining.append(LevelSample(sample.at, sample.boot, sample.seq, None, good=False))
            continue
        if step.amount > 0:
            uses.append(Consumption(step.since, step.at, step.amount))
        level = left.after(step)
        reset = in_sequence.get((sample.boot, sample.seq))
        if reset is not None:
            level = left.left = reset.remaining
        remaining.append(
            LevelSample(sample.at, sample.boot, sample.seq, level, level is not None, exact=True)
        )
    refills = tuple(Refill(reset.at, reset.remaining) for reset in known if reset.refilled)
    moments = [step.at for step in steps.values()]
    return TotalHistory(
        uses=tuple(uses),
        remaining=tuple(remaining),
        refills=refills,
        counted_from=min(moments, default=None),
        counted_to=max(moments, default=None),
    )


def as_levels(history: TotalHistory, since: datetime, days: int = 84) -> LevelHistory:
    """What the totals say, as a history of levels: exact, so nothing in it is drift.

    Args:
        history: from `read_totals`.
        since: what was counted before is left out.
        days: how many days of daily use to return.
    """
    good = [(s.at, s.level) for s in history.remaining if s.level is not None and s.at >= since]
    trailing: list[tuple[datetime, int]] = []
    for sample in reversed(history.remaining):
        if sample.level is None or sample.at < since:
            break
        trailing.append((sample.at, sample.level))
    begin, end = history.counted_from, history.counted_to
    covered = 0 if begin is None or end is None else min(days, (end - max(begin, since)) // DAY)
    return LevelHistory(
        level=good[-1][1] if good else None,
        as_of=max((at for at, _ in good), default=None),
        points=tuple(good),
        refills=tuple(refill for refill in history.refills if refill.at >= since),
        daily_use=daily_use(history.uses, end, covered) if end is not None and covered > 0 else (),
        trailing=tuple(reversed(trailing)),
        uses=tuple(use for use in history.uses if use.at >= since),
    )


@dataclass(frozen=True)
class _Increment:
    """What a reading adds to the one before: `amount` base units, used between `since` and `at`."""

    boot: str
    seq: int
    since: datetime | None
    at: datetime
    amount: int


class _Remaining:
    """What is left, reading by reading; a reset takes effect at the first reading not before it."""

    def __init__(self, resets: Sequence[Reset]) -> None:
        self.coming = list(reversed(resets))
        self.left: int | None = None

    def after(self, step: _Increment) -> int | None:
        """What is left at the end of a step, not under 0; None while nobody knows."""
        reset = None
        while self.coming and self.coming[-1].at <= step.at:
            reset = self.coming.pop()
        if reset is not None:
            self.left = reset.remaining - _since(reset.at, step)
        elif self.left is not None:
            self.left -= step.amount
        return None if self.left is None else max(0, self.left)


def _since(moment: datetime, step: _Increment) -> int:
    """How much of a step was used after a moment, if it was used evenly.

    A boot's first record counts from nothing. A later one with nothing known before it may hold years of use,
    of which nobody can say how much came after the moment; the next reading counts.
    """
    if step.since is None and step.seq > 0:
        return 0
    if step.since is None or moment <= step.since:
        return step.amount
    return round(step.amount * ((step.at - moment) / (step.at - step.since)))


def _increments(counted: Sequence[TotalSample]) -> list[_Increment]:
    """What each reading adds, in order."""
    made: list[_Increment] = []
    before: TotalSample | None = None
    for sample in counted:
        total = sample.total or 0
        if before is None or before.boot != sample.boot or total < (before.total or 0):
            amount = total  # counted from nothing
        else:
            amount = total - (before.total or 0)
        since = min(before.at, sample.at) if before is not None else None
        made.append(_Increment(sample.boot, sample.seq, since, sample.at, amount))
        before = sample
    return made


def _without_glitches(counted: Sequence[TotalSample], capacity: int) -> list[TotalSample]:
    """Leave out a total that the next one of its boot takes back.

    A fall that the next total makes good at once is no reset: the device would have had to use all its former
    total in between. A rise by more than half a container that is gone at the next total is a bit that fell
    over; a smaller one may be a true count before a true reset.
    """
    kept: list[TotalSample] = []
    for i, sample in enumerate(counted):
        after = counted[i + 1] if i + 1 < len(counted) else None
        same_boot = bool(kept) and after is not None and kept[-1].boot == sample.boot == after.boot
        if same_boot and after is not None:
            low, here, high = kept[-1].total or 0, sample.total or 0, after.total or 0
            dipped = here < low <= high
            leapt = low <= high < here and here - low > capacity // 2
            if dipped or leapt:
                continue
        kept.append(sample)
    return kept
