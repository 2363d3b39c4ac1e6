"""Mains devices that count: the water meter before a filter, and the page counter of a printer.

One call of `turn` looks at everything once, about ten times a second; it never sleeps deeply, because the
chip's counters stop then.
"""

import json

from firmware.app.console import say
from firmware.app.node import Node
from firmware.core import counter, measured, queue, supply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Button, Heartbeat, Light, Printer, Pulses, Radio


TURN_MS = 100
_TOTAL = "total.json"
_QUIET_S = 60
ANSWER_MS = 2000
_TRIES = 3
"""Questions to a printer before it counts as absent: datagrams get lost."""

_ABSENT_S = 300
"""Until an absent printer is asked again: it may be switched on for minutes only."""

_BELIEVED_S = 86_400
_SAVES_PER_REPORT = 5
"""How often a total is saved to flash between two reports: a power cut loses less than a fifth of one."""


class Meter:
    """What both programs share: totals, reports, the gesture for a new unit. It never talks to a broker."""

    def __init__(self, node: Node, pulses: "Pulses", button: "Button", light: "Light") -> None:
        self.node = node
        self._pulses = pulses
        self._button = button
        self._light = light
        self._held_since = -1
        self._turned_ms = node.clock.ticks_ms()
        self._saved = node.state.total
        if not node.state.counting:
            left = counter.left_over(node.data.read(_TOTAL), _usages(node))
            counter.begin(node.state, left, node.clock.now_s())
            node.keep()
        node.record_hello_if_due()

    def turn(self) -> int:
        """Look at everything once; milliseconds to wait before the next turn."""
        self._count()
        self._report()
        if self._gesture():
            self._fit()
        self.node.record_hello_if_due()
        self.node.keep()
        return TURN_MS

    def count(self) -> None:
        """Take what the pulse counter has, before it runs over."""
        self._count()

    def tell_all(self) -> None:
        """Tell everything now: the total, and how the device is."""
        self._count()
        if self.node.state.total != self.node.state.told:
            self._tell()
        self.node.record_hello()

    def is_busy(self) -> bool:
        """Whether an update would disturb: it costs the pulses of a reset."""
        return (
            self.node.clock.now_s() - self.node.state.flow_at_s < _QUIET_S and self.node.state.flow_at_s > 0
        )

    def counted_slots(self) -> list[str]:
        """Slots whose use is told by pulses."""
        return [key for key, slot in self.node.device.slots.items() if not slot.supply]

    def report_every(self) -> int:
        """Units between two reports."""
        raise NotImplementedError

    def add(self, pulses: int, elapsed_ms: int) -> None:
        """Take pulses into the total."""
        raise NotImplementedError

    def _count(self) -> None:
        now_ms = self.node.clock.ticks_ms()
        elapsed_ms = self.node.clock.since_ms(self._turned_ms)
        self._turned_ms = now_ms
        self.add(self._pulses.taken(), elapsed_ms)

    def _report(self) -> None:
        state, now_s = self.node.state, self.node.clock.now_s()
        untold = state.total - state.told
        due = untold >= self.report_every() or (
            untold > 0 and now_s - state.told_at_s >= self.node.settings.values["cfg.report_s"]
        )
        if due:
            self._tell()
        elif state.total - self._saved >= max(1, self.report_every() // _SAVES_PER_REPORT):
            self._save()

    def _tell(self) -> None:
        state = self.node.state
        for key in self.counted_slots():
            self.node.record("usage", measured.amount(key, state.total))
        state.told, state.told_at_s = state.total, self.node.clock.now_s()
        self._save()

    def _save(self) -> None:
        self.node.keep()
        self.node.data.write(_TOTAL, counter.encode(self.node.state))
        self._saved = self.node.state.total

    def _gesture(self) -> bool:
        """Whether the button was just held for long enough; a light says so at that moment."""
        if not self._button.pressed():
            self._held_since = -1
            return False
        clock = self.node.clock
        if self._held_since == -1:
            self._held_since = clock.ticks_ms()
        if (
            self._held_since < -1
            or clock.since_ms(self._held_since) < self.node.settings.values["cfg.hold_ms"]
        ):
            return False
        self._held_since = -2  # once for each time it is held
        return True

    def _fit(self) -> None:
        """Somebody fitted a new unit: what was used before is told first (docs/wire.md)."""
        self._tell()
        for key in self.counted_slots():
            capacity = self.node.device.slots[key].capacity
            self.node.record("refill", measured.amount(key, capacity))
            say("refill", k=key, n=capacity)
        self._light.show("placed")


class CountingHeart:
    """Feeds the watchdog and counts on.

    Args:
        watchdog: fed.
        program: counts.
    """

    def __init__(self, watchdog: "Heartbeat", program: Meter) -> None:
        self._watchdog = watchdog
        self._program = program

    def beat(self) -> None:
        self._watchdog.beat()
        self._program.count()


class Flow(Meter):
    """Water through a filter, in ml; a leak or a burst is said at once, in the health of a hello."""

    def report_every(self) -> int:
        return self.node.settings.values["cfg.report_ml"]

    def add(self, pulses: int, elapsed_ms: int) -> None:
        state, values = self.node.state, self.node.settings.values
        used_ml = counter.add(state, pulses, 1000, values["cfg.pulses_per_l"])
        now_s = self.node.clock.now_s()
        if counter.watch(state, used_ml, now_s, values["cfg.burst_ml_min"], values["cfg.burst_min"]):
            say("alarm", what=counter.ALARMS[state.alarm])
            self._tell()
            self.node.record_hello()


class Toner(Meter):
    """Pages of a printer, and what it says itself of each supply, where it speaks SNMP.

    Args:
        radio: the way to the printer; somebody else joins.
        printer: None for one without a network.
    """

    def __init__(
        self,
        node: Node,
        pulses: "Pulses",
        button: "Button",
        light: "Light",
        radio: "Radio",
        printer: "Printer | None",
    ) -> None:
        super().__init__(node, pulses, button, light)
        self._radio = radio
        self._printer = printer
        self._steps = {key: supply.Steps() for key in node.device.slots}
        self._told: dict[str, tuple[int | None, str]] = {}
        self._asked_s = self._heard_s = -1
        self._absent = False
        self._to_ask: list[str] = []
        self._asked_ms = 0
        self._tries = 0

    def turn(self) -> int:
        if self._printer:
            self._look(self._printer)
        return super().turn()

    def report_every(self) -> int:
        return self.node.settings.values["cfg.report_pages"]

    def add(self, pulses: int, elapsed_ms: int) -> None:
        values = self.node.settings.values
        believed = counter.believable(
            pulses, elapsed_ms, values["cfg.page_ms"] // values["cfg.pulses_per_page"]
        )
        counter.add(self.node.state, believed, 1, values["cfg.pulses_per_page"])

    def tell_all(self) -> None:
        super().tell_all()
        self._asked_s = -1
        self._told = {}

    def _look(self, printer: "Printer") -> None:
        """One supply after the other, one question under way at a time."""
        clock = self.node.clock
        if self._tries:
            answer = printer.answer()
            if answer is not None:
                self._tries, self._heard_s, self._absent = 0, clock.now_s(), False
                self._judge(self._to_ask.pop(0), answer[0], answer[1])
            elif clock.since_ms(self._asked_ms) < ANSWER_MS:
                return
            elif self._tries == _TRIES:
                self._miss()
                return
        elif not self._to_ask and self._is_due():
            self._asked_s = clock.now_s()
            self._to_ask = [key for key, slot in self.node.device.slots.items() if slot.supply]
        if self._to_ask and self._radio.signal() is not None:
            self._tries += 1
            self._asked_ms = clock.ticks_ms()
            try:
                printer.ask(self.node.device.slots[self._to_ask[0]].supply)
            except OSError:
                pass  # counts as a question without an answer

    def _is_due(self) -> bool:
        every_s = self.node.settings.values["cfg.supply_s"]
        if self._absent:
            every_s = min(every_s, _ABSENT_S)
        return self._asked_s < 0 or self.node.clock.now_s() - self._asked_s >= every_s

    def _miss(self) -> None:
        """A printer that is off, most of the time: it uses nothing, so what it last said holds for a day."""
        now_s = self.node.clock.now_s()
        self._tries, self._absent = 0, True
        absent, self._to_ask = self._to_ask, []
        if self._heard_s < 0 or now_s - self._heard_s >= _BELIEVED_S:
            for key in absent:
                self._judge(key, None, None)

    def _judge(self, key: str, level: int | None, maximum: int | None) -> None:
        answer = supply.read(level, maximum, self.node.device.slots[key].capacity, self._steps[key])
        say("supply", k=key, n=answer.pages, q=answer.quality, res=answer.resolution)
        if self._told.get(key) != (answer.pages, answer.quality):
            self._told[key] = (answer.pages, answer.quality)
            said = measured.supply(key, answer.pages, answer.quality, answer.resolution)
            self.node.record("level", said)


def _usages(node: Node) -> list[tuple[str, int]]:
    """(boot, total) of every usage record that still lies in the spool."""
    found = []
    for name in node.pending():
        record = queue.decode(node.content(name))
        if record is not None:
            body = json.loads(record[2])
            if body["t"] == "usage":
                found.append((body["b"], body["n"]))
    return found
