"""The rows of the simulation in memory: an order, its journal, a transaction; and a design's mistakes."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from replenish_server.ordering import rules
from replenish_server.ordering.states import State
from replenish_server.retailers.port import JournalClosed, Problem, StoredCall
from replenish_server.retailers.ucp.client import UcpRetailer

if TYPE_CHECKING:
    from tests.support.order_world import OrderWorld


@dataclass(frozen=True)
class Design:
    """The design, and with one of these false: a mutant of it."""

    checks_fence: bool = True
    stores_before_sending: bool = True
    keeps_the_key: bool = True
    looks_before_repeating: bool = True
    keeps_the_session_in_doubt: bool = True
    one_transaction_for_press_and_order: bool = True
    looks_and_opens_in_one_transaction: bool = True
    books_where_it_leaves: bool = True
    stops_where_it_leaves: bool = True
    closes_the_old_session: bool = True
    closes_the_declined_session: bool = True
    pays_otherwise_once: bool = True


@dataclass
class Order:
    """A row."""

    number: int
    slot: int
    state: State
    since_s: float
    reminders: int = 0
    leaves_s: float | None = None
    placed: bool = False
    problem: Problem | None = None
    quoted: int | None = None
    instrument: int = 0
    declined: int = 0
    declined_session: str | None = None
    attempt: int = 1
    checkout_id: str | None = None
    fence: int = 0
    lease_s: float | None = None
    try_s: float | None = None
    booked: bool = False
    canceled_by_us: bool = False
    calls: dict[tuple[int, str], StoredCall] = field(default_factory=dict, repr=False)

    def may_have_left(self) -> bool:
        """See `ordering.parcels.may_have_left`."""
        call = self.calls.get((self.attempt, rules.COMPLETE))
        return call is not None and call.status is None


class Violation(AssertionError):
    """A law was broken."""


class Stopped(Exception):
    pass


class Withheld(Exception):
    pass


class Repeats(UcpRetailer):
    """A mutant: it repeats the complete without having looked."""

    def _resolve(self, checkout_id: str, stored: StoredCall, journal: Any) -> Any:
        return self._send_complete(checkout_id, stored, journal)


class SimJournal:
    """`retailers.port.Journal` on the rows in memory."""

    def __init__(self, world: "OrderWorld", order: Order) -> None:
        self.world, self.order = world, order
        self.attempt, self.fence = order.attempt, order.fence

    def find(self, step: str) -> StoredCall | None:
        call = self.order.calls.get((self.attempt, step))
        if call is not None and call.status is None and not self.world.design.keeps_the_key:
            return StoredCall(
                self.world.key(), call.method, call.url, call.body, call.prepared_at, None, None
            )
        return call

    def prepare(self, step: str, method: str, url: str, body: Any) -> StoredCall:
        world, order = self.world, self.order
        with world.transaction():
            known = order.calls.get((self.attempt, step))
            if known is not None:
                return known
            fence = order.fence if world.design.checks_fence else self.fence
            states = [order.state] if world.design.checks_fence else [State.PLACING]
            if not rules.may_send(step, self.fence, fence, states):
                raise JournalClosed(step)
            if step == rules.COMPLETE:
                world.gate(order)
                if world.stopped:
                    raise Violation("an order leaves while the switch is thrown")
            call = StoredCall(world.key(), method, url, body, world.moment(), None, None)
            if step != rules.COMPLETE or world.design.stores_before_sending:
                order.calls[self.attempt, step] = call
            return call

    def hold(self) -> None:
        order, world = self.order, self.world
        lease = None if order.lease_s is None else world.moment(order.lease_s)
        fence = order.fence if world.design.checks_fence else self.fence
        if not rules.still_holds(self.fence, fence, lease, world.moment()):
            raise JournalClosed("overslept")

    def answered(self, step: str, status: int, answer: bytes) -> None:
        with self.world.transaction():
            if self.order.fence != self.fence and self.world.design.checks_fence:
                raise JournalClosed("overtaken")
            call = self.order.calls.get((self.attempt, step))
            if call is not None and call.status is None:
                self.order.calls[self.attempt, step] = StoredCall(
                    call.key, call.method, call.url, call.body, call.prepared_at, status, answer
                )


class Transaction:
    """Nothing happens inside it but what its block does; before and after it anything may."""

    def __init__(self, world: "OrderWorld") -> None:
        self.world = world

    def __enter__(self) -> None:
        self.world.tick("before a transaction")
        self.world.inside += 1

    def __exit__(self, kind: Any, *_: object) -> None:
        self.world.inside -= 1
        if kind is None:
            self.world.tick("after a commit")
