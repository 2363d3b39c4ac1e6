"""Tables of the telemetry room."""

from datetime import datetime
from typing import Any

from sqlmodel import JSON, Column, Field, Index, SQLModel

from replenish_server.database import UtcTime


class Reading(SQLModel, table=True):
    """One event of a device, stored once: the key is what the device itself counted.

    `number` is in wire units. `late` marks what may inform but never trigger: it came retained, or a
    press older than its age limit.
    """

    __table_args__ = (
        Index("reading_by_slot", "device_id", "slot_key", "occurred_at"),
        {"sqlite_with_rowid": False},
    )

    device_id: str = Field(primary_key=True)
    boot: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
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
