"""Tables of the retailers room."""

from datetime import datetime

from sqlmodel import JSON, Column, Field, SQLModel

from replenish_server.database import UtcTime
from replenish_server.retailers.kinds import RetailerKind


class Retailer(SQLModel, table=True):
    """A shop that the household buys from.

    `agreement` records the shop's permission to complete orders without a person present: who gave it,
    and where it is written. Without one the order is prepared and a person finishes it at the shop.
    `payment_token` is an opaque credential that the shop's payment handler issued; it is never logged.
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
