"""What programs send and get under /api/v1, with an example of each."""

from datetime import date, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from replenish_server.web.rfc3339 import Day, Moment

Item = TypeVar("Item")


def _shown(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": example})


class Caller(BaseModel):
    """For whom the token acts, and what it may."""

    model_config = _shown(
        person_id="pers-7k2m9qwe4x",
        name="Ada",
        role="adult",
        may=["approve", "ask", "see", "spend"],
        household_id="home-3b8n5tyr2z",
    )

    person_id: str | None
    name: str
    role: str
    may: list[str]
    household_id: str


class Household(BaseModel):
    """A home."""

    model_config = _shown(
        household_id="home-3b8n5tyr2z",
        name="Linden Street 4",
        time_zone="Europe/Berlin",
        currency="EUR",
        notices_unseen=1,
    )

    household_id: str
    name: str
    time_zone: str
    currency: str
    notices_unseen: int


class Position(BaseModel):
    """The stock position, in base units; `loaded` and `total` are null while the level is unknown."""

    loaded: int | None
    spare: int
    on_order: int
    total: int | None


class Quantile(BaseModel):
    """With this probability the stock is used up within so many days."""

    probability: float
    days: float


class Forecast(BaseModel):
    """When what is on hand will be used up."""

    rate_per_day: float = Field(description="usual use, base units per day")
    days_known: int = Field(description="days of readings behind it")
    quantiles: list[Quantile]


class Verdict(BaseModel):
    """One rule's answer."""

    rule: str
    name: str
    ok: bool
    text: str
    numbers: dict[str, int | float | str | None]


class Decision(BaseModel):
    """The last decision about a slot, with every rule that shaped it."""

    decision_id: str
    kind: str
    trigger: str
    at: datetime
    packs: int
    sentence: str
    verdicts: list[Verdict]


class Slot(BaseModel):
    """One consumable. Quantities are whole numbers in `unit`; `forecast` is null where none is measured."""

    model_config = _shown(
        slot_id="slot-9mqe4x7k2w",
        name="Detergent",
        product_name="Detergent 1.5 kg",
        device_id="washing-machine",
        unit="mg",
        capacity=1600000,
        threshold=300000,
        pack_amount=1500000,
        mode="auto",
        paused_until=None,
        price_cap_minor=2500,
        currency="EUR",
        level_as_of="2026-06-01T07:00:00Z",
        position={"loaded": 560000, "spare": 0, "on_order": 0, "total": 560000},
        forecast={
            "rate_per_day": 90000.0,
            "days_known": 21,
            "quantiles": [{"probability": 0.1, "days": 4.2}, {"probability": 0.5, "days": 6.1}],
        },
        decision=None,
        open_order_id=None,
    )

    slot_id: str
    name: str
    product_name: str
    device_id: str
    unit: str
    capacity: int | None
    threshold: int | None
    pack_amount: int
    mode: str
    paused_until: date | None
    price_cap_minor: int | None
    currency: str
    level_as_of: datetime | None
    position: Position
    forecast: Forecast | None
    decision: Decision | None
    open_order_id: str | None


class HistoryEntry(BaseModel):
    """One step of an order; `by` is who took it, "" when no person did."""

    at: datetime
    state: str
    note: str
    by: str


class Hold(BaseModel):
    """What keeps an order from leaving."""

    by: str = Field(description="`quiet_hours`, `pause`, or `stop`: somebody has stopped all orders")
    until: datetime | None = Field(description="when it leaves by itself; null while nobody lets it go")


class Order(BaseModel):
    """One order. `total_minor` is what it costs in all, null until a retailer has quoted."""

    model_config = _shown(
        order_id="ord-7k2m9qwe4x",
        slot_id="slot-9mqe4x7k2w",
        slot_name="Filters",
        state="needs_approval",
        trigger="press",
        product_name="Water filters, 3 pack",
        packs=1,
        pack_text="",
        total_minor=2490,
        cap_minor=3000,
        currency="EUR",
        retailer_name="Corner Shop",
        reason="1 pack waits for your approval (Mia, child, asks an adult). The button was pressed.",
        shop_url=None,
        problem=None,
        may_be_at_shop=False,
        failures=0,
        created_at="2026-06-01T18:00:00Z",
        cancelable_until=None,
        ends_at="2026-06-08T18:00:00Z",
        hold=None,
        pickup_place=None,
        travels_with=0,
        verdicts=[],
        can_approve=True,
        can_cancel=True,
        history=[{"at": "2026-06-01T18:00:00Z", "state": "needs_approval", "note": "", "by": ""}],
    )

    order_id: str
    slot_id: str
    slot_name: str
    state: str
    trigger: str
    product_name: str
    packs: int
    pack_text: str = Field(description="what one pack holds, in words; empty where that is not known")
    total_minor: int | None
    cap_minor: int | None = Field(description="the most that one order may cost by the rules in force")
    currency: str
    retailer_name: str
    shop_url: str | None = Field(description="the shop's own page of the order")
    reason: str
    problem: str | None
    may_be_at_shop: bool = Field(description="nobody knows whether the shop has it: look there first")
    failures: int = Field(description="tries in a row without a usable answer of the shop")
    created_at: datetime
    cancelable_until: datetime | None = Field(description="while it cools off: it leaves by itself then")
    ends_at: datetime | None = Field(description="when it ends by itself while nobody answers")
    hold: Hold | None = Field(description="what keeps it from leaving now, null where nothing does")
    pickup_place: str | None
    travels_with: int = Field(description="other orders in the same parcel")
    can_approve: bool
    can_cancel: bool
    verdicts: list[Verdict] = Field(description="what the rules said of the last quote")
    history: list[HistoryEntry]


class Wish(BaseModel):
    """What became of "order now": `placing`, `waiting` for an adult or a price, or `already` under way."""

    model_config = _shown(outcome="waiting", order_id="ord-7k2m9qwe4x", sentence="1 pack waits.")

    outcome: str
    order_id: str | None
    sentence: str


class Approval(BaseModel):
    """The most that this order may cost in all: the total that the person saw, in minor units."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"ceiling_minor": 2490}}
    )

    ceiling_minor: int = Field(gt=0, le=10**9)


class Reading(BaseModel):
    """One event of the slot's device; `value` is in the unit of the wire, see docs/wire.md."""

    model_config = _shown(
        at="2026-06-01T07:00:00Z",
        received_at="2026-06-01T07:00:01Z",
        type="level",
        value=560,
        quality="ok",
        late=False,
    )

    at: datetime
    received_at: datetime
    type: str
    value: int | None
    quality: str
    late: bool


class Notice(BaseModel):
    """Something that the household was told."""

    model_config = _shown(
        notice_id="note-4x7k2m9qwe",
        kind="device_added",
        text="A device was added: Scale, for Detergent.",
        at="2026-06-01T07:00:00Z",
        order_id=None,
        slot_id="slot-9mqe4x7k2w",
        seen_by=None,
    )

    notice_id: str
    kind: str
    text: str
    at: datetime
    order_id: str | None
    slot_id: str | None
    seen_by: str | None


class Seen(BaseModel):
    """Every notice that happened by `until` was seen."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"until": "2026-06-01T07:00:00Z"}}
    )

    until: Moment


class SeenCount(BaseModel):
    """How many notices were marked."""

    model_config = _shown(marked=2)

    marked: int


class Pause(BaseModel):
    """No order leaves before that day, in the household's time zone; null ends a pause."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"until": "2026-08-15"}})

    until: Day | None


class ThresholdWish(BaseModel):
    """At which stock to order at the latest, in the slot's `unit`."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"threshold": 300000}}
    )

    threshold: int = Field(ge=0, le=10**12)


class Threshold(BaseModel):
    """A slot's threshold, and whether its device has it: `none`, `pending`, `in_force` or `limited`.

    `on_device` is what is in force there, in the slot's `unit`; null where the device keeps none.
    """

    model_config = _shown(threshold=300000, unit="mg", agreement="pending", on_device=250000)

    threshold: int | None
    unit: str
    agreement: str
    on_device: int | None


class Paused(BaseModel):
    """Until when nothing leaves, null for no pause."""

    model_config = _shown(until="2026-08-15")

    until: date | None


class PageOf(BaseModel, Generic[Item]):
    """A part of a list. Ask again with `next_cursor` until it is null."""

    items: list[Item]
    next_cursor: str | None


class ProblemDetails(BaseModel):
    """What is wrong (RFC 9457). `code` is for programs, `detail` says what to do."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "there is nothing here",
                "code": "not_found",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    code: str
