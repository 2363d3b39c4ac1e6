"""Tables of the households room."""

from datetime import date, datetime
from typing import Any

from sqlmodel import JSON, Column, Field, Index, SQLModel, UniqueConstraint

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
    cooling_off_minutes: int = 1440  # in which an order that no person touched can be canceled
    created_at: datetime = Field(sa_type=UtcTime)


class RuleColumns(SQLModel):
    """What a home or a slot says about its orders; None says nothing. See `households.mandate.Rules`."""

    mode: str | None = None
    price_cap_minor: int | None = None
    over_last_paid_percent: int | None = None
    budget_minor: int | None = None
    substitution: str | None = None
    retailers: list[str] | None = Field(default=None, sa_type=JSON)
    quiet_from_min: int | None = None
    quiet_until_min: int | None = None
    paused_until: date | None = None
    valid_until: date | None = None
    changed_at: datetime = Field(sa_type=UtcTime)
    changed_by: str = Field(default="", sa_column_kwargs={"server_default": ""})


class SlotFulfilment(SQLModel, table=True):
    """How the goods of one slot reach the home; a slot without a row has them sent.

    `way` is "ship" or "pickup"; `location_id` is the retailer's own id of where they may be fetched, and
    `fallback` says whether the other way is taken when the retailer cannot serve this one.
    """

    __tablename__ = "slot_fulfilment"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id")
    way: str
    location_id: str | None = None
    location_name: str | None = None
    fallback: bool = False
    changed_at: datetime = Field(sa_type=UtcTime)


class SlotMandate(RuleColumns, table=True):
    """The slot's own rules, which stand over the home's. `currency` is that of its amounts."""

    __tablename__ = "slot_mandate"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id")
    timing: str = "balanced"
    currency: str


class HouseholdMandate(RuleColumns, table=True):
    """What a household allows, for all its slots; amounts are in its currency.

    `basket_days` is by how many days an order may leave early to travel with another one; 0 keeps them apart.
    """

    __tablename__ = "household_mandate"

    household_id: str = Field(primary_key=True, foreign_key="household.id")
    basket_days: int = 3


class AcceptableProduct(SQLModel, table=True):
    """A product that a slot accepts in place of its own, in order of preference; `place` counts from 1."""

    __tablename__ = "acceptable_product"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id")
    place: int = Field(primary_key=True)
    retailer_id: str = Field(foreign_key="retailer.id")
    item_id: str
    name: str
    pack_amount: int


class LedgerEntry(SQLModel, table=True):
    """What one order costs, and whether that is reserved, settled or released. See `households.ledger`."""

    __tablename__ = "ledger_entry"
    __table_args__ = (Index("ledger_month", "household_id", "month", "currency"),)

    order_id: str = Field(primary_key=True, foreign_key="purchase_order.id")
    household_id: str = Field(foreign_key="household.id")
    slot_id: str = Field(foreign_key="slot.id")
    month: str
    currency: str
    amount_minor: int
    state: str
    at: datetime = Field(sa_type=UtcTime)
    changed_at: datetime = Field(sa_type=UtcTime)


class HouseholdNotice(SQLModel, table=True):
    """Something that a household was told; the same key is told once."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("household_id", "key"),)

    id: str = Field(primary_key=True)
    household_id: str = Field(foreign_key="household.id", index=True)
    key: str
    kind: str
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcTime)
    seen_by: str | None = None
