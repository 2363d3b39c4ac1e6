"""The fake `esp32` module: waking by a pin, pulses, flash partitions, non-volatile storage."""

import binascii
import json
import os

import flash_chip
import machine
import sim_world

WAKEUP_ALL_LOW, WAKEUP_ANY_HIGH = False, True


class PCNT:
    """Counts the world's pulses from the moment it was made; 16 bits, as on the chip."""

    INCREMENT = 1

    def __init__(self, unit, pin, rising, filter, value):
        self._origin = sim_world.read()["pulses"]
        self._running = False

    def start(self):
        self._running = True
        sim_world.save("counting", b"")

    def value(self, reset=None):
        counted = sim_world.read()["pulses"]
        found = counted - self._origin if self._running else 0
        if reset == 0:
            self._origin = counted
        return found % 32767


class NVS:
    """Non-volatile storage: one file, replaced as a whole at each commit, as the chip's own journal does."""

    def __init__(self, namespace):
        self._values = json.loads(sim_world.load("nvs.json") or b"{}")

    def get_blob(self, key, buffer):
        if key not in self._values:
            raise OSError("ESP_ERR_NVS_NOT_FOUND")
        content = binascii.unhexlify(self._values[key])
        if len(content) > len(buffer):
            raise OSError("ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(content)] = content
        return len(content)

    def set_blob(self, key, value):
        if len(key) > 15:
            raise OSError("ESP_ERR_NVS_KEY_TOO_LONG")
        self._values[key] = binascii.hexlify(value).decode()

    def erase_key(self, key):
        if key not in self._values:
            raise OSError("ESP_ERR_NVS_NOT_FOUND")
        del self._values[key]

    def commit(self):
        whole = chip.spend()
        if whole:
            sim_world.save("nvs.json", json.dumps(self._values).encode())
        _survive(whole)


class Partition:
    """One partition of the simulated chip's flash."""

    BOOT, RUNNING = 0, 1
    TYPE_APP, TYPE_DATA = 0, 1

    def __init__(self, id, block_size=4096):
        self._label = (sim_world.load("running") or b"ota_0").decode() if id == self.RUNNING else id

    @classmethod
    def find(cls, type=0, subtype=0xFF, label=None):
        labels = ("ota_0", "ota_1") if type == cls.TYPE_APP else ("vfs",)
        return [cls(each) for each in labels if label in (None, each)]

    def info(self):
        kind = 0 if self._label.startswith("ota_") else 1
        return (kind, 0, 0, flash_chip.SIZES[self._label], self._label, False)

    def get_next_update(self):
        return Partition("ota_1" if self._label == "ota_0" else "ota_0")

    def readblocks(self, block, buffer, offset=0):
        buffer[:] = chip.read(self._label, block * flash_chip.BLOCK + offset, len(buffer))

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            for each in range(len(buffer) // flash_chip.BLOCK):
                self.ioctl(6, block + each)
        _run(chip.program, self._label, block * flash_chip.BLOCK + (offset or 0), bytes(buffer))

    def ioctl(self, operation, argument=0):
        if operation == 6:
            _run(chip.erase, self._label, argument)
        return {4: flash_chip.SIZES[self._label] // flash_chip.BLOCK, 5: flash_chip.BLOCK}.get(operation, 0)

    def set_boot(self):
        if not _run(chip.set_boot, self._label):
            raise OSError(-5379, "ESP_ERR_OTA_VALIDATE_FAILED")

    @classmethod
    def mark_app_valid_cancel_rollback(cls):
        if not chip.rollback:
            raise OSError(-261)
        _run(chip.mark_valid)


def wake_on_ext0(pin, level):
    if level is not WAKEUP_ALL_LOW:
        raise ValueError("the simulated button pulls its pin low")
    machine.arm_wake_pin(pin)


def _run(operation, *arguments):
    try:
        return operation(*arguments)
    except flash_chip.PowerCut:
        _survive(False)


def _survive(whole):
    if not whole:
        power_goes()


def _die():
    os.system("kill -9 $PPID")  # noqa: S605 - MicroPython has no other way
    while True:
        pass  # the signal is under way


def _budget():
    left = sim_world.load("cut_after")
    return int(left) if left else None


chip = flash_chip.FlashChip(sim_world.folder(), sim_world.read().get("rollback", True), _budget())
power_goes = _die
"""What a cut does; a test that plays many cuts in one process puts its own exception here."""
