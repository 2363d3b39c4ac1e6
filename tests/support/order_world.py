"""The simulation of orders: real rules and the real UCP adapter over rows in memory, with a virtual clock.

What is real: `ordering.states`, `ordering.rules`, `ordering.deadlines`, `households.judge.judge_budget` and
`retailers.ucp.client`. What is in memory: the rows, the shop, and one driver for all of it. At every tick
(before and after each transaction and each request) a worker may die, or sleep while anything else happens.
`Design` holds the mistakes that may be planted.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from replenish_server.households.judge import Spending, judge_budget
from replenish_server.ordering import rules
from replenish_server.ordering.deadlines import Deadline, Waiting, next_deadline
from replenish_server.ordering.states import ENDED, UNDERWAY, Event, State, after, may
from replenish_server.retailers.instruments import Account, Instrument
from replenish_server.retailers.port import (
    Expired,
    JournalClosed,
    Line,
    Need,
    Placed,
    Problem,
    Quote,
    ShipTo,
    Trouble,
    TryLater,
    Unknown,
)
from replenish_server.retailers.ucp.client import UcpRetailer
from tests.fakes.mortality import Crash
from tests.support.order_rows import (
    Design,
    Order,
    Repeats,
    SimJournal,
    Stopped,
    Transaction,
    Violation,
    Withheld,
)
from tests.support.sim_shop import PRICE_MINOR, SimShop

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
LEASE_S = 90.0
DAY_S = 86_400.0
NEED = Need((Line("det-1kg", 2),), "Ada", "ada@example.org", ShipTo("1 Main Street", "Bonn", "53111", "DE"))


class OrderWorld:
    """One household with two slots, a budget, a person, workers and a shop."""

    def __init__(self, seed: int, design: Design) -> None:
        self.rng = rng = random.Random(seed)
        self.design = design
        self.now_s = 0.0
        self.inside = self.depth = self.keys = 0
        self.calm = False
        self.shop = SimShop(
            self, random.Random(rng.getrandbits(32)), rng.choice(("honours", "ignores", "forgets"))
        )
        self.budget = rng.choice((PRICE_MINOR, 2 * PRICE_MINOR, 10 * PRICE_MINOR))
        self.asks_first = rng.random() < 0.2
        self.instruments = rng.choice((1, 2, 3))
        tokens = [f"tok-{n}" for n in range(self.instruments)]
        self.shop.declines = frozenset(token for token in tokens if rng.random() < 0.05)
        self.orders: list[Order] = []
        self.presses: list[tuple[int, int | None]] = []  # slot, and the order that answers
        self.answered: set[int] = set()
        self.stopped = False
        self.ticks = 0
        self.adapter = (UcpRetailer if design.looks_before_repeating else Repeats)(
            Account(
                "https://shop.test", "pay-1", tokens[0], tuple(Instrument(t, "pay-1", t) for t in tokens[1:])
            ),
            None,
            self.moment,
            None,  # type: ignore[arg-type]
        )
        self.adapter.connection = self.shop  # type: ignore[assignment]

    # --- time, chance and death ---

    def moment(self, at_s: float | None = None) -> datetime:
        """Virtual time as the rules see it."""
        return START + timedelta(seconds=self.now_s if at_s is None else at_s)

    def key(self) -> str:
        """A fresh key."""
        self.keys += 1
        return f"key-{self.keys}"

    def transaction(self) -> Transaction:
        """A unit of work."""
        return Transaction(self)

    def tick(self, _moment: str, may_sleep: bool = True) -> None:
        """Go on, die, or sleep while something else happens."""
        self.ticks += 1
        if self.calm or self.inside:
            return
        chance = self.rng.random()
        if chance < 0.03:
            raise Crash
        if chance < 0.16 and self.depth < 2 and may_sleep:
            self.something()

    def something(self) -> None:
        """One random thing, while others sleep."""
        self.depth += 1
        try:
            self.rng.choice(self._things())()
        except Crash:
            pass
        finally:
            self.depth -= 1

    def _things(self) -> list[Callable[[], None]]:
        return [self.press, self.evaluate, self.work, self.work, self.pass_time, self.cancel, self.approve,
                self.stop_or_go, self.by_hand, self.deadlines, self.deliver, self.shop.catch_up,
                self.shop.forget]  # fmt: skip

    def live(self, things: int) -> None:
        """A stretch of life."""
        for _ in range(things):
            self.something()

    def evaluate_calmly(self) -> None:
        """So that every life has an order from the start."""
        self.calm = True
        self.evaluate()
        self.calm = False

    def settle(self) -> None:
        """No more faults and deaths: everything goes on until nothing moves by itself."""
        self.calm, self.shop.faulty, self.stopped = True, False, False
        self.shop.catch_up()
        for _ in range(40):
            self.evaluate()
            self.work()
            self.now_s += 120.0
            if not any(order.state is State.PLACING for order in self.orders):
                break
        else:
            raise Violation(f"an order never comes to rest: {self.orders}")
        self.evaluate()
        self.work()

    # --- the people and the clock ---

    def press(self) -> None:
        """A button is pressed, and the press is recorded."""
        if len(self.presses) < 6:
            self.presses.append((self.rng.randrange(2), None))

    def pass_time(self) -> None:
        """A moment, a lease, a session's life, or a key's."""
        self.now_s += self.rng.choice((1.0, 100.0, 100.0, 7 * 3600.0, 25 * 3600.0))

    def stop_or_go(self) -> None:
        """The switch; every second time it is taken back."""
        self.stopped = not self.stopped if self.rng.random() < 0.5 else False

    def cancel(self) -> None:
        """A person stops an order, if that can be done here."""
        order = self._any_order()
        if order is not None:
            with self.transaction():
                if rules.can_cancel(order.state, (order.attempt, rules.COMPLETE) in order.calls):
                    doubtful = order.problem is Problem.UNKNOWN_OUTCOME
                    self._move(order, Event.CANCEL)
                    order.canceled_by_us = not doubtful

    def approve(self) -> None:
        """A person agrees to what waits for them."""
        order = self._any_order()
        if order is None:
            return
        with self.transaction():
            if order.quoted is None or not may(order.state, Event.APPROVE, order.placed):
                return
            left = order.may_have_left() and self.design.keeps_the_session_in_doubt
            order.attempt = rules.attempt_after_approval(order.attempt, order.state, left)
            order.instrument = order.instrument if left else 0
            order.declined = 0
            order.try_s = None
            self._move(order, Event.APPROVE)

    def by_hand(self) -> None:
        """A person finishes, at the shop, a session of an order that waits for them, or the one of which the
        shop wrote to them that its payment was declined."""
        order = self._any_order()
        if order is None:
            return
        if order.state is State.PLACING and order.declined_session is not None:
            self.shop.person_completes(order.declined_session)
        if order.state is not State.NEEDS_ATTENTION or order.checkout_id is None:
            return
        if order.problem is not Problem.UNKNOWN_OUTCOME:
            self.shop.person_completes(order.checkout_id)

    def deliver(self) -> None:
        """The goods come and are fitted."""
        order = self._any_order()
        if order is not None:
            with self.transaction():
                if order.state in UNDERWAY:
                    self._move(order, Event.DELIVER)
                    self._move(order, Event.FIT)

    def deadlines(self) -> None:
        """What nobody answered ends."""
        for order in list(self.orders):
            with self.transaction():
                self._pass_deadline(order)

    def _pass_deadline(self, order: Order) -> None:
        unknown = order.problem is Problem.UNKNOWN_OUTCOME or order.placed
        leaves = None if order.leaves_s is None else self.moment(order.leaves_s)
        waiting = Waiting(order.state, self.moment(order.since_s), order.reminders, leaves, unknown)
        ahead = next_deadline(waiting)
        if ahead is None or ahead[0] > self.moment():
            return
        if ahead[1] not in (Deadline.END, Deadline.LEAVE):
            order.reminders += 1
        elif may(order.state, Event.TIME_OUT, order.placed):
            self._move(order, Event.TIME_OUT)

    # --- the server ---

    def evaluate(self) -> None:
        """Answer every press: the slot's open order, or a new one, in one transaction."""
        for n in range(len(self.presses)):
            if n in self.answered:
                continue
            slot = self.presses[n][0]
            seen = None
            together = self.design.looks_and_opens_in_one_transaction
            if not together:
                with self.transaction():
                    seen = (self._open(slot),)
            if not self.design.one_transaction_for_press_and_order:
                with self.transaction():
                    self.answered.add(n)
            with self.transaction():
                if n in self.answered and together and self.design.one_transaction_for_press_and_order:
                    continue
                order = self._open(slot) if seen is None else seen[0]
                if order is None:
                    order = self._create(slot)
                self.answered.add(n)
                self.presses[n] = (slot, order.number)

    def work(self) -> None:
        """The dispatcher, once for each order that wants to leave; it may die at any tick."""
        for order in list(self.orders):
            try:
                state = self._claim(order)
                if state is not None:
                    self._converse(order, SimJournal(self, order), state)
            except (JournalClosed, Stopped):
                continue

    def gate(self, order: Order) -> None:
        """In the transaction that stores the completing call: the switch and the month's budget."""
        if self.stopped and self.design.stops_where_it_leaves:
            raise Stopped
        if self.design.books_where_it_leaves:
            self._book(order)

    def _claim(self, order: Order) -> State | None:
        with self.transaction():
            quotes = order.state is State.NEEDS_APPROVAL and order.quoted is None
            if self.stopped or not (order.state is State.PLACING or quotes):
                return None
            lease = None if order.lease_s is None else self.moment(order.lease_s)
            due = None if order.try_s is None else self.moment(order.try_s)
            if not rules.is_free(lease, due, self.moment()):
                return None
            order.fence += 1
            order.lease_s = self.now_s + LEASE_S
            return order.state

    def _converse(self, order: Order, journal: SimJournal, state: State) -> None:
        shop = self.adapter
        try:
            if not self.design.books_where_it_leaves and not order.may_have_left():
                self._book(order, only_look=True)
            created = journal.find("create") is not None
            closes = self.design.closes_the_old_session
            if order.instrument > 0 and not self.design.closes_the_declined_session:
                closes = False
            if closes and rules.must_retire(journal.attempt, order.checkout_id, created):
                earlier = shop.retire(str(order.checkout_id), journal)
                if earlier is not None:
                    return self._settle(order, journal, state, earlier)
            quote = shop.quote(replace(NEED, instrument=order.instrument), journal)
            if isinstance(quote, Trouble) or state is State.NEEDS_APPROVAL:
                return self._settle(order, journal, state, quote)
            with self.transaction():
                self._held(order, journal, state)
                order.checkout_id, order.quoted = quote.checkout_id, quote.total_minor
            self._settle(order, journal, state, shop.place(quote, journal))
        except Withheld:
            self._settle(order, journal, state, Trouble(Problem.OVER_BUDGET))
        except TryLater:
            self._settle(order, journal, state, Unknown("later"))

    def _settle(self, order: Order, journal: SimJournal, state: State, outcome: Any) -> None:
        with self.transaction():
            self._held(order, journal, state)
            order.lease_s, order.try_s = None, None
            match outcome:
                case Unknown():
                    order.try_s = self.now_s + 1.0
                case Placed():
                    self._move(order, Event.PLACE)
                    if not self.design.books_where_it_leaves:
                        order.booked = True
                case Trouble() if self._pays_otherwise(order, outcome):
                    pass
                case Trouble():
                    self._move(order, Event.STUMBLE)
                    order.problem = outcome.problem
                    order.booked = order.booked and outcome.problem is Problem.UNKNOWN_OUTCOME
                case Expired():
                    order.attempt += 1
                    order.checkout_id = None
                case Quote():
                    order.checkout_id, order.quoted = outcome.checkout_id, outcome.total_minor

    def _pays_otherwise(self, order: Order, trouble: Trouble) -> bool:
        """See `ordering.outcomes`: a declined payment is tried once more, with the next instrument."""
        if not trouble.may_pay_otherwise:
            return False
        order.declined += 1
        if order.declined > 2:
            raise Violation(f"three payments were tried without a person: {order}")
        tried = order.instrument if self.design.pays_otherwise_once else 0
        following = rules.next_instrument(tried, self.instruments)
        if following is None:
            return False
        order.declined_session = order.checkout_id
        order.attempt, order.instrument = order.attempt + 1, following
        return True

    def _held(self, order: Order, journal: SimJournal, state: State) -> None:
        overtaken = order.fence != journal.fence and self.design.checks_fence
        if overtaken or order.state is not state:
            raise JournalClosed("overtaken")

    def _book(self, order: Order, only_look: bool = False) -> None:
        spent = sum(PRICE_MINOR for one in self.orders if one.booked and one is not order)
        spending = Spending("2026-05", "EUR", self.budget, 0, spent)
        if not judge_budget(spending, PRICE_MINOR, "EUR").ok:
            raise Withheld
        order.booked = order.booked or not only_look

    def _create(self, slot: int) -> Order:
        state = State.NEEDS_APPROVAL if self.asks_first else State.PLACING
        order = Order(len(self.orders), slot, state, self.now_s)
        self.orders.append(order)
        if sum(one.slot == slot and one.state not in ENDED for one in self.orders) > 1:
            raise Violation(f"slot {slot} has two open orders")
        return order

    def _move(self, order: Order, event: Event) -> None:
        then = after(order.state, event, order.placed)
        if then in ENDED and then is not State.CLOSED:
            order.booked = False
        if then is not State.NEEDS_ATTENTION:
            order.problem = None
        order.state, order.since_s, order.reminders, order.leaves_s = then, self.now_s, 0, None
        order.placed = order.placed or then is State.PLACED

    def _open(self, slot: int) -> Order | None:
        return next((one for one in self.orders if one.slot == slot and one.state not in ENDED), None)

    def _any_order(self) -> Order | None:
        return self.rng.choice(self.orders) if self.orders else None
