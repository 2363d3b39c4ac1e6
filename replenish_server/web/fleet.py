"""What the operator's pages read and do: who is signed in, rows of the fleet, one device, rollouts.

Nothing that a household chose or typed passes through here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet import rollouts
from replenish_server.fleet.firmware_tables import FirmwareImage, Rollout, RolloutDevice
from replenish_server.fleet.images import FirmwareFolder, FirmwareRefused
from replenish_server.fleet.rollout_rules import WaveCount
from replenish_server.fleet.tables import DeviceCredential
from replenish_server.households import operators
from replenish_server.operations import fleet_report
from replenish_server.operations.fleet_report import FleetFilter, FleetRow
from replenish_server.telemetry.tables import Quarantined

PAGE_ROWS = 50
_MOST_REFUSALS = 50
_ROLLOUTS_SHOWN = 10


@dataclass(frozen=True)
class RolloutView:
    """A rollout with how its waves stand; `devices` are those with something to say, worst first."""

    rollout_id: str
    kind: str
    sequence: int
    version: str
    state: str
    wave: int
    waves: list[WaveCount]
    began_at: datetime
    why: str
    devices: list[tuple[str, str, str]]


@dataclass(frozen=True)
class FleetView:
    """A page of the fleet.

    Args:
        rows: those of this page.
        found: how many fit the filter.
        states: how many of all devices are in each state.
        signs: how many of all have each sign, see `fleet_report.SIGNS`.
        rollouts: the newest.
        refusals: messages in quarantine by code.
    """

    rows: Sequence[FleetRow]
    found: int
    states: dict[str, int]
    signs: dict[str, int]
    rollouts: list[RolloutView]
    refusals: list[tuple[str, int]]


@dataclass(frozen=True)
class DeviceView:
    """One device with its credentials (kind, state, made), its refused messages, and its updates."""

    row: FleetRow
    credentials: list[tuple[str, str, datetime]]
    refusals: Sequence[Quarantined]
    updates: list[tuple[str, int, str, str, datetime]]


class DatabaseFleet:
    """The operator's pages over the database.

    Args:
        database: where everything is.
        clock: the server's clock.
        firmware: where images are.
    """

    def __init__(self, database: Database, clock: Clock, firmware: FirmwareFolder) -> None:
        self._database, self._clock, self._firmware = database, clock, firmware

    def now(self) -> datetime:
        """The present moment."""
        return self._clock.now()

    def sign_in(self, secret: str) -> str | None:
        """A session's token for an operator's token, or None."""
        with self._database.write() as session:
            operator = operators.operator_of_token(session, secret)
            if operator is None:
                return None
            return operators.start_operator_session(session, operator, self.now())

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self._database.write() as session:
            operators.end_operator_session(session, token, self.now())

    def operator(self, cookie: str, bearer: str = "") -> str | None:
        """Who is signed in, by a session's token or an operator's own; None for anybody else."""
        with self._database.read() as session:
            found = operators.operator_of_session(session, cookie, self.now()) if cookie else None
            if found is None and bearer:
                found = operators.operator_of_token(session, bearer)
            return None if found is None else found.name

    def fleet(self, wanted: FleetFilter, number: int) -> FleetView:
        """A page of the devices that fit, from 1."""
        with self._database.read() as session:
            rows = fleet_report.fleet_rows(session, self.now())
            fitting = [row for row in rows if wanted.fits(row)]
            states = Counter(str(row.state) for row in rows)
            signs = Counter(str(sign) for row in rows for sign in row.signs)
            first = (number - 1) * PAGE_ROWS
            return FleetView(
                fitting[first : first + PAGE_ROWS],
                len(fitting),
                dict(states),
                dict(signs),
                _rollouts(session),
                fleet_report.refusals_by_code(session),
            )

    def csv(self, wanted: FleetFilter) -> str:
        """Every device that fits."""
        with self._database.read() as session:
            return fleet_report.as_csv(fleet_report.fleet_rows(session, self.now(), wanted))

    def device(self, device_id: str) -> DeviceView | None:
        """One device, or None."""
        with self._database.read() as session:
            rows = fleet_report.fleet_rows(session, self.now(), FleetFilter(device=device_id))
            row = next((row for row in rows if row.device_id == device_id), None)
            if row is None:
                return None
            made = session.exec(
                select(DeviceCredential.kind, DeviceCredential.state, DeviceCredential.created_at)
                .where(DeviceCredential.device_id == device_id)
                .order_by(col(DeviceCredential.created_at).desc())
            ).all()
            refused = fleet_report.refusals_of(session, device_id, _MOST_REFUSALS)
            return DeviceView(row, list(made), refused, _updates(session, device_id))

    def steer(self, rollout_id: str, deed: str) -> str | None:
        """Pause, resume, accept (resume despite failures) or abort a rollout; None, or why not.

        Raises:
            KeyError: there is no such deed.
        """
        now = self.now()
        try:
            with self._database.write() as session:
                match deed:
                    case "pause":
                        rollouts.pause_rollout(session, rollout_id, now)
                    case "resume" | "accept":
                        rollouts.resume_rollout(session, self._firmware, rollout_id, deed == "accept")
                    case "abort":
                        rollouts.abort_rollout(session, rollout_id, "", now)
                    case _:
                        raise KeyError(deed)
        except FirmwareRefused as error:
            return str(error)
        return None


def _rollouts(session: Session) -> list[RolloutView]:
    found = []
    for rollout, image in rollouts.list_rollouts(session)[:_ROLLOUTS_SHOWN]:
        rows = session.exec(
            select(RolloutDevice.device_id, RolloutDevice.state, RolloutDevice.why)
            .where(RolloutDevice.rollout_id == rollout.id, col(RolloutDevice.state).in_(_TELLING))
            .order_by(col(RolloutDevice.changed_at).desc())
            .limit(_MOST_REFUSALS)
        ).all()
        found.append(
            RolloutView(
                rollout.id, image.kind, image.seq, image.ver, rollout.state, rollout.wave,
                rollouts.count_waves(session, rollout.id), rollout.began_at, rollout.why, list(rows),
            )
        )  # fmt: skip
    return found


_TELLING = ("refused", "failed", "rolled_back", "overdue", "lost", "downloading", "installed")


def _updates(session: Session, device_id: str) -> list[tuple[str, int, str, str, datetime]]:
    """Version, sequence, state, why and when of every rollout that a device was in, newest first."""
    query = (
        select(RolloutDevice, FirmwareImage)
        .join(Rollout, col(Rollout.id) == col(RolloutDevice.rollout_id))
        .join(FirmwareImage, col(FirmwareImage.id) == col(Rollout.image_id))
        .where(RolloutDevice.device_id == device_id)
        .order_by(col(Rollout.began_at).desc(), col(Rollout.id))
    )
    return [(image.ver, image.seq, row.state, row.why, row.changed_at) for row, image in session.exec(query)]
