"""Firmware to devices over the broker and HTTPS, with downloads that break and a server that dies."""

import asyncio
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from device_sim.fleet import SimDevice
from device_sim.updates import BROKEN, SimFirmware
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import find_mosquitto
from replenish_server.fleet.firmware_tables import RolloutDevice
from replenish_server.fleet.images import FirmwareFolder, add_image
from replenish_server.fleet.rollouts import Terms, abort_rollout, find_rollout, start_rollout
from replenish_server.fleet.signing import PublicKey, SigningKeys, load_public, sign_image
from replenish_server.fleet.tables import Twin
from tests.support.mortal_house import EncryptedHouse, wait_until
from tests.support.signing_key import signing_keys
from tests.support.zygote import Zygote

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

GOOD = bytes(range(256)) * 300
DEVICES = 6


@pytest.fixture(scope="module")
def keys() -> tuple[SigningKeys, PublicKey]:
    """A key that the devices have in their firmware."""
    made = signing_keys()
    (public,) = made.trusted().values()
    return made, public


class Fleet:
    """Devices that run in a thread of their own, on a running house."""

    def __init__(self, house: EncryptedHouse, key: PublicKey) -> None:
        self.house = house
        ca = Authority(house.settings.authority_folder).ca_certificate.read_text()
        self.devices: dict[str, SimDevice] = {}
        for number in range(DEVICES):
            name, rng = f"d-{number}", random.Random(number)
            device, _ = house.add("button", name, rng)
            device.mains = True
            device.firmware = SimFirmware(
                "button", 11, "0.11", key.modulus, "localhost", ca, cut_every=20_000
            )
            device.record("hello", h={"fw": "0.11"})
            self.devices[name] = device
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Switch all on, and wait until the server has heard what each runs."""
        self._thread.start()
        assert wait_until(lambda: all(self.said(name).get("run") == 11 for name in self.devices), 60)

    def stop(self) -> None:
        """Switch all off."""
        self._loop.call_soon_threadsafe(self._all.cancel)
        self._thread.join(timeout=30)
        self._loop.close()

    def said(self, name: str) -> dict[str, object]:
        """What a device reported of its firmware, as the server has it."""
        (twin,) = self.house.rows(Twin, device_id=name)
        return dict((twin.reported or {}).get("fw", {}))

    def told(self, name: str) -> list[str]:
        """Every state that a device went through."""
        firmware = self.devices[name].firmware
        assert firmware is not None
        return firmware.told

    def _run(self) -> None:
        async def everybody() -> None:
            await asyncio.gather(*(device.run() for device in self.devices.values()))

        self._all = self._loop.create_task(everybody())
        self._loop.run_until_complete(asyncio.wait([self._all]))


@pytest.fixture(scope="module")
def fleet(zygote: Zygote, keys: tuple[SigningKeys, PublicKey]) -> Iterator[Fleet]:
    """Six devices on a running house."""
    house = EncryptedHouse(find_mosquitto() or "", zygote)
    house.start()
    try:
        made = Fleet(house, keys[1])
        made.start()
        yield made
        made.stop()
    finally:
        house.stop()


def begin(fleet: Fleet, keys: SigningKeys, seq: int, image: bytes, *steps: str) -> str:
    """Register an image and start its rollout, without a soak."""
    house = fleet.house
    now, firmware = house.clock.now(), FirmwareFolder(house.settings.firmware_folder)
    firmware.keys.trust(load_public(keys.private))
    with house.database.write() as session:
        manifest = sign_image(keys.private, image, "button", seq, f"0.{seq}", 4096)
        row = add_image(session, firmware, manifest, image, now)
        return start_rollout(session, firmware, row.id, Terms(steps, soak_minutes=0), now).rollout.id


def state(fleet: Fleet, rollout_id: str) -> str:
    """What a rollout does."""
    with fleet.house.database.read() as session:
        return find_rollout(session, rollout_id).state


def states(fleet: Fleet, rollout_id: str) -> list[str]:
    """How far each device is, in order."""
    with fleet.house.database.read() as session:
        query = select(RolloutDevice.state).where(RolloutDevice.rollout_id == rollout_id)
        return sorted(session.exec(query).all())


def test_a_bad_image_halts_at_the_first_device_and_a_good_one_reaches_all(
    fleet: Fleet, keys: tuple[SigningKeys, PublicKey], tmp_path: Path
) -> None:
    """The first goes back and nobody else is touched; then all get the next one, though the server dies."""
    bad = begin(fleet, keys[0], 12, BROKEN + GOOD, "1")
    assert wait_until(lambda: state(fleet, bad) == "halted", 60)
    assert states(fleet, bad) == ["planned"] * (DEVICES - 1) + ["rolled_back"]
    assert sum(bool(fleet.told(name)) for name in fleet.devices) == 1
    with fleet.house.database.write() as session:
        abort_rollout(session, bad, "does not come up", fleet.house.clock.now())
    good = begin(fleet, keys[0], 13, GOOD, "1", "100%")
    assert wait_until(lambda: "proven" in states(fleet, good), 60)
    fleet.house.kill("server")
    fleet.house.restart("server")
    assert wait_until(lambda: state(fleet, good) == "finished", 90), states(fleet, good)
    assert states(fleet, good) == ["proven"] * DEVICES
    for name, device in fleet.devices.items():
        assert device.firmware is not None
        assert (13, "0.13") == (fleet.said(name)["run"], device.firmware.ver)
        assert device.firmware.pieces >= len(GOOD) // 20_000  # each download was cut again and again
