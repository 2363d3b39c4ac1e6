"""What /api/v1 shows of an order: the same as its page, from the same rows."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.ordering.limits import Hold, holds_of, verdicts_of
from replenish_server.ordering.sentences import note_text
from replenish_server.ordering.states import State
from replenish_server.ordering.stops import stops_of
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.replenishment.verdicts import rule_name, verdict_text
from replenish_server.web import api_models as models
from replenish_server.web.order_life import ends_at
from replenish_server.web.order_views import orders_at_a_glance
from replenish_server.web.rendering import web_link
from replenish_server.web.views import Lang, OrderView

_LEAVING = (State.PLACING, State.COOLING_OFF, State.NEEDS_APPROVAL)


def show_order(session: Session, order: PurchaseOrder, lang: Lang, now: datetime) -> models.Order:
    """One order with its history."""
    return show_orders(session, [order], lang, now)[0]


def show_orders(
    session: Session, rows: Sequence[PurchaseOrder], lang: Lang, now: datetime
) -> list[models.Order]:
    """Orders of one household with their histories, in as many statements as one takes."""
    if not rows:
        return []
    views = orders_at_a_glance(session, rows, lang)
    histories: dict[str, list[OrderEvent]] = {row.id: [] for row in rows}
    events = select(OrderEvent).where(col(OrderEvent.order_id).in_(histories))
    for event in session.exec(events.order_by(col(OrderEvent.id))):
        histories[event.order_id].append(event)
    holds, stopped = holds_of(session, rows, now), bool(stops_of(session, rows[0].household_id))
    together = select(PurchaseOrder.parcel_id, func.count()).where(
        col(PurchaseOrder.parcel_id).in_({row.parcel_id for row in rows})
    )
    others = dict(session.exec(together.group_by(col(PurchaseOrder.parcel_id))).all())
    found = []
    for row in rows:
        hold, along = _hold(row, holds, stopped), others[row.parcel_id]
        found.append(_order(session, row, views[row.id], histories[row.id], hold, along, lang))
    return found


def _hold(order: PurchaseOrder, holds: dict[str, Hold], stopped: bool) -> models.Hold | None:
    """A switch holds until somebody lets go of it, whatever the clock says."""
    if stopped and order.state in _LEAVING:
        return models.Hold(by="stop", until=None)
    hold = holds.get(order.id)
    return None if hold is None else models.Hold(by=hold.rule, until=hold.until)


def _order(
    session: Session,
    order: PurchaseOrder,
    view: OrderView,
    events: Sequence[OrderEvent],
    hold: models.Hold | None,
    together: int,
    lang: Lang,
) -> models.Order:
    """From rows that the session has."""
    unit = session.get_one(Slot, order.slot_id).unit
    return models.Order(
        order_id=order.id,
        slot_id=order.slot_id,
        slot_name=view.slot_name,
        state=order.state,
        trigger=order.trigger,
        product_name=order.product_name,
        packs=order.packs,
        pack_text=view.pack_text,
        total_minor=view.total_minor,
        cap_minor=view.cap_minor,
        currency=order.currency,
        retailer_name=view.retailer_name,
        shop_url=web_link(view.permalink),
        reason=view.reason,
        problem=view.problem,
        may_be_at_shop=view.doubtful,
        failures=view.failures,
        created_at=order.created_at,
        cancelable_until=order.leaves_at,
        ends_at=ends_at(order),
        hold=hold,
        pickup_place=order.pickup_location,
        travels_with=together - 1,
        can_approve=view.can_approve,
        can_cancel=view.can_cancel,
        verdicts=[
            models.Verdict(
                rule=v.rule,
                name=rule_name(v.rule, lang),
                ok=v.ok,
                text=verdict_text(v, unit, lang),
                numbers=dict(v.numbers),
            )
            for v in verdicts_of(order)
        ],
        history=[
            models.HistoryEntry(
                at=event.at,
                state=event.state,
                note=note_text(event.note, lang, event.by, order.retailer_order_id),
                by=event.by,
            )
            for event in events
        ],
    )
