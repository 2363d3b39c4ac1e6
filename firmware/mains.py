"""Composition root of a mains device: counting and talking side by side, for as long as there is power."""

import asyncio

from firmware.app import meter
from firmware.app.commands import ServerCommands
from firmware.app.console import say
from firmware.app.uplink import Uplink
from firmware.core import boots, policy
from firmware.hal.panel import Lamp, PushButton
from firmware.hal.pulses import PulseCounter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.app.node import Node
    from firmware.app.ports import Wire
    from firmware.app.update import Updates
    from firmware.hal.board import Chip
    from firmware.hal.wifi import Wifi
    from firmware.net.wire import WireLink

_WELL_MS = 60_000
"""Who ran for so long has started well."""

_TRIAL_MS = 600_000
"""A new image that the server has not heard by then starts again."""

_LAST_WORDS_MS = 4000


class Mains:
    """One mains device, switched on.

    Args:
        chip: the board.
        node: who it is.
        radio: Wi-Fi that stays on.
        wire: to the broker, for the connection that lasts.
        link: to the broker, for an update that has something to tell.
        known: `device.json`.
        updates: None where nobody's signature is believed.
    """

    def __init__(
        self,
        chip: "Chip",
        node: "Node",
        radio: "Wifi",
        wire: "Wire",
        link: "WireLink",
        known: "dict[str, Any]",
        updates: "Updates | None",
    ) -> None:
        self._chip = chip
        self._node = node
        self._radio = radio
        self._link = link
        self._updates = updates
        lamp = Lamp()
        self._program = _program(node, radio, known, lamp)
        node.commands = self._commands = ServerCommands(node, self._program, lamp)
        self._uplink = Uplink(node, radio, wire)
        self._started_ms = node.clock.ticks_ms()
        self._failures = node.state.failures
        self._broken: Exception | None = None

    def run(self) -> int:
        """Live; returns for a new start: seconds to sleep before it. Raises what nobody expected."""
        return int(asyncio.run(self._live()))

    async def _live(self) -> int:
        talking = asyncio.create_task(self._talk())
        try:
            return await self._count()
        finally:
            talking.cancel()

    async def _talk(self) -> None:
        try:
            while True:
                await asyncio.sleep_ms(self._uplink.step())
        except Exception as error:
            self._broken = error  # a task that ends by an error would only be printed, and nobody would talk

    async def _count(self) -> int:
        heart = meter.CountingHeart(self._chip, self._program)
        node, updates = self._node, self._updates
        while True:
            if self._broken:
                raise self._broken
            busy = self._program.is_busy()
            if updates:
                updates.prepare(busy)
            rest_ms = self._program.turn()
            self._commands.turn()
            self._chip.beat()
            if self._commands.restarts:
                await self._last_words()
                return 1
            if node.networks and node.networks.changed():
                await self._last_words()
                return 1  # a new start, with the other network
            if self._doubts_credential():
                return 1  # a new start, which asks for another (`firmware.wake`)
            if updates and updates.step(self._radio, self._link, heart, busy):
                await self._last_words()
                return 0
            if node.clock.since_ms(self._started_ms) > _TRIAL_MS and node.guard.on_trial():
                self._chip.reset()
            if node.clock.since_ms(self._started_ms) > _WELL_MS:
                node.guard.ended_well(boots.NORMAL)
            await asyncio.sleep_ms(rest_ms)

    def _doubts_credential(self) -> bool:
        """Whether a credential that the server was never heard under has just failed once too often."""
        failures = self._node.state.failures
        return self._node.unproved and failures != self._failures and policy.asks_again(failures)

    async def _last_words(self) -> None:
        started_ms = self._node.clock.ticks_ms()
        while not self._uplink.is_settled() and self._node.clock.since_ms(started_ms) < _LAST_WORDS_MS:
            await asyncio.sleep_ms(meter.TURN_MS)


def sound(node: "Node") -> bool:
    """Whether the slots of this device can be counted with one pulse input; says so when not."""
    if len([slot for slot in node.device.slots.values() if not slot.supply]) > 1 or not node.device.slots:
        say("error", at="device", why="data/device.json wants slots, and one pulse input counts for one slot")
        return False
    return True


def _program(node: "Node", radio: "Wifi", known: "dict[str, Any]", lamp: Lamp) -> meter.Meter:
    ports = node, PulseCounter(), PushButton(), lamp
    if node.device.kind == "flow":
        return meter.Flow(*ports)
    if "printer" not in known:
        return meter.Toner(*ports, radio, None)
    from firmware.net.printer import SnmpPrinter

    printer = SnmpPrinter(
        str(known["printer"]), int(known.get("printer_port", 161)), str(known.get("community", "public"))
    )
    return meter.Toner(*ports, radio, printer)
