"""The step journal on the database: what an adapter must remember, committed before it is sent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from replenish_server.database import Database, Prepared, append, fetch
from replenish_server.ids import new_idempotency_key
from replenish_server.ordering.claims import Claim
from replenish_server.ordering.rules import COMPLETE, may_send, still_holds
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import Parcel, PurchaseOrder, RetailerCall
from replenish_server.retailers.port import JournalClosed, Opening, StoredCall

Gate = Callable[[Session, datetime], None]
"""What must be true, and is written, in the transaction that stores the completing call."""


_CALL: Prepared[RetailerCall] = Prepared(
    select(RetailerCall).where(
        col(RetailerCall.parcel_id) == bindparam("parcel_id"),
        col(RetailerCall.attempt) == bindparam("attempt"),
        col(RetailerCall.step) == bindparam("step"),
    )
)
_HELD: Prepared[tuple[int, str]] = Prepared(
    select(Parcel.fence, PurchaseOrder.state)
    .join(PurchaseOrder, col(PurchaseOrder.parcel_id) == col(Parcel.id))
    .where(col(Parcel.id) == bindparam("parcel_id"))
)


class DatabaseJournal:
    """The journal of one attempt, for the worker that holds `fence`. Implements `retailers.port.Journal`.

    Args:
        database: where the calls are kept.
        parcel_id: whose.
        attempt: which checkout session of the parcel.
        fence: the claim under which this worker acts.
        now: the server's clock.
        gate: asked in the transaction that stores the completing call; what it raises keeps the call from
            being stored, and undoes whatever it wrote.
        before_leaving: called when the completing call is committed, before it is sent or sent again.
        begun: the step and the call that were stored when the parcel was claimed; see `begin`.
    """

    def __init__(
        self,
        database: Database,
        parcel_id: str,
        attempt: int,
        fence: int,
        now: Callable[[], datetime],
        gate: Gate = lambda _session, _now: None,
        before_leaving: Callable[[], None] = lambda: None,
        begun: tuple[str, StoredCall] | None = None,
    ) -> None:
        self._database = database
        self._parcel_id, self._attempt, self._fence = parcel_id, attempt, fence
        self._now = now
        self._gate, self._before_leaving = gate, before_leaving
        self._may_leave = False
        self._begun = begun

    def find(self, step: str) -> StoredCall | None:
        """The stored call of this step, or None."""
        with self._database.read() as session:
            row = self._row(session, step)
            return None if row is None else _as_call(row)

    def prepare(self, step: str, method: str, url: str, body: bytes | Callable[[str], bytes]) -> StoredCall:
        """Store a call with a fresh key, unless the step has one; committed on return."""
        if self._begun is not None and self._begun[0] == step:
            return self._begun[1]
        with self._database.write() as session:
            row = self._row(session, step)
            if row is None:
                self._check(session, step)
                if step == COMPLETE:
                    self._gate(session, self._now())
                opening = Opening(step, method, url, body)
                call = _keep(session, self._parcel_id, self._attempt, opening, self._now())
            else:
                call = _as_call(row)
        if step == COMPLETE:
            self._let_leave()
        return call

    def _let_leave(self) -> None:
        if not self._may_leave:
            self._before_leaving()
            self._may_leave = True

    def hold(self) -> None:
        """See that the parcel is still ours, and its lease not over."""
        self._let_leave()  # an earlier worker may have died before it did
        with self._database.read() as session:
            parcel = fetch(session, Parcel, self._parcel_id)
            lease = None if parcel is None else parcel.lease_until
            if parcel is None or not still_holds(self._fence, parcel.fence, lease, self._now()):
                raise JournalClosed(f"parcel {self._parcel_id} was taken over, or its lease is over")

    def answered(self, step: str, status: int, answer: bytes) -> None:
        """Store the answer of a step; the first answer stays. An overtaken worker's is dropped: the one that
        took over has asked for itself, and may be past this step with another session."""
        with self._database.write() as session:
            parcel = session.get_one(Parcel, self._parcel_id)
            if parcel.fence != self._fence:
                raise JournalClosed(f"parcel {self._parcel_id} was taken over before {step} was answered")
            row = self._row(session, step)
            if row is not None and row.status is None:
                row.status, row.answer, row.answered_at = status, answer, self._now()
                session.add(row)

    def _row(self, session: Session, step: str) -> RetailerCall | None:
        return _CALL.first(session, parcel_id=self._parcel_id, attempt=self._attempt, step=step)

    def _check(self, session: Session, step: str) -> None:
        rows = _HELD.all(session, parcel_id=self._parcel_id)
        fence, states = max((fence for fence, _ in rows), default=0), {State(state) for _, state in rows}
        if not may_send(step, self._fence, fence, states):
            raise JournalClosed(f"parcel {self._parcel_id} is {sorted(states)}, fence {fence}")


def begin(session: Session, claim: Claim, opening: Opening, now: datetime) -> Claim:
    """Store the first call of a conversation in the very transaction that claims its parcel, as the only
    thing that was ever said in it; the claim remembers it for the worker's journal.

    Raises:
        JournalClosed: an order of the parcel does not want it sent.
    """
    states = {State(order.state) for order in claim.orders}
    if not may_send(opening.step, claim.parcel.fence, claim.parcel.fence, states):
        raise JournalClosed(f"parcel {claim.parcel.id} is {sorted(states)}")
    call = _keep(session, claim.parcel.id, claim.parcel.attempt, opening, now)
    return replace(claim, begun=(opening.step, call))


def _keep(session: Session, parcel_id: str, attempt: int, call: Opening, now: datetime) -> StoredCall:
    key = new_idempotency_key()
    content = call.body if isinstance(call.body, bytes) else call.body(key)
    append(
        session,
        RetailerCall,
        key=key,
        parcel_id=parcel_id,
        attempt=attempt,
        step=call.step,
        method=call.method,
        url=call.url,
        body=content,
        prepared_at=now,
    )
    return StoredCall(key, call.method, call.url, content, now, None, None)


def _as_call(row: RetailerCall) -> StoredCall:
    return StoredCall(row.key, row.method, row.url, row.body, row.prepared_at, row.status, row.answer)
