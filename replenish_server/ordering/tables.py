"""Tables of the ordering room."""

from datetime import datetime
from typing import Any

from sqlmodel import JSON, Column, Field, Index, SQLModel, UniqueConstraint, text

from replenish_server.database import UtcTime
from replenish_server.ordering.states import ENDED

_ENDED_SQL = ", ".join(f"'{state.value}'" for state in sorted(ENDED))


class Parcel(SQLModel, table=True):
    """One conversation with a retailer about the orders that travel together, and one order there.

    `attempt` counts checkout sessions; `fence` grows with every worker that claims the parcel and whenever
    an order leaves it, so that a worker that slept past its lease can do no more. `alone` parcels take no
    companions: their order was parted from others before. `instrument` is the place of what pays, from 0;
    `holder` is the process that has it on lease.
    """

    __tablename__ = "parcel"

    id: str = Field(primary_key=True)
    household_id: str = Field(foreign_key="household.id", index=True)
    retailer_id: str = Field(foreign_key="retailer.id")
    attempt: int = 1
    checkout_id: str | None = None
    alone: bool = False
    instrument: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    failures: int = 0
    fence: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=UtcTime)
    holder: int | None = None
    next_try_at: datetime | None = Field(default=None, sa_type=UtcTime)
    next_poll_at: datetime | None = Field(default=None, sa_type=UtcTime)
    created_at: datetime = Field(sa_type=UtcTime)


class PurchaseOrder(SQLModel, table=True):
    """One replenishment of one slot, from the decision to the fitted pack.

    Law 3 is the index: at most one order of a slot is open. `parcel_id` is the conversation with the
    retailer, which several orders may share. `approved_minor` is the ceiling that a person agreed to;
    `quoted_minor` and `total_minor` are this order's share of what the parcel costs. `deadline_at`, the next
    deadline, follows from `state_since`, `reminders` (deadlines of this state that have passed) and
    `leaves_at`, the end of the cooling-off; past that it may wait until `hold_until` for others.
    `goods_minor` is what the quote asks for its goods alone, `verdicts` what the mandate said of it, and
    `mandate_digest` which mandate that was.
    `tier` is set once the retailer left the rest to a person (`retailers.port.HandOff`), with why.
    """

    __tablename__ = "purchase_order"
    __table_args__ = (
        Index(
            "one_open_order_per_slot",
            "slot_id",
            unique=True,
            sqlite_where=text(f"state NOT IN ({_ENDED_SQL})"),  # to PostgreSQL the migration says it
        ),
        Index("purchase_order_of_home", "household_id", "state"),
        Index(  # a retailer's lead time is learnt at every decision, from its newest deliveries
            "purchase_order_delivered",
            "retailer_id",
            "delivered_at",
            "placed_at",
            sqlite_where=text("delivered_at IS NOT NULL"),  # as above
        ),
    )

    id: str = Field(primary_key=True)
    slot_id: str = Field(foreign_key="slot.id", index=True)
    household_id: str = Field(foreign_key="household.id")
    retailer_id: str = Field(foreign_key="retailer.id")
    decision_id: str = Field(foreign_key="decision.id")
    trigger: str
    item_id: str
    product_name: str
    packs: int
    pack_amount: int
    state: str = Field(index=True)
    currency: str
    approved_minor: int | None = None
    quoted_minor: int | None = None
    total_minor: int | None = None
    goods_minor: int | None = None
    verdicts: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    mandate_digest: str | None = None
    parcel_id: str = Field(foreign_key="parcel.id", index=True, nullable=True)  # never null; SQLite's limit
    retailer_order_id: str | None = Field(default=None, index=True)
    permalink: str | None = None
    problem: str | None = None
    problem_detail: str | None = None
    continue_url: str | None = None
    tier: str | None = None
    tier_reason: str | None = None
    tier_detail: str | None = None
    created_at: datetime = Field(sa_type=UtcTime)
    state_since: datetime = Field(sa_type=UtcTime)
    reminders: int = 0
    leaves_at: datetime | None = Field(default=None, sa_type=UtcTime)
    hold_until: datetime | None = Field(default=None, sa_type=UtcTime)
    deadline_at: datetime | None = Field(default=None, sa_type=UtcTime, index=True)
    skipped_until: datetime | None = Field(default=None, sa_type=UtcTime)
    pickup_location: str | None = None
    placed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    shipped_at: datetime | None = Field(default=None, sa_type=UtcTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


class OrderEvent(SQLModel, table=True):
    """One line of an order's history; `by` is who did it, "" when no person did or nobody said who."""

    __tablename__ = "order_event"

    id: int | None = Field(default=None, primary_key=True)
    order_id: str = Field(foreign_key="purchase_order.id", index=True)
    at: datetime = Field(sa_type=UtcTime)
    state: str
    note: str = ""
    by: str = Field(default="", sa_column_kwargs={"server_default": ""})


class MissingProduct(SQLModel, table=True):
    """A product that the retailer did not have, in whose place another of the slot's list was tried.

    `place` counts from 1; `problem` and `detail` are what the retailer said.
    """

    __tablename__ = "missing_product"

    order_id: str = Field(primary_key=True, foreign_key="purchase_order.id")
    place: int = Field(primary_key=True)
    retailer_id: str = Field(foreign_key="retailer.id")
    item_id: str
    product_name: str
    problem: str
    detail: str
    at: datetime = Field(sa_type=UtcTime)


class RetailerCall(SQLModel, table=True):
    """The step journal, which is the outbox: what may leave, stored with its key before it does."""

    __tablename__ = "retailer_call"
    __table_args__ = (UniqueConstraint("parcel_id", "attempt", "step"),)

    key: str = Field(primary_key=True)
    parcel_id: str = Field(foreign_key="parcel.id", index=True)
    attempt: int
    step: str
    method: str
    url: str
    body: bytes
    prepared_at: datetime = Field(sa_type=UtcTime)
    status: int | None = None
    answer: bytes | None = None
    answered_at: datetime | None = Field(default=None, sa_type=UtcTime)


class OrderStop(SQLModel, table=True):
    """A stop switch that is thrown: nothing of its scope leaves until somebody takes it back.

    `scope` is a household's id, or one of `ordering.stops`: everything, or everything since a backup was
    restored.
    """

    __tablename__ = "order_stop"

    scope: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcTime)
    by: str = ""


class Receipt(SQLModel, table=True):
    """What was about to be bought when an order left, under which rule. Written once; the database refuses
    to change or delete it. `sha256` is of the canonical JSON of `data`."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("order_id", "parcel_id", "attempt"),)

    id: str = Field(primary_key=True)
    order_id: str = Field(foreign_key="purchase_order.id", index=True)
    parcel_id: str
    attempt: int
    at: datetime = Field(sa_type=UtcTime)
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    sha256: str


class Withdrawal(SQLModel, table=True):
    """A person withdrew from the contract of an order: what they declared, when, and how the retailer is told
    (`retailers.feed.withdrawals`). Never changed: what became of the message stands with the message."""

    __tablename__ = "withdrawal"

    order_id: str = Field(primary_key=True, foreign_key="purchase_order.id")
    at: datetime = Field(sa_type=UtcTime)
    name: str
    email: str
    reason: str = ""
    by: str = ""
    channel: str = Field(default="hand", sa_column_kwargs={"server_default": "hand"})
    message_id: str | None = None
