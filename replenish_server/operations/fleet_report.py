"""The whole fleet in rows, for an operator: who is heard, health, firmware, and what was refused.

It says nothing that a household chose or typed: no names, no slots, no products.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Literal, get_args

from sqlmodel import Session, col, func, select

from replenish_server.fleet import presence
from replenish_server.fleet.firmware_tables import Rollout, RolloutDevice
from replenish_server.fleet.offers import runs
from replenish_server.fleet.rollout_rules import BAD
from replenish_server.fleet.tables import Device, DeviceCredential, Twin
from replenish_server.fleet.troubles import Word, troubles_now
from replenish_server.telemetry.codec import parse_topic
from replenish_server.telemetry.tables import Quarantined

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet would run it
_LOW_MV = 2400

Sign = Literal["doubled", "alarm", "low_battery", "dropping", "refused", "pending", "update_failed"] | Word
"""What an operator may look for."""

SIGNS: tuple[Sign, ...] = (
    "doubled", "alarm", "safe", "flash", "sparing", "turned_away", "dropping", "low_battery", "refused",
    "pending", "update_failed",
)  # fmt: skip
STATES: tuple[presence.State, ...] = get_args(presence.State)


@dataclass(frozen=True)
class FleetRow:
    """One device.

    `refused` counts its quarantine, `update` is how far it is in its newest rollout, `alarm` is "leak",
    "burst" or "", `doubled_at` when two devices were last heard under its name, `troubles` what it says is
    wrong with itself (`fleet.troubles.WORDS`, with spaces).
    """

    device_id: str
    kind: str
    state: presence.State
    last_seen_at: datetime | None
    expected_by: datetime | None
    firmware: str
    sequence: int | None
    update: str
    update_why: str
    battery_mv: int | None
    rssi_dbm: int | None
    dropped: int | None
    credentials: str
    wanted_rev: int
    reported_rev: int
    revoked_at: datetime | None
    refused: int
    refused_why: str
    alarm: str
    doubled_at: datetime | None
    troubles: str

    @property
    def signs(self) -> frozenset[Sign]:
        """What about it an operator may want to look at."""
        said = self.troubles.split()
        found: dict[Sign, bool] = {
            "safe": "safe" in said,
            "flash": "flash" in said,
            "sparing": "sparing" in said,
            "turned_away": "turned_away" in said,
            "doubled": self.doubled_at is not None,
            "alarm": self.alarm != "",
            "low_battery": self.battery_mv is not None and 0 < self.battery_mv < _LOW_MV,
            "dropping": bool(self.dropped) or "dropping" in said,
            "refused": self.refused > 0,
            "pending": self.reported_rev != self.wanted_rev,
            "update_failed": self.update in BAD,
        }
        return frozenset(sign for sign, there in found.items() if there)


@dataclass(frozen=True)
class FleetFilter:
    """Which devices: every part that is not "" has to fit; `device` and `firmware` by how they begin."""

    state: str = ""
    kind: str = ""
    firmware: str = ""
    sign: str = ""
    device: str = ""

    def fits(self, row: FleetRow) -> bool:
        """Whether a device is meant."""
        return (
            self.state in ("", row.state)
            and self.kind in ("", row.kind)
            and row.firmware.startswith(self.firmware)
            and (not self.sign or self.sign in row.signs)
            and row.device_id.startswith(self.device)
        )


def fleet_rows(session: Session, now: datetime, wanted: FleetFilter = FleetFilter()) -> list[FleetRow]:
    """Every device that fits, oldest first."""
    refused, credentials, updates = _refusals(session), _credentials(session), _updates(session)
    troubles = troubles_now(session)
    query = (
        select(Device, Twin)
        .join(Twin, col(Twin.device_id) == col(Device.id))
        .order_by(col(Device.created_at), col(Device.id))
    )
    if wanted.kind:
        query = query.where(Device.kind == wanted.kind)
    if wanted.device:
        query = query.where(col(Device.id).startswith(wanted.device, autoescape=True))
    rows = (
        _row(
            device,
            twin,
            now,
            refused.get(device.id, (0, "")),
            credentials.get(device.id, ""),
            updates.get(device.id, ("", "")),
            " ".join(trouble.word for trouble in troubles.get(device.id, ())),
        )
        for device, twin in session.exec(query)
    )
    return [row for row in rows if wanted.fits(row)]


def as_csv(rows: Sequence[FleetRow]) -> str:
    """The rows with a heading (RFC 4180); what a spreadsheet would run as a formula is made harmless."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([field.name for field in fields(FleetRow)])
    for row in rows:
        writer.writerow([_harmless(value) for value in document(row).values()])
    return out.getvalue()


