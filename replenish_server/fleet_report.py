"""The whole fleet in rows, for an operator: who is heard, health, firmware, and what was refused."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlmodel import Session, col, func, select

from replenish_server.fleet import presence
from replenish_server.fleet.tables import Device, Twin
from replenish_server.telemetry.codec import parse_topic
from replenish_server.telemetry.tables import Quarantined

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run it


@dataclass(frozen=True)
class FleetRow:
    """One device. Times are ISO 8601 in UTC, "" where there is none.

    `refused` counts its quarantine, `alarm` is "leak", "burst" or "".
    """

    device_id: str
    household_id: str
    kind: str
    name: str
    state: str
    last_seen_at: str
    expected_by: str
    firmware: str
    battery_mv: int | None
    rssi_dbm: int | None
    dropped: int | None
    wanted_rev: int
    reported_rev: int
    revoked_at: str
    revoked_why: str
    refused: int
    refused_why: str
    alarm: str


def fleet_rows(
    session: Session, now: datetime, state: str | None = None, kind: str | None = None
) -> list[FleetRow]:
    """Every device, oldest first; only those of a state (see `presence.state_of`) or kind, if given."""
    refused = _refusals(session)
    query = (
        select(Device, Twin)
        .join(Twin, col(Twin.device_id) == col(Device.id))
        .order_by(col(Device.created_at), col(Device.id))
    )
    if kind is not None:
        query = query.where(Device.kind == kind)
    rows = [_row(device, twin, now, refused.get(device.id, (0, ""))) for device, twin in session.exec(query)]
    return [row for row in rows if state is None or row.state == state]


def as_csv(rows: Sequence[FleetRow]) -> str:
    """The rows with a heading (RFC 4180); what a spreadsheet would run as a formula is made harmless."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([field.name for field in fields(FleetRow)])
    for row in rows:
        writer.writerow([_harmless(value) for value in asdict(row).values()])
    return out.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _row(device: Device, twin: Twin, now: datetime, refused: tuple[int, str]) -> FleetRow:
    health = (twin.reported or {}).get("h")
    said = health if isinstance(health, dict) else {}
    by = presence.expected_by(device, twin)
    firmware = said.get("fw")
    return FleetRow(
        device.id,
        device.household_id,
        device.kind,
        device.name,
        presence.state_of(device, twin, now),
        _iso(device.last_seen_at),
        _iso(by),
        firmware[:40] if isinstance(firmware, str) else "",
        _whole(said.get("bat")),
        _whole(said.get("rssi")),
        _whole(said.get("drop")),
        twin.desired_rev,
        twin.reported_rev,
        _iso(device.revoked_at),
        device.revoked_why,
        *refused,
        device.alarm,
    )


def _refusals(session: Session) -> dict[str, tuple[int, str]]:
    """How many messages of each device are in quarantine, and the reason of one of the newest."""
    found: dict[str, tuple[int, str]] = {}
    counted, newest = func.sum(Quarantined.seen), func.max(Quarantined.last_at)
    query = select(Quarantined.topic, counted, Quarantined.reason, newest)
    for topic, seen, reason, _ in session.exec(query.group_by(Quarantined.topic)):
        address = parse_topic(topic)
        if address is not None:
            before = found.get(address[0], (0, ""))[0]
            found[address[0]] = (before + int(seen), reason)
    return found


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
