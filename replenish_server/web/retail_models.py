"""What retailers send and get under /retail/v1: bodies checked strictly, with an example of each."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from replenish_server.web.rfc3339 import Moment

Text = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
WebUrl = Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[^\s/$.?#][^\s]*$")]


class Body(BaseModel):
    """A body with known fields only, and no value taken for another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Acknowledgement(Body):
    """The order was seen and will be worked on."""

    note: Text | None = None


class Shipment(Body):
    """The goods are on their way."""

    carrier: Short
    tracking_number: Short | None = None
    tracking_url: WebUrl | None = None
    expected_at: Moment | None = None
    note: Text | None = None


class Readiness(Body):
    """The goods lie ready where the buyer picks them up."""

    note: Text | None = None


class Delivery(Body):
    """The goods were handed over."""

    note: Text | None = None


class CancelReason(StrEnum):
    """Why a retailer does not deliver."""

    OUT_OF_STOCK = "out_of_stock"
    UNDELIVERABLE = "undeliverable"
    PRICE_CHANGED = "price_changed"
    OTHER = "other"


class Cancellation(Body):
    """The order will not be delivered; nothing may be charged for it."""

    reason: Annotated[CancelReason, Field(strict=False)]
    note: Text | None = None


class RefundBody(Body):
    """Money goes back to the buyer."""

    amount_minor: Annotated[int, Field(gt=0, le=10**10)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    reason: Text


class LineDocument(BaseModel):
    """One article of an order, amounts in minor units; `canceled` by the household, not to be sent;
    `withdrawal_requested_at` when the buyer withdrew from its contract: take it back and refund."""

    item_id: str
    name: str
    packs: int
    unit_minor: int
    total_minor: int
    canceled: bool
    withdrawal_requested_at: str | None = None


class OrderDocument(BaseModel):
    """A whole order. `possible` names what can be done with it now."""

    model_config = ConfigDict(extra="allow")

    id: str
    status: str
    placed_at: str
    changed_at: str
    acknowledge_by: str
    currency: str
    lines: list[LineDocument]
    subtotal_minor: int
    shipping_minor: int
    total_minor: int
    refunded_minor: int
    buyer: dict[str, str]
    ship_to: dict[str, str] | None
    pickup_location_id: str | None
    shipment: dict[str, Any] | None
    note: str
    possible: list[str]


class OrderPage(BaseModel):
    """Orders, the one that changed longest ago first; ask again with `next_cursor` for what changed since."""

    orders: list[OrderDocument]
    next_cursor: str
    more: bool


class ProblemDocument(BaseModel):
    """What is wrong (RFC 9457) and what to do; `code` is stable."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[dict[str, str]] | None = None


ORDER_EXAMPLE: dict[str, Any] = {
    "id": "ro-7k2m9qwe4x",
    "status": "placed",
    "placed_at": "2026-05-04T12:00:00Z",
    "changed_at": "2026-05-04T12:00:00Z",
    "acknowledge_by": "2026-05-05T12:00:00Z",
    "currency": "EUR",
    "lines": [
        {
            "item_id": "det-1500",
            "name": "Detergent 1.5 kg",
            "packs": 2,
            "unit_minor": 1290,
            "total_minor": 2580,
            "canceled": False,
            "withdrawal_requested_at": None,
        }
    ],
    "subtotal_minor": 2580,
    "shipping_minor": 390,
    "total_minor": 2970,
    "refunded_minor": 0,
    "buyer": {"name": "Ada Park", "email": "ada@example.org"},
    "ship_to": {
        "street": "Lindenstrasse 12",
        "locality": "Berlin",
        "postal_code": "10969",
        "country": "DE",
    },
    "pickup_location_id": None,
    "shipment": None,
    "note": "",
    "possible": ["acknowledge", "ship", "ready_for_pickup", "cancel", "refund"],
}

PROBLEM_EXAMPLES: dict[int, dict[str, Any]] = {
    400: {"code": "bad_request", "detail": "send an Idempotency-Key header of 1 to 255 characters"},
    401: {"code": "unauthorized", "detail": "send Authorization: Bearer with a key of this retailer"},
    404: {"code": "not_found", "detail": "this retailer has no such order"},
    409: {
        "code": "out_of_turn",
        "detail": "an order that is delivered cannot ship (possible now: nothing)",
    },
    411: {"code": "length_required", "detail": "send the whole body with its Content-Length"},
    413: {"code": "too_large", "detail": "send at most 16384 bytes"},
    415: {"code": "not_json", "detail": "send Content-Type: application/json"},
    422: {"code": "invalid", "detail": "the body is not as described; see errors"},
    503: {"code": "unavailable", "detail": "nothing can be kept now; send it again after Retry-After"},
    429: {"code": "too_many_requests", "detail": "ask again after the seconds in Retry-After"},
}
