"""Tables of the retailers room."""

from datetime import datetime
from typing import Any

from sqlmodel import JSON, Column, Field, SQLModel

from replenish_server.database import UtcTime
from replenish_server.retailers.kinds import RetailerKind


class Retailer(SQLModel, table=True):
    """A shop that the household buys from.

    `agreement` records the shop's permission to complete orders without a person present: who gave it,
    and where it is written. Without one the order is prepared and a person finishes it at the shop.
    `payment_token` is an opaque credential that the shop's payment handler issued; it is never logged. It is
    the first of the shop's instruments; `PaymentInstrument` holds the others (see `retailers.instruments`).
    `options` holds what only this `kind` needs (see `retailers.kinds`).
    """

    id: str = Field(primary_key=True)
    kind: str = RetailerKind.UCP
    name: str
    url: str
    payment_handler: str
    payment_token: str
    agreement: str | None = None
    options: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=UtcTime)


class PaymentInstrument(SQLModel, table=True):
    """A further way to pay at a retailer, for when the one before it is declined; `place` counts from 1."""

    __tablename__ = "payment_instrument"

    retailer_id: str = Field(primary_key=True, foreign_key="retailer.id")
    place: int = Field(primary_key=True)
    name: str
    handler: str
    token: str


class WebhookDelivery(SQLModel, table=True):
    """An event that a shop told us and that was taken in; the same one is not taken in again."""

    __tablename__ = "webhook_delivery"

    retailer_id: str = Field(primary_key=True, foreign_key="retailer.id")
    delivery_id: str = Field(primary_key=True)
    received_at: datetime = Field(sa_type=UtcTime, index=True)


class KnownPrice(SQLModel, table=True):
    """The price of one pack, in minor units, when the retailer last named it; see `retailers.prices`."""

    __tablename__ = "known_price"

    retailer_id: str = Field(primary_key=True, foreign_key="retailer.id")
    item_id: str = Field(primary_key=True)
    price_minor: int
    currency: str
    source: str
    at: datetime = Field(sa_type=UtcTime)


class OpenMandate(SQLModel, table=True):
    """What a household signed once for one shop, so that our agent may buy there without a person (AP2).

    `terms` are the limits as they were signed (`retailers.ucp.ap2.Terms`), `tokens` the signed open mandates
    by number of packs, each a pair for checkout and payment. `closed_checkout_id` is the checkout for which a
    closed mandate is out, until `closed_until`: no second one is signed beside it. `spent_minor` and
    `occurrences` count what closed mandates were signed for, whether or not the shop completed.
    """

    __tablename__ = "open_mandate"

    id: str = Field(primary_key=True)
    household_id: str = Field(foreign_key="household.id", index=True)
    retailer_id: str = Field(foreign_key="retailer.id", index=True)
    terms: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    tokens: dict[str, list[str]] = Field(sa_column=Column(JSON, nullable=False))
    agent_kid: str
    signed_by: str
    signed_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcTime)
    spent_minor: int = 0
    occurrences: int = 0
    closed_checkout_id: str | None = None
    closed_until: datetime | None = Field(default=None, sa_type=UtcTime)
