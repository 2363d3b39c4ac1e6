"""The ports of `firmware.app`, played by plain objects: manual clock, files in memory, scripted broker."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from firmware.app.guard import Guard
from firmware.app.node import Device, Node
from firmware.app.ports import Board, Button, Clock, Files, Light, Link, Radio, Scale, Slots, Store, Wire
from firmware.core import packet


class Heard(NamedTuple):
    """One PUBLISH, as `packet.read_publish` gives it."""

    topic: str
    payload: bytes
    retained: bool
    packet_id: int


class Packets:
    """A byte stream, cut into packets of (first byte, body)."""

    def __init__(self, content: bytes = b"") -> None:
        self._content = content

    def feed(self, content: bytes) -> None:
        self._content += content

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while (found := packet.cut(self._content)) and found[2] <= len(self._content):
            first, start, end = found
            body, self._content = self._content[start:end], self._content[end:]
            yield first, body


class ManualClock(Clock):
    def __init__(self) -> None:
        self.ms = 1000

    def now_s(self) -> int:
        return self.ms // 1000

    def ticks_ms(self) -> int:
        return self.ms

    def since_ms(self, moment: int) -> int:
        return self.ms - moment

    def sleep_ms(self, duration_ms: int) -> None:
        self.ms += duration_ms


class Flash(Files):
    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.writes = 0

    def read(self, name: str) -> bytes | None:
        return self.content.get(name)

    def write(self, name: str, content: bytes) -> None:
        self.content[name] = content
        self.writes += 1

    def remove(self, name: str) -> None:
        self.content.pop(name, None)

    def names(self) -> list[str]:
        return list(self.content)


class Memory(Store):
    """What outlasts a lost file system."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.saves = 0

    def load(self, key: str) -> bytes | None:
        return self.content.get(key)

    def save(self, key: str, content: bytes) -> None:
        self.content[key] = content
        self.saves += 1


class TwoSlots(Slots):
    """Slots in memory; `next` is what the next reset starts."""

    def __init__(self) -> None:
        self.now = self.next = "ota_0"
        self.images = {"ota_0": bytearray(b"\xff" * 0x10000), "ota_1": bytearray(b"\xff" * 0x10000)}
        self.kept = 0
        self.refuses = False

    def running(self) -> str:
        return self.now

    def idle(self) -> str:
        return "ota_1" if self.now == "ota_0" else "ota_0"

    def size(self) -> int:
        return len(self.images["ota_1"])

    def write(self, sector: int, content: bytes) -> None:
        self.images[self.idle()][sector * 4096 : sector * 4096 + len(content)] = content

    def read(self, sector: int, buffer: bytearray) -> None:
        buffer[:] = self.images[self.idle()][sector * 4096 : sector * 4096 + len(buffer)]

    def boot(self, label: str) -> None:
        if self.refuses:
            raise OSError("no whole image")
        self.next = label

    def keep(self) -> None:
        self.kept += 1


class Chip(Board):
    def __init__(self) -> None:
        self.frame = b"\x5a" * 40
        self.next_random = 0x00C0FFEE
        self.millivolts = 3000

    def memory(self) -> bytes:
        return self.frame

    def keep(self, frame: bytearray) -> None:
        self.frame = bytes(frame)

    def battery_mv(self) -> int:
        return self.millivolts

    def random(self) -> int:
        return self.next_random


class Air(Radio):
    def __init__(self) -> None:
        self.works = True
        self.on = False

    def up(self, timeout_ms: int) -> int:
        if not self.works:
            raise OSError("no Wi-Fi, status 201")
        self.on = True
        return -61

    def down(self) -> None:
        self.on = False

    def begin(self) -> None:
        self.on = True

    def signal(self) -> int | None:
        return -61 if self.on and self.works else None


