"""Firmware over the air, all real but the chip: server, broker, HTTPS, the firmware in the MicroPython VM."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from device_sim import images
from device_sim.clock import SimClock
from device_sim.fleet import Access
from device_sim.vm import ROOT, VmDevice
from replenish_server.fleet.broker import find_mosquitto
from replenish_server.fleet.images import FirmwareFolder, add_image
from replenish_server.fleet.rollouts import Terms, abort_rollout, find_rollout, start_rollout
from replenish_server.fleet.signing import SigningKeys, load_public, sign_image
from replenish_server.fleet.tables import Twin
from tests.support.mortal_house import EncryptedHouse, wait_until
from tests.support.signing_key import signing_keys
from tests.support.zygote import Zygote

pytestmark = [pytest.mark.broker, pytest.mark.vm, pytest.mark.timeout(240)]

SPEED = 20_000.0
"""Six hours of spread are one second."""

MAINS_SPEED = 600.0


class UpdatedBoard:
    """A board in the VM that believes a key, on a running house.

    Args:
        kind: "level" or "flow".
        house: where it is registered.
        keys: its firmware has the public half.
        access: how it connects.
        folder: its flash and its world.
        broken: files of the firmware that it comes with which differ, by module name.
    """

    def __init__(
        self,
        kind: str,
        house: EncryptedHouse,
        keys: SigningKeys,
        access: Access,
        folder: Path,
        broken: dict[str, str],
    ) -> None:
        self.kind, self.house, self._keys, self.id, self.folder = kind, house, keys, access.device_id, folder
        self.facts: list[dict[str, Any]] = []
        known = {key: f"{public.modulus:x}" for key, public in keys.trusted().items()}
        self._changes = {"firmware/keys.py": f"KEYS = {known!r}\n"}
        self.vm = VmDevice(
            kind, access.device_id, access.password, access.host, access.port, folder,
            SimClock.started_now(SPEED if kind == "level" else MAINS_SPEED), self.facts.append, ca=access.ca,
        )  # fmt: skip
        self.vm.firmware_root = images.tree(folder / "tree", ROOT, self._changes | _files(broken))
        self.vm.set_load_g(900)

    def roll_out(self, seq: int, **broken: str) -> str:
        """Register an image of this firmware, with broken files by module name, and start its rollout."""
        version = (ROOT / "firmware/core/event.py").read_text().replace('"0.1.0"', f'"0.{seq}.0"')
        changes = self._changes | {"firmware/core/event.py": version}
        content, now = images.build(ROOT, changes | _files(broken)), self.house.clock.now()
        firmware = FirmwareFolder(self.house.settings.firmware_folder)
        firmware.keys.trust(load_public(self._keys.private))
        with self.house.database.write() as session:
            manifest = sign_image(self._keys.private, content, self.kind, seq, f"0.{seq}.0", 4096)
            row = add_image(session, firmware, manifest, content, now)
            return start_rollout(
                session, firmware, row.id, Terms(("1",), soak_minutes=0, first=[self.id]), now
            ).rollout.id

    def state(self, rollout_id: str) -> str:
        with self.house.database.read() as session:
            return find_rollout(session, rollout_id).state

    def fw(self) -> dict[str, Any]:
        """What the server has of its last report."""
        (twin,) = self.house.rows(Twin, device_id=self.id)
        return dict((twin.reported or {}).get("fw", {}))

    def said(self, event: str) -> list[dict[str, Any]]:
        return [fact for fact in list(self.facts) if fact["e"] == event]

    def await_(self, condition: Callable[[], Any]) -> None:
        assert wait_until(condition, 90), self.facts[-30:]


def _files(broken: dict[str, str]) -> dict[str, str]:
    return {f"firmware/app/{name}.py": text for name, text in broken.items()}


@pytest.fixture(scope="module")
def house(zygote: Zygote) -> Iterator[EncryptedHouse]:
    """With an edge for devices."""
    running = EncryptedHouse(find_mosquitto() or "", zygote)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def keys() -> SigningKeys:
    """One that the boards have in their firmware."""
    return signing_keys()


@pytest.fixture
def make_board(
    house: EncryptedHouse, keys: SigningKeys, tmp_path: Path
) -> Iterator[Callable[..., UpdatedBoard]]:
    boards: list[UpdatedBoard] = []

    def make(kind: str, **broken: str) -> UpdatedBoard:
        device, _ = house.add(kind, f"d-{kind}-{len(broken)}", random.Random(1))
        boards.append(UpdatedBoard(kind, house, keys, device.access, tmp_path / kind, broken))
        boards[-1].vm.start()
        return boards[-1]

    yield make
    for board in boards:
        board.vm.stop()


MakeBoard = Callable[..., UpdatedBoard]


def test_a_good_image_is_proven_through_power_cuts_and_a_bad_one_goes_back_and_halts(
    make_board: MakeBoard,
) -> None:
    board = make_board("level")
    board.await_(lambda: board.fw() == {"run": 0})
    # The power goes every 14 flash operations: each life writes a few blocks, and the next goes on there.
    cut = board.folder / "world" / "cut_after"
    cut.write_text("14")
    good = board.roll_out(12)
    board.await_(lambda: len(board.said("exit")) >= 2)
    cut.unlink()
    board.await_(lambda: board.state(good) == "finished")
    assert board.fw() == {"run": 12, "seq": 12, "state": "proven"}
    assert board.said("proven") == [{"e": "proven", "seq": 12}]
    # The next one cannot do its work: three starts, then the old one is back and nobody else is offered it.
    bad = board.roll_out(13, level="def wake(*_):\n    raise ValueError('planted')\n")
    board.await_(lambda: board.state(bad) == "halted")
    assert board.fw() == {"run": 12, "seq": 13, "state": "rolled_back", "why": "boots"}
    assert [fact["why"] for fact in board.said("error") if "planted" in fact["why"]] == [
        "ValueError: planted"
    ] * 3

    with board.house.database.write() as session:
        abort_rollout(session, bad, "does not work", board.house.clock.now())


def test_a_meter_that_never_sleeps_is_updated_too(make_board: MakeBoard) -> None:
    board = make_board("flow")
    board.await_(lambda: board.fw() == {"run": 0})
    good = board.roll_out(22)
    board.await_(lambda: board.state(good) == "finished")
    assert board.fw() == {"run": 22, "seq": 22, "state": "proven"}
    assert not board.said("exit")


def test_a_board_whose_program_always_fails_is_mended_in_safe_mode(make_board: MakeBoard) -> None:
    board = make_board("level", level="def wake(*_):\n    raise ValueError('planted')\n")
    board.await_(lambda: board.said("safe"))
    board.roll_out(32)
    board.await_(lambda: board.fw() == {"run": 32, "seq": 32, "state": "proven"})
    failed = len(board.said("error"))
    board.await_(lambda: len(board.said("level")) >= 2)
    assert len(board.said("error")) == failed
