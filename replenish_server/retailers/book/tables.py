"""Tables of the book: orders at retailers who tell us what becomes of them, and the retailers' prices."""

from datetime import datetime
from typing import Any

from sqlmodel import JSON, Column, Field, Index, SQLModel

from replenish_server.database import UtcTime


class RetailerPrice(SQLModel, table=True):
    """What one pack costs at a retailer that gives us a price list. `unit` is a UN/CEFACT code, e.g. EA."""

    __tablename__ = "retailer_price"

    retailer_id: str = Field(primary_key=True, foreign_key="retailer.id")
    item_id: str = Field(primary_key=True)
    name: str
    unit_minor: int
    currency: str
    unit: str = "EA"
    available: bool = True
    imported_at: datetime = Field(sa_type=UtcTime)


class BookOrder(SQLModel, table=True):
    """One order as its retailer sees it.

    `key` is the idempotency key under which it was sent: the same key never makes a second one. `change` is
    the number of its newest entry, which readers use as a cursor. `lines` are
    `{item_id, name, packs, unit_minor, total_minor, unit}`; `ship_to` an address, or None for a pickup at
    `location_id`.
    """

    __tablename__ = "book_order"
    __table_args__ = (Index("book_order_by_change", "retailer_id", "change"),)

    id: str = Field(primary_key=True)
    retailer_id: str = Field(foreign_key="retailer.id")
    key: str = Field(unique=True)
    state: str
    change: int = 0
    currency: str
    subtotal_minor: int
    shipping_minor: int
    total_minor: int
    refunded_minor: int = 0
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    buyer_name: str
    buyer_email: str
    ship_to: dict[str, str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    location_id: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    expected_at: datetime | None = Field(default=None, sa_type=UtcTime)
    note: str = ""
    placed_at: datetime = Field(sa_type=UtcTime)
    acknowledge_by: datetime = Field(sa_type=UtcTime)
    changed_at: datetime = Field(sa_type=UtcTime)


class BookEntry(SQLModel, table=True):
    """One thing that happened to an order in the book; entries are only ever added."""

    __tablename__ = "book_entry"

    id: int | None = Field(default=None, primary_key=True)
    order_id: str = Field(foreign_key="book_order.id", index=True)
    at: datetime = Field(sa_type=UtcTime)
    what: str
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
