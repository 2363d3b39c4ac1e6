"""Tables of the replenishment room."""

from datetime import datetime
from typing import Any

from sqlmodel import JSON, Column, Field, Index, SQLModel

from replenish_server.database import UtcTime


class DecisionRecord(SQLModel, table=True):
    """A decision with its numbers and verdicts; one that only repeats the last moves `last_at` on."""

    __tablename__ = "decision"
    __table_args__ = (Index("decision_of_slot", "slot_id", "last_at"),)

    id: str = Field(primary_key=True)
    slot_id: str = Field(foreign_key="slot.id")
    kind: str
    trigger: str
    rule: str | None = None
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcTime)
    last_at: datetime = Field(sa_type=UtcTime, index=True)
    repeats: int = 0


class ForecastFit(SQLModel, table=True):
    """One try to fit a better model on the fleet's own outcomes. If it won, `model` is there and serves."""

    __tablename__ = "forecast_fit"

    version: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcTime)
    rows: int
    households: int
    champion_crps_days: float | None = None
    challenger_crps_days: float | None = None
    model: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class SlotGrid(SQLModel, table=True):
    """A slot's quarter-days (`inventory.grid`), with all readings received up to `seen_at`."""

    __tablename__ = "slot_grid"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id")
    capacity: int
    grid: bytes
    seen_at: datetime = Field(sa_type=UtcTime)


class SlotRefill(SQLModel, table=True):
    """A refill as it was seen, kept for the time when its readings are looked at no more."""

    __tablename__ = "slot_refill"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id")
    at: datetime = Field(primary_key=True, sa_type=UtcTime)
    amount: int
    swapped: bool = False


class StockCorrection(SQLModel, table=True):
    """What a person counted: unopened packs at a moment."""

    __tablename__ = "stock_correction"

    id: int | None = Field(default=None, primary_key=True)
    slot_id: str = Field(foreign_key="slot.id", index=True)
    at: datetime = Field(sa_type=UtcTime)
    spare_packs: int


class SlotFit(SQLModel, table=True):
    """What a person said of a slot that counts its use: a new unit was fitted, or so much remains."""

    __tablename__ = "slot_fit"

    id: int | None = Field(default=None, primary_key=True)
    slot_id: str = Field(foreign_key="slot.id", index=True)
    at: datetime = Field(sa_type=UtcTime)
    remaining: int
    fitted: bool


class PressAnswer(SQLModel, table=True):
    """What became of a press. A press has at most one row, so it leads to at most one order."""

    __tablename__ = "press_answer"

    device_id: str = Field(primary_key=True)
    boot: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    slot_id: str = Field(foreign_key="slot.id", index=True)
    decision_id: str = Field(foreign_key="decision.id")
    order_id: str | None = Field(default=None, foreign_key="purchase_order.id", index=True)
    joined: bool = False
    told: str | None = Field(default=None, index=True)
    at: datetime = Field(sa_type=UtcTime)


class OrderWish(SQLModel, table=True):
    """What became of "order now". A wish has one row by its key, so it leads to at most one order."""

    __tablename__ = "order_wish"

    key: str = Field(primary_key=True)
    slot_id: str = Field(foreign_key="slot.id", index=True)
    decision_id: str = Field(foreign_key="decision.id")
    order_id: str | None = Field(default=None, foreign_key="purchase_order.id")
    joined: bool = False
    by: str = ""
    at: datetime = Field(sa_type=UtcTime)


class ShadowOrder(SQLModel, table=True):
    """An order that shadow mode did not make, with what the household did without it.

    `price_minor` is what its packs cost when their price was last seen, at `price_at`. It is open until a
    refill is seen; see `replenishment.shadow`.
    """

    __tablename__ = "shadow_order"

    decision_id: str = Field(primary_key=True, foreign_key="decision.id")
    slot_id: str = Field(foreign_key="slot.id", index=True)
    household_id: str = Field(foreign_key="household.id", index=True)
    product_name: str
    packs: int
    price_minor: int | None = None
    price_at: datetime | None = Field(default=None, sa_type=UtcTime)
    currency: str
    at: datetime = Field(sa_type=UtcTime)
    arrives_at: datetime = Field(sa_type=UtcTime)
    emptied_at: datetime | None = Field(default=None, sa_type=UtcTime)
    refilled_at: datetime | None = Field(default=None, sa_type=UtcTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)
