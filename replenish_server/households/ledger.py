"""The household's ledger: what its orders may cost this month, whichever retailer they go to.

An amount is reserved in the very transaction that lets an order leave, so that no two orders can spend the
same money; it is settled when the retailer has the order, and released when none came of it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from replenish_server.database import Prepared, fetch
from replenish_server.households.calendar import month_of
from replenish_server.households.judge import Spending, judge_month
from replenish_server.households.mandate import Verdict
from replenish_server.households.tables import Household, HouseholdMandate, LedgerEntry, SlotMandate

RESERVED, SETTLED, RELEASED = "reserved", "settled", "released"


@dataclass(frozen=True)
class Entry:
    """What one order would cost.

    Args:
        household_id: whose money.
        slot_id: for which slot.
        order_id: which order; an order has one entry, however often it is reserved.
        amount_minor: the most that will be charged, in minor units of `currency`.
        currency: ISO 4217.
    """

    household_id: str
    slot_id: str
    order_id: str
    amount_minor: int
    currency: str


def reserve(session: Session, entry: Entry, now: datetime) -> Verdict:
    """Book what an order will cost, unless the month's budget would be passed.

    An order that was reserved before, at another price or in another month, is booked anew in place of that.

    Args:
        session: the writing unit of work that lets the order leave; nothing is booked if it rolls back.
        entry: what is to be spent.
        now: the moment; its month in the household's time zone is booked.

    Returns:
        The budget's verdict; when it is not ok nothing was booked, and an earlier reservation is released.
    """
    household = _locked(session, entry.household_id)
    month = month_of(now, household.time_zone)
    row = session.get(LedgerEntry, entry.order_id)
    months = _months(session, household, entry.slot_id, month, besides=entry.order_id)
    verdict = judge_month(months, entry.amount_minor, entry.currency)
    if not verdict.ok:
        release(session, entry.order_id, now)
        return verdict
    if row is None:
        row = LedgerEntry(
            order_id=entry.order_id,
            household_id=entry.household_id,
            slot_id=entry.slot_id,
            month=month,
            currency=entry.currency,
            amount_minor=entry.amount_minor,
            state=RESERVED,
            at=now,
            changed_at=now,
        )
    elif row.state != SETTLED:
        row.month, row.currency, row.amount_minor = month, entry.currency, entry.amount_minor
        row.state, row.changed_at = RESERVED, now
    session.add(row)
    session.flush()
    return verdict


def release(session: Session, order_id: str, now: datetime) -> None:
    """Free what an order held: it was canceled, failed or refunded. Repeating it is harmless."""
    row = session.get(LedgerEntry, order_id)
    if row is None or row.state == RELEASED:
        return
    _locked(session, row.household_id)
    row.state, row.changed_at = RELEASED, now
    session.add(row)
    session.flush()


def settle(session: Session, order_id: str, total_minor: int, now: datetime) -> None:
    """The retailer has the order at this total. The month stays the one in which it was reserved.

    A total above what was reserved is booked as it is: the money is spent, and the ledger says so.
    """
    row = session.get(LedgerEntry, order_id)
    if row is None:
        return
    _locked(session, row.household_id)
    row.state, row.amount_minor, row.changed_at = SETTLED, total_minor, now
    session.add(row)
    session.flush()


def spend(session: Session, entry: Entry, now: datetime) -> None:
    """A person has paid already: book it as settled in this month, whatever the budget says."""
    household = _locked(session, entry.household_id)
    row = session.get(LedgerEntry, entry.order_id)
    if row is None:
        row = LedgerEntry(
            order_id=entry.order_id,
            household_id=entry.household_id,
            slot_id=entry.slot_id,
            month="",
            currency=entry.currency,
            amount_minor=0,
            state=SETTLED,
            at=now,
            changed_at=now,
        )
    row.month, row.currency = month_of(now, household.time_zone), entry.currency
    row.amount_minor, row.state, row.changed_at = entry.amount_minor, SETTLED, now
    session.add(row)
    session.flush()


def spending_of(session: Session, household_id: str, now: datetime) -> Spending:
    """The household's present month, in its own currency."""
    household = session.get_one(Household, household_id)
    month = month_of(now, household.time_zone)
    mandate = session.get(HouseholdMandate, household_id)
    budget = None if mandate is None else mandate.budget_minor
    return _month(session, household_id, Spending(month, household.currency, budget, 0, 0))


def months_of(session: Session, household_id: str, slot_id: str, now: datetime) -> tuple[Spending, ...]:
    """The months that an order of a slot would count in: the home's, and the slot's if it has a budget."""
    household = session.get_one(Household, household_id)
    return _months(session, household, slot_id, month_of(now, household.time_zone), besides=None)


def _locked(session: Session, household_id: str) -> Household:
    """The household, its row locked where the database has row locks; SQLite's writers are one at a time."""
    query = select(Household).where(Household.id == household_id).with_for_update()
    return session.exec(query).one()


def _months(
    session: Session, household: Household, slot_id: str, month: str, besides: str | None
) -> tuple[Spending, ...]:
    home, slot = fetch(session, HouseholdMandate, household.id), fetch(session, SlotMandate, slot_id)
    budget = None if home is None else home.budget_minor
    months = [
        _month(session, household.id, Spending(month, household.currency, budget, 0, 0), besides=besides)
    ]
    if slot is not None and slot.budget_minor is not None:
        own = Spending(month, slot.currency, slot.budget_minor, 0, 0, "slot")
        months.append(_month(session, household.id, own, slot_id, besides))
    return tuple(months)


_BOOKED = (
    select(LedgerEntry.state, func.sum(LedgerEntry.amount_minor))
    .where(
        col(LedgerEntry.household_id) == bindparam("household_id"),
        col(LedgerEntry.month) == bindparam("month"),
        col(LedgerEntry.currency) == bindparam("currency"),
        col(LedgerEntry.state) != RELEASED,
        col(LedgerEntry.order_id) != bindparam("besides"),
    )
    .group_by(col(LedgerEntry.state))
)
_SUMS: Prepared[tuple[str, int]] = Prepared(_BOOKED)
_SUMS_OF_SLOT: Prepared[tuple[str, int]] = Prepared(
    _BOOKED.where(col(LedgerEntry.slot_id) == bindparam("slot_id"))
)


def _month(
    session: Session,
    household_id: str,
    empty: Spending,
    slot_id: str | None = None,
    besides: str | None = None,
) -> Spending:
    """A month with what was booked in it: of one slot if it is named, without one order if it is named."""
    wanted = {"household_id": household_id, "month": empty.month, "currency": empty.currency}
    wanted["besides"] = besides or ""
    rows = _SUMS_OF_SLOT.all(session, slot_id=slot_id, **wanted) if slot_id else _SUMS.all(session, **wanted)
    sums = {state: int(total) for state, total in rows}
    return replace(empty, reserved_minor=sums.get(RESERVED, 0), settled_minor=sums.get(SETTLED, 0))
