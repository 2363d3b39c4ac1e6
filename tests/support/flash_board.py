"""A level sensor on simulated NOR flash under ESP-IDF's bootloader, woken life after life in one process.

The programs are the firmware's own; only `live` of firmware/wake.py, which knows hardware, is played here.
That one runs in the VM (tests/integration/test_vm_update.py).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from device_sim.hardware.flash_chip import MAGIC, FlashChip, PowerCut
from firmware.app import level
from firmware.app.guard import Guard
from firmware.app.ports import Answer, Heartbeat, Slots, Source, Store
from firmware.app.update import Updates
from replenish_server.fleet.signing import sign_image
from tests.unit.firmware.fake_board import Bench, Heard

NEW = "ota_1"


def image(payload: bytes) -> bytes:
    """An image that the simulated chip starts."""
    return MAGIC + len(payload).to_bytes(4, "little") + hashlib.sha256(payload).digest() + payload


def offer(key: Path, content: bytes, seq: int = 12, kind: str = "level", **changes: Any) -> dict[str, Any]:
    """`fw` of a desired document, signed."""
    made = sign_image(key, content, kind, seq, f"0.{seq}.0", 4096).document()
    return made | {"port": 8443, "path": f"/firmware/v1/{seq}"} | changes


class ChipMemory(Store):
    """NVS: a save is one flash operation, whole or not at all."""

    def __init__(self, chip: FlashChip) -> None:
        self.content: dict[str, bytes] = {}
        self.chip = chip

    def load(self, key: str) -> bytes | None:
        return self.content.get(key)

    def save(self, key: str, content: bytes) -> None:
        whole = self.chip.spend()
        if whole:
            self.content[key] = content
        self.chip.survive(whole)


class FlashSlots(Slots):
    """As firmware/hal/slots.py does with esp32.Partition."""

    def __init__(self, chip: FlashChip) -> None:
        self.chip, self.now, self.room, self.silent = chip, "ota_0", 0x180000, False
        self.bad_sector = -1
        """Keeps something else than it is given."""

    def running(self) -> str:
        return self.now

    def idle(self) -> str:
        return "ota_1" if self.now == "ota_0" else "ota_0"

    def size(self) -> int:
        return self.room

    def write(self, sector: int, content: bytes) -> None:
        for each in range((len(content) + 4095) // 4096):
            self.chip.erase(self.idle(), sector + each)
        if sector == self.bad_sector:
            content = bytes((content[0] & 0x7E,)) + content[1:]
        self.chip.program(self.idle(), sector * 4096, content)

    def read(self, sector: int, buffer: bytearray) -> None:
        buffer[:] = self.chip.read(self.idle(), sector * 4096, len(buffer))

    def boot(self, label: str) -> None:
        if not self.chip.set_boot(label) and not self.silent:
            raise OSError("no whole image")

    def keep(self) -> None:
        self.chip.mark_valid()


class Shelf(Source):
    """The server's images, and how it fails."""

    def __init__(self) -> None:
        self.content = b""
        self.asked: list[int] = []
        self.status = 0
        self.dies_after = -1
        self.most: int | None = None
        self._at = 0

    def open(self, port: int, path: str, offset: int, sha256: str) -> Answer:
        self.asked.append(offset)
        if self.status:
            return Answer(self.status, 0, len(self.content), 0, 60)
        self._at = offset
        left = len(self.content) - offset
        return Answer(206 if offset else 200, offset, len(self.content), left, 0)

    def read(self, count: int) -> bytes:
        if self.dies_after == 0:
            raise OSError(104)
        self.dies_after -= 1
        content = self.content[self._at : self._at + count][: self.most]
        self._at += count
        return content

    def close(self) -> None:
        pass


class Beats(Heartbeat):
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0

    def beat(self) -> None:
        self.count += 1


