"""The home page on the database: everything at a glance.

Rows of all slots and orders are loaded together. Every open tab loads this page again every few seconds.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.households.calendar import day_of
from replenish_server.households.ledger import spending_of
from replenish_server.households.rules import home_rules
from replenish_server.households.tables import Household
from replenish_server.ordering.states import OPEN, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.web import views
from replenish_server.web.mandates import budget_view
from replenish_server.web.order_life import stop_view
from replenish_server.web.order_views import orders_at_a_glance
from replenish_server.web.slot_views import slots_at_a_glance

_RECENT_ORDERS = 12
_ASKING = (State.PROPOSED, State.NEEDS_APPROVAL, State.NEEDS_ATTENTION, State.COOLING_OFF)


def home_view(session: Session, household: Household, lang: views.Lang, now: datetime) -> views.HomeView:
    """A household at a glance."""
    slots = session.exec(
        select(Slot)
        .where(Slot.household_id == household.id, col(Slot.retired_at).is_(None))
        .order_by(col(Slot.created_at), col(Slot.id))
    ).all()
    ours = PurchaseOrder.household_id == household.id
    newest = col(PurchaseOrder.created_at).desc()
    recent = session.exec(select(PurchaseOrder).where(ours).order_by(newest).limit(_RECENT_ORDERS)).all()
    waiting = session.exec(
        select(PurchaseOrder).where(ours, col(PurchaseOrder.state).in_(OPEN)).order_by(newest)
    ).all()
    orders = orders_at_a_glance(session, {order.id: order for order in (*recent, *waiting)}.values(), lang)
    until = home_rules(session, household.id).rules.paused_until
    paused = until is not None and day_of(now, household.time_zone) < until
    open_orders = {order.slot_id: orders[order.id] for order in waiting}
    return views.HomeView(
        household_name=household.name,
        slots=slots_at_a_glance(session, household, slots, open_orders, lang, now),
        orders=[orders[order.id] for order in recent],
        attention=[orders[order.id] for order in waiting if order.state in _ASKING],
        tz=household.time_zone,
        stop=stop_view(session, household.id),
        month=budget_view(spending_of(session, household.id, now)),
        paused_until=until if paused else None,
    )
