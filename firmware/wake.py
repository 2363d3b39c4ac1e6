"""Composition root of a board: what one wake does. Only here programs meet hardware.

Each program is imported where it is chosen: a button's memory need not hold a sensor's or a meter's code.
"""

import json

from firmware.app.console import say, say_error
from firmware.app.guard import Guard
from firmware.app.node import Device, Node
from firmware.core import boots, policy, state
from firmware.hal import data, pins
from firmware.hal.board import Chip, ChipClock
from firmware.hal.flash import Folder
from firmware.hal.nvs import Nvs
from firmware.hal.slots import ChipSlots
from firmware.hal.wifi import Wifi
from firmware.keys import KEYS
from firmware.net.broker import wire_to
from firmware.net.wire import WireLink

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:  # no board loads the ports; one that has nothing to update reads nothing of updates
    from typing import Any

    from firmware.app.ports import Files, Scale
    from firmware.app.update import Updates


_BROKEN_SLEEP_S = const(3600)
"""Without settings there is nothing to do but to wait for a person."""

_DEVICE, _FACTORY = "device.json", "factory.json"


def live() -> None:
    """From reset to deep sleep or reset; does not return."""
    chip, clock = Chip(), ChipClock()  # the watchdog first
    guard = Guard(Nvs(), ChipSlots())
    mode = guard.begin(chip.cold())
    if mode == "reset":
        chip.reset()
    try:
        sleep_s, wake_pin = _wake(chip, clock, guard, mode)
        guard.ended_well(mode)
        if guard.is_installed() and guard.switch() == "reset":
            chip.reset()  # never deep sleep: the bootloader would not look at the new image
    except Exception as error:
        say_error("main", error)
        guard.failed()
        sleep_s, wake_pin = policy.backoff_s(guard.life.failed + 1, chip.random()), None
    if guard.on_trial():
        sleep_s = min(sleep_s, policy.trial_wait_s(guard.life.tries, boots.TRIES, chip.random()))
    say("sleep", ms=sleep_s * 1000, awake=clock.ticks_ms())
    chip.sleep(sleep_s * 1000, wake_pin)


def _wake(chip: Chip, clock: ChipClock, guard: Guard, mode: str) -> tuple[int, int | None]:
    files, spool = _folders(chip, guard)
    before = content = _identity(files, guard)
    if mode == boots.NORMAL and _to_set_up(chip, files):
        from firmware import provisioning

        wait_s = provisioning.run(chip, files, spool)
        content = files.read(_DEVICE) or b""
        if content:
            guard.keep_identity(_merged(files, content))
        if wait_s is not None:
            return wait_s, pins.BUTTON
    try:
        known = json.loads(_merged(files, content))
        device = _device(known)
        if not known["ssid"] or not isinstance(known["key"], str):
            raise ValueError
        wire = wire_to(known, known["port"])
        renewed = content != before
        before = content = b""  # the program needs their room
    except (ValueError, KeyError, TypeError):
        say(
            "error",
            at="device",
            why="data/device.json is missing or unreadable; write it and reset the board",
        )
        return _BROKEN_SLEEP_S, None
    if chip.cold():
        guard.keep_identity(json.dumps(known).encode())
    if policy.is_empty(chip.battery_mv()) and not policy.is_mains(device.kind):
        say("error", at="battery", why="empty; neither radio nor flash is used until it is replaced")
        return policy.EMPTY_SLEEP_S, None
    networks = None
    if "network.json" in files.names():
        from firmware.app.networks import Networks

        networks = Networks(files)
        known.update(networks.in_force())
        wire = wire_to(known, known["port"])
    radio = Wifi(known["ssid"], known["key"], policy.is_mains(device.kind))
    link = WireLink(wire, clock)
    if mode == boots.SAFE:
        from firmware.app import safe
        from firmware.app.memory import Memory

        plain = Node(device, safe.Fresh(chip), clock, Memory(), Memory(), guard)
        return safe.wake(plain, radio, link, _updates(plain, known, 0), chip), None
    node = Node(device, chip, clock, files, spool, guard)
    node.networks = networks
    _fix_address(radio, known, node)
    if renewed:  # what the broker said of the credential before says nothing of this one
        node.state.refusals = node.state.retry_at_s = 0
    if guard.on_trial() or (networks and networks.on_trial()):
        node.record_hello()  # its acknowledgement is what proves the image or the network
        node.state.retry_at_s = 0  # each start on trial is a try
    return _work(chip, node, radio, link, known)


def _fix_address(radio: Wifi, known: "dict[str, Any]", node: Node) -> None:
    """Join with the address that is reserved for this board in this Wi-Fi, which takes half the time.

    After a failure the next try asks for one, and the one after it does not: an address that somebody else
    has taken, or that a new router does not know, costs a try. Never on mains, where time costs nothing.
    """
    reserved = known.get("address")
    if not reserved or policy.is_mains(node.device.kind) or node.state.failures % 2:
        return
    if len(reserved) == 5 and reserved[0] == known["ssid"]:
        radio.fixed = tuple(reserved[1:])


