"""Draw the wiring of each device into docs/images, from the pin numbers of firmware/hal/pins.py.

python scripts/wiring.py. A test compares the pictures with what this draws.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from firmware.hal import pins

FOLDER = Path(__file__).parent.parent / "docs" / "images"

_ROW, _TOP, _BOARD_X, _BOARD_W, _PART_X, _PART_W, _WIDTH = 38, 70, 20, 170, 470, 270, 760
_NETS = {"3V3": "#b3261e", "GND": "#222", "5V": "#8a4b00", "BAT+": "#6a1b9a", "switched 3V3": "#00695c"}


@dataclass(frozen=True)
class Pin:
    """One pin of a part.

    Args:
        name: as printed on the part.
        to: a GPIO number, or a net (`_NETS`).
        inline: what sits in the wire.
        shunt: what hangs from the wire, and the net at its other end.
    """

    name: str
    to: int | str
    inline: str = ""
    shunt: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Part:
    """One part beside the board: what it is called, and its pins from top to bottom."""

    name: str
    pins: tuple[Pin, ...]


_BUTTON = Part("Push button", (Pin("one side", pins.BUTTON), Pin("other side", "GND")))
_LIGHT = Part("LED", (Pin("long leg", pins.LIGHT, inline="330 Ω"), Pin("short leg", "GND")))
_CELLS = Part("2 × AA alkaline", (Pin("+", "BAT+"), Pin("−", "GND")))
_BOOST = Part("Boost converter to 3.3 V", (Pin("IN", "BAT+"), Pin("OUT", "3V3"), Pin("GND", "GND")))
_DIVIDER = Part(
    "Battery divider, 2 × 1 MΩ",
    (Pin("top", "BAT+"), Pin("middle", pins.BATTERY, shunt=(("100 nF", "GND"),)), Pin("bottom", "GND")),
)
_SWITCH = Part(
    "Load switch, active high",
    (
        Pin("IN", "3V3"),
        Pin("ON", pins.CELL_POWER, shunt=(("100 kΩ", "GND"),)),
        Pin("OUT", "switched 3V3"),
        Pin("GND", "GND"),
    ),
)
_HX711 = Part(
    "HX711 with load cell, RATE high",
    (
        Pin("VCC, VDD", "switched 3V3"),
        Pin("DT", pins.CELL_DATA),
        Pin("SCK", pins.CELL_CLOCK),
        Pin("GND", "GND"),
    ),
)
_TOF = Part(
    "or: VL53L0X board",
    (Pin("VIN", "switched 3V3"), Pin("SDA", pins.TOF_DATA), Pin("SCL", pins.TOF_CLOCK), Pin("GND", "GND")),
)
_USB = Part("USB supply", (Pin("5 V", "5V"), Pin("GND", "GND")))
_METER = Part(
    "Flow meter, open collector",
    (
        Pin("red", "5V"),
        Pin("yellow", pins.PULSES, shunt=(("10 kΩ", "3V3"), ("100 nF", "GND"))),
        Pin("black", "GND"),
    ),
)
_CONTACT = Part(
    "Page contact or reed switch",
    (
        Pin("one side", pins.PULSES, shunt=(("10 kΩ", "3V3"), ("100 nF", "GND"))),
        Pin("other side", "GND"),
    ),
)

DEVICES = {
    "button": (_BUTTON, _LIGHT, _CELLS, _BOOST, _DIVIDER),
    "level": (_SWITCH, _HX711, _TOF, _BUTTON, _LIGHT, _CELLS, _BOOST, _DIVIDER),
    "flow": (_METER, _BUTTON, _LIGHT, _USB),
    "toner": (_CONTACT, _BUTTON, _LIGHT, _USB),
}
"""What each device is made of."""


def draw(kind: str) -> str:
    """The picture of one device, SVG."""
    rows: list[str] = []
    y = _TOP
    for part in DEVICES[kind]:
        height = _ROW * len(part.pins)
        rows.append(
            f'<rect x="{_PART_X}" y="{y - 26}" width="{_PART_W}" height="{height + 30}" rx="8" class="part"/>'
            f'<text x="{_PART_X + _PART_W - 12}" y="{y - 8}" text-anchor="end" class="name">'
            f"{escape(part.name)}</text>"
        )
        for pin in part.pins:
            y += _ROW - 12 if pin is part.pins[0] else _ROW
            rows += _wire(pin, y)
        y += _ROW + 22
    board = _board(y)
    names = ", ".join(escape(part.name) for part in DEVICES[kind])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 4}" role="img" '
        'aria-labelledby="t d">\n'
        f'<title id="t">Wiring of the {kind} device</title>\n<desc id="d">An ESP32 with {names}.</desc>\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect width="{_WIDTH}" height="{y + 4}" fill="#fff"/>\n' + "\n".join([board, *rows]) + "\n</svg>\n"
    )


def _board(bottom: int) -> str:
    middle = _BOARD_X + _BOARD_W / 2
    nets = "".join(
        f'<text x="{_BOARD_X + 14}" y="{bottom - 62 + 18 * at}" class="small">{text}</text>'
        for at, text in enumerate(("3V3, GND and 5V (VIN):", "to all tags of", "the same name"))
    )
    return (
        f'<rect x="{_BOARD_X}" y="20" width="{_BOARD_W}" height="{bottom - 36}" rx="10" class="board"/>'
        f'<text x="{middle}" y="46" text-anchor="middle" class="name">ESP32 board</text>{nets}'
    )


def _wire(pin: Pin, y: int) -> list[str]:
    out = [f'<text x="{_PART_X + 16}" y="{y + 5}">{escape(pin.name)}</text>']
    if isinstance(pin.to, str):
        return [*out, _tag(pin.to, _PART_X - 14, y), _line(_PART_X - 14, y, _PART_X, y, pin.to)]
    edge = _BOARD_X + _BOARD_W
    out += [
        _line(edge, y, _PART_X, y, ""),
        f'<circle cx="{edge}" cy="{y}" r="4"/><circle cx="{_PART_X}" cy="{y}" r="4"/>',
        f'<text x="{edge - 12}" y="{y + 5}" text-anchor="end">GPIO {pin.to}</text>',
    ]
    if pin.inline:
        out.append(_box(pin.inline, edge + 50, y))
    for at, (what, net) in enumerate(pin.shunt):
        out += _shunt(what, net, edge + 20 + 100 * at, y)
    return out


def _shunt(what: str, net: str, x: int, y: int) -> list[str]:
    """A part from the wire to a net; above the wire for a supply, below for ground."""
    away = 22 if net == "GND" else -22
    return [
        f'<circle cx="{x}" cy="{y}" r="3"/>',
        _line(x, y, x, y + away, net),
        _line(x, y + away, x + 80, y + away, net),
        _box(what, x + 12, y + away),
        _tag(net, x + 107, y + away),
    ]


def _box(text: str, x: float, y: int) -> str:
    width = 56
    return (
        f'<rect x="{x - 4}" y="{y - 10}" width="{width}" height="20" rx="3" class="passive"/>'
        f'<text x="{x - 4 + width / 2}" y="{y + 4}" text-anchor="middle" class="small">{escape(text)}</text>'
    )


def _tag(net: str, right: float, y: int) -> str:
    width = 14 + 7 * len(net)
    return (
        f'<rect x="{right - width}" y="{y - 10}" width="{width}" height="20" rx="10" fill="{_NETS[net]}"/>'
        f'<text x="{right - width / 2}" y="{y + 4}" text-anchor="middle" class="net">{escape(net)}</text>'
    )


def _line(x1: float, y1: int, x2: float, y2: int, net: str) -> str:
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{_NETS.get(net, "#1565c0")}" stroke-width="2"/>'


_STYLE = (
    "text{font:14px "
    "sans-serif;fill:#222}.name{font-weight:bold}.small{font-size:12px}.net{font-size:12px;fill:#fff}"
    ".board{fill:#e3f2fd;stroke:#1565c0}.part{fill:#f6f6f6;stroke:#777}.passive{fill:#fff8e1;stroke:#777}"
    "circle{fill:#1565c0}"
)


def main() -> None:
    """Write all of them."""
    for kind in DEVICES:
        (FOLDER / f"wiring-{kind}.svg").write_text(draw(kind), encoding="utf-8")


if __name__ == "__main__":
    main()
