"""Composition root of a board: one wake, from reset to deep sleep. Only here programs meet hardware.

On a board this file is also copied to the flash root as `main.py`. It always ends in deep sleep, because a
board that falls into the console empties its battery; only Ctrl-C on the console stops that.
"""

import json

from firmware.app import button, level
from firmware.app.console import say, say_error
from firmware.app.node import Device, Node, Slot
from firmware.app.ports import Scale
from firmware.hal import pins
from firmware.hal.board import Chip, ChipClock
from firmware.hal.flash import Folder
from firmware.hal.wifi import Wifi
from firmware.net.broker import wire_to
from firmware.net.wire import WireLink

_BROKEN_SLEEP_S = 3600
"""Without settings there is nothing to do but to wait for a person."""

_CRASHED_SLEEP_S = 60


def main() -> None:
    """Do one wake; does not return."""
    chip, clock = Chip(), ChipClock()
    sleep_s, wake_pin = _CRASHED_SLEEP_S, None
    try:
        sleep_s, wake_pin = _wake(chip, clock)
    except KeyboardInterrupt:
        chip.allow_console()
        raise
    except Exception as error:
        say_error("main", error)
    say("sleep", ms=sleep_s * 1000, awake=clock.ticks_ms())
    chip.sleep(sleep_s * 1000, wake_pin)


def _wake(chip: Chip, clock: ChipClock) -> tuple[int, int | None]:
    data = Folder("data")
    provisioned = data.read("device.json")
    try:
        known = json.loads(provisioned or b"")
        device = Device(
            known["id"],
            known["kind"],
            known.get("password", ""),
            known.get("capacity_g", 0),
            known.get("zero", 0),
            known.get("counts_per_kg", 1),
            {
                key: Slot(slot["capacity"], slot.get("supply", 0))
                for key, slot in known.get("slots", {}).items()
            },
        )
        radio = Wifi(known["ssid"], known["key"])
        link = WireLink(wire_to(known, known["port"]), clock)
    except (ValueError, KeyError, TypeError):
        say(
            "error",
            at="device",
            why="data/device.json is missing or unreadable; write it and reset the board",
        )
        return _BROKEN_SLEEP_S, None
    node = Node(device, chip, clock, data, Folder("data/spool"))
    if device.kind == "level":
        return level.wake(node, _scale(known.get("sensor")), radio, link), None
    from firmware.hal.panel import Lamp, PushButton

    if device.kind in ("flow", "pages"):
        return _count(chip, node, radio, link, known), None
    sleep_s, armed = button.wake(node, PushButton(), Lamp(), radio, link, chip.woken_by_pin())
    return sleep_s, pins.BUTTON if armed else None


def _count(chip: Chip, node: Node, radio: Wifi, link: WireLink, known: dict[str, object]) -> int:
    """Mains devices never sleep; returns only to say how long to wait when they cannot start."""
    from firmware.app import meter
    from firmware.hal.panel import Lamp, PushButton
    from firmware.hal.pulses import PulseCounter
    from firmware.net.printer import SnmpPrinter

    if len([slot for slot in node.device.slots.values() if not slot.supply]) > 1 or not node.device.slots:
        say("error", at="device", why="data/device.json wants slots, and one pulse input counts for one slot")
        return _BROKEN_SLEEP_S
    ports = node, PulseCounter(), PushButton(), Lamp(), radio, link
    program: meter.Meter
    if node.device.kind == "flow":
        program = meter.Flow(*ports)
    else:
        printer = None
        if "printer" in known:
            printer = SnmpPrinter(
                str(known["printer"]),
                int(str(known.get("printer_port", 161))),
                str(known.get("community", "public")),
            )
        program = meter.Toner(*ports, printer)
    while True:
        rest_ms = program.turn()
        chip.feed()
        node.clock.sleep_ms(rest_ms)


def _scale(sensor: object) -> Scale:
    if sensor == "tof":
        from firmware.hal.vl53l0x import Vl53l0x

        return Vl53l0x()
    from firmware.hal.hx711 import Hx711

    return Hx711()


if __name__ == "__main__":
    main()
