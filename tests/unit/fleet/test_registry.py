"""Adding a device: what is refused, what is written, and the password's form."""

import hashlib
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from replenish_server.fleet.registry import DeviceRefused, NewDevice, add_device, mosquitto_hash, new_password
from replenish_server.fleet.tables import Device, Slot, Twin
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House, product

LEVEL = NewDevice("level", "Scale", "Box", "detergent", product(), 2_000_000, 400_000)
FLOW = NewDevice("flow", "Meter", "Filter", "water filter", product(150_000), 150_000, 30_000)
PAGES = NewDevice("pages", "Printer", "Toner", "toner", product(2500), 2500, 300)
BUTTON = NewDevice("button", "Button", "Box", "detergent", product(1))


@pytest.mark.parametrize(
    ("new", "change", "why"),
    [
        (LEVEL, {"kind": "toaster"}, "unknown kind 'toaster'"),
        (LEVEL, {"device_id": "ab"}, "3 to 40"),
        (LEVEL, {"device_id": "a" * 41}, "3 to 40"),
        (LEVEL, {"device_id": "Level-9"}, "lower-case"),
        (LEVEL, {"device_id": "-level"}, "lower-case"),
        (LEVEL, {"device_id": "level-"}, "lower-case"),
        (LEVEL, {"device_id": "level/+"}, "lower-case"),
        (LEVEL, {"device_id": "level 1\n"}, "lower-case"),
        (LEVEL, {"device_id": "level-1"}, "is taken"),
        (LEVEL, {"product": product(0)}, "a pack must hold"),
        (LEVEL, {"product": product(-1)}, "a pack must hold"),
        (LEVEL, {"capacity": None}, "capacity"),
        (LEVEL, {"capacity": 0}, "capacity"),
        (LEVEL, {"capacity": -5}, "capacity"),
        (LEVEL, {"threshold": None}, "threshold"),
        (LEVEL, {"threshold": -1}, "threshold"),
        (LEVEL, {"threshold": 2_000_000}, "threshold"),
        (LEVEL, {"remaining": 5}, "measures what remains"),
        (FLOW, {"capacity": None}, "capacity of a full unit"),
        (PAGES, {"threshold": 2500}, "threshold"),
        (FLOW, {"remaining": -1}, "what remains"),
        (FLOW, {"remaining": 150_001}, "what remains"),
        (BUTTON, {"product": product(0)}, "a pack must hold"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    house: House, new: NewDevice, change: dict[str, Any], why: str
) -> None:
    """With a sentence that says what to change, and nothing written."""
    with house.database.write() as session:
        with pytest.raises(DeviceRefused, match=why):
            add_device(session, HOUSEHOLD, replace(new, **change), NOW)
        assert len(session.exec(select(Device)).all()) == 2


@pytest.mark.parametrize(("new", "unit"), [(LEVEL, "mg"), (FLOW, "ml"), (PAGES, "page"), (BUTTON, "pack")])
@pytest.mark.parametrize("device_id", [None, "abc", "a" * 40, "kitchen-2"])
def test_a_device_comes_with_its_slot_and_an_empty_wish(
    house: House, new: NewDevice, unit: str, device_id: str | None
) -> None:
    """One slot, `main`, in the unit of its kind."""
    with house.database.write() as session:
        found, slot_id = add_device(session, HOUSEHOLD, replace(new, device_id=device_id), NOW)
        slot, twin = session.get_one(Slot, slot_id), session.get_one(Twin, found)
    assert found.startswith(f"{new.kind}-") if device_id is None else device_id == found
    assert ("main", unit, new.capacity, new.threshold) == (slot.key, slot.unit, slot.capacity, slot.threshold)
    assert ({"cfg": {}, "slots": {}}, 0) == (twin.desired, twin.desired_rev)


def test_a_threshold_of_nothing_is_a_threshold(house: House) -> None:
    """Order when empty."""
    with house.database.write() as session:
        _, slot_id = add_device(session, HOUSEHOLD, replace(LEVEL, threshold=0), NOW)
        assert session.get_one(Slot, slot_id).threshold == 0


def test_the_hash_is_what_mosquitto_reads() -> None:
    """`$7$iterations$salt$PBKDF2-HMAC-SHA512`, with a salt of its own each time."""
    kind, name, iterations, salt, digest = mosquitto_hash("pa55").split("$")
    assert ("", "7") == (kind, name)
    assert 12 == len(b64decode(salt, validate=True))
    expected = hashlib.pbkdf2_hmac("sha512", b"pa55", b64decode(salt), int(iterations), 64)
    assert expected == b64decode(digest, validate=True)
    assert mosquitto_hash("pa55") != mosquitto_hash("pa55")


def test_passwords_are_long_and_never_the_same() -> None:
    """160 random bits."""
    made = {new_password() for _ in range(50)}
    assert 50 == len(made)
    assert min(map(len, made)) >= 27