class Broker(Link):
    """Answers each packet at once; `on_publish` returns what it sends back for one."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.connack = 0
        self.connack_properties = b""
        self.window = 65_535
        """Unacknowledged messages beyond it end the connection."""
        self.too_many = 0
        self.largest = 0
        """Packets of more bytes end the connection; 0 for none."""
        self.too_large = 0
        self._done = False
        self._puback_ends: list[int] = []
        """How many bytes stand before the end of each PUBACK that was not yet read."""
        self.puback = 0
        self.published: list[Heard] = []
        self.writes: list[bytes] = []
        self.on_publish: Callable[[Heard], list[tuple[str, bytes]]] = lambda message: []
        self.on_subscribe: list[bytes] = []
        self.open_links = 0
        self.pings = 0
        self._out = b""

    def open(self) -> None:
        self.open_links += 1
        self._out, self._puback_ends, self._done = b"", [], False

    def close(self) -> None:
        self.open_links = 0

    def send(self, content: bytes, timeout_ms: int) -> None:
        if not self.open_links:
            raise OSError(107)
        self.writes.append(content)
        for first, body in Packets(content):
            self.answer(first, body)

    def receive(self, timeout_ms: int, count: int) -> bytes:
        self._clock.ms += timeout_ms if not self._out else 1
        return self.take(min(7, count))  # in pieces, as TCP may

    def take(self, size: int) -> bytes:
        out, self._out = self._out[:size], self._out[size:]
        self._puback_ends = [end - len(out) for end in self._puback_ends if end > len(out)]
        return out

    def answer(self, first: int, body: bytes) -> None:
        kind = first >> 4
        if self._done:
            return
        if self.largest and kind != 1 and len(packet.packet(first, body)) > self.largest:
            self.too_large += 1
            self._done = True
            self._out += b"\xe0\x02\x95\x00"  # packet too large
            return
        if kind == 1:
            properties = self.connack_properties
            self._out += bytes((0x20, 3 + len(properties), 0, self.connack, len(properties))) + properties
        elif kind == 8:
            self._out += bytes((0x90, 5)) + body[:2] + b"\x00\x01\x01"
            for payload in self.on_subscribe:
                self._out += packet.publish("rp/1/d1/down/desired", payload, 7, True)
        elif kind == 12:
            self.pings += 1
            self._out += b"\xd0\x00"
        elif kind == 3 and len(self._puback_ends) >= self.window:
            self.too_many += 1
            self._done = True
            self._out += b"\xe0\x02\x93\x00"  # receive maximum exceeded
        elif kind == 3:
            message = Heard(*packet.read_publish(first, body))
            self.published.append(message)
            number = message.packet_id.to_bytes(2, "big")
            self._out += b"\x40\x03" + number + bytes((self.puback,)) if self.puback else b"\x40\x02" + number
            self._puback_ends.append(len(self._out))
            for topic, payload in self.on_publish(message):
                self._out += packet.publish("rp/1/d1/down/" + topic, payload, 8, False)


class BrokerWire(Wire):
    """The way to a `Broker` that may not listen, say nothing, or be cut."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._packets = Packets()
        self.listens = self.answers = True
        self.begun = 0
        self.cut = False

    def begin(self) -> None:
        self.begun += 1
        if not self.listens:
            raise OSError(111)
        self._packets, self.cut = Packets(), False
        self._broker.open()

    def is_open(self) -> bool:
        return True

    def write(self, content: memoryview) -> int:
        taken = bytes(content[:100])  # in pieces, as TCP may
        self._packets.feed(taken if self.answers else b"")
        for first, body in self._packets:
            self._broker.answer(first, body)
        return len(taken)

    def read(self, count: int) -> bytes:
        if self.cut:
            raise OSError(104)
        return self._broker.take(min(7, count))

    def wait(self, timeout_ms: int) -> None:
        raise AssertionError("an uplink never waits")

    def close(self) -> None:
        self._broker.close()


class Cell(Scale):
    def __init__(self) -> None:
        self.grams = 1200

    def burst(self, samples: int) -> list[int]:
        return [84_000 + self.grams * 420 + at % 2 for at in range(samples)]

    def resolution_g(self, counts_per_kg: int) -> int:
        return 1


class Contact(Button):
    """Pressed between each pair of `edges`, in ms of the clock."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.edges: list[int] = []

    def pressed(self) -> bool:
        return sum(1 for edge in self.edges if edge <= self._clock.ms) % 2 == 1


class Lamp(Light):
    def __init__(self) -> None:
        self.shown: list[str] = []

    def on(self) -> None:
        self.shown.append("on")

    def off(self) -> None:
        self.shown.append("off")

    def show(self, answer: str) -> None:
        self.shown.append(answer)


class Bench:
    """One board on the bench; `node()` is a wake."""

    def __init__(self, kind: str) -> None:
        self.clock, self.chip, self.data, self.spool = ManualClock(), Chip(), Flash(), Flash()
        self.air, self.broker, self.cell = Air(), Broker(self.clock), Cell()
        self.contact, self.lamp = Contact(self.clock), Lamp()
        self.memory, self.slots = Memory(), TwoSlots()
        self.device = Device("d1", kind, "pw", 2500, 84_000, 420_000)

    def node(self) -> Node:
        return self.node_of(Guard(self.memory, self.slots))

    def node_of(self, guard: Guard) -> Node:
        """A wake under this guard."""
        return Node(self.device, self.chip, self.clock, self.data, self.spool, guard)