def _device(known: "dict[str, Any]") -> Device:
    slots = {}
    if "slots" in known:
        from firmware.app.slot import Slot

        for key, slot in known["slots"].items():
            slots[key] = Slot(slot["capacity"], slot.get("supply", 0))
    return Device(
        known["id"],
        known["kind"],
        known.get("password", ""),
        known.get("capacity_g", 0),
        known.get("zero", 0),
        known.get("counts_per_kg", 1),
        slots,
        known.get("cfg"),
    )


def _work(
    chip: Chip, node: Node, radio: Wifi, link: WireLink, known: "dict[str, Any]"
) -> tuple[int, int | None]:
    """The program of this kind of device, and the update that may be due."""
    updates = _updates(node, known, policy.update_spread_s(node.device.kind))
    if policy.is_mains(node.device.kind):
        from firmware import mains

        if not mains.sound(node):
            return _BROKEN_SLEEP_S, None
        wire = wire_to(known, known["port"])
        return mains.Mains(chip, node, radio, wire, link, known, updates).run(), None
    node.sparing = policy.is_low(chip.battery_mv())
    if updates:
        updates.prepare()
    if node.device.kind == "level":
        from firmware.app import level

        sleep_s, pin = level.wake(node, _scale(known.get("sensor")), radio, link), None
    else:
        from firmware.app import button
        from firmware.hal.panel import Lamp, PushButton

        sleep_s, armed = button.wake(node, PushButton(), Lamp(), radio, link, chip.woken_by_pin())
        pin = pins.BUTTON if armed else None
    if updates:
        updates.step(radio, link, chip, busy=bool(node.state.stepping))
        sleep_s = updates.next_s(sleep_s)
    if node.sparing:
        sleep_s = max(sleep_s, policy.SPARING_SLEEP_S)
    return (1 if node.networks and node.networks.changed() else sleep_s), pin


def _updates(node: Node, known: "dict[str, Any]", spread_s: int) -> "Updates | None":
    """None where this board believes nobody's signature, or has no way to verify the server."""
    if not KEYS or "ca" not in known:
        return None
    from firmware.app.update import Updates
    from firmware.net.download import Download, ServerLinks

    source = Download(ServerLinks(known["host"], known["ca"], node.clock), known["host"], node.clock)
    node.offers = updates = Updates(node, Nvs(), ChipSlots(), source, KEYS, spread_s)
    return updates


def _folders(chip: Chip, guard: Guard) -> "tuple[Files, Files]":
    """Folders of settings and of records. A damaged file system is made anew, and the server is told."""
    try:
        if data.ours and not data.mount(chip.cold() or guard.life.failed > 0):
            say(
                "error", at="data", why="file system damaged: made anew; settings and unsent records are lost"
            )
            guard.note_fault("flash")  # before the format: a cut between the two must not hide it
            data.make()
        return Folder("data"), Folder("data/spool")
    except OSError as error:
        say_error("data", error)
        guard.note_fault("flash")
        from firmware.app.memory import Memory

        return Memory(), Memory()  # records live for one wake: better than not at all


def _to_set_up(chip: Chip, files: "Files") -> bool:
    """Whether the board is nobody's yet, is proving who it is, or somebody holds its button at power-on."""
    names = files.names()
    if _FACTORY not in names:
        return False
    if _DEVICE not in names or "claim.json" in names:
        return True
    if "proving.json" in names:
        kept = state.decode(chip.memory())
        if kept and policy.asks_again(kept.failures):
            return True
    if not chip.powered_on():
        return False
    from firmware.hal.panel import PushButton

    return PushButton().pressed()


def _merged(files: "Files", content: bytes) -> bytes:
    """What the maker wrote, and who the board is over it. Raises ValueError, TypeError."""
    known = json.loads(files.read(_FACTORY) or b"{}")
    known.update(json.loads(content))
    return json.dumps(known).encode()


def _identity(files: "Files", guard: Guard) -> bytes:
    """`device.json`, or the copy apart from the file system where that holds none, or nonsense."""
    content = files.read(_DEVICE)
    try:
        if content and json.loads(content):
            return content
    except ValueError:
        pass  # torn: the copy, then
    kept = guard.identity()
    if kept:
        files.write(_DEVICE, kept)
    return kept or b""


def _scale(sensor: object) -> "Scale":
    if sensor == "tof":
        from firmware.hal.vl53l0x import Vl53l0x

        return Vl53l0x()
    from firmware.hal.hx711 import Hx711

    return Hx711()
