"""What a device is told of another network is what it would take; nothing else gets into its document."""

from pathlib import Path
from typing import Any

import pytest

from firmware.core import network
from replenish_server.fleet.networks import want_network
from replenish_server.fleet.registry import DeviceRefused
from replenish_server.fleet.tables import Device, Twin
from tests.fakes.retailer_house import NOW, House
from tests.support.firmware_fleet import FirmwareFleet

GOOD: list[dict[str, Any]] = [
    {"ssid": "attic", "key": "correct horse"}, {"ssid": "é" * 16, "key": ""}, {"host": "replenish.lan"},
    {"port": 8885}, {"ssid": "a", "key": "x" * 63, "host": "10.0.0.2", "port": 65535},
]  # fmt: skip
BAD: list[dict[str, Any]] = [
    {"ssid": "attic"}, {"key": "correct horse"}, {"ssid": "", "key": ""}, {"ssid": "é" * 17, "key": ""},
    {"ssid": "a", "key": "short"}, {"ssid": "a", "key": "x" * 64}, {"host": ""}, {"host": "h" * 254},
    {"port": 0}, {"port": 65536},
]  # fmt: skip


@pytest.fixture
def fleet(house: House, tmp_path: Path) -> FirmwareFleet:
    """One device."""
    return FirmwareFleet(house, tmp_path / "images", 1)


def twin(fleet: FirmwareFleet) -> Twin:
    with fleet.database.read() as session:
        return session.get_one(Twin, "d-0")


@pytest.mark.parametrize("wish", GOOD)
def test_a_wish_goes_into_the_document_as_the_firmware_takes_it(
    fleet: FirmwareFleet, wish: dict[str, Any]
) -> None:
    before = twin(fleet).desired_rev
    with fleet.database.write() as session:
        assert "key" not in want_network(session, "d-0", NOW, **wish)
    assert twin(fleet).desired["net"] == wish == network.check(wish)
    assert twin(fleet).desired_rev == before + 1
    with fleet.database.write() as session:
        want_network(session, "d-0", NOW, **wish)  # the same again
    assert twin(fleet).desired_rev == before + 1
    with fleet.database.write() as session:
        want_network(session, "d-0", NOW)
    assert "net" not in twin(fleet).desired


@pytest.mark.parametrize("wish", BAD)
def test_what_the_firmware_would_refuse_is_refused_here(fleet: FirmwareFleet, wish: dict[str, Any]) -> None:
    with pytest.raises(DeviceRefused), fleet.database.write() as session:
        want_network(session, "d-0", NOW, **wish)
    with pytest.raises(network.RefusedNetwork):
        network.check(wish)


def test_a_device_that_is_not_there_or_revoked_gets_none(fleet: FirmwareFleet) -> None:
    with fleet.database.write() as session:
        device = session.get_one(Device, "d-0")
        device.revoked_at = NOW
        session.add(device)
    for name in ("d-0", "nobody"):
        with pytest.raises(DeviceRefused, match="device list"), fleet.database.write() as session:
            want_network(session, name, NOW, host="a")
