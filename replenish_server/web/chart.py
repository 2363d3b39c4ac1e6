"""The level over time as inline SVG, drawn on the server; and the same as a sentence and as a table.

Colours live in the style sheet (classes only), so that the chart follows light and dark. It must never put a
number into the drawing that is not inside the view box, nor text that is not escaped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markupsafe import Markup, escape

from replenish_server.web import chart_scale as scales
from replenish_server.web.formats import Formatter
from replenish_server.web.phrases import translate
from replenish_server.web.views import ChartView, Unit

WIDE: Final = scales.Size("wide", width=720, height=300, left=58)
NARROW: Final = scales.Size("narrow", width=340, height=250, left=50)
# A battery device reports at least daily; a longer silence is drawn as one, never as a measured line.
_SILENCE_S: Final = 25 * 3600.0
_TABLE_DAYS: Final = 31


@dataclass(frozen=True)
class DayRow:
    """One day of the table: lowest and highest level, and the marks, all as text."""

    day: str
    lowest: str
    highest: str
    events: str


def draw(chart: ChartView, unit: Unit, fmt: Formatter, size: scales.Size) -> Markup:
    """The chart as one `<svg>` of that size, with title and description for those who cannot see it."""
    scale = scales.fit(chart, size)
    points = sorted((at.timestamp(), level) for at, level in chart.points)
    name = f"chart-{size.name}"
    parts = [
        f'<svg class="chart {name}" viewBox="0 0 {size.width} {size.height}" role="img"',
        f' aria-labelledby="{name}-title {name}-desc" xmlns="http://www.w3.org/2000/svg">',
        f'<title id="{name}-title">{escape(translate(fmt.lang, "chart.title"))}</title>',
        f'<desc id="{name}-desc">{escape(describe(chart, unit, fmt))}</desc>',
        *_axes(scale, unit, fmt),
        *_forecast(chart, scale, points),
        *_threshold(chart, scale),
        *_line(points, scale),
        *_marks(chart, scale, fmt),
        "</svg>",
    ]
    return Markup("").join(Markup(part) for part in parts)  # noqa: S704 - every inserted text is escaped


def _axes(scale: scales.Scale, unit: Unit, fmt: Formatter) -> Iterator[str]:
    left, edge = scale.size.left, scale.edge
    for level in scales.level_ticks(scale.top_level):
        y = scale.y(level)
        yield f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{edge:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{level:,}</text>'
    word = escape(translate(fmt.lang, f"form.unit.{unit}"))
    yield f'<text class="tick" x="0" y="{scale.size.top - 19}">{word}</text>'
    y = scale.floor + 19
    for at_s, whole_day in scales.time_ticks(scale, fmt.tz, room=68):
        x = scale.x(at_s)
        if left + 8 <= x <= edge - 22:
            moment = fmt.now.fromtimestamp(at_s, fmt.tz)
            label = fmt.short_date(moment) if whole_day else fmt.clock(moment)
            yield f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(label)}</text>'


def _forecast(chart: ChartView, scale: scales.Scale, points: list[tuple[float, int]]) -> Iterator[str]:
    if chart.run_out is None or not points:
        return
    now_s = max(chart.now.timestamp(), points[-1][0])
    level = points[-1][1]
    corners = scales.fan(chart.run_out, scale, now_s, level)
    yield f'<polygon class="fan" points="{_pairs(corners, scale)}"/>'
    median = max(now_s, chart.run_out.median.timestamp())
    end = min(median, scale.end_s)
    ray = [(now_s, float(level)), (end, scales.falling(now_s, level, median, end))]
    yield f'<polyline class="median" points="{_pairs(ray, scale)}"/>'


def _threshold(chart: ChartView, scale: scales.Scale) -> Iterator[str]:
    if chart.threshold is not None:
        y, left = scale.y(chart.threshold), scale.size.left
        yield f'<line class="threshold" x1="{left}" y1="{y:.1f}" x2="{scale.edge:.1f}" y2="{y:.1f}"/>'


def _line(points: list[tuple[float, int]], scale: scales.Scale) -> Iterator[str]:
    silence_s = _silence_s(scale)
    run: list[tuple[float, float]] = []
    for at_s, level in scales.thin(points, scale):
        if run and at_s - run[-1][0] > silence_s:
            yield f'<polyline class="gap" points="{_pairs([run[-1], (at_s, level)], scale)}"/>'
            yield f'<polyline class="level" points="{_pairs(run, scale)}"/>'
            run = []
        run.append((at_s, float(level)))
    if run:
        yield f'<polyline class="level" points="{_pairs(run, scale)}"/>'
        x, y = scale.x(run[-1][0]), scale.y(run[-1][1])
        yield f'<circle class="last" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def _silence_s(scale: scales.Scale) -> float:
    # Over years, a day is less than a pixel: then a silence must be wide enough to be seen.
    return max(_SILENCE_S, 3 * (scale.end_s - scale.start_s) / scale.size.width)


def has_gap(chart: ChartView) -> bool:
    """Whether the wide drawing shows a silence, which its legend then explains."""
    times = sorted(at.timestamp() for at, _ in chart.points)
    silence_s = _silence_s(scales.fit(chart, WIDE))
    return any(later - earlier > silence_s for earlier, later in pairwise(times))


def _marks(chart: ChartView, scale: scales.Scale, fmt: Formatter) -> Iterator[str]:
    top = scale.size.top
    now_x = scale.x(chart.now.timestamp())
    yield f'<line class="now" x1="{now_x:.1f}" y1="{top}" x2="{now_x:.1f}" y2="{scale.floor:.1f}"/>'
    # Marks differ in shape as well as in colour: a diamond for an order, a triangle for a refill.
    for at, label in chart.orders:
        yield _mark("order", scale.x(at.timestamp()), scale, f"{label} · {fmt.moment(at)}")
    for at in chart.refills:
        text = f"{translate(fmt.lang, 'chart.refill')} · {fmt.moment(at)}"
        yield _mark("refill", scale.x(at.timestamp()), scale, text)
    anchor = "end" if now_x > scale.edge - 40 else "start" if now_x < scale.size.left + 40 else "middle"
    word = escape(translate(fmt.lang, "chart.now"))
    yield f'<text class="tick now-word" x="{now_x:.1f}" y="{top - 19}" text-anchor="{anchor}">{word}</text>'


def _mark(kind: str, x: float, scale: scales.Scale, text: str) -> str:
    y = float(scale.size.top)
    head = (
        f"{x:.1f},{y - 12:.1f} {x + 6:.1f},{y - 6:.1f} {x:.1f},{y:.1f} {x - 6:.1f},{y - 6:.1f}"
        if kind == "order"
        else f"{x:.1f},{y - 12:.1f} {x + 6:.1f},{y - 1:.1f} {x - 6:.1f},{y - 1:.1f}"
    )
    return (
        f'<g class="mark {kind}"><title>{escape(text)}</title>'
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x:.1f}" y2="{scale.floor:.1f}"/><polygon points="{head}"/></g>'
    )


def _pairs(points: list[tuple[float, float]], scale: scales.Scale) -> str:
    return " ".join(f"{scale.x(at):.1f},{scale.y(level):.1f}" for at, level in points)


def describe(chart: ChartView, unit: Unit, fmt: Formatter) -> str:
    """The chart in two or three sentences."""
    if not chart.points:
        return translate(fmt.lang, "chart.empty")
    points = sorted(chart.points)
    levels = [level for _, level in points]
    said = [
        translate(
            fmt.lang,
            "chart.desc_levels",
            start=fmt.date(points[0][0]),
            end=fmt.date(points[-1][0]),
            first=fmt.quantity(levels[0], unit),
            last=fmt.quantity(levels[-1], unit),
            lowest=fmt.quantity(min(levels), unit),
            highest=fmt.quantity(max(levels), unit),
        ),
        translate(fmt.lang, "chart.desc_marks", orders=len(chart.orders), refills=len(chart.refills)),
    ]
    if chart.run_out is not None:
        run_out = chart.run_out
        dates = {n: fmt.date(getattr(run_out, n)) for n in ("earliest", "median", "latest")}
        said.append(translate(fmt.lang, "chart.desc_run_out", **dates))
    return " ".join(said)


def table(chart: ChartView, unit: Unit, fmt: Formatter) -> list[DayRow]:
    """The last `_TABLE_DAYS` days that have readings or marks, newest first."""
    levels: dict[str, list[int]] = {}
    events: dict[str, list[str]] = {}
    refill = translate(fmt.lang, "chart.refill")
    moments = [(at, "level", str(level)) for at, level in chart.points]
    moments += [(at, "event", label) for at, label in chart.orders]
    moments += [(at, "event", refill) for at in chart.refills]
    for at, kind, text in sorted(moments, reverse=True):
        day = fmt.date(at)
        levels.setdefault(day, [])
        if kind == "level":
            levels[day].append(int(text))
        else:
            events.setdefault(day, []).append(text)
    return [
        DayRow(
            day,
            fmt.quantity(min(seen), unit) if seen else "–",
            fmt.quantity(max(seen), unit) if seen else "–",
            ", ".join(reversed(events.get(day, []))),
        )
        for day, seen in list(levels.items())[:_TABLE_DAYS]
    ]
