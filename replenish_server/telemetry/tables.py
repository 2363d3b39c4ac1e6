"""Tables of the telemetry room, and the view through which everybody else reads."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, MetaData
from sqlmodel import JSON, Column, Field, Index, SQLModel, UniqueConstraint

from replenish_server.database import UtcTime

MEASURED = ("level", "usage", "refill")  # what a sample's flags call 0, 1, 2
QUALITIES = ("ok", "settling", "coarse", "unknown")


class Stream(SQLModel, table=True):
    """What one device measures at one slot, under a number that a sample can afford to repeat."""

    __table_args__ = (UniqueConstraint("device_id", "slot_key"),)

    id: int | None = Field(default=None, primary_key=True)
    device_id: str
    slot_key: str


class Sample(SQLModel, table=True):
    """One measured reading, in as few bytes as it takes, in the order in which a slot's history is read.

    `at_ms` is Unix milliseconds of the event, `age_s` how long afterwards it arrived, `boot` the boot id as
    a number. `flags`: bits 0-1 index `MEASURED`, 2-3 `QUALITIES`, 4-5 the clock quality, 6 late.
    """

    __table_args__ = ({"sqlite_with_rowid": False},)

    stream_id: int = Field(primary_key=True)
    at_ms: int = Field(primary_key=True, sa_type=BigInteger)
    boot: int = Field(primary_key=True, sa_type=BigInteger)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    age_s: int
    flags: int
    number: int | None = None


class Rollup(SQLModel, table=True):
    """What stands for the samples of an hour or a day: the last of them, and their range and number.

    `span_ms` says which of the two; all else is as in `Sample`.
    """

    __table_args__ = ({"sqlite_with_rowid": False},)

    stream_id: int = Field(primary_key=True)
    at_ms: int = Field(primary_key=True, sa_type=BigInteger)
    boot: int = Field(primary_key=True, sa_type=BigInteger)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    span_ms: int
    age_s: int
    flags: int
    number: int
    low: int
    high: int
    readings: int


class DeviceEvent(SQLModel, table=True):
    """A press or a hello: seldom, and worth its words.

    `late` marks a press that may inform but never trigger: it came retained, or older than its age limit.
    """

    __tablename__ = "device_event"
    __table_args__ = (
        Index("device_event_by_slot", "device_id", "slot_key", "occurred_at"),
        {"sqlite_with_rowid": False},
    )

    device_id: str = Field(primary_key=True)
    boot: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    type: str
    slot_key: str
    gesture: str | None = None
    clock: int = 0
    late: bool = False
    health: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    occurred_at: datetime = Field(sa_type=UtcTime)
    received_at: datetime = Field(sa_type=UtcTime)


class SeenRange(SQLModel, table=True):
    """Sequences `low` to `high` of a boot are stored: what makes every event be stored once.

    A device that loses nothing has one row for each boot; the rows outlive the readings themselves.
    """

    __tablename__ = "seen_range"
    __table_args__ = ({"sqlite_with_rowid": False},)

    device_id: str = Field(primary_key=True)
    boot: int = Field(primary_key=True, sa_type=BigInteger)
    low: int = Field(primary_key=True, sa_type=BigInteger)
    high: int = Field(sa_type=BigInteger)


class SeenLog(SQLModel, table=True):
    """What of a batch belongs into `seen_range` and will be moved there, as JSON; see `telemetry.seen`."""

    __tablename__ = "seen_log"

    id: int | None = Field(default=None, primary_key=True)
    ranges: bytes


class ReadingWriter(SQLModel, table=True):
    """Which process stored readings last: one row. Another one has to ask anew what it remembers."""

    __tablename__ = "reading_writer"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str


class Reading(SQLModel, table=True):
    """One event of a device, whatever it is: a view over samples, rollups and device events.

    `number` is in wire units. `late` marks what may inform but never trigger: it came retained, or a
    press older than its age limit.
    """

    metadata = MetaData()  # a view: no migration creates it as a table

    device_id: str = Field(primary_key=True)
    boot: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    type: str
    slot_key: str
    number: int | None = None
    quality: str = "ok"
    gesture: str | None = None
    clock: int = 0
    late: bool = False
    health: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    occurred_at: datetime = Field(sa_type=UtcTime)
    received_at: datetime = Field(sa_type=UtcTime)


class Quarantined(SQLModel, table=True):
    """A message that could not be used as it came, with the reason; the same one again only counts up."""

    fingerprint: str = Field(primary_key=True)
    topic: str
    code: str = Field(index=True)
    reason: str
    payload: bytes
    size: int
    retained: bool
    seen: int = 1
    first_at: datetime = Field(sa_type=UtcTime)
    last_at: datetime = Field(sa_type=UtcTime)
