"""Tables of firmware: images that were registered, rollouts, and how far each device of one is."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel, UniqueConstraint

from replenish_server.database import UtcTime
from replenish_server.fleet.tables import Device


class FirmwareImage(SQLModel, table=True):
    """A signed image; its bytes lie in the data folder under their SHA-256, until it is `removed_at`.

    Sequences of a kind only rise. A row stays for the history of what devices were given.
    """

    __tablename__ = "firmware_image"
    __table_args__ = (UniqueConstraint("kind", "seq"),)

    id: str = Field(primary_key=True)
    kind: str
    seq: int = Field(sa_type=BigInteger)
    ver: str
    size: int
    block: int
    sha256: str
    key: str
    sig: str
    added_at: datetime = Field(sa_type=UtcTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcTime)


class Rollout(SQLModel, table=True):
    """One image on its way to the devices of its kind, in waves.

    `state` is one of `rollout_rules.RolloutState`. `steps` are the waves as they were asked for, `wave` the
    one in hand. `settled_at` is when its last device had its outcome: since then it soaks. `why` says why
    it halted or ended.
    """

    id: str = Field(primary_key=True)
    image_id: str = Field(foreign_key="firmware_image.id", index=True)
    state: str = Field(index=True)
    steps: str
    wave: int = 0
    soak_minutes: int
    patience_hours: int
    halt_percent: int
    began_at: datetime = Field(sa_type=UtcTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    why: str = ""


class RolloutDevice(SQLModel, table=True):
    """How far one device of a rollout is; `state` is one of `rollout_rules.DeviceState`.

    `token` is the secret in the address from which it alone may download. `at_bytes` and `why` are as the
    device said them. `heard_at` is the report that was looked at last. `excused` failures do not halt again.
    """

    __tablename__ = "rollout_device"

    rollout_id: str = Field(primary_key=True, foreign_key="rollout.id")
    device_id: str = Field(primary_key=True, foreign_key=f"{Device.__tablename__}.id", index=True)
    wave: int
    state: str
    token: str = Field(unique=True)
    at_bytes: int = 0
    why: str = ""
    excused: bool = False
    offered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    changed_at: datetime = Field(sa_type=UtcTime)
    heard_at: datetime | None = Field(default=None, sa_type=UtcTime)