class FlashBoard(Bench):
    """One board.

    Args:
        folder: its flash.
        keys: whose firmware it takes.
        rollback: whether its bootloader goes back by itself.
    """

    def __init__(self, folder: Path, keys: dict[str, str], rollback: bool = True) -> None:
        super().__init__("level")
        self.chip_flash = FlashChip(str(folder), rollback)
        self.store, self.two = ChipMemory(self.chip_flash), FlashSlots(self.chip_flash)
        self.keys, self.shelf, self.heart = keys, Shelf(), Beats()
        self.asleep, self.new_image, self.busy = False, "good", False
        self.reports: list[dict[str, Any]] = []
        self.broker.on_publish = self._server

    def want(self, fw: dict[str, Any] | None, rev: int = 2) -> None:
        """What the server wants, retained."""
        document: dict[str, Any] = {"v": 1, "rev": rev}
        self.broker.on_subscribe = [json.dumps(document if fw is None else document | {"fw": fw}).encode()]

    def live(self) -> None:
        """One life: from reset or sleep to reset, sleep or power cut."""
        try:
            self.asleep = self._live()
        except PowerCut:
            self.cut()

    def cut(self) -> None:
        """The power goes: what RTC memory held is lost."""
        self.asleep, self.chip.frame, self.chip_flash.budget = False, b"\x5a" * 40, None

    def lives(self, most: int) -> None:
        """Live until nothing is under way any more."""
        for _ in range(most):
            self.live()
            life = Guard(self.store, self.two).life
            if not life.trial and life.state not in ("waiting", "downloading"):
                break

    def _live(self) -> bool:
        self.two.now = self.chip_flash.boot(self.asleep)
        self.clock.ms += 90_000_000  # longer than any wait of an update, and time for the daily report
        guard = Guard(self.store, self.two)
        if guard.begin(not self.asleep) == "reset":
            return False
        if self.two.now == NEW and self.new_image == "hangs":
            return False  # until the watchdog
        if self.two.now == NEW and self.new_image == "fails":
            guard.failed()
            return True
        self.air.works = not (self.two.now == NEW and self.new_image == "deaf")
        node = self.node_of(guard)
        updates = Updates(node, self.store, self.two, self.shelf, self.keys, 21_600)
        node.offers = updates
        if guard.on_trial():
            node.record_hello()
        updates.prepare(self.busy)
        level.wake(node, self.cell, self.air, self.broker)
        updates.step(self.air, self.broker, self.heart, self.busy)
        guard.ended_well("normal")
        return not (guard.is_installed() and guard.switch() == "reset")

    def _server(self, message: Heard) -> list[tuple[str, bytes]]:
        document = json.loads(message.payload)
        if message.topic.endswith("/st"):
            self.reports.append(document)
            return []
        return [("ack", json.dumps({"b": document["b"], "s": [document["s"]]}).encode())]

    def told(self) -> list[tuple[Any, ...]]:
        """(state, why, run) of each report that differs from the one before."""
        found: list[tuple[Any, ...]] = []
        for report in self.reports:
            fw = report["fw"]
            said = (fw.get("state", ""), fw.get("why", ""), fw["run"])
            if not found or found[-1] != said:
                found.append(said)
        return found


def run_with_a_cut(
    folder: Path,
    keys: dict[str, str],
    fw: dict[str, Any],
    content: bytes,
    behaviour: str,
    rollback: bool,
    cut: int,
) -> tuple[str, bool]:
    """One board whose power goes during its `cut`-th flash operation after the offer, until all is over.

    Returns:
        (what became of it: "right", "wrong" or "bricked", whether the cut came at all).
    """
    folder.mkdir()
    board = FlashBoard(folder, keys, rollback)
    board.new_image, board.shelf.content = behaviour, content
    board.want(fw)
    board.live()
    board.chip_flash.budget = cut
    board.lives(30)
    came, board.chip_flash.budget = board.chip_flash.budget is None, None
    good = behaviour == "good"
    try:
        runs = {board.chip_flash.boot(from_sleep) for from_sleep in (True, False)}
        board.live()  # which tells the last
    except RuntimeError:
        return "bricked", came
    finally:
        board.chip_flash.close()
    life = Guard(board.store, board.two).life
    told = board.told()[-1] == (("proven", "", fw["seq"]) if good else ("rolled_back", "boots", 0))
    right = runs == {NEW if good else "ota_0"} and told and life.floor == (fw["seq"] if good else 0)
    board.chip_flash.close()
    return ("right" if right else "wrong"), came
