"""The dispatcher: takes orders that want to leave, one at a time, and talks to the retailer about them.

No network call happens inside a transaction. Every outcome is settled in one transaction that checks the
fence, so a worker that was overtaken changes nothing.
"""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, or_, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.households.mandate import Mandate, Mode, judge_quote
from replenish_server.households.tables import Household, SlotMandate
from replenish_server.ordering.handed_over import hand_over
from replenish_server.ordering.journal import DatabaseJournal
from replenish_server.ordering.orders import move, stumble
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.retailers.port import (
    Expired,
    HandOff,
    Journal,
    JournalClosed,
    Line,
    Need,
    Placed,
    Problem,
    Quote,
    RetailerPort,
    ShipTo,
    Trouble,
    TryLater,
    Unknown,
)
from replenish_server.retailers.tables import Retailer

log = logging.getLogger(__name__)

_LEASE_S = 90.0  # longer than the longest conversation: six calls of at most 10 s each, and slack
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 60.0
_POLL_AFTER_S = 2.0

Shops = Callable[[Retailer], RetailerPort]
"""Finds the adapter of a retailer; supplied by the composition root."""


@dataclass(frozen=True)
class _Claim:
    order: PurchaseOrder
    need: Need
    retailer: Retailer
    mandate: Mandate


class Dispatcher:
    """Moves orders from "to be placed" to "placed", or before a person.

    Args:
        database: where orders are.
        shops: finds the adapter.
        clock: the server's clock; leases and retries are real seconds, so its speed matters.
    """

    def __init__(self, database: Database, shops: Shops, clock: Clock) -> None:
        self._database = database
        self._shops = shops
        self._clock = clock
        self._random = random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._held_back = threading.Event()

    def release_leases(self) -> None:
        """At start: free what a killed predecessor held; the next claim overtakes its fence."""
        with self._database.write() as session:
            session.execute(update(PurchaseOrder).values(lease_until=None))

    def hold_back(self) -> None:
        """Start no conversation with a shop until `let_go`; one under way goes on to its end."""
        self._held_back.set()

    def let_go(self) -> None:
        """Let orders leave again."""
        self._held_back.clear()

    def run(self) -> int:
        """Work on every order that is due; returns how many were worked on."""
        worked = 0
        while not self._held_back.is_set() and (claim := self._claim()) is not None:
            self._work(claim)
            worked += 1
        return worked

    def _claim(self) -> _Claim | None:
        """Take the oldest order that wants a quote or wants to leave, under a new fence."""
        now = self._clock.now()
        with self._database.write() as session:
            wants = or_(
                col(PurchaseOrder.state) == State.PLACING,
                (col(PurchaseOrder.state) == State.NEEDS_APPROVAL)
                & col(PurchaseOrder.quoted_minor).is_(None)
                & col(PurchaseOrder.tier).is_(None),
            )
            query = (
                select(PurchaseOrder)
                .where(wants)
                .where(or_(col(PurchaseOrder.lease_until).is_(None), col(PurchaseOrder.lease_until) < now))
                .where(or_(col(PurchaseOrder.next_try_at).is_(None), col(PurchaseOrder.next_try_at) <= now))
                .order_by(col(PurchaseOrder.created_at))
                .limit(1)
            )
            order = session.exec(query).first()
            if order is None:
                return None
            order.fence += 1
            order.lease_until = self._after(_LEASE_S)
            session.add(order)
            household = session.get_one(Household, order.household_id)
            mandate = session.get_one(SlotMandate, order.slot_id)
            retailer = session.get_one(Retailer, order.retailer_id)
            return _Claim(
                order,
                _need(order, household),
                retailer,
                Mandate(Mode(mandate.mode), mandate.price_cap_minor, mandate.currency),
            )

    def _work(self, claim: _Claim) -> None:
        order = claim.order
        journal = DatabaseJournal(self._database, order.id, order.attempt, order.fence, self._clock.now)
        try:
            shop = self._shops(claim.retailer)
            earlier = self._retire(claim, shop, journal)
            if earlier is not None:
                self._settle(claim, earlier)
                return
            quote = shop.quote(claim.need, journal)
            if isinstance(quote, Trouble | HandOff) or order.state == State.NEEDS_APPROVAL:
                self._settle(claim, quote)
            else:
                self._settle(claim, self._place(claim, quote, shop, journal))
        except TryLater as error:
            self._retry(claim, str(error), error.wait_s)
        except JournalClosed as error:
            log.info("action=order_overtaken order_id=%s why=%s", order.id, error)
        except Exception as error:  # one order's surprise must not stop the others
            log.exception("action=dispatch_failed order_id=%s", order.id)
            self._retry(claim, type(error).__name__, None)

    def _retire(
        self, claim: _Claim, shop: RetailerPort, journal: Journal
    ) -> Placed | Trouble | Unknown | None:
        """Before a new session: the old one must not become an order as well."""
        order = claim.order
        if order.attempt == 1 or order.checkout_id is None or journal.find("create") is not None:
            return None
        return shop.retire(order.checkout_id, journal)

    def _place(
        self, claim: _Claim, quote: Quote, shop: RetailerPort, journal: Journal
    ) -> Placed | Trouble | Unknown | Expired:
        """Complete, if the total is within the cap and the shop allows it; an order that may have left is
        only looked up, because refusing it now would not bring it back."""
        self._remember_quote(claim, quote)
        if journal.find("complete") is None:
            verdict = judge_quote(
                claim.mandate, quote.total_minor, quote.currency, claim.order.approved_minor
            )
            if not verdict.ok:
                cap = verdict.numbers["cap_minor"]
                return Trouble(Problem.PRICE_OVER_CAP, f"{quote.total_minor} > {cap} {quote.currency}")
            if claim.retailer.agreement is None:
                return Trouble(Problem.NO_AGREEMENT, continue_url=quote.continue_url)
        return shop.place(quote, journal)

    def _remember_quote(self, claim: _Claim, quote: Quote) -> None:
        with self._database.write() as session:
            order = self._held(session, claim)
            order.checkout_id, order.quoted_minor = quote.checkout_id, quote.total_minor
            session.add(order)

    def _settle(self, claim: _Claim, outcome: Quote | Placed | Trouble | HandOff | Unknown | Expired) -> None:
        if isinstance(outcome, Unknown):
            self._retry(claim, outcome.detail, None)
            return
        now = self._clock.now()
        with self._database.write() as session:
            order = self._held(session, claim)
            order.failures = 0
            order.next_try_at = None
            order.lease_until = None
            match outcome:
                case Quote():
                    order.checkout_id, order.quoted_minor = outcome.checkout_id, outcome.total_minor
                    order.currency = outcome.currency
                    session.add(OrderEvent(order_id=order.id, at=now, state=order.state, note="quoted"))
                case Placed():
                    order.retailer_order_id = outcome.retailer_order_id
                    order.permalink = outcome.permalink
                    order.total_minor, order.currency = outcome.total_minor, outcome.currency
                    order.next_poll_at = self._after(_POLL_AFTER_S)
                    move(session, order, Event.PLACE, now, outcome.retailer_order_id)
                case Trouble():
                    stumble(session, order, outcome.problem, outcome.detail, outcome.continue_url, now)
                case HandOff():
                    hand_over(session, order, outcome, now)
                case Expired():
                    order.attempt += 1
                    order.checkout_id = None
                    order.failures = claim.order.failures + 1
                    order.next_try_at = self._after(self._delay_s(order.failures))
            session.add(order)
        log.info("action=order_settled order_id=%s outcome=%s", claim.order.id, type(outcome).__name__)

    def _retry(self, claim: _Claim, why: str, wait_s: float | None) -> None:
        """Try again later, with jitter, for as long as it takes: the same keys make that harmless."""
        with self._database.write() as session:
            order = session.get_one(PurchaseOrder, claim.order.id)
            if order.fence != claim.order.fence:
                return
            order.failures += 1
            order.lease_until = None
            order.next_try_at = self._after(wait_s if wait_s is not None else self._delay_s(order.failures))
            session.add(order)
        log.warning("action=order_retry order_id=%s failures=%d why=%s", order.id, order.failures, why[:200])

    def _delay_s(self, failures: int) -> float:
        """Real seconds before the next try: doubling, jittered over the upper half."""
        longest = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * float(2 ** min(failures, 10)))
        return longest * self._random.uniform(0.5, 1.0)

    def _held(self, session: Session, claim: _Claim) -> PurchaseOrder:
        """The order, if it is still ours and still in the state in which we took it."""
        order = session.get_one(PurchaseOrder, claim.order.id)
        if order.fence != claim.order.fence or order.state != claim.order.state:
            raise JournalClosed(f"order {order.id} is {order.state}, fence {order.fence}")
        return order

    def _after(self, real_s: float) -> datetime:
        return self._clock.now() + timedelta(seconds=real_s * self._clock.speed)


def _need(order: PurchaseOrder, household: Household) -> Need:
    return Need(
        lines=(Line(order.item_id, order.packs),),
        buyer_name=household.buyer_name,
        buyer_email=household.buyer_email,
        fulfilment=ShipTo(household.street, household.locality, household.postal_code, household.country),
    )
