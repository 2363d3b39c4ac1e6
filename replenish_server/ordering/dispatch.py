"""The dispatcher: takes parcels that want to leave, and talks to the retailer about them.

Any number of threads may work in it, each on a parcel that it has claimed. No network call happens inside a
transaction. Every outcome is settled in one transaction that checks the fence, so a worker that was overtaken
changes nothing.
"""

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database, Duties, is_alive
from replenish_server.failures import log_failure
from replenish_server.ordering.claims import Claim, Lease, claim_order, claim_parcel, held
from replenish_server.ordering.completion_check import HeldBack, Withheld, authorize_completion
from replenish_server.ordering.journal import DatabaseJournal, begin
from replenish_server.ordering.outcomes import Outcome, remember_quote, settle_outcome, withhold
from replenish_server.ordering.parcels import order_and_parcel, was_completed
from replenish_server.ordering.rules import COMPLETE, must_retire
from replenish_server.ordering.stops import Stopped, stops_of
from replenish_server.ordering.substitutes import would_substitute
from replenish_server.ordering.tables import Parcel, PurchaseOrder
from replenish_server.retailers.port import (
    Expired,
    HandOff,
    Journal,
    JournalClosed,
    Placed,
    Problem,
    Quote,
    RetailerPort,
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
_AT_ONE_RETAILER = 2  # conversations at once: a slow retailer must not take every worker

Job = Callable[[], None]
Shops = Callable[[Retailer], RetailerPort]
"""Finds the adapter of a retailer; supplied by the composition root."""


class Dispatcher:
    """Moves orders from "to be placed" to "placed", or before a person.

    Args:
        database: where orders are.
        shops: finds the adapter.
        clock: the server's clock; leases and retries are real seconds, so its speed matters.
        before_leaving: called with a reading session when a completing call is committed, before it is sent;
            see `reconcile.Mark`.
        duties: of this process, where others share the database.
    """

    def __init__(
        self,
        database: Database,
        shops: Shops,
        clock: Clock,
        before_leaving: Callable[[Session], None] = lambda _session: None,
        duties: Duties | None = None,
    ) -> None:
        self._duties = duties or Duties(database)
        self._before_leaving = before_leaving
        self._database = database
        self._shops = shops
        self._clock = clock
        self._random = random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._held_back = threading.Event()
        self._in_hand: Counter[str] = Counter()  # conversations by retailer
        self._counting = threading.Lock()

    def release_leases(self) -> int:
        """Free what a killed process held; the next claim overtakes its fence. Returns how many had died.

        Where no other process shares the database it is for the start, and frees everything.
        """
        if not self._database.shared:
            with self._database.write() as session:
                session.execute(update(Parcel).values(lease_until=None))
            return 0
        with self._database.read() as session:
            held = select(Parcel.holder).where(col(Parcel.lease_until).is_not(None)).distinct()
            others = {number for number in session.exec(held) if number is not None} - {self._duties.number}
        dead = 0
        for number in others:
            with self._database.write() as session:
                if not is_alive(session, number):
                    freed = update(Parcel).where(col(Parcel.holder) == number)
                    session.execute(freed.values(lease_until=None, holder=None))
                    log.warning("action=leases_freed holder=%d", number)
                    dead += 1
        return dead

    def hold_back(self) -> None:
        """Start no conversation with a shop until `let_go`; one under way goes on to its end."""
        self._held_back.set()

    @property
    def is_held_back(self) -> bool:
        """Whether no conversation is started now."""
        return self._held_back.is_set()

    def let_go(self) -> None:
        """Let orders leave again."""
        self._held_back.clear()

    def run(self) -> int:
        """Work on every parcel that is due; returns how many were worked on."""
        worked = 0
        while self.work_on_one():
            worked += 1
        return worked

    def work_on_one(self) -> bool:
        """Work on the oldest parcel that is due; returns whether there was one."""
        job = self.next_job()
        if job is not None:
            job()
        return job is not None

    def next_job(self) -> Job | None:
        """Take the oldest parcel that is due: the conversation that is to be had now; None when none is."""
        if self._held_back.is_set():
            return None
        with self._counting:
            busy = [name for name, number in self._in_hand.items() if number >= _AT_ONE_RETAILER]
        with self._database.write() as session:
            claim = claim_parcel(session, self._clock.now(), self._lease(), busy)
        return None if claim is None else self.job_of(claim)

    def take(self, session: Session, order_id: str) -> Claim | None:
        """Take an order's parcel in the transaction that opens it, and store there what is said first to the
        retailer, if that is known already; once that is committed, have its `job_of`.

        None where it has to wait for its turn. A claim whose transaction is undone, or whose worker dies, is
        worth nothing: its lease ends, or the next start frees it.
        """
        found = None if self._held_back.is_set() else order_and_parcel(session, order_id)
        if found is None or self._in_hand[found[0].retailer_id] >= _AT_ONE_RETAILER:
            return None
        claim = claim_order(session, *found, self._clock.now(), self._lease())
        return claim if claim is None or claim.held_until is not None else self._begun(session, claim)

    def _begun(self, session: Session, claim: Claim) -> Claim:
        try:
            opening = self._shops(claim.retailer).opening(claim.need)
        except Exception as error:  # noqa: BLE001 - the conversation will meet it again, and knows what to do
            log_failure(log, error, "action=opening_failed parcel_id=%s", claim.parcel.id)
            return claim
        return claim if opening is None else begin(session, claim, opening, self._clock.now())

    def _lease(self) -> Lease:
        return Lease(self._after(_LEASE_S), self._duties.number)

    def job_of(self, claim: Claim) -> Job:
        """The conversation about a parcel that is taken, and what comes of it. Run it once."""
        retailer_id = claim.retailer.id
        with self._counting:
            self._in_hand[retailer_id] += 1

        def job() -> None:
            try:
                self._work(claim)
            finally:
                with self._counting:
                    self._in_hand[retailer_id] -= 1

        return job

    def _work(self, claim: Claim) -> None:
        if self._held_back.is_set():  # it was taken just before our page fell silent
            self._let_go_of(claim)
            return
        if claim.held_until is not None:
            self._wait(claim, claim.held_until)
            return
        parcel, offers = claim.parcel, list[Quote]()
        journal = DatabaseJournal(
            self._database,
            parcel.id,
            parcel.attempt,
            parcel.fence,
            self._clock.now,
            lambda session, now: authorize_completion(session, parcel.id, offers[-1], now),
            self._about_to_leave,
            claim.begun,
        )
        try:
            shop = self._shops(claim.retailer)
            earlier = self._retire(claim, shop, journal)
            if earlier is not None:
                self._settle(claim, earlier)
                return
            quote = shop.quote(claim.need, journal)
            if isinstance(quote, Trouble | HandOff) or claim.only_quote:
                self._settle(claim, self._make_room(claim, quote, shop, journal))
                return
            offers.append(quote)
            placed = self._place(claim, quote, shop, journal)
            if isinstance(placed, Trouble):
                placed = replace(placed, checkout_id=quote.checkout_id)
            self._settle(claim, self._make_room(claim, placed, shop, journal))
        except Withheld as refusal:
            self._withhold(claim, refusal)
        except Stopped:  # taken up again when the switch is taken back
            self._let_go_of(claim)
            log.warning("action=parcel_stopped parcel_id=%s", parcel.id)
        except HeldBack as hold:
            self._wait(claim, hold.until)
        except TryLater as error:
            self._retry(claim, str(error), error.wait_s)
        except JournalClosed as error:
            log.info("action=parcel_overtaken parcel_id=%s why=%s", parcel.id, error)
        except Exception as error:  # noqa: BLE001 - one parcel's surprise must not stop the others
            log_failure(log, error, "action=dispatch_failed parcel_id=%s", parcel.id)
            self._retry(claim, type(error).__name__, None)

    def _about_to_leave(self) -> None:
        with self._database.read() as session:
            self._before_leaving(session)

    def _retire(
        self, claim: Claim, shop: RetailerPort, journal: Journal
    ) -> Placed | Trouble | Unknown | None:
        """Before a new session: the old one must not become an order as well."""
        parcel = claim.parcel
        if parcel.attempt == 1 or parcel.checkout_id is None:
            return None
        created = journal.find("create") is not None
        if not must_retire(parcel.attempt, parcel.checkout_id, created):
            return None
        return shop.retire(parcel.checkout_id, journal)

    def _place(
        self, claim: Claim, quote: Quote, shop: RetailerPort, journal: Journal
    ) -> Placed | Trouble | Unknown | Expired:
        """Complete, if the shop allows it; caps and budget are judged where the call is stored. What may have
        left is only looked up, because refusing it now would not bring it back."""
        with self._database.write() as session:
            if stops_of(session, claim.parcel.household_id):
                raise Stopped(claim.parcel.id)
            remember_quote(session, *held(session, claim), quote, self._clock.now())
        allowed = claim.retailer.agreement is not None or quote.permitted
        if journal.find(COMPLETE) is None and not allowed:
            return Trouble(Problem.NO_AGREEMENT, continue_url=quote.continue_url)
        return shop.place(quote, journal)

    def _make_room(self, claim: Claim, outcome: Outcome, shop: RetailerPort, journal: Journal) -> Outcome:
        """Before another product is tried, the missing one's session must not become an order as well."""
        if not isinstance(outcome, Trouble) or outcome.checkout_id is None or len(claim.orders) > 1:
            return outcome
        with self._database.read() as session:
            order = session.get_one(PurchaseOrder, claim.orders[0].id)
            left = was_completed(session, session.get_one(Parcel, claim.parcel.id))
            if left or not would_substitute(session, order, outcome):
                return outcome
        return shop.retire(outcome.checkout_id, journal) or outcome

    def _settle(self, claim: Claim, outcome: Outcome) -> None:
        if isinstance(outcome, Unknown):
            self._retry(claim, outcome.detail, None)
            return
        now = self._clock.now()
        with self._database.write() as session:
            parcel, orders = held(session, claim)
            parcel.failures, parcel.next_try_at, parcel.lease_until = 0, None, None
            if isinstance(outcome, Placed):
                parcel.next_poll_at = self._after(_POLL_AFTER_S)
            elif isinstance(outcome, Expired):
                parcel.failures = claim.parcel.failures + 1
                parcel.next_try_at = self._after(self._delay_s(parcel.failures))
            session.add(parcel)
            settle_outcome(session, parcel, orders, outcome, now)
        log.info("action=parcel_settled parcel_id=%s outcome=%s", parcel.id, type(outcome).__name__)

    def _withhold(self, claim: Claim, refusal: Withheld) -> None:
        """One order may not leave; the others begin anew without it."""
        now = self._clock.now()
        with self._database.write() as session:
            parcel, orders = held(session, claim)
            parcel.lease_until = None
            session.add(parcel)
            withhold(session, orders, refusal, now)
        log.info("action=order_withheld order_id=%s why=%s", refusal.order_id, refusal.trouble.problem)

    def _let_go_of(self, claim: Claim) -> None:
        """Leave the parcel to whoever takes it next."""
        with self._database.write() as session:
            parcel = session.get(Parcel, claim.parcel.id)
            if parcel is not None and parcel.fence == claim.parcel.fence:
                parcel.lease_until = None
                session.add(parcel)

    def _wait(self, claim: Claim, until: datetime) -> None:
        """Pause or quiet hours hold it: nothing is asked of the shop until they are over."""
        with self._database.write() as session:
            parcel, _ = held(session, claim)
            parcel.lease_until, parcel.next_try_at = None, until
            session.add(parcel)
        log.info("action=parcel_held_back parcel_id=%s until=%s", parcel.id, until.isoformat())

    def _retry(self, claim: Claim, why: str, wait_s: float | None) -> None:
        """Try again later, with jitter, for as long as it takes: the same keys make that harmless."""
        with self._database.write() as session:
            parcel = session.get(Parcel, claim.parcel.id)
            if parcel is None or parcel.fence != claim.parcel.fence:
                return
            parcel.failures += 1
            parcel.lease_until = None
            parcel.next_try_at = self._after(wait_s if wait_s is not None else self._delay_s(parcel.failures))
            session.add(parcel)
        log.warning(
            "action=parcel_retry parcel_id=%s failures=%d why=%s", parcel.id, parcel.failures, why[:200]
        )

    def _delay_s(self, failures: int) -> float:
        """Real seconds before the next try: doubling, jittered over the upper half."""
        longest = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * float(2 ** min(failures, 10)))
        return longest * self._random.uniform(0.5, 1.0)

    def _after(self, real_s: float) -> datetime:
        return self._clock.now() + timedelta(seconds=real_s * self._clock.speed)
