"""The doctor finds what is wrong, says what to do, and changes nothing."""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from replenish_server.fleet.alarms import note_double
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import find_mosquitto
from replenish_server.fleet.tables import Device
from replenish_server.operations.doctor import Finding, examine
from replenish_server.settings import Settings
from tests.fakes.retailer_house import House
from tests.support.firmware_fleet import FirmwareFleet
from tests.support.mortal_house import EncryptedHouse
from tests.support.zygote import Zygote

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def tls_house(zygote: Zygote) -> Iterator[EncryptedHouse]:
    """One running house for the whole file."""
    house = EncryptedHouse(find_mosquitto() or "", zygote)
    house.start()
    yield house
    house.stop()


def wrong(settings: Settings, now: datetime = NOW) -> dict[str, Finding]:
    """What is not as it should be, but for the disk, which is the machine's own."""
    return {each.what: each for each in examine(settings, now) if not each.ok and each.what != "disk"}


def test_an_empty_folder_is_told_what_to_run(tmp_path: Path) -> None:
    """And nothing is made there by looking."""
    found = wrong(Settings(data_dir=tmp_path, broker_port=1, device_port=1), datetime(2000, 1, 1, tzinfo=UTC))
    assert found.keys() == {"database", "clock", "broker, inside", "broker, devices", "TLS"}
    for what, says in (("database", "replenish setup"), ("TLS", "replenish ca init"), ("clock", "NTP")):
        assert says in found[what].said
    assert list(tmp_path.iterdir()) == []


@contextmanager
def somebody_else() -> Iterator[None]:
    """As a user to whom nothing here belongs; without root, nothing changes."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_a_folder_that_nobody_may_read_ends_no_other_look(tmp_path: Path) -> None:
    """Each look says what it may not read; the list of looks is the same."""
    folder = tmp_path / "data"
    folder.mkdir()
    settings = Settings(data_dir=folder, broker_port=1, device_port=1)
    usual = [each.what for each in examine(settings, NOW)]
    folder.chmod(0)
    with somebody_else():
        found = examine(settings, NOW)
    folder.chmod(0o700)
    assert [each.what for each in found] == usual
    said = {each.what: each.said for each in found}
    for what in ("database", "permissions", "TLS"):
        assert "Permission denied" in said[what]
        assert "chown" in said[what]


def test_a_database_that_may_not_be_written_is_not_called_sound() -> None:
    """Nor is restoring a backup the advice."""
    with tempfile.TemporaryDirectory() as name:  # everybody may reach it, unlike pytest's own folders
        folder = Path(name)
        with closing(sqlite3.connect(folder / "replenish.db")) as connection:
            connection.execute("CREATE TABLE something (id INTEGER)")
        settings = Settings(data_dir=folder, broker_port=1, device_port=1)
        assert "database" not in wrong(settings)
        for path in (*folder.iterdir(), folder):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with somebody_else():
            said = wrong(settings)["database"].said
        folder.chmod(0o700)
    assert "may not be written" in said
    assert "chown" in said
    assert "backup" not in said


@pytest.mark.broker
@pytest.mark.timeout(180)
def test_a_healthy_house_is_healthy_until_something_is_not(tls_house: EncryptedHouse) -> None:
    """A loose secret, and a certificate that does not fit the name that devices use."""
    settings = tls_house.settings
    assert wrong(settings) == {}
    key = settings.authority_folder / "ca.key"
    key.chmod(0o644)
    assert f"chmod 600 {key}" in wrong(settings)["permissions"].said
    assert stat.S_IMODE(key.stat().st_mode) == 0o644
    key.chmod(0o600)
    settings.database_file.chmod(0o644)
    assert f"chmod 600 {settings.database_file}" in wrong(settings)["permissions"].said
    settings.database_file.chmod(0o600)
    other = settings.model_copy(update={"device_hosts": ["elsewhere.example"]})
    assert "replenish ca renew" in wrong(other)["TLS, devices"].said
    foreign = Authority(settings.data_dir / "foreign")
    foreign.init(["localhost"])
    assert wrong(settings) == {}


def test_what_waits_for_somebody_in_the_fleet_is_said(house: House, tmp_path: Path) -> None:
    """A rollout that halted, and a credential that was copied."""
    fleet = FirmwareFleet(house, tmp_path / "images", 1)
    rollout_id = fleet.start()
    fleet.say("d-0", 11, "failed", why="flash")
    with house.database.write() as session:
        note_double(session, "d-0", NOW)
    settings = Settings(data_dir=tmp_path, database_url=house.database.url, broker_port=1, device_port=1)
    with house.database.write() as session:
        session.get_one(Device, "d-0").last_seen_at = NOW + timedelta(days=400)
    found = wrong(settings)
    assert "yet to come" in found["clock"].said
    assert f"rollout show {rollout_id}" in found["rollout"].said
    assert "device revoke d-0" in found["credential of d-0"].said
