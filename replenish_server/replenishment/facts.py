"""Gathering what the policy looks at from the tables of the rooms below. It decides nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from replenish_server.database import Prepared
from replenish_server.fleet.mandates import slot_mandate
from replenish_server.fleet.tables import Slot
from replenish_server.forecast.run_out import RunOut
from replenish_server.households.ledger import months_of
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.tables import SlotMandate
from replenish_server.inventory import LevelHistory, Refill, stock_position
from replenish_server.inventory.balance import known_share
from replenish_server.inventory.ledger import Ledger
from replenish_server.ordering.states import UNDERWAY, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.lead_time import LeadTime, learn_lead_time
from replenish_server.replenishment.outlook import SlotFacts
from replenish_server.replenishment.quantity import Price, acceptable_offers
from replenish_server.replenishment.readings import is_counted, read_history, since_at_most
from replenish_server.replenishment.shadow import open_shadow
from replenish_server.replenishment.stock import read_stock
from replenish_server.replenishment.timing import Timing
from replenish_server.retailers.prices import known_price
from replenish_server.retailers.tables import Retailer

HISTORY = timedelta(days=90)  # what a page draws
LOOKED_AT = timedelta(days=35)  # what is read again for events at every look
_LOOKED_AT_MOST = 10_080  # a week of one a minute, the most that cfg.measure_s allows: nobody else can write
_EDGE_SHARE = 5  # at its oldest fifth a step may have lost what it rose from: what was kept counts
_LEAD_MEMORY = 40
_RECENT = timedelta(days=2)
_NO_STOCK = Ledger(0, 0, ())
_NO_HISTORY = LevelHistory(None, None, (), (), (), ())


@dataclass(frozen=True)
class SlotInsight:
    """The facts, and what they rest on for those who show or keep it.

    `refills` are those that the readings since `refills_since` show; older ones are kept in a table.
    """

    facts: SlotFacts
    history: LevelHistory
    ledger: Ledger
    refills: tuple[Refill, ...]
    refills_since: datetime


def gather(
    session: Session, slot: Slot, order: PurchaseOrder | None, now: datetime, run_out: RunOut | None
) -> SlotInsight:
    """Everything that the policy needs about one slot.

    Args:
        session: a unit of work.
        slot: the slot.
        order: its open order, or None.
        now: the moment of the decision.
        run_out: its forecast (`replenishment.forecasts`), or None.
    """
    history, ledger, known = _NO_HISTORY, _NO_STOCK, None
    refills: tuple[Refill, ...] = ()
    refills_since = now
    if slot.capacity is not None:
        since = now - LOOKED_AT
        if not is_counted(slot):
            since = min(now, since_at_most(session, slot, since, _LOOKED_AT_MOST))
        history, samples = read_history(session, slot, since)
        refills_since = since + (now - since) / _EDGE_SHARE
        known = known_share(samples, now).share
        refills = tuple(refill for refill in history.refills if refill.at >= refills_since)
        ledger = read_stock(session, slot, refills, refills_since)
    # A pack that fits in may have been poured out whole; of a larger one the rest must still be there.
    opened = ledger.opened if slot.capacity is not None and slot.pack_amount > slot.capacity else 0
    timing = Timing(session.get_one(SlotMandate, slot.id).timing)
    mandate = slot_mandate(session, slot)
    coming = (
        order.packs
        if order is not None and order.state in (*UNDERWAY, State.PLACING, State.COOLING_OFF)
        else 0
    )
    facts = SlotFacts(
        unit=slot.unit,
        capacity=slot.capacity,
        threshold=slot.threshold,
        pack_amount=slot.pack_amount,
        position=stock_position(history.level, slot.pack_amount, ledger.spare_packs, coming, opened),
        level_as_of=history.as_of,
        trailing=history.trailing,
        run_out=None if history.level is None else run_out,
        lead_time=lead_time(session, slot.retailer_id),
        mandate=mandate,
        open_order=_open(session, slot, order, mandate),
        timing=timing,
        offers=acceptable_offers(mandate, _prices(session, mandate)),
        storage_limit=slot.storage_limit,
        shelf_life_days=slot.shelf_life_days,
        known_share=known,
        counted=is_counted(slot),
        points=[point for point in history.points if now - point[0] <= _RECENT],
        shops={p.retailer_id: session.get_one(Retailer, p.retailer_id).name for p in mandate.products},
        spending=months_of(session, slot.household_id, slot.id, now),
    )
    return SlotInsight(facts, history, ledger, refills, refills_since)


def _open(session: Session, slot: Slot, order: PurchaseOrder | None, mandate: Mandate) -> str | None:
    """The state of the slot's open order; on trial, "shadow" while the order that was not made is open."""
    if order is not None:
        return order.state
    on_trial = mandate.mode is Mode.SHADOW and open_shadow(session, slot.id) is not None
    return Mode.SHADOW.value if on_trial else None


def _prices(session: Session, mandate: Mandate) -> dict[tuple[str, str], Price]:
    """The last known prices of what the slot accepts."""
    found = {}
    for product in mandate.products:
        price = known_price(session, product.retailer_id, product.item_id)
        if price is not None:
            found[product.retailer_id, product.item_id] = (price.price_minor, price.currency, price.at)
    return found


_DELIVERIES: Prepared[tuple[datetime | None, datetime | None]] = Prepared(
    select(PurchaseOrder.placed_at, PurchaseOrder.delivered_at)
    .where(
        col(PurchaseOrder.retailer_id) == bindparam("retailer_id"),
        col(PurchaseOrder.delivered_at).is_not(None),
    )
    .order_by(col(PurchaseOrder.delivered_at).desc())
    .limit(_LEAD_MEMORY)
)


def lead_time(session: Session, retailer_id: str) -> LeadTime:
    """Days from order to delivery at a retailer, learnt from its newest deliveries."""
    times = _DELIVERIES.all(session, retailer_id=retailer_id)
    return learn_lead_time(
        [
            (delivered - placed).total_seconds() / 86_400
            for placed, delivered in times
            if placed is not None and delivered is not None
        ]
    )
