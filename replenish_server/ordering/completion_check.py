"""The last check before money moves, in the transaction that stores the completing call.

It checks the stop switches, the mandate and the month's budget, and writes the receipt. It talks to no
retailer. A refusal is raised, so that the transaction is undone: no call, no booking.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from replenish_server.households.judge import LATER, refusal
from replenish_server.households.mandate import Mandate, Verdict
from replenish_server.households.money import money
from replenish_server.ordering.limits import book, judge, keep_verdicts, limits_of, may_leave_at, problem_of
from replenish_server.ordering.parcels import orders_in, parcel_of, part, was_completed
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
        verdicts: what every rule said.
        mandate: of which mandate.
    """

    def __init__(
        self, order_id: str, trouble: Trouble, verdicts: Sequence[Verdict], mandate: Mandate
    ) -> None:
        super().__init__(f"{order_id}: {trouble.problem.value} {trouble.detail}")
        self.order_id, self.trouble = order_id, trouble
        self.verdicts, self.mandate = verdicts, mandate


class HeldBack(Exception):
    """Pause or quiet hours hold the parcel; at `until` they let go."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"held back until {until.isoformat()}")
        self.until = until


def authorize_completion(session: Session, parcel_id: str, quote: Quote, now: datetime) -> None:
    """Judge every order of a parcel by its share of the quote, and reserve what it costs.

    Args:
        session: the transaction that stores the completing call.
        parcel_id: whose call.
        quote: the offer that is about to be accepted; its shares stand in the orders.
        now: the moment.

    Raises:
        HeldBack: the clock says so.
        Withheld: the first order that may not leave.
        Stopped: a stop switch is thrown.
    """
    parcel = session.get_one(Parcel, parcel_id)
    if stops_of(session, parcel.household_id):
        raise Stopped(parcel_id)
    orders = [order for order in orders_in(session, parcel) if order.state == State.PLACING]
    for order in orders:
        _let_one_leave(session, order, quote, now)
    for order in orders:
        issue_receipt(session, order, parcel, quote, now)


def held_until(
    session: Session, parcel: Parcel, orders: Sequence[PurchaseOrder], now: datetime
) -> datetime | None:
    """When pause and quiet hours let go of a parcel that is to be asked about; None when they do not hold it.

    An order that they hold parts from those that they do not, so that nobody waits for another's pause. What
    may have left is not held any more.
    """
    leaving = [order for order in orders if order.state == State.PLACING]
    waits = [may_leave_at(session, order, now) for order in leaving]
    if not any(waits) or was_completed(session, parcel):
        return None
    if all(until is not None for until in waits):
        return max((until for until in waits if until is not None), default=None)
    for order, until in zip(leaving, waits, strict=True):
        if until is not None:
            part(session, order, now)
            parcel_of(session, order).next_try_at = until
    return None


def _let_one_leave(session: Session, order: PurchaseOrder, quote: Quote, now: datetime) -> None:
    limits = limits_of(session, order)
    share = -1 if order.quoted_minor is None else order.quoted_minor
    verdicts = judge(order, limits, quote, share, now)
    keep_verdicts(session, order, verdicts, limits.mandate)
    no = refusal(verdicts)
    if no is not None and no.rule in LATER:
        until = may_leave_at(session, order, now)
        if until is not None:
            raise HeldBack(until)
    if no is None:
        budget = book(session, order, share, quote.currency, now)
        verdicts = (*verdicts, budget)
        no = refusal(verdicts)
    if no is not None:
        raise Withheld(order.id, _trouble(no), verdicts, limits.mandate)


def _trouble(no: Verdict) -> Trouble:
    problem, numbers = problem_of(no), no.numbers
    detail = ""
    if problem is Problem.PRICE_OVER_CAP:
        detail = _more(numbers, "total_minor", "cap_minor", "cap_currency")
    elif problem is Problem.OVER_BUDGET:
        detail = _more(numbers, "amount_minor", "left_minor", "budget_currency")
    return Trouble(problem, detail)


def _more(numbers: Mapping[str, object], wanted: str, allowed: str, currency: str) -> str:
    """What it costs, and the less that is allowed, as people write them in any language."""
    costs, most = numbers[wanted], numbers[allowed]
    if not isinstance(costs, int) or not isinstance(most, int):
        return ""
    return f"{money(costs, str(numbers['currency']))} > {money(most, str(numbers[currency]))}"
