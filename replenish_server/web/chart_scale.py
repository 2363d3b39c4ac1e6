"""The arithmetic of the chart: which span it shows, where a value falls, where the ticks stand.

It must never write markup, and every coordinate it returns is finite and inside the plot, whatever comes in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from replenish_server.web.views import ChartView, RunOut

_DAY_S: Final = 86_400.0
_WEEK_S: Final = 7 * _DAY_S
_HOUR_STEPS: Final = (1, 2, 3, 6, 12)
_DAY_STEPS: Final = (1, 2, 4, 7, 14, 28, 56, 112, 224, 365, 730, 1825, 3650, 7300, 18250, 36500)


@dataclass(frozen=True)
class Size:
    """One drawing's size and margins in user units, which are CSS pixels at full width."""

    name: str
    width: int
    height: int
    left: int
    right: int = 14
    top: int = 30
    bottom: int = 28


@dataclass(frozen=True)
class Scale:
    """Maps moments (Unix seconds) and levels (slot units) into a drawing; what lies outside is clamped."""

    size: Size
    start_s: float
    end_s: float
    top_level: int

    @property
    def floor(self) -> float:
        """The y of level zero."""
        return float(self.size.height - self.size.bottom)

    @property
    def edge(self) -> float:
        """The x of the right end."""
        return float(self.size.width - self.size.right)

    def x(self, at_s: float) -> float:
        """The x of a moment."""
        share = (at_s - self.start_s) / (self.end_s - self.start_s)
        return self.size.left + min(1.0, max(0.0, share)) * (self.edge - self.size.left)

    def y(self, level: float) -> float:
        """The y of a level."""
        share = min(1.0, max(0.0, level / self.top_level))
        return self.floor - share * (self.floor - self.size.top)


def fit(chart: ChartView, size: Size) -> Scale:
    """The scale that shows the whole past, and of the future as much as the past is long (a week at least).

    A run-out in half a year would otherwise press the past into a corner.
    """
    now = chart.now.timestamp()
    past = [at.timestamp() for at, _ in chart.points]
    past += [at.timestamp() for at, _ in chart.orders] + [at.timestamp() for at in chart.refills]
    start, end = min([now, *past]), max([now, *past])
    if chart.run_out is not None and chart.points:
        horizon = now + max(now - start, _WEEK_S)
        end = max(end, min(chart.run_out.latest.timestamp(), horizon))
    if end - start < 3600:
        start -= _DAY_S
    end += (end - start) * 0.02
    levels = [level for _, level in chart.points]
    top = max([1, chart.capacity or 0, chart.threshold or 0, *levels])
    return Scale(size, start, end, top)


def thin(points: Sequence[tuple[float, int]], scale: Scale) -> list[tuple[float, int]]:
    """At most four points per pixel column: its first, lowest, highest and last, so that no peak is lost.

    Args:
        points: (Unix seconds, level), oldest first.
        scale: the drawing they go into.
    """
    kept: list[tuple[float, int]] = []
    column: list[tuple[float, int]] = []
    at_column = None
    for point in points:
        here = int(scale.x(point[0]))
        if here != at_column:
            kept += _extremes(column)
            column, at_column = [], here
        column.append(point)
    return kept + _extremes(column)


def _extremes(column: list[tuple[float, int]]) -> list[tuple[float, int]]:
    if len(column) <= 2:
        return column
    low = min(range(len(column)), key=lambda i: column[i][1])
    high = max(range(len(column)), key=lambda i: column[i][1])
    return [column[i] for i in sorted({0, low, high, len(column) - 1})]


def fan(run_out: RunOut, scale: Scale, now_s: float, level: int) -> list[tuple[float, float]]:
    """The forecast's corners: from the level now to the early and the late run-out, cut at the right end.

    Returns:
        (Unix seconds, level) in drawing order.
    """
    early = max(now_s, run_out.earliest.timestamp())
    late = max(early, run_out.latest.timestamp())
    corners: list[tuple[float, float]] = [(now_s, float(level))]
    for at in (early, late):
        if at <= scale.end_s:
            corners.append((at, 0.0))
        else:
            if early <= scale.end_s:
                corners.append((scale.end_s, 0.0))
            corners.append((scale.end_s, falling(now_s, level, at, scale.end_s)))
    return corners


def falling(now_s: float, level: int, zero_s: float, at_s: float) -> float:
    """The level at `at_s` on the straight line from `level` now down to zero at `zero_s`."""
    return 0.0 if zero_s <= now_s else level * max(0.0, (zero_s - at_s) / (zero_s - now_s))


def level_ticks(top: int) -> list[int]:
    """Three to six round levels from zero up to the top."""
    step = 1
    while top / step > 5:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return list(range(0, top + 1, step))


def time_ticks(scale: Scale, tz: tzinfo, room: int) -> list[tuple[float, bool]]:
    """Round local moments as (Unix seconds, whether it is a whole day), `room` pixels apart or more."""
    count = max(1, int((scale.edge - scale.size.left) // room))
    span_s = scale.end_s - scale.start_s
    start = datetime.fromtimestamp(scale.start_s, tz)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    for hours in _HOUR_STEPS:
        if span_s / 3600 / hours <= count:
            return list(_inside(scale, _hours(midnight, hours)))
    days = next((d for d in _DAY_STEPS if span_s / _DAY_S / d <= count), _DAY_STEPS[-1])
    return list(_inside(scale, _days(midnight, days)))


def _hours(midnight: datetime, step: int) -> Iterator[datetime]:
    # Wall time: a zoned datetime plus a timedelta moves the clock on the wall, as a person reads it.
    for n in range(0, 24 * 60, step):
        yield midnight + timedelta(hours=n)


def _days(midnight: datetime, step: int) -> Iterator[datetime]:
    for n in range(0, 36_500, step):
        yield midnight + timedelta(days=n)


def _inside(scale: Scale, moments: Iterator[datetime]) -> Iterator[tuple[float, bool]]:
    for moment in moments:
        at = moment.timestamp()
        if at > scale.end_s:
            return
        if at >= scale.start_s:
            yield at, moment.hour == 0
