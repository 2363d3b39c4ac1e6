"""`ShoppingPages` on the database. Each wish of a person is one transaction, committed here."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import Household
from replenish_server.ordering.handoff import (
    record_arrived,
    record_bought,
    waits_for_arrival,
    waits_for_purchase,
)
from replenish_server.ordering.orders import NotAllowed
from replenish_server.ordering.sentences import handed_over_sentence
from replenish_server.ordering.states import OPEN
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.tables import Retailer
from replenish_server.web.amounts import read_amount
from replenish_server.web.shopping_views import EntryView, ShoppingView
from replenish_server.web.views import HandOffView, Lang, Refused


class DatabaseShopping:
    """What is to be bought by a person, read from the ordering room.

    Args:
        database: where everything is.
        clock: the server's clock.
        on_wish: called after a person's wish was committed.
    """

    def __init__(self, database: Database, clock: Clock, on_wish: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_wish = on_wish

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def shopping(self, lang: Lang, household_id: str | None = None) -> ShoppingView:
        """All that was handed over and is still open."""
        with self._database.read() as session:
            query = select(Household).order_by(col(Household.created_at))
            if household_id is not None:
                query = query.where(Household.id == household_id)
            household = session.exec(query).first()
            if household is None:
                return ShoppingView((), (), "UTC")
            orders = session.exec(
                select(PurchaseOrder)
                .where(
                    PurchaseOrder.household_id == household.id,
                    col(PurchaseOrder.state).in_(OPEN),
                    col(PurchaseOrder.tier).is_not(None),
                )
                .order_by(col(PurchaseOrder.created_at))
            ).all()
            for table, keys in (
                (Slot, {order.slot_id for order in orders}),
                (Retailer, {order.retailer_id for order in orders}),
            ):
                session.exec(select(table).where(col(table.id).in_(keys))).all()
            return ShoppingView(
                [_entry(session, order, lang) for order in orders if waits_for_purchase(order)],
                [_entry(session, order, lang) for order in orders if waits_for_arrival(order)],
                household.time_zone,
            )

    def bought(self, order_id: str, by: str, paid: str) -> None:
        """Keep that somebody bought it, and what it cost where they said so."""

        def buy(session: Session, order_id: str, by: str, now: datetime) -> None:
            order = session.get(PurchaseOrder, order_id)
            minor = None if order is None or not paid.strip() else read_amount(paid, order.currency)
            if paid.strip() and minor is None:
                raise Refused("amount_unreadable")
            record_bought(session, order_id, by, now, minor)

        self._act(buy, order_id, by)

    def arrived(self, order_id: str, by: str) -> None:
        """Keep that it came."""
        self._act(record_arrived, order_id, by)

    def _act(self, act: Callable[[Session, str, str, datetime], None], order_id: str, by: str) -> None:
        try:
            with self._database.write() as session:
                act(session, order_id, by, self._clock.now())
        except NotAllowed as error:
            raise Refused("not_to_buy") from error
        self._on_wish()


def hand_off_view(order: PurchaseOrder, lang: Lang) -> HandOffView | None:
    """What the order's page says about a purchase that is a person's; None for any other order."""
    if order.tier is None or not (waits_for_purchase(order) or waits_for_arrival(order)):
        return None
    why = handed_over_sentence(order.tier, order.tier_reason or "", order.tier_detail, lang)
    return HandOffView(
        "cart" if order.tier == "cart" else "list", order.continue_url, why, waits_for_purchase(order)
    )


def _entry(session: Session, order: PurchaseOrder, lang: Lang) -> EntryView:
    return EntryView(
        order_id=order.id,
        slot_name=session.get_one(Slot, order.slot_id).name,
        product_name=order.product_name,
        packs=order.packs,
        retailer_name=session.get_one(Retailer, order.retailer_id).name,
        tier="cart" if order.tier == "cart" else "list",
        link=order.continue_url,
        why=handed_over_sentence(order.tier or "list", order.tier_reason or "", order.tier_detail, lang),
        since=order.state_since,
        currency=order.currency,
    )
