"""The ingest loop: collect a batch, store it, commit, and only then acknowledge, twice.

The broker hears PUBACK and the device hears `down/ack`; neither before the commit has returned.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from replenish_server.database import Database
from replenish_server.failures import log_failure
from replenish_server.telemetry.codec import encode_ack, is_press
from replenish_server.telemetry.conduct import Pace
from replenish_server.telemetry.session import Delivery, IngestSession
from replenish_server.telemetry.store import PressKey, ReadingStore, Stored

log = logging.getLogger(__name__)

_BATCH_LIMIT = 4000
_COMPANY = 200  # a batch of this size has shared its commit enough
_LINGER_S = 0.02  # a smaller one waits this long for company; a press never does
_IDLE_S = 0.5
_WAY_MADE_S = 0.03  # for a press: what it takes to store it, with some luck; who evaluates it makes way again
_CALL_PASSES_S = 0.002  # until a press's call has left, its thread has the interpreter for itself
_RETRY_S = 0.5
_CAUGHT_UP_S = 0.25  # without a batch of company: what had piled up is stored
_ACKS_AT_ONCE = 100  # sequences in one acknowledgement: about 600 bytes, and a board takes 4,096

KnownAnswers = Callable[[Session, list[PressKey]], dict[PressKey, str]]
"""What earlier became of presses that arrive again; supplied by the composition root."""

After = Callable[[], None]
AnswerPress = Callable[[Session, str], After | None]
"""Answers the press of a slot in the transaction that stores it; what it returns is called once that is
committed. None where the press has to be answered later; supplied by the composition root."""


class Ingest:
    """Moves messages from the session into the database in a thread of its own.

    Args:
        database: where to.
        session: where from.
        known_answers: looks up the answer of a press that was decided before.
        on_stored: called after a commit that made a slot due, with the slots that somebody pressed for;
            it must return at once.
        patience: see `ReadingStore`.
        pace: likewise.
        answer_press: asked where a batch has one press; None where no press is answered here.
        may_listen: whether it is on us; while another process has the duty we leave the broker to it.
    """

    def __init__(
        self,
        database: Database,
        session: IngestSession,
        known_answers: KnownAnswers,
        on_stored: Callable[[Sequence[str]], None],
        patience: timedelta = timedelta(0),
        pace: Pace | None = None,
        may_listen: Callable[[], bool] = lambda: True,
        answer_press: AnswerPress | None = None,
    ) -> None:
        self._answer_press = answer_press
        self._may_listen = may_listen
        self._database = database
        self._session = session
        self._known_answers = known_answers
        self._on_stored = on_stored
        self._store = ReadingStore(patience, pace)
        self._crowded_at = -_CAUGHT_UP_S
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        """Let messages come."""
        self._thread.start()

    @property
    def catching_up(self) -> bool:
        """Whether more comes than is stored in passing, as after an outage; other work may wait."""
        return time.monotonic() - self._crowded_at < _CAUGHT_UP_S

    def stop(self) -> None:
        """Finish and acknowledge the batch in hand, and hang up."""
        self._stopping.set()
        self._thread.join(timeout=10)
        self._session.stop()

    def _run(self) -> None:
        self._database.turnstile.hurry()
        while not self._stopping.is_set():
            if not self._may_listen():
                self._session.hang_up()
                self._stopping.wait(_IDLE_S)
                continue
            delivery, tries = self._collect(), 0
            while delivery is not None and not self._stopping.is_set():
                try:
                    self._take_in(delivery)
                    break
                except SQLAlchemyError as error:
                    # Nothing is acknowledged, so nothing is lost: the broker and the devices wait with us.
                    self._store.forget()
                    tries += 1
                    if (
                        tries & (tries - 1) == 0
                    ):  # 1, 2, 4, 8: a disk may be full for days, and hold the log too
                        many = len(delivery.messages)
                        log_failure(log, error, "action=store_failed messages=%d tries=%d", many, tries)
                    self._session.keep_alive()
                    time.sleep(_RETRY_S)

    def _collect(self) -> Delivery | None:
        """A batch: what is there, and a little more where nobody presses and company is worth the wait.

        While a press of an earlier batch is on its way, ordinary readings let it pass: their commit would be
        one more that it waits for.
        """
        batch = self._session.receive(_IDLE_S)
        if batch is None:
            return None
        deadline = time.monotonic() + _LINGER_S
        urgent = _has_press(batch)
        while not urgent and len(batch.messages) < _BATCH_LIMIT:
            wait_s = deadline - time.monotonic() if len(batch.messages) < _COMPANY else 0.0
            more = self._session.receive(max(wait_s, self._database.turnstile.way_made_s(), 0.0))
            if more is None:
                break
            urgent = _has_press(more)
            batch = batch.joined(more)
        return batch

    def _take_in(self, delivery: Delivery) -> None:
        answer_press = None
        if _has_press(delivery):
            self._database.turnstile.make_way(_WAY_MADE_S)
            answer_press = self._answer_press
        try:
            kept = self._keep(delivery, answer_press)
        except Exception as error:  # whatever it is, the press is stored
            if answer_press is None:
                raise
            self._store.forget()
            log_failure(log, error, "action=press_not_answered_at_once")
            kept = self._keep(delivery, None)
        if len(delivery.messages) >= _COMPANY:
            self._crowded_at = time.monotonic()
        if kept.after is not None:
            kept.after()
            time.sleep(_CALL_PASSES_S)
        elif kept.stored.slots_due:
            self._on_stored(kept.stored.slots_pressed)
        self._session.acknowledge(delivery)
        self._session.publish_acks(_device_acks(kept.stored, kept.answers))
        if kept.after is not None and len(delivery.messages) > 1 and kept.stored.slots_due:
            self._on_stored(())  # of the press's company
        log.debug("action=stored messages=%d", len(delivery.messages))

    def _keep(self, delivery: Delivery, answer_press: AnswerPress | None) -> "_Kept":
        """One transaction, committed on return."""
        after = None
        with self._database.write() as session:
            stored = self._store.store(session, delivery.messages)
            answers = self._known_answers(session, stored.repeated) if stored.repeated else {}
            if answer_press is not None and len(stored.slots_pressed) == 1:
                after = answer_press(session, stored.slots_pressed[0])
        return _Kept(stored, answers, after)


class _Kept(NamedTuple):
    stored: Stored
    answers: dict[PressKey, str]
    after: After | None


def _has_press(delivery: Delivery) -> bool:
    return any(is_press(message.payload) for message in delivery.messages)


def _device_acks(stored: Stored, answers: dict[PressKey, str]) -> list[tuple[str, bytes]]:
    """One acknowledgement for all of a device's records, and one for each press."""
    acks = []
    for (device_id, boot), seqs in stored.acks.items():
        if len(seqs) <= _ACKS_AT_ONCE:
            acks.append((device_id, encode_ack(boot, seqs)))
            continue
        for at in range(0, len(seqs), _ACKS_AT_ONCE):
            acks.append((device_id, encode_ack(boot, seqs[at : at + _ACKS_AT_ONCE])))
    acks += [
        (press.device_id, encode_ack(press.boot, [press.seq], answers.get(press))) for press in stored.presses
    ]
    return acks
