"""What stands in the cupboard of a slot: deliveries, refills that were seen, and what a person said instead.

Readings are looked at again for some weeks only; refills that lie further back are kept as they were seen.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, select

from replenish_server.database import Prepared
from replenish_server.fleet.tables import Slot
from replenish_server.inventory import Refill
from replenish_server.inventory.inferred import InferredStock, infer_stock
from replenish_server.inventory.ledger import Corrected, Delivered, Ledger, StockEvent, read_ledger
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.tables import SlotFit, SlotRefill, StockCorrection
from replenish_server.telemetry.tables import DeviceEvent

_GONE = (State.FAILED, State.CANCELED)
"""Lost, or given back: what was delivered is no stock."""

# Built once: every look at a slot asks them.
_OF_SLOT = col(SlotRefill.slot_id) == bindparam("slot_id")
_KEPT: Prepared[SlotRefill] = Prepared(
    select(SlotRefill).where(_OF_SLOT, col(SlotRefill.at) < bindparam("since"))
)
_RECENT: Prepared[SlotRefill] = Prepared(
    select(SlotRefill).where(_OF_SLOT, col(SlotRefill.at) >= bindparam("since")).order_by(col(SlotRefill.at))
)
_DELIVERED: Prepared[PurchaseOrder] = Prepared(
    select(PurchaseOrder).where(
        col(PurchaseOrder.slot_id) == bindparam("slot_id"),
        col(PurchaseOrder.delivered_at).is_not(None),
        col(PurchaseOrder.state).not_in(_GONE),
    )
)
_SAID: Prepared[StockCorrection] = Prepared(
    select(StockCorrection).where(col(StockCorrection.slot_id) == bindparam("slot_id"))
)


def read_stock(session: Session, slot: Slot, refills: Sequence[Refill], since: datetime) -> Ledger:
    """The slot's spare-stock ledger.

    Args:
        session: a unit of work.
        slot: which slot.
        refills: those that the readings since `since` show.
        since: how far back the readings were looked at.
    """
    events: list[StockEvent] = [*refills]
    events += [
        Refill(row.at, row.amount, row.swapped) for row in _KEPT.all(session, slot_id=slot.id, since=since)
    ]
    events += [
        Delivered(order.delivered_at, order.packs, order.shipped_at)
        for order in _DELIVERED.all(session, slot_id=slot.id)
        if order.delivered_at is not None
    ]
    events += [Corrected(row.at, row.spare_packs) for row in _SAID.all(session, slot_id=slot.id)]
    return read_ledger(events, slot.pack_amount)


def kept_stocks(session: Session, slot_ids: Sequence[str]) -> dict[str, Ledger]:
    """The ledgers of many slots with a sensor, as their last look left them, in a few statements.

    A refill that came after a slot's last look is not in it yet.
    """
    slots = session.exec(select(Slot.id, Slot.pack_amount).where(col(Slot.id).in_(slot_ids))).all()
    events: dict[str, list[StockEvent]] = {slot_id: [] for slot_id, _ in slots}
    for row in session.exec(select(SlotRefill).where(col(SlotRefill.slot_id).in_(slot_ids))):
        events[row.slot_id].append(Refill(row.at, row.amount, row.swapped))
    came = select(
        PurchaseOrder.slot_id, PurchaseOrder.delivered_at, PurchaseOrder.packs, PurchaseOrder.shipped_at
    ).where(
        col(PurchaseOrder.slot_id).in_(slot_ids),
        col(PurchaseOrder.delivered_at).is_not(None),
        col(PurchaseOrder.state).not_in(_GONE),
    )
    for slot_id, delivered_at, packs, shipped_at in session.exec(came):
        if delivered_at is not None:
            events[slot_id].append(Delivered(delivered_at, packs, shipped_at))
    for said in session.exec(select(StockCorrection).where(col(StockCorrection.slot_id).in_(slot_ids))):
        events[said.slot_id].append(Corrected(said.at, said.spare_packs))
    return {slot_id: read_ledger(events[slot_id], pack_amount) for slot_id, pack_amount in slots}


def keep_refills(session: Session, slot: Slot, refills: Sequence[Refill], since: datetime) -> None:
    """Keep what the readings since `since` show, for the time when they are looked at no more."""
    rows = _RECENT.all(session, slot_id=slot.id, since=since)
    if [(row.at, row.amount) for row in rows] == [(refill.at, refill.amount) for refill in refills]:
        return
    session.exec(delete(SlotRefill).where(col(SlotRefill.slot_id) == slot.id, col(SlotRefill.at) >= since))
    for refill in refills:
        session.add(SlotRefill(slot_id=slot.id, at=refill.at, amount=refill.amount, swapped=refill.swapped))


def infer_button_stock(
    session: Session, slot: Slot, usual_days_per_pack: float, now: datetime
) -> InferredStock:
    """What a slot without a sensor should hold, from its presses, its deliveries and time.

    Args:
        session: a unit of work.
        slot: which slot.
        usual_days_per_pack: for how long a pack lasts in a usual home.
        now: the moment.
    """
    presses = select(DeviceEvent.occurred_at).where(
        DeviceEvent.device_id == slot.device_id, DeviceEvent.slot_key == slot.key, DeviceEvent.type == "press"
    )
    came = [
        Delivered(order.delivered_at, order.packs)
        for order in _DELIVERED.all(session, slot_id=slot.id)
        if order.delivered_at is not None
    ]
    return infer_stock(came, session.exec(presses).all(), usual_days_per_pack, now)


def fit_unit(session: Session, slot: Slot, remaining: int | None, now: datetime) -> None:
    """A person fitted a new unit into a slot that counts its use, or said what remains in the present one.

    Args:
        session: a writing unit of work.
        slot: which slot; it is evaluated anew.
        remaining: base units that are there now; None when a new, full unit was fitted.
        now: the moment.
    """
    full = slot.capacity or 0
    left = full if remaining is None else remaining
    session.add(SlotFit(slot_id=slot.id, at=now, remaining=left, fitted=remaining is None))
    slot.due_at = now
    session.add(slot)


def correct_spare(session: Session, slot: Slot, spare_packs: int, now: datetime) -> None:
    """A person counted the spare packs; from here on that is what is there.

    Args:
        session: a writing unit of work.
        slot: which slot; it is evaluated anew.
        spare_packs: unopened packs.
        now: the moment.
    """
    session.add(StockCorrection(slot_id=slot.id, at=now, spare_packs=spare_packs))
    slot.due_at = now
    session.add(slot)
