"""Tables for appliance clouds that speak as to the Dash Replenishment Service."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from replenish_server.database import UtcTime


class DashToken(SQLModel, table=True):
    """A maker's cloud speaks with it for one device; only the hash is kept. `test`: its orders are tests."""

    __tablename__ = "dash_token"

    digest: str = Field(primary_key=True)
    device_id: str = Field(foreign_key="device.id", index=True)
    test: bool = False
    created_at: datetime = Field(sa_type=UtcTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcTime)


class DashTestOrder(SQLModel, table=True):
    """A test order that keeps its slot busy, as a real one would, and is never sent to anybody."""

    __tablename__ = "dash_test_order"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id")
    id: str = Field(unique=True)
    decision_id: str = Field(foreign_key="decision.id")
    at: datetime = Field(sa_type=UtcTime)
