"""Runs in the MicroPython VM: a board's power is cut in the middle of every flash operation there is.

One life: presses and a hello with and without a network, an acknowledgement lost, everything delivered,
settings saved, presses left over. It is lived once for each operation on the littlefs, which does half of it
and then nothing more. Afterwards the board starts again and delivers. Prints one JSON object.
"""

import json
import os

import ram_flash
import vfs

from firmware.app.delivery import deliver
from firmware.app.guard import Guard
from firmware.app.node import Device, Node
from firmware.core import packet
from firmware.hal.flash import Folder

BLOCKS = 24


class World:
    """What surrounds the board: time, radio, RTC memory, a broker and a server in one; all obey the power."""

    def __init__(self, flash, first_random):
        self.flash = flash
        self.ms = 1000
        self.frame = b"\x5a" * 40
        self.stored = {}
        self.repeats = 0
        self.conflicts = 0
        self.network = True
        self.acknowledges = True
        self.desired = b""
        self._random = first_random
        self._out = b""

    # clock
    def now_s(self):
        return self.ms // 1000

    def ticks_ms(self):
        return self.ms

    def since_ms(self, moment):
        return self.ms - moment

    def sleep_ms(self, duration_ms):
        self.ms += duration_ms

    # board
    def memory(self):
        return self.frame

    def keep(self, frame):
        if not self.flash.dead:
            self.frame = bytes(frame)

    def battery_mv(self):
        return 3000

    def random(self):
        self._random += 1
        return self._random

    # store and slots of the guard
    def load(self, key):
        return None

    def save(self, key, content):
        pass

    def running(self):
        return "ota_0"

    # radio and link
    def up(self, timeout_ms):
        if not self.network or self.flash.dead:
            raise OSError(110)
        return -60

    def down(self):
        pass

    def open(self):
        self._out = b""

    def close(self):
        pass

    def receive(self, timeout_ms, count):
        self.ms += 1 if self._out else timeout_ms
        out, self._out = self._out[:count], self._out[count:]
        return out

    def send(self, content, timeout_ms):
        if self.flash.dead:
            raise OSError(104)
        found = packet.cut(content)
        while found is not None:
            first, start, end = found
            self._answer(first, content[start:end])
            content = content[end:]
            found = packet.cut(content)

    def _answer(self, first, body):
        kind = first >> 4
        if kind == 1:
            self._out += b"\x20\x03\x00\x00\x00"
        elif kind == 8:
            self._out += b"\x90\x04" + body[:2] + b"\x00\x00"
            if self.desired:
                self._out += packet.publish("rp/1/d1/down/desired", self.desired, 7, True)
        elif kind == 3:
            topic, payload, _, packet_id = packet.read_publish(first, body)
            self._out += b"\x40\x02" + packet_id.to_bytes(2, "big")
            if topic.endswith("/ev"):
                self._store(json.loads(payload))

    def _store(self, event):
        key = event["b"], event["s"]
        fact = {name: event[name] for name in event if name not in "ac"}
        if key in self.stored:
            self.repeats += 1
            self.conflicts += self.stored[key] != fact
        self.stored[key] = fact
        if self.acknowledges:
            ack = json.dumps({"b": key[0], "s": [key[1]]})
            self._out += packet.publish("rp/1/d1/down/ack", ack.encode(), 8, False)


class Life:
    """A board in its world; `promised` is what it has said to be recorded."""

    def __init__(self, world):
        self.world = world
        self.promised = set()

    def wake(self, presses=0):
        """One wake: a hello where it is due, presses, a delivery, sleep."""
        world = self.world
        node = Node(
            Device("d1", "button", "pw", 0, 0, 1),
            world,
            world,
            Folder("data"),
            Folder("data/spool"),
            Guard(world, world),
        )
        for _ in range(presses):
            seq = node.record("press", {"g": "short"})
            if not world.flash.dead:
                self.promised.add((node.state.boot, seq))
        node.record_hello_if_due()
        deliver(node, world, world)
        node.settle()
        if not world.flash.dead:
            for name in node.pending():
                parts = name.split("-")
                self.promised.add((parts[1], int(parts[2], 16)))
        return node

    def live(self):
        """The life that is cut."""
        world = self.world
        world.network = False
        self.wake(1)
        self.wake(1)
        world.network, world.acknowledges = True, False
        self.wake(1)
        world.acknowledges = True
        self.wake(1)
        world.desired = b'{"v":1,"rev":1,"cfg":{"hold_ms":900}}'
        self.wake()
        world.network = False
        self.wake(1)
        self.wake(1)


def mount(content):
    """The flash as it was left, mounted at the working directory."""
    flash = ram_flash.CountingFlash(BLOCKS, content)
    vfs.mount(vfs.VfsLfs2(flash), "/f")
    os.chdir("/f")
    return flash


def unmount():
    os.chdir("/")
    vfs.umount("/f")


def cut(blank, at, keeps_rtc):
    """One life with one cut; None when it ended before the cut, else (lost, conflicts, repeats, refused)."""
    flash = mount(bytearray(blank))
    flash.cut_at = at
    world = World(flash, 0x1000)
    life = Life(world)
    try:
        life.live()
    except OSError:
        pass  # the rest of this life does not happen
    survived = not flash.dead
    content = flash.content
    unmount()
    world.flash = mount(content)  # raises when the file system cannot be mounted any more
    if not keeps_rtc:
        world.frame = b"\x5a" * 40
    world.network = world.acknowledges = True
    for _ in range(4):
        world.ms += 4_000_000
        node = life.wake()
    lost = [key for key in life.promised if key not in world.stored]
    left = len(node.pending())
    unmount()
    return survived, len(lost) + left, world.conflicts, world.repeats


def main():
    flash = ram_flash.CountingFlash(BLOCKS)
    vfs.VfsLfs2.mkfs(flash)
    blank = flash.content
    cuts = lost = conflicts = most_repeats = at = 0
    survived = False
    while not survived:
        at += 1
        for keeps_rtc in (False, True):
            survived, missing, wrong, repeats = cut(blank, at, keeps_rtc)
            cuts += not survived
            lost += missing
            conflicts += wrong
            most_repeats = max(most_repeats, repeats)
    print(
        "result",
        json.dumps({"cuts": cuts, "lost": lost, "conflicts": conflicts, "most_repeats": most_repeats}),
    )


main()
