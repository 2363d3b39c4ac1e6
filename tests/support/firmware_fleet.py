"""A fleet of level sensors in a database, and what each of them says of its firmware."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from replenish_server.database import Database
from replenish_server.fleet.firmware_tables import FirmwareImage, Rollout, RolloutDevice
from replenish_server.fleet.images import FirmwareFolder, add_image
from replenish_server.fleet.registry import NewDevice, add_device
from replenish_server.fleet.rollout_keeper import RolloutKeeper
from replenish_server.fleet.rollouts import Terms, devices_of, find_rollout, start_rollout
from replenish_server.fleet.signing import load_public, sign_image
from replenish_server.fleet.tables import Device, Twin
from replenish_server.telemetry.hellos import versions_heard
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House, product
from tests.support.signing_key import signing_keys

IMAGE = b"firmware" * 1000


@dataclass
class FirmwareFleet:
    """Devices `d-0` to `d-n` with firmware 11, an image 12 that may be given to them, and the keeper.

    Args:
        house: where they are registered.
        folder: for images and keys.
        size: how many.
    """

    house: House
    folder: Path
    size: int
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        self.firmware = FirmwareFolder(self.folder)
        self.firmware.keys.trust(load_public(signing_keys().private))
        self.keeper = RolloutKeeper(self.database, self.clock, self.firmware, 8443, versions_heard)
        self.names = [f"d-{number}" for number in range(self.size)]
        with self.database.write() as session:
            for name in self.names:
                add_device(
                    session, HOUSEHOLD, NewDevice("level", name, "S", "x", product(), 9000, 1, name), NOW
                )
            self.image_id = self.row_of_image(session, 12).id
        for name in self.names:
            self.say(name, run=11)

    @property
    def database(self) -> Database:
        """The house's."""
        return self.house.database

    def row_of_image(self, session: Any, seq: int) -> FirmwareImage:
        """A registered image with its bytes."""
        manifest = sign_image(signing_keys().private, IMAGE, "level", seq, f"0.{seq}", 4096)
        return add_image(session, self.firmware, manifest, IMAGE, NOW)

    def image(self) -> FirmwareImage:
        """Its row."""
        with self.database.read() as session:
            return session.get_one(FirmwareImage, self.image_id)

    def start(self, **terms: Any) -> str:
        """Start a rollout and let the keeper look; returns its id."""
        with self.database.write() as session:
            made = start_rollout(session, self.firmware, self.image_id, Terms(**terms), self.clock.now())
        self.keeper.run()
        return made.rollout.id

    def say(self, name: str, run: int, state: str = "", seq: int = 12, **more: Any) -> None:
        """A report of a device, through ingest, and the keeper looks."""
        said = {"run": run} | ({"seq": seq, "state": state} if state else {}) | more
        with self.database.read() as session:
            rev = session.get_one(Twin, name).desired_rev
        body = {"v": 1, "rev": rev, "h": {"fw": f"0.{run}"}, "fw": said}
        self._publish(f"rp/1/{name}/up/st", body)

    def hello(self, name: str, version: str, seq: int = 0, age_s: int = 0) -> None:
        """A sign of life of a device, through ingest, and the keeper looks."""
        body = {"v": 1, "b": "0000000a", "s": seq, "t": "hello", "a": age_s, "h": {"fw": version}}
        self._publish(f"rp/1/{name}/up/ev", body)

    def prove(self, *names: str) -> None:
        """Devices that take it and are well."""
        for name in names:
            self.say(name, 11, "installed")
            self.say(name, 12, "proven")

    def _publish(self, topic: str, body: dict[str, Any]) -> None:
        self.clock.moment += timedelta(seconds=1)
        with self.database.write() as session:
            store_batch(session, [Incoming(topic, json.dumps(body).encode(), False, self.clock.now())])
        self.keeper.run()

    def after(self, heard: Sequence[str] | None = None, **wait: int) -> None:
        """Let time pass, some devices (all if None) say that they live, and the keeper look."""
        self.hear(*(self.names if heard is None else heard), in_=timedelta(**wait))
        self.keeper.run()

    def hear(self, *names: str, in_: timedelta) -> None:
        """Let time pass, and devices say that they live."""
        self.clock.moment += in_
        with self.database.write() as session:
            for name in names:
                session.get_one(Device, name).last_seen_at = self.clock.now()

    def silence(self, name: str, since: datetime | None) -> None:
        """Presence noticed that a device fell silent, or came back."""
        with self.database.write() as session:
            device = session.get_one(Device, name)
            device.silent_at = since
            session.add(device)
        self.keeper.run()

    def rollout(self, rollout_id: str) -> Rollout:
        """Its row."""
        with self.database.read() as session:
            return find_rollout(session, rollout_id)

    def rows(self, rollout_id: str) -> dict[str, RolloutDevice]:
        """Its devices by name."""
        with self.database.read() as session:
            return {row.device_id: row for row in devices_of(session, rollout_id)}

    def wave(self, rollout_id: str, number: int) -> list[str]:
        """Who is in a wave."""
        return [name for name, row in self.rows(rollout_id).items() if row.wave == number]

    def offered(self) -> list[str]:
        """Whose desired document has an offer in it."""
        with self.database.read() as session:
            return [name for name in self.names if "fw" in session.get_one(Twin, name).desired]
