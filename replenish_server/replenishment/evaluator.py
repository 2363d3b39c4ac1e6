"""Looks at every slot that is due, presses first: forecast together, then one transaction for each.

A slot that fails is logged and put off; it holds up no other one.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.failures import log_failure
from replenish_server.fleet.tables import Slot
from replenish_server.ordering.claims import Claim
from replenish_server.replenishment.evaluate import evaluate_slot
from replenish_server.replenishment.forecasts import SlotForecast, forecast_slots
from replenish_server.replenishment.prefetch import read_slot
from replenish_server.replenishment.priors import Models, shipped_models

log = logging.getLogger(__name__)

_BATCH = 10  # slots forecast together, so that a press between two of them is not kept waiting
_AFTER_A_FAILURE = timedelta(minutes=10)


class Answered(NamedTuple):
    """What a press led to: its order's parcel where it departs at once, else None."""

    claim: Claim | None


class Departures(Protocol):
    """Lets an order leave as soon as it is opened, without being looked for."""

    def take(self, session: Session, order_id: str) -> Claim | None:
        """Claim an order's parcel in the transaction that opens it; None where it has to wait."""

    def send(self, claim: Claim) -> None:
        """Have what was claimed carried out, now that it is committed; returns at once."""


@dataclass(frozen=True)
class Evaluator:
    """Evaluates due slots, oldest wish first: forecast together, decided one by one.

    Args:
        database: where slots are.
        clock: the server's clock.
        models: what forecasts are made with, at any moment.
        departures: takes orders that a press has opened; None leaves them to be found.
    """

    database: Database
    clock: Clock
    models: Callable[[], Models] = shipped_models
    departures: Departures | None = None

    def run(self) -> int:
        """Evaluate every due slot, one transaction each; returns how many there were."""
        now, looked_at = self.clock.now(), 0
        due = select(Slot).where(col(Slot.due_at) <= now).order_by(col(Slot.due_at)).limit(_BATCH)
        while (number := self._look(due, now)) > 0:
            looked_at += number
        return looked_at

    def run_pressed(self, slot_ids: Collection[str]) -> int:
        """Evaluate slots whose button was just pressed, before all others; returns how many of them somebody
        has to look after: what departs already is looked after."""
        left = [slot_id for slot_id in slot_ids if not self._run_button(slot_id)]
        if left:
            self._look(
                select(Slot).where(col(Slot.id).in_(left), col(Slot.capacity).is_not(None)), self.clock.now()
            )
        return len(left)

    def answer_press(self, session: Session, slot_id: str) -> Answered | None:
        """Answer the new presses of a slot, and take its order's parcel, in the caller's transaction.

        Returns:
            None for a slot with a sensor, which is forecast before and not touched here.
        """
        slot = read_slot(session, slot_id)
        if slot is None or slot.capacity is not None:
            return None
        opened = evaluate_slot(session, slot_id, self.clock.now(), None)
        if opened is None or self.departures is None:
            return Answered(None)
        return Answered(self.departures.take(session, opened))

    def _run_button(self, slot_id: str) -> bool:
        """Evaluate a slot without a sensor; returns whether its order departs."""
        with self.database.write() as session:
            answered = self.answer_press(session, slot_id)
        if answered is None or answered.claim is None or self.departures is None:
            return False
        self.departures.send(answered.claim)
        return True

    def _look(self, query: SelectOfScalar[Slot], now: datetime) -> int:
        with self.database.read() as session:
            due = list(session.exec(query))
            forecasts = self._forecasts(session, due, now)
        for slot in due:
            try:
                with self.database.write() as session:
                    # The moment is taken when nobody else can write any more: an order opened here must not
                    # bear a time before the one at which another worker, just now, ended the slot's last.
                    read_slot(session, slot.id)
                    evaluate_slot(session, slot.id, self.clock.now(), forecasts.get(slot.id))
            except OperationalError:
                raise  # the database itself: no other slot would fare better
            except Exception as error:  # noqa: BLE001 - one slot's surprise must not stop the others
                log_failure(log, error, "action=evaluation_failed slot_id=%s", slot.id)
                self._put_off(slot.id)
        return len(due)

    def _forecasts(self, session: Session, due: Sequence[Slot], now: datetime) -> dict[str, SlotForecast]:
        """Of all together; if that fails one by one, without those whose own fails."""
        try:
            return forecast_slots(session, due, now, self.models)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            if len(due) == 1:
                log_failure(log, error, "action=forecast_failed slot_id=%s", due[0].id)
                return {}
        return {key: one for slot in due for key, one in self._forecasts(session, [slot], now).items()}

    def _put_off(self, slot_id: str) -> None:
        """What failed is tried again, but not before all others: it would stay the oldest wish for ever."""
        with self.database.write() as session:
            slot = session.get_one(Slot, slot_id)
            slot.due_at = self.clock.now() + _AFTER_A_FAILURE
            session.add(slot)