def document(row: FleetRow) -> dict[str, object]:
    """A row for CSV and JSON; times are ISO 8601 in UTC, "" where there is none."""
    return {
        name: value.isoformat(timespec="seconds")
        if isinstance(value, datetime)
        else ""
        if value is None
        else value
        for name, value in asdict(row).items()
    }


def refusals_by_code(session: Session) -> list[tuple[str, int]]:
    """How many messages are in quarantine for each reason's code, most first."""
    query = select(Quarantined.code, func.sum(Quarantined.seen)).group_by(col(Quarantined.code))
    return sorted(((code, int(seen)) for code, seen in session.exec(query)), key=lambda pair: -pair[1])


def refusals_of(session: Session, device_id: str, most: int) -> Sequence[Quarantined]:
    """The newest refused messages of a device, each once."""
    topics = [f"rp/1/{device_id}/up/{kind}" for kind in ("ev", "st")]
    query = select(Quarantined).where(col(Quarantined.topic).in_(topics))
    return session.exec(query.order_by(col(Quarantined.last_at).desc()).limit(most)).all()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _row(
    device: Device,
    twin: Twin,
    now: datetime,
    refused: tuple[int, str],
    credentials: str,
    update: tuple[str, str],
    troubles: str,
) -> FleetRow:
    health = (twin.reported or {}).get("h")
    said = health if isinstance(health, dict) else {}
    firmware = said.get("fw")
    return FleetRow(
        device.id,
        device.kind,
        presence.state_of(device, twin, now),
        device.last_seen_at,
        presence.expected_by(device, twin),
        firmware[:40] if isinstance(firmware, str) else "",
        runs(twin),
        *update,
        _whole(said.get("bat")),
        _whole(said.get("rssi")),
        _whole(said.get("drop")),
        credentials,
        twin.desired_rev,
        twin.reported_rev,
        device.revoked_at,
        *refused,
        device.alarm,
        device.doubled_at,
        troubles,
    )


def _refusals(session: Session) -> dict[str, tuple[int, str]]:
    """How many messages of each device are in quarantine, and the reason of one of the newest."""
    found: dict[str, tuple[int, str]] = {}
    counted, newest = func.sum(Quarantined.seen), func.max(Quarantined.last_at)
    query = select(Quarantined.topic, counted, func.max(Quarantined.reason), newest)
    for topic, seen, reason, _ in session.exec(query.group_by(col(Quarantined.topic))):
        address = parse_topic(topic)
        if address is not None:
            before = found.get(address[0], (0, ""))[0]
            found[address[0]] = (before + int(seen), reason)
    return found


def _credentials(session: Session) -> dict[str, str]:
    """The kinds of live credentials of each device."""
    query = select(DeviceCredential.device_id, DeviceCredential.kind).where(
        DeviceCredential.state != "revoked"
    )
    return _joined(session.exec(query.distinct().order_by(col(DeviceCredential.kind))))


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for device_id, word in pairs:
        found[device_id] = f"{found[device_id]} {word}" if device_id in found else word
    return found


def _updates(session: Session) -> dict[str, tuple[str, str]]:
    """How far each device is in its newest rollout, and why."""
    query = (
        select(RolloutDevice.device_id, RolloutDevice.state, RolloutDevice.why)
        .join(Rollout, col(Rollout.id) == col(RolloutDevice.rollout_id))
        .order_by(col(Rollout.began_at))
    )
    return {device_id: (state, why) for device_id, state, why in session.exec(query)}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
