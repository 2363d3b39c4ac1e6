"""Tables of the households room."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from replenish_server.database import UtcTime


class Household(SQLModel, table=True):
    """A home: where parcels go, in whose language and time zone it is spoken to."""

    id: str = Field(primary_key=True)
    name: str
    language: str = "en"
    time_zone: str = "UTC"
    currency: str = "EUR"
    buyer_name: str
    buyer_email: str
    street: str
    locality: str
    postal_code: str
    country: str
    created_at: datetime = Field(sa_type=UtcTime)


class SlotMandate(SQLModel, table=True):
    """The mandate under which one slot may order."""

    __tablename__ = "slot_mandate"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id")
    mode: str
    timing: str = "balanced"
    price_cap_minor: int | None = None
    currency: str
    changed_at: datetime = Field(sa_type=UtcTime)
