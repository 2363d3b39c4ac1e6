"""Taking in what a shop tells of an order: believed when it is signed by the shop whose order it is.

What is not signed is only a hint to ask; what is signed moves an order forward and never back, and is asked
about all the same. Source: docs/adr/0009.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.ordering.follow import Follower, apply_snapshot
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import OrderSnapshot
from replenish_server.retailers.tables import Retailer, WebhookDelivery
from replenish_server.retailers.ucp.connection import Connection
from replenish_server.retailers.ucp.webhooks import (
    OLDEST,
    Delivery,
    DeliveryRefused,
    delivery_id,
    may_be_of,
    order_id_of,
    verify_delivery,
)

log = logging.getLogger(__name__)

_KEPT_FOR = 2 * OLDEST + timedelta(days=1)  # longer than an event may travel, so that none comes back unknown

Lines = Callable[[Retailer], Connection | None]
"""Finds the line to a retailer; supplied by the composition root."""


class DeliveryDesk:
    """Takes in the calls of retailers.

    Args:
        database: where orders are.
        lines: finds the line to a retailer.
        follower: asks about an order that somebody spoke of.
        clock: the server's clock.
    """

    def __init__(self, database: Database, lines: Lines, follower: Follower, clock: Clock) -> None:
        self._database, self._lines, self._follower, self._clock = database, lines, follower, clock

    def take_in(self, delivery: Delivery) -> bool:
        """Act on one call.

        Returns:
            Whether an order of ours is meant, so that the retailer should be asked now.

        Raises:
            DeliveryRefused: it is signed, and not believed.
            retailers.ucp.documents.Unreadable: the body is no order.
            retailers.port.TryLater: it cannot be checked now; the retailer should call again.
        """
        named = order_id_of(delivery.body)
        if not delivery.is_signed:
            return self._follower.hint(named)
        now = self._clock.now()
        name = delivery_id(delivery, now)
        retailer = self._sender(delivery, named)
        line = self._lines(retailer)
        if line is None:
            raise DeliveryRefused(403, "unknown_business")
        snapshot = verify_delivery(delivery, line, now)
        moved = False
        with self._database.write() as session:
            if session.get(WebhookDelivery, (retailer.id, name)) is None:
                session.add(WebhookDelivery(retailer_id=retailer.id, delivery_id=name, received_at=now))
                session.execute(
                    delete(WebhookDelivery).where(col(WebhookDelivery.received_at) < now - _KEPT_FOR)
                )
                moved = _apply(session, retailer, snapshot, now)
        return self._follower.hint(snapshot.retailer_order_id) or moved

    def _sender(self, delivery: Delivery, order_id: str) -> Retailer:
        """The retailer that a call must come from: the one whose profile it names, else the order's own.

        No address in a call is ever fetched: what is known of retailers comes from the household.
        """
        profile_url = delivery.profile_url
        with self._database.read() as session:
            if profile_url is not None:
                retailers = session.exec(select(Retailer)).all()
                found = [r for r in retailers if may_be_of(profile_url, r.url)]
                found.sort(key=lambda r: not _has_order(session, r.id, order_id))
            else:
                query = select(Retailer).where(
                    col(Retailer.id).in_(
                        select(PurchaseOrder.retailer_id).where(PurchaseOrder.retailer_order_id == order_id)
                    )
                )
                found = list(session.exec(query))
        if not found or (profile_url is None and len(found) > 1):
            raise DeliveryRefused(403, "unknown_business")
        return found[0]


def _apply(session: Session, retailer: Retailer, snapshot: OrderSnapshot, now: datetime) -> bool:
    """Move this retailer's orders; another's of the same number are not this retailer's to speak of.

    Returns:
        Whether there are any.
    """
    query = select(PurchaseOrder).where(PurchaseOrder.retailer_order_id == snapshot.retailer_order_id)
    orders = session.exec(query).all()
    theirs = [order for order in orders if order.retailer_id == retailer.id]
    if orders and not theirs:
        raise DeliveryRefused(403, "order_of_another_business")
    for order in theirs:
        apply_snapshot(session, order, snapshot, now)
    log.info("action=webhook_taken_in retailer_id=%s orders=%d", retailer.id, len(theirs))
    return bool(theirs)


def _has_order(session: Session, retailer_id: str, order_id: str) -> bool:
    query = select(PurchaseOrder.id).where(
        PurchaseOrder.retailer_id == retailer_id, PurchaseOrder.retailer_order_id == order_id
    )
    return session.exec(query).first() is not None
