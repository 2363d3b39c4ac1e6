"""The flash of one simulated board and the bootloader that starts from it; for both interpreters.

It behaves as NOR flash and as ESP-IDF's bootloader do: a write only clears bits, a power cut leaves an
operation half done, an image that was never marked valid is left at the next reset, and a chip that wakes
from deep sleep starts the image that slept without looking at anything. Files of the world folder: one per
partition, `boot_slot` (RTC memory of the bootloader).
"""

import binascii
import hashlib
import io
import os
import struct

BLOCK = 4096
SIZES = {"ota_0": 0x180000, "ota_1": 0x180000, "vfs": 0xF0000, "otadata": 2 * BLOCK}
"""As the OTA layout of a 4 MB ESP32."""

MAGIC = b"RPIMAGE1"
HEADER = len(MAGIC) + 4 + 32
"""Magic, length and SHA-256 of what follows; a chip's own image format does the same."""

NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF
_ENTRY = "<I20sII"  # sequence, label, state, CRC-32 of the sequence alone: esp_ota_select_entry_t


class PowerCut(BaseException):
    """The power went away during a flash operation."""


class FlashChip:
    """All partitions of one board.

    Args:
        folder: the board's world.
        rollback: whether the bootloader was built to leave unproven images.
        budget: flash operations until the power goes away, or None.
    """

    def __init__(self, folder: str, rollback: bool = True, budget: int | None = None) -> None:
        self._folder = folder
        self._files: dict[str, io.FileIO] = {}
        self.rollback = rollback
        self.budget = budget
        self.operations = 0

    # --- flash ----------------------------------------------------------------------------------------

    def read(self, label: str, offset: int, length: int) -> bytes:
        """Content; erased flash reads as 0xff."""
        file = self._file(label)
        if file is None:
            return b"\xff" * length
        file.seek(offset)
        content = file.read(length)
        return content + b"\xff" * (length - len(content))

    def erase(self, label: str, block: int) -> None:
        """Set one block to 0xff."""
        whole = self.spend()
        self._put(label, block * BLOCK, b"\xff" * (BLOCK if whole else BLOCK // 2))
        self.survive(whole)

    def program(self, label: str, offset: int, content: bytes) -> None:
        """Clear bits."""
        whole = self.spend()
        if not whole:
            content = content[: len(content) // 2]
        old = self.read(label, offset, len(content))
        if old.count(b"\xff") < len(old):
            content = bytes([one & other for one, other in zip(old, content)])  # noqa: B905 - MicroPython
        self._put(label, offset, content)
        self.survive(whole)

    def spend(self) -> bool:
        """Count an operation; False when the power goes away during it."""
        self.operations += 1
        if self.budget is None:
            return True
        self.budget -= 1
        return self.budget >= 0

    def survive(self, whole: bool) -> None:
        """Raise PowerCut after an operation that was cut."""
        if not whole:
            raise PowerCut

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            file.close()
        self._files = {}

    def _put(self, label: str, offset: int, content: bytes) -> None:
        file = self._file(label, True)
        file.seek(0, 2)
        gap = offset - file.tell()
        if gap > 0:
            file.write(b"\xff" * gap)
        file.seek(offset)
        file.write(content)

    def _file(self, label: str, make: bool = False) -> io.FileIO | None:
        if label not in self._files:
            path = self._folder + "/" + label + ".img"
            try:
                self._files[label] = open(path, "r+b", 0)
            except OSError:
                if not make:
                    return None
                open(path, "wb").close()
                self._files[label] = open(path, "r+b", 0)
        return self._files[label]

    # --- images ---------------------------------------------------------------------------------------

    def has_image(self, label: str) -> bool:
        """Whether a slot can be started. A slot that was never written holds what the board came with."""
        if self._file(label) is None:
            return label == "ota_0"
        header = self.read(label, 0, HEADER)
        length = int.from_bytes(header[8:12], "little")
        if header[:8] != MAGIC or length > SIZES[label]:
            return False
        return hashlib.sha256(self.read(label, HEADER, length)).digest() == header[12:]

    def payload(self, label: str) -> bytes | None:
        """What a slot's image holds; None for what the board came with."""
        header = self.read(label, 0, HEADER)
        if header[:8] != MAGIC:
            return None
        return self.read(label, HEADER, int.from_bytes(header[8:12], "little"))

    # --- boot slot ------------------------------------------------------------------------------------

    def set_boot(self, label: str) -> bool:
        """Start from `label` at the next reset; False when it holds no whole image."""
        if not self.has_image(label):
            return False
        entries = self._entries()
        active = self._active(entries)
        seq = entries[active][0] if active is not None else 0
        number = int(label[4:])
        new = seq + 1
        while (new - 1) % 2 != number:
            new += 1
        target = 0 if active is None else 1 - active
        self._write_entry(target, new, NEW if self.rollback else UNDEFINED)
        return True

    def mark_valid(self) -> None:
        """The image that runs stays."""
        entries = self._entries()
        active = self._active(entries)
        if active is not None and entries[active][1] != VALID:
            self._write_entry(active, entries[active][0], VALID)

    def boot(self, from_sleep: bool) -> str:
        """What the bootloader starts."""
        slept = ""
        try:
            with open(self._folder + "/boot_slot") as file:
                slept = file.read()
        except OSError:
            pass  # it never ran before
        if from_sleep and slept:
            return slept
        label = self._choose()
        if label == slept:
            return label
        with open(self._folder + "/boot_slot", "w") as file:
            file.write(label)
        return label

    def _choose(self) -> str:
        while True:
            entries = self._entries()
            active = self._active(entries)
            if active is None:
                label = "ota_0"
                break
            seq, state = entries[active]
            if state == PENDING and self.rollback:
                self._write_entry(active, seq, ABORTED)
                continue
            if state == NEW and self.rollback:
                self._write_entry(active, seq, PENDING)
            label = "ota_" + str((seq - 1) % 2)
            break
        if self.has_image(label):
            return label
        other = "ota_1" if label == "ota_0" else "ota_0"
        if not self.has_image(other):
            raise RuntimeError("bricked: no slot holds an image")
        return other

    def _entries(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for index in range(2):
            seq, _, state, check = struct.unpack(_ENTRY, self.read("otadata", index * BLOCK, 32))
            whole = seq != UNDEFINED and check == binascii.crc32(struct.pack("<I", seq))
            found.append((seq, state) if whole else (0, UNDEFINED))
        return found

    def _active(self, entries: list[tuple[int, int]]) -> int | None:
        best: int | None = None
        for index, (seq, state) in enumerate(entries):
            if seq and state not in (INVALID, ABORTED) and (best is None or seq > entries[best][0]):
                best = index
        return best

    def _write_entry(self, index: int, seq: int, state: int) -> None:
        self.erase("otadata", index)
        content = struct.pack(_ENTRY, seq, b"", state, binascii.crc32(struct.pack("<I", seq)))
        self.program("otadata", index * BLOCK, content)


def forget_sleep(folder: str) -> None:
    """Power-on: the bootloader's RTC memory is lost."""
    try:
        os.remove(folder + "/boot_slot")
    except OSError:
        pass  # there was none
