"""Small line charts as SVG text: axes with ticks and titles, lines, points, a legend. No library."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 34, 48
_INK, _FAINT = "#333", "#e3e3e3"


@dataclass(frozen=True)
class Line:
    """One series.

    Args:
        label: in the legend.
        points: (x, y) in the axes' units.
        colour: of line and points.
        dashed: for what is only a comparison.
        marked: whether each point gets a dot.
    """

    label: str
    points: Sequence[tuple[float, float]]
    colour: str
    dashed: bool = False
    marked: bool = False


@dataclass(frozen=True)
class Axes:
    """What a panel shows.

    Args:
        title: above it.
        x: title of the horizontal axis, with its unit.
        y: title of the vertical axis, with its unit.
        x_ticks: first and last are the ends of the axis.
        y_ticks: first and last are the ends of the axis.
        legend: corner, "top left" or "top right".
    """

    title: str
    x: str
    y: str
    x_ticks: Sequence[float]
    y_ticks: Sequence[float]
    legend: str = "top left"


def draw(panels: Sequence[tuple[Axes, Sequence[Line]]], description: str) -> str:
    """Panels side by side.

    Args:
        panels: axes and lines of each.
        description: for those who cannot see it.
    """
    width = WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}">',
        f'<g role="img" font-family="system-ui, sans-serif" font-size="12" fill="{_INK}">',
        f"<title>{escape(description)}</title>",
        f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for number, (axes, lines) in enumerate(panels):
        parts.append(f'<g transform="translate({number * WIDTH} 0)">')
        parts += _frame(axes)
        parts += _lines(axes, lines)
        parts += _legend(axes, lines)
        parts.append("</g>")
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


def _x(axes: Axes, value: float) -> float:
    low, high = axes.x_ticks[0], axes.x_ticks[-1]
    return round(_LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT), 1)


def _y(axes: Axes, value: float) -> float:
    low, high = axes.y_ticks[0], axes.y_ticks[-1]
    return round(HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM), 1)


def _frame(axes: Axes) -> list[str]:
    bottom, middle = HEIGHT - _BOTTOM, (_TOP + HEIGHT - _BOTTOM) / 2
    parts = [f'<text x="{_LEFT}" y="20" font-weight="600">{escape(axes.title)}</text>']
    for tick in axes.x_ticks:
        x = _x(axes, tick)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}" stroke="{_FAINT}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    for tick in axes.y_ticks:
        y = _y(axes, tick)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_FAINT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    across = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{across}" y="{HEIGHT - 10}" text-anchor="middle">{escape(axes.x)}</text>')
    turned = f'transform="translate(15 {middle}) rotate(-90)"'
    parts.append(f'<text {turned} text-anchor="middle">{escape(axes.y)}</text>')
    return parts


def _lines(axes: Axes, lines: Sequence[Line]) -> list[str]:
    parts = []
    for line in lines:
        at = [(_x(axes, x), _y(axes, y)) for x, y in line.points if _inside(axes, x, y)]
        path = " ".join(f"{x},{y}" for x, y in at)
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"{dash}/>')
        if line.marked:
            parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{line.colour}"/>' for x, y in at]
    return parts


def _inside(axes: Axes, x: float, y: float) -> bool:
    return axes.x_ticks[0] <= x <= axes.x_ticks[-1] and axes.y_ticks[0] <= y <= axes.y_ticks[-1]


def _legend(axes: Axes, lines: Sequence[Line]) -> list[str]:
    parts = []
    left = _LEFT + 12 if axes.legend == "top left" else WIDTH - _RIGHT - 150
    for row, line in enumerate(lines):
        y = _TOP + 16 + 17 * row
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        parts.append(
            f'<line x1="{left}" x2="{left + 22}" y1="{y - 4}" y2="{y - 4}" stroke="{line.colour}"'
            f' stroke-width="2"{dash}/>'
        )
        parts.append(f'<text x="{left + 28}" y="{y}">{escape(line.label)}</text>')
    return parts
