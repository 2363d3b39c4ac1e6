"""Tables of the fleet room."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import JSON, Column, Field, SQLModel, UniqueConstraint

from replenish_server.database import UtcTime
from replenish_server.households.people_tables import Person


class Device(SQLModel, table=True):
    """One thing that speaks MQTT under its own name; `person_id` is whose it is, None everybody's.

    `revoked_at` is when its credentials ended, `revoked_why` why in somebody's words, and `cut_at`
    when its last connection was cut after that. A device that left for good has `parted_at`, and
    `wiped_at` once everything measured by it is gone. `silent_at` is since when it was missed,
    `alarm` what it warns of (see `fleet.alarms`) since `alarm_at`, "" for nothing.
    `doubled_at` is when two were last heard under its name.
    """

    id: str = Field(primary_key=True)
    household_id: str = Field(foreign_key="household.id", index=True)
    kind: str
    name: str
    person_id: str | None = Field(default=None, foreign_key=f"{Person.__tablename__}.id")
    created_at: datetime = Field(sa_type=UtcTime)
    last_seen_at: datetime | None = Field(default=None, sa_type=UtcTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcTime)
    revoked_why: str = ""
    cut_at: datetime | None = Field(default=None, sa_type=UtcTime)
    parted_at: datetime | None = Field(default=None, sa_type=UtcTime)
    wiped_at: datetime | None = Field(default=None, sa_type=UtcTime)
    silent_at: datetime | None = Field(default=None, sa_type=UtcTime)
    alarm: str = Field(default="", sa_column_kwargs={"server_default": ""})
    alarm_at: datetime | None = Field(default=None, sa_type=UtcTime)
    doubled_at: datetime | None = Field(default=None, sa_type=UtcTime)


class DeviceTrouble(SQLModel, table=True):
    """Something that a device says is wrong with itself, and what of it is known after it ended.

    `word` is one of `troubles.WORDS`, `number` what belongs to it; it began, or grew, at `since`.
    """

    __tablename__ = "device_trouble"

    device_id: str = Field(primary_key=True, foreign_key="device.id")
    word: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcTime)
    number: int = 0
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


class DeviceCommand(SQLModel, table=True):
    """The last thing that was asked of a device (see `fleet.commands`); `answer` is its own word, or ""."""

    __tablename__ = "device_command"

    device_id: str = Field(primary_key=True, foreign_key="device.id")
    number: int = Field(sa_type=BigInteger)
    verb: str
    asked_at: datetime = Field(sa_type=UtcTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    answer: str = ""


class ClaimCode(SQLModel, table=True):
    """A one-time code on a device, kept as its hash.

    `state`: open (nobody's), claimed (a household said that it is theirs), exchanged (a credential was given
    out), burnt (the device has proved that credential; the code opens nothing any more).
    """

    __tablename__ = "claim_code"

    code_hash: str = Field(primary_key=True)
    kind: str
    state: str = Field(index=True)
    device_id: str | None = Field(default=None, foreign_key="device.id")
    created_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)


class DeviceCredential(SQLModel, table=True):
    """One way in which a device may log in at the broker. The broker's files are written from these rows.

    `verifier` is a password's hash, a pre-shared key in hex (the broker must know it), or a certificate's
    serial number in hex. `state` is new (not in the broker's files yet), active, or revoked.
    """

    __tablename__ = "device_credential"

    id: str = Field(primary_key=True)
    device_id: str = Field(foreign_key="device.id", index=True)
    kind: str
    verifier: str
    state: str = Field(index=True)
    created_at: datetime = Field(sa_type=UtcTime)


class Slot(SQLModel, table=True):
    """One consumable that is ordered on its own.

    Quantities are integers in `unit`, the slot's base unit: mg, ml, page, or pack for a button.
    `storage_limit` is the most that the household can keep of it, `shelf_life_days` how long a pack keeps,
    `sensor_step` what one step of its sensor is worth where the device says so.
    `due_at` is when the slot wants to be evaluated next; telemetry sets it to now. A slot whose device left
    is `retired_at` and kept for its orders only.
    """

    __table_args__ = (UniqueConstraint("device_id", "key"),)

    id: str = Field(primary_key=True)
    household_id: str = Field(foreign_key="household.id", index=True)
    device_id: str = Field(foreign_key="device.id", index=True)
    key: str
    name: str
    category: str
    unit: str
    capacity: int | None = None
    threshold: int | None = None
    retailer_id: str = Field(foreign_key="retailer.id")
    item_id: str
    product_name: str
    pack_amount: int
    storage_limit: int | None = None
    shelf_life_days: int | None = None
    sensor_step: int | None = None
    created_at: datetime = Field(sa_type=UtcTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcTime, index=True)
    retired_at: datetime | None = Field(default=None, sa_type=UtcTime)


class Twin(SQLModel, table=True):
    """A device's desired settings and what it last reported of them.

    `published_rev` is the desired revision that the broker has confirmed; `reported_rev` the one that
    the device says is in force. `gone_at` is when the broker said, by the device's will, that it is gone.
    """

    device_id: str = Field(primary_key=True, foreign_key="device.id")
    desired: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    desired_rev: int = 0
    desired_at: datetime = Field(sa_type=UtcTime)
    published_rev: int = 0
    reported: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    reported_rev: int = 0
    reported_at: datetime | None = Field(default=None, sa_type=UtcTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcTime)
