"""The world as the programs see it: one class per port, implemented by `firmware.hal`, `.net` or a test.

For the type checker and for tests: a port is a shape, nobody has to inherit it, and no board loads this
module (others name it under `TYPE_CHECKING`), because its code would take 6 KB of a board's memory.
"""

from typing import Protocol

from firmware.net.download import Answer


class Clock(Protocol):
    """Time."""

    def now_s(self) -> int:
        """The board's own clock in seconds: it runs through deep sleep and starts anew at power-on."""
        raise NotImplementedError

    def ticks_ms(self) -> int:
        """Milliseconds since this wake began."""
        raise NotImplementedError

    def since_ms(self, moment: int) -> int:
        """Milliseconds since a moment that `ticks_ms` gave in this wake."""
        raise NotImplementedError

    def sleep_ms(self, duration_ms: int) -> None:
        """Wait, awake."""
        raise NotImplementedError


class Files(Protocol):
    """Small files that survive a power cut; every write replaces a whole file or nothing."""

    def read(self, name: str) -> bytes | None:
        """Content, or None when there is no such file."""
        raise NotImplementedError

    def write(self, name: str, content: bytes) -> None:
        """Write atomically. Raises OSError when the flash is full or worn out."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Remove; a missing file is no error."""
        raise NotImplementedError

    def names(self) -> list[str]:
        """All files, in no order."""
        raise NotImplementedError


class Board(Protocol):
    """The chip: what survives sleep, its battery, its randomness."""

    def memory(self) -> bytes:
        """What `keep` kept; anything at all after power-on."""
        raise NotImplementedError

    def keep(self, frame: bytearray) -> None:
        """Keep up to 2048 bytes over deep sleep."""
        raise NotImplementedError

    def battery_mv(self) -> int:
        """Battery voltage in mV."""
        raise NotImplementedError

    def random(self) -> int:
        """An unpredictable integer of 32 bits."""
        raise NotImplementedError


class Store(Protocol):
    """A few small values that outlast a lost file system; every save replaces one value or nothing."""

    def load(self, key: str) -> bytes | None:
        """The value, or None. Keys have at most 15 characters."""
        raise NotImplementedError

    def save(self, key: str, content: bytes) -> None:
        """Save up to 3000 bytes. Raises OSError when that fails."""
        raise NotImplementedError


class Slots(Protocol):
    """Two places for an image of the whole firmware: one runs, one is idle."""

    def running(self) -> str:
        """Label of the slot that runs."""
        raise NotImplementedError

    def idle(self) -> str:
        """Label of the slot that an update goes to; "" on a board with room for one image only."""
        raise NotImplementedError

    def size(self) -> int:
        """Bytes that the idle slot holds."""
        raise NotImplementedError

    def write(self, sector: int, content: bytes) -> None:
        """Erase and write the idle slot from a sector of 4096 bytes on. Raises OSError."""
        raise NotImplementedError

    def read(self, sector: int, buffer: bytearray) -> None:
        """Read the idle slot from a sector on. Raises OSError."""
        raise NotImplementedError

    def boot(self, label: str) -> None:
        """Start from this slot at the next hard reset. Raises OSError when it holds no whole image."""
        raise NotImplementedError

    def keep(self) -> None:
        """The running image is good: the bootloader shall not go back."""
        raise NotImplementedError


class Heartbeat(Protocol):
    """What must not stand still while something takes long: the watchdog, a counter."""

    def beat(self) -> None:
        """Called at least each few seconds."""
        raise NotImplementedError


class Offers(Protocol):
    """Whoever is told what firmware the server offers."""

    def take_offer(self, offer: object) -> bool:
        """Note `fw` of a desired document, None where it has none; whether there is something to report."""
        raise NotImplementedError


class Commands(Protocol):
    """Whoever does what the server asks once."""

    def take(self, payload: bytes, retained: bool) -> bool:
        """Take `down/cmd`; whether there is something to report now."""
        raise NotImplementedError


class Source(Protocol):
    """Where an image comes from."""

    def open(self, port: int, path: str, offset: int, sha256: str) -> Answer:
        """Ask for a file from `offset` on, if it still is the one of this hash. Raises OSError."""
        raise NotImplementedError

    def read(self, count: int) -> bytes:
        """The next `count` bytes, fewer only at the end. Raises OSError when they do not come."""
        raise NotImplementedError

    def close(self) -> None:
        """Close; never raises."""
        raise NotImplementedError


