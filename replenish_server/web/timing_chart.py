"""The price of being early and late as a small inline SVG: days of cover against run-outs in ten years.

Colours live in the style sheet. It must never put a number into the drawing that is not inside the view box.
"""

from math import log1p
from typing import Final

from markupsafe import Markup, escape

from replenish_server.web.formats import Formatter
from replenish_server.web.phrases import translate
from replenish_server.web.views import Timing, TimingsView

_WIDTH: Final = 300
_HEIGHT: Final = 136
_LEFT: Final = 12
_TOP: Final = 20
_FLOOR: Final = 100


def draw(timings: TimingsView, chosen: Timing, fmt: Formatter) -> Markup:
    """The curve with the three choices on it, the chosen one filled; nothing where there is no curve."""
    curve = sorted(timings.curve)
    if len(curve) < 2:
        return Markup("")
    most_days, most_outs = curve[-1][0], max(outs for _, outs in curve)

    def place(days: float, outs: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - 2 * _LEFT) * min(1.0, days / max(most_days, 0.1))
        y = _FLOOR - (_FLOOR - _TOP) * min(1.0, log1p(outs) / max(log1p(most_outs), 1e-6))
        return x, y

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in curve))
    parts = [
        f'<svg class="timing-curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(_said(curve, fmt))}</title>",
        f'<line class="grid" x1="{_LEFT}" y1="{_FLOOR}" x2="{_WIDTH - _LEFT}" y2="{_FLOOR}"/>',
        f'<text class="tick" x="{_LEFT}" y="12">{escape(translate(fmt.lang, "timing.outs"))}</text>',
        f'<text class="tick" x="{_WIDTH - _LEFT}" y="{_FLOOR + 32}" text-anchor="end">',
        f"{escape(translate(fmt.lang, 'timing.cover'))}</text>",
        f'<polyline class="line" points="{line}"/>',
    ]
    for choice in timings.choices:
        x, y = place(choice.cover_days, 10 / max(choice.out_once_in_years, 1e-3))
        kind = "chosen" if choice.timing == chosen else "other"
        label = escape(fmt.number(choice.cover_days))
        parts.append(f'<circle class="timing {kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_FLOOR + 16}" text-anchor="middle">{label}</text>')
    parts.append("</svg>")
    return Markup("").join(Markup(part) for part in parts)  # noqa: S704 - every inserted text is escaped


def _said(curve: list[tuple[float, float]], fmt: Formatter) -> str:
    """The curve as a sentence, for those who cannot see it."""
    (least_days, most), (most_days, least) = curve[0], curve[-1]
    return translate(
        fmt.lang,
        "timing.curve",
        most=fmt.number(most),
        least=fmt.number(least),
        least_days=fmt.number(least_days),
        most_days=fmt.number(most_days),
    )
