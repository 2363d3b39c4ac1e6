"""Registering a device: its identity, its slot, its first desired settings. It never talks to the broker."""

import hashlib
import re
import secrets
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from replenish_server.fleet.tables import Device, Slot, Twin
from replenish_server.fleet.units import OF_KIND
from replenish_server.ids import DeviceId, HouseholdId, RetailerId, SlotId, new_id

_DEVICE_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")
_MOSQUITTO_ITERATIONS = 101  # what mosquitto_passwd writes; passwords are random, so stretching adds little


@dataclass(frozen=True)
class Product:
    """What a slot buys.

    Args:
        retailer_id: where.
        item_id: the retailer's own id of the pack.
        name: as people call it.
        pack_amount: base units of the slot in one pack.
    """

    retailer_id: RetailerId
    item_id: str
    name: str
    pack_amount: int


@dataclass(frozen=True)
class NewDevice:
    """What a person says when they add a device with one slot.

    Args:
        kind: one of `units.OF_KIND`.
        name: as people call the device.
        slot_name: as people call the consumable.
        category: kind of consumable, e.g. "detergent"; the forecast's prior depends on it.
        product: what the slot buys.
        capacity: base units when full; None for a button.
        threshold: base units at which a person wants more to be ordered; None for a button.
        device_id: lower-case letters, digits and dashes, 3 to 40; None makes one.
        remaining: base units that are there now, of a device that counts use; None while nobody knows.
    """

    kind: str
    name: str
    slot_name: str
    category: str
    product: Product
    capacity: int | None = None
    threshold: int | None = None
    device_id: str | None = None
    remaining: int | None = None


class DeviceRefused(ValueError):
    """The device cannot be added; the text says what to change."""


def add_device(
    session: Session, household_id: HouseholdId, new: NewDevice, now: datetime
) -> tuple[DeviceId, SlotId]:
    """Register a device with its slot and its first desired settings.

    Raises:
        DeviceRefused: unknown kind, a malformed or taken id, or numbers that do not fit together.
    """
    _check(session, new)
    device_id = DeviceId(new.device_id or new_id(new.kind))
    slot_id = SlotId(new_id("slot"))
    session.add(Device(id=device_id, household_id=household_id, kind=new.kind, name=new.name, created_at=now))
    session.flush()
    session.add(
        Slot(
            id=slot_id,
            household_id=household_id,
            device_id=device_id,
            key="main",
            name=new.slot_name,
            category=new.category,
            unit=OF_KIND[new.kind].base,
            capacity=new.capacity,
            threshold=new.threshold,
            retailer_id=new.product.retailer_id,
            item_id=new.product.item_id,
            product_name=new.product.name,
            pack_amount=new.product.pack_amount,
            created_at=now,
        )
    )
    session.add(Twin(device_id=device_id, desired={"cfg": {}, "slots": {}}, desired_at=now))
    session.flush()
    return device_id, slot_id


def give_device(session: Session, household_id: str, device_id: str, person_id: str | None) -> None:
    """Make a device somebody's, so that its presses may do what that person may; None makes it everybody's.

    Raises:
        DeviceRefused: the household has no such device.
    """
    device = session.get(Device, device_id)
    if device is None or device.household_id != household_id:
        raise DeviceRefused(f"there is no device {device_id!r}; see: replenish device list")
    device.person_id = person_id
    session.add(device)


def _check(session: Session, new: NewDevice) -> None:
    if new.kind not in OF_KIND:
        raise DeviceRefused(f"unknown kind {new.kind!r}; this release knows {', '.join(OF_KIND)}")
    if new.device_id is not None:
        if not _DEVICE_ID.fullmatch(new.device_id):
            raise DeviceRefused(
                f"device id {new.device_id!r}: use 3 to 40 lower-case letters, digits and dashes"
            )
        if session.exec(select(Device.id).where(Device.id == new.device_id)).first():
            raise DeviceRefused(f"device id {new.device_id!r} is taken; choose another")
    if new.product.pack_amount <= 0:
        raise DeviceRefused("a pack must hold more than nothing")
    if new.kind != "button":
        if not new.capacity or new.capacity <= 0:
            raise DeviceRefused(
                "a device that counts needs the capacity of a full unit, in millilitres or pages"
                if OF_KIND[new.kind].counted
                else "a level sensor needs the capacity of its container"
            )
        if new.threshold is None or not 0 <= new.threshold < new.capacity:
            raise DeviceRefused("the threshold must lie between empty and the capacity")
        if new.remaining is not None:
            _check_remaining(new.kind, new.remaining, new.capacity)


def _check_remaining(kind: str, remaining: int, capacity: int) -> None:
    if not OF_KIND[kind].counted:
        raise DeviceRefused("a level sensor measures what remains; leave it out")
    if not 0 <= remaining <= capacity:
        raise DeviceRefused("what remains must lie between empty and the capacity")


def new_password() -> str:
    """A device password of 160 random bits."""
    return secrets.token_urlsafe(20)


def mosquitto_hash(password: str) -> str:
    """The password as Mosquitto's password file keeps it: `$7$`, PBKDF2-HMAC-SHA512.

    Source: the format that mosquitto_passwd 2.0 writes; an integration test logs in with it.
    """
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _MOSQUITTO_ITERATIONS, 64)
    return f"$7${_MOSQUITTO_ITERATIONS}${b64encode(salt).decode()}${b64encode(digest).decode()}"
