"""What must hold in the very transaction that stores the completing call: no stop switch, the caps, the
month's budget; and the receipt, which stands before any order is final.

Nothing here talks to a retailer. What refuses raises, and the transaction is undone: no call, no booking.
"""

from datetime import datetime

from sqlmodel import Session

from replenish_server.households.ledger import Entry, reserve
from replenish_server.households.mandate import Mandate, Mode, judge_quote
from replenish_server.households.tables import SlotMandate
from replenish_server.ordering.parcels import orders_in
from replenish_server.ordering.receipts import issue_receipt
from replenish_server.ordering.states import State
from replenish_server.ordering.stops import Stopped, stops_of
from replenish_server.ordering.tables import Parcel, PurchaseOrder
from replenish_server.retailers.port import Problem, Quote, Trouble


class Withheld(Exception):
    """One order of a parcel may not leave; the others may, without it.

    Args:
        order_id: which one.
        trouble: why.
    """

    def __init__(self, order_id: str, trouble: Trouble) -> None:
        super().__init__(f"{order_id}: {trouble.problem.value} {trouble.detail}")
        self.order_id, self.trouble = order_id, trouble


def let_leave(session: Session, parcel_id: str, quote: Quote, now: datetime) -> None:
    """Judge every order of a parcel by its share of the quote, and reserve what it costs.

    Args:
        session: the transaction that stores the completing call.
        parcel_id: whose call.
        quote: the offer that is about to be accepted; its shares stand in the orders.
        now: the moment.

    Raises:
        Withheld: the first order that may not leave.
        Stopped: a stop switch is thrown.
    """
    parcel = session.get_one(Parcel, parcel_id)
    if stops_of(session, parcel.household_id):
        raise Stopped(parcel_id)
    orders = [order for order in orders_in(session, parcel) if order.state == State.PLACING]
    for order in orders:
        _judge_cap(session, order, quote)
        _reserve(session, order, quote, now)
    for order in orders:
        issue_receipt(session, order, parcel, quote, now)


def _judge_cap(session: Session, order: PurchaseOrder, quote: Quote) -> None:
    share = -1 if order.quoted_minor is None else order.quoted_minor
    row = session.get_one(SlotMandate, order.slot_id)
    mandate = Mandate(Mode(row.mode), row.price_cap_minor, row.currency)
    verdict = judge_quote(mandate, share, quote.currency, order.approved_minor)
    if not verdict.ok:
        cap = verdict.numbers["cap_minor"]
        raise Withheld(order.id, Trouble(Problem.PRICE_OVER_CAP, f"{share} > {cap} {quote.currency}"))


def _reserve(session: Session, order: PurchaseOrder, quote: Quote, now: datetime) -> None:
    share = order.quoted_minor or 0
    entry = Entry(order.household_id, order.slot_id, order.id, share, quote.currency)
    verdict = reserve(session, entry, now)
    if not verdict.ok:
        left = verdict.numbers["left_minor"]
        raise Withheld(order.id, Trouble(Problem.OVER_BUDGET, f"{share} > {left} {quote.currency}"))
