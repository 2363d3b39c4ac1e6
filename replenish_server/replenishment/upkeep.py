"""What a fleet needs again and again: used codes burnt, silence told, departed devices' data wiped."""

import time
from datetime import timedelta

from sqlmodel import col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.claims import burn_proven
from replenish_server.fleet.presence import notice_silence
from replenish_server.fleet.tables import ClaimCode, Device
from replenish_server.replenishment.device_lifecycle import wipe_departed

_LOOK_EVERY_S = 30.0  # silence is a matter of hours: a fleet is not read every second
_ON_ITS_WAY_S = 6.0  # ingest believes a row for 4 s; nothing of a device that was cut arrives later than this


class FleetUpkeep:
    """Level-triggered: each run does what is due by the rows, and nothing else remembers it.

    Args:
        database: where devices are.
        clock: the server's clock.
        speed: simulated seconds per real second.
    """

    def __init__(self, database: Database, clock: Clock, speed: float = 1.0) -> None:
        self._database, self._clock = database, clock
        self._silent = timedelta(seconds=_ON_ITS_WAY_S * speed)
        self._looked_s: float | None = None

    def run(self) -> int:
        """Do all that is due; returns how much was done."""
        look = self._looked_s is None or time.monotonic() - self._looked_s >= _LOOK_EVERY_S
        if not look and not self._something_waits():
            return 0
        now = self._clock.now()
        with self._database.write() as session:
            done = burn_proven(session) + wipe_departed(session, now, self._silent)
            if look:
                done += notice_silence(session, now)
        if look:
            self._looked_s = time.monotonic()
        return done

    def _something_waits(self) -> bool:
        with self._database.read() as session:
            exchanged = select(ClaimCode.code_hash).where(ClaimCode.state == "exchanged").limit(1)
            departed = select(Device.id).where(
                col(Device.parted_at).is_not(None), col(Device.wiped_at).is_(None)
            )
            return session.exec(exchanged).first() is not None or session.exec(departed).first() is not None
