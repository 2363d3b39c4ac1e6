"""What articles cost when a retailer last said so: the memory behind estimates and unit prices."""

from datetime import datetime

from sqlmodel import Session

from replenish_server.database import fetch
from replenish_server.retailers.tables import KnownPrice

QUOTE, CATALOGUE = "quote", "catalogue"


def remember_price(
    session: Session,
    retailer_id: str,
    item_id: str,
    price_minor: int,
    currency: str,
    source: str,
    now: datetime,
) -> None:
    """Keep the price of one pack, in minor units; an older one is forgotten.

    Args:
        session: a writing unit of work.
        retailer_id: who said so.
        item_id: of what.
        price_minor: of one pack; a negative one is nonsense and is not kept.
        currency: ISO 4217.
        source: `QUOTE` or `CATALOGUE`.
        now: the moment.
    """
    if price_minor < 0:
        return
    row = session.get(KnownPrice, (retailer_id, item_id)) or KnownPrice(
        retailer_id=retailer_id, item_id=item_id, price_minor=0, currency=currency, source=source, at=now
    )
    row.price_minor, row.currency, row.source, row.at = price_minor, currency, source, now
    session.add(row)


def known_price(session: Session, retailer_id: str, item_id: str) -> KnownPrice | None:
    """The last price that was seen, or None."""
    return fetch(session, KnownPrice, retailer_id, item_id)
