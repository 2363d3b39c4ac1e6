"""The step journal on the database: what an adapter must remember, committed before it is sent."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, select

from replenish_server.database import Database
from replenish_server.ids import new_idempotency_key
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder, RetailerCall
from replenish_server.retailers.port import JournalClosed, StoredCall


class DatabaseJournal:
    """The journal of one attempt, for the worker that holds `fence`. Implements `retailers.port.Journal`.

    Args:
        database: where the calls are kept.
        order_id: whose.
        attempt: which checkout session of the order.
        fence: the claim under which this worker acts.
        now: the server's clock.
    """

    def __init__(
        self, database: Database, order_id: str, attempt: int, fence: int, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._order_id, self._attempt, self._fence = order_id, attempt, fence
        self._now = now

    def find(self, step: str) -> StoredCall | None:
        """The stored call of this step, or None."""
        with self._database.read() as session:
            row = self._row(session, step)
            return None if row is None else _as_call(row)

    def prepare(self, step: str, method: str, url: str, body: bytes) -> StoredCall:
        """Store a call with a fresh key, unless the step has one; committed on return."""
        with self._database.write() as session:
            row = self._row(session, step)
            if row is None:
                self._check(session, step)
                row = RetailerCall(
                    key=new_idempotency_key(),
                    order_id=self._order_id,
                    attempt=self._attempt,
                    step=step,
                    method=method,
                    url=url,
                    body=body,
                    prepared_at=self._now(),
                )
                session.add(row)
        return _as_call(row)

    def answered(self, step: str, status: int, answer: bytes) -> None:
        """Store the answer of a step; the first answer stays."""
        with self._database.write() as session:
            row = self._row(session, step)
            if row is not None and row.status is None:
                row.status, row.answer, row.answered_at = status, answer, self._now()
                session.add(row)

    def _row(self, session: Session, step: str) -> RetailerCall | None:
        query = select(RetailerCall).where(
            RetailerCall.order_id == self._order_id,
            RetailerCall.attempt == self._attempt,
            RetailerCall.step == step,
        )
        return session.exec(query).first()

    def _check(self, session: Session, step: str) -> None:
        order = session.get_one(PurchaseOrder, self._order_id)
        allowed = (State.PLACING,) if step == "complete" else (State.PLACING, State.NEEDS_APPROVAL)
        if order.fence != self._fence or order.state not in allowed:
            raise JournalClosed(f"order {self._order_id} is {order.state}, fence {order.fence}")


def _as_call(row: RetailerCall) -> StoredCall:
    return StoredCall(row.key, row.method, row.url, row.body, row.prepared_at, row.status, row.answer)
