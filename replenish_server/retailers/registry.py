"""Adding retailers, and listing them."""

from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.ids import RetailerId, new_id
from replenish_server.retailers.kinds import NewRetailer, check_retailer
from replenish_server.retailers.tables import Retailer


def add_retailer(session: Session, new: NewRetailer, now: datetime) -> RetailerId:
    """Add a shop.

    Raises:
        RetailerRefused: see `retailers.kinds.check_retailer`.
    """
    check_retailer(new)
    retailer_id = RetailerId(new_id("shop"))
    session.add(
        Retailer(
            id=retailer_id,
            kind=new.kind,
            name=new.name.strip(),
            url=new.url.rstrip("/"),
            payment_handler=new.handler,
            payment_token=new.secret,
            agreement=new.agreement,
            options=dict(new.options),
            created_at=now,
        )
    )
    return retailer_id


def list_retailers(session: Session) -> list[Retailer]:
    """Every shop, the oldest first."""
    return list(session.exec(select(Retailer).order_by(col(Retailer.created_at), col(Retailer.id))))
