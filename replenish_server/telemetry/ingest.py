"""The ingest loop: collect a batch, store it, commit, and only then acknowledge, twice.

The broker hears PUBACK and the device hears `down/ack`; neither before the commit has returned.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from replenish_server.database import Database
from replenish_server.telemetry.codec import encode_ack, is_press
from replenish_server.telemetry.session import Delivery, IngestSession
from replenish_server.telemetry.store import PressKey, Stored, store_batch

log = logging.getLogger(__name__)

_BATCH_LIMIT = 500
_LINGER_S = 0.01  # telemetry waits this long for company; a press never does
_RETRY_S = 0.5

KnownAnswers = Callable[[Session, list[PressKey]], dict[PressKey, str]]
"""What earlier became of presses that arrive again; supplied by the composition root."""


class Ingest:
    """Moves messages from the session into the database in a thread of its own.

    Args:
        database: where to.
        session: where from.
        known_answers: looks up the answer of a press that was decided before.
        on_stored: called after a commit that made a slot due; it must return at once.
    """

    def __init__(
        self,
        database: Database,
        session: IngestSession,
        known_answers: KnownAnswers,
        on_stored: Callable[[], None],
    ) -> None:
        self._database = database
        self._session = session
        self._known_answers = known_answers
        self._on_stored = on_stored
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        """Start the thread, then let messages come."""
        self._thread.start()
        self._session.start()

    def stop(self) -> None:
        """Let no more messages come, finish the batch in hand, and end."""
        self._session.stop()
        self._stopping.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            batch = self._collect()
            while batch and not self._stopping.is_set():
                try:
                    self._store(batch)
                    break
                except SQLAlchemyError as error:
                    # Nothing is acknowledged, so nothing is lost: the broker and the devices wait with us.
                    log.exception(
                        "action=store_failed messages=%d error=%s", len(batch), type(error).__name__
                    )
                    time.sleep(_RETRY_S)

    def _collect(self) -> list[Delivery]:
        deliveries = self._session.deliveries
        try:
            batch = [deliveries.get(timeout=0.2)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + _LINGER_S
        while len(batch) < _BATCH_LIMIT:
            wait_s = 0.0 if is_press(batch[-1].message.payload) else deadline - time.monotonic()
            try:
                batch.append(deliveries.get(timeout=wait_s) if wait_s > 0 else deliveries.get_nowait())
            except queue.Empty:
                break
        return batch

    def _store(self, batch: list[Delivery]) -> None:
        with self._database.write() as session:
            stored = store_batch(session, [delivery.message for delivery in batch])
            answers = self._known_answers(session, stored.presses) if stored.presses else {}
        self._session.acknowledge(batch)
        self._tell_devices(stored, answers)
        if stored.slots_due:
            self._on_stored()
        log.debug("action=stored messages=%d", len(batch))

    def _tell_devices(self, stored: Stored, answers: dict[PressKey, str]) -> None:
        for (device_id, boot), seqs in stored.acks.items():
            self._session.publish_ack(device_id, encode_ack(boot, seqs))
        for press in stored.presses:
            self._session.publish_ack(
                press.device_id, encode_ack(press.boot, [press.seq], answers.get(press))
            )