class Radio(Protocol):
    """The way onto the network."""

    def up(self, timeout_ms: int) -> int:
        """Join; returns the signal in dBm. Raises OSError when that takes longer than `timeout_ms`."""
        raise NotImplementedError

    def down(self) -> None:
        """Switch off, unless it is to stay on; never raises."""
        raise NotImplementedError

    def begin(self) -> None:
        """Start to join, unless it has joined; does not wait. Raises OSError."""
        raise NotImplementedError

    def signal(self) -> int | None:
        """The signal in dBm, None while it has not joined."""
        raise NotImplementedError


class Link(Protocol):
    """A byte stream to the broker."""

    def open(self) -> None:
        """Begin to connect; `send` waits until it is. Raises OSError."""
        raise NotImplementedError

    def send(self, content: bytes, timeout_ms: int) -> None:
        """Send everything in one write. Raises OSError, also when that takes longer than `timeout_ms`."""
        raise NotImplementedError

    def receive(self, timeout_ms: int, count: int) -> bytes:
        """Up to `count` bytes of what has arrived; b"" when nothing came in time.

        Raises OSError when the peer is gone, even if fewer than `count` bytes came before.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close; never raises."""
        raise NotImplementedError


class Links(Protocol):
    """Ways to one server."""

    def to(self, port: int) -> Link:
        """A link to a port, not yet open."""
        raise NotImplementedError


class Wire(Protocol):
    """A connection to the broker that never waits, but in `wait`."""

    def begin(self) -> None:
        """Start to connect; what was open before is closed. Raises OSError."""
        raise NotImplementedError

    def is_open(self) -> bool:
        """Whether it is connected by now. Raises OSError when it never will be."""
        raise NotImplementedError

    def write(self, content: memoryview) -> int:
        """Send; how many bytes were taken, 0 when none could be by now. Raises OSError."""
        raise NotImplementedError

    def read(self, count: int) -> bytes:
        """Up to `count` bytes of what has arrived, b"" for nothing.

        Raises OSError when the peer is gone, even if fewer than `count` bytes came before.
        """
        raise NotImplementedError

    def wait(self, timeout_ms: int) -> None:
        """Wait until it opens, or until something arrives, at most so long."""
        raise NotImplementedError

    def close(self) -> None:
        """Close; never raises."""
        raise NotImplementedError


class Scale(Protocol):
    """A sensor of what remains: a load cell, or a distance from the lid. Both are straight lines to grams."""

    def burst(self, samples: int) -> list[int]:
        """Raw counts; fewer than asked for when the sensor stops answering."""
        raise NotImplementedError

    def resolution_g(self, counts_per_kg: int) -> int:
        """What one step of the sensor is worth, in grams, at least 1."""
        raise NotImplementedError


class Pulses(Protocol):
    """A counter that runs by itself."""

    def taken(self) -> int:
        """Pulses since the last call, or since this object was made."""
        raise NotImplementedError


class Printer(Protocol):
    """What a printer says of itself. It never waits."""

    def ask(self, index: int) -> None:
        """Ask for a supply; an earlier question is forgotten. Raises OSError."""
        raise NotImplementedError

    def answer(self) -> tuple[int | None, int | None] | None:
        """(level, capacity) as the printer counts it, None each for what it does not say; None: not yet."""
        raise NotImplementedError


class Button(Protocol):
    """One push button."""

    def pressed(self) -> bool:
        """Whether the contact is closed now."""
        raise NotImplementedError


class Light(Protocol):
    """One light that tells a person what happened."""

    def on(self) -> None:
        """Steady: I have seen you, I am at work."""
        raise NotImplementedError

    def off(self) -> None:
        """Dark."""
        raise NotImplementedError

    def show(self, answer: str) -> None:
        """Play the pattern of placed, waiting, already, refused, sent or offline; then dark."""
        raise NotImplementedError


class AccessPoint(Protocol):
    """A Wi-Fi of the board's own."""

    def near(self) -> list[str]:
        """Names of networks in reach, strongest first; empty when nothing can be told."""
        raise NotImplementedError

    def up(self, name: str, key: str) -> None:
        """Open it, with WPA2. Raises OSError or ValueError when the chip refuses."""
        raise NotImplementedError

    def down(self) -> None:
        """End it; never raises."""
        raise NotImplementedError


class Console(Protocol):
    """Lines that a person or a program types."""

    def line(self) -> str | None:
        """The next whole line, without its end; None when there is none yet."""
        raise NotImplementedError
