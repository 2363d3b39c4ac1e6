"""Reads the broker's own log, published to us alone: who shares a credential, who takes all its memory.

What is heard here is never needed for anything else: without it, everything works.
"""

import logging
import time
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy.exc import SQLAlchemyError

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.failures import log_failure
from replenish_server.fleet.alarms import note_double
from replenish_server.fleet.broker import GATE_USER
from replenish_server.fleet.tables import Device
from replenish_server.fleet.takeovers import Takeovers, out_of_memory

log = logging.getLogger(__name__)

TOPICS = ("$SYS/broker/log/E", "$SYS/broker/log/N")


class BrokerWatch:
    """A subscriber in a thread of its own.

    Args:
        database: where devices are.
        clock: the server's clock, for what is told.
        host: the broker's inner listener.
        port: the broker's inner listener.
        password: of `GATE_USER` there.
        end_session: has the broker forget all that it keeps for a client id.
        seconds: real seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        host: str,
        port: int,
        password: str,
        end_session: Callable[[str], object],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._clock, self._seconds = database, clock, seconds
        self._address, self._end_session = (host, port), end_session
        self._takeovers = Takeovers(seconds())
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(GATE_USER, password)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 0) for topic in TOPICS])
        self._client.on_message = lambda _client, _data, message: self.read(bytes(message.payload))

    def start(self) -> None:
        """Connect, now or as soon as there is a broker."""
        self._client.connect_async(*self._address)
        self._client.loop_start()

    def stop(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def read(self, line: bytes) -> None:
        """Take in a line of the log; one that the database cannot be asked about is passed over."""
        try:
            self._take_in(line.decode("utf-8", "replace"))
        except SQLAlchemyError as error:  # raised, it would end the client's thread, and with it the watch
            log_failure(log, error, "action=broker_log_unheeded")

    def _take_in(self, said: str) -> None:
        greedy = out_of_memory(said)
        if greedy is not None:
            self._relieve(greedy)
        device_id = self._takeovers.read(said, self._seconds())
        if device_id is None:
            return
        with self._database.write() as session:
            device = session.get(Device, device_id)
            if device is not None and device.revoked_at is None:
                told = note_double(session, device_id, self._clock.now())
                log.warning("action=credential_doubled device_id=%s told=%s", device_id, told)

    def _relieve(self, device_id: str) -> None:
        """A device at whose packet the broker's memory ended: its session outlasts it, and ends here."""
        with self._database.read() as session:
            if session.get(Device, device_id) is None:
                return  # the server itself, which came too late
        self._end_session(device_id)
        log.warning("action=session_ended why=broker_memory device_id=%s", device_id)
