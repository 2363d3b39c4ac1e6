"""The household's ledger: what its orders may cost this month, whichever retailer they go to.

An amount is reserved in the very transaction that lets an order leave, so that no two orders can spend the
same money; it is settled when the retailer has the order, and released when none came of it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from replenish_server.households.calendar import month_of
from replenish_server.households.mandate import Verdict
from replenish_server.households.tables import Household, HouseholdMandate, LedgerEntry

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


@dataclass(frozen=True)
class Spending:
    """A household's month.

    Args:
        month: in the household's time zone, such as "2026-11".
        currency: ISO 4217.
        budget_minor: the most that may be spent in it, or None for no limit.
        reserved_minor: on its way to retailers.
        settled_minor: bought.
    """

    month: str
    currency: str
    budget_minor: int | None
    reserved_minor: int
    settled_minor: int

    @property
    def left_minor(self) -> int | None:
        """What may still be spent; None without a budget."""
        if self.budget_minor is None:
            return None
        return max(0, self.budget_minor - self.reserved_minor - self.settled_minor)


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
    spending = _month(session, household, month, besides=entry.order_id)
    verdict = judge_budget(spending, entry.amount_minor, entry.currency)
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


def spending_of(session: Session, household_id: str, now: datetime) -> Spending:
    """The household's present month, in its own currency."""
    household = session.get_one(Household, household_id)
    return _month(session, household, month_of(now, household.time_zone), besides=None)


def judge_budget(spending: Spending, amount_minor: int, currency: str) -> Verdict:
    """Whether an amount still fits into the month. Nothing that cannot be added up fits into a budget."""
    left = spending.left_minor
    same = currency == spending.currency
    return Verdict(
        "budget",
        amount_minor >= 0 and (left is None or (same and amount_minor <= left)),
        {
            "amount_minor": amount_minor,
            "currency": currency,
            "budget_minor": spending.budget_minor,
            "budget_currency": spending.currency,
            "spent_minor": spending.reserved_minor + spending.settled_minor,
            "left_minor": left,
            "month": spending.month,
        },
    )


def _locked(session: Session, household_id: str) -> Household:
    """The household, its row locked where the database has row locks; SQLite's writers are one at a time."""
    query = select(Household).where(Household.id == household_id).with_for_update()
    return session.exec(query).one()


def _month(session: Session, household: Household, month: str, besides: str | None) -> Spending:
    query = (
        select(LedgerEntry.state, func.sum(LedgerEntry.amount_minor))
        .where(
            LedgerEntry.household_id == household.id,
            LedgerEntry.month == month,
            LedgerEntry.currency == household.currency,
            LedgerEntry.state != RELEASED,
        )
        .group_by(col(LedgerEntry.state))
    )
    if besides is not None:
        query = query.where(LedgerEntry.order_id != besides)
    sums = {state: int(total) for state, total in session.exec(query)}
    mandate = session.get(HouseholdMandate, household.id)
    return Spending(
        month,
        household.currency,
        None if mandate is None else mandate.budget_minor,
        sums.get(RESERVED, 0),
        sums.get(SETTLED, 0),
    )
