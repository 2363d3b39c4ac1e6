"""What is stored, ordered and refused, in numbers, for an operator."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from replenish_server.database import Database
from replenish_server.fleet.tables import Device, Slot
from replenish_server.ordering.tables import PurchaseOrder, RetailerCall
from replenish_server.telemetry.ahead import count_aside
from replenish_server.telemetry.tables import DeviceEvent, Quarantined, Reading


def collect_stats(database: Database, now: datetime) -> dict[str, Any]:
    """Rows stored, devices, orders by state, quarantine by reason, backlog."""
    with database.read() as session:
        quarantine = session.exec(
            select(Quarantined.code, func.sum(Quarantined.seen)).group_by(Quarantined.code)
        ).all()
        newest = session.exec(select(Quarantined).order_by(col(Quarantined.last_at).desc()).limit(10)).all()
        return {
            "readings": _count(session, Reading),
            "readings_set_aside": count_aside(session),
            "presses": session.exec(
                select(func.count()).select_from(DeviceEvent).where(DeviceEvent.type == "press")
            ).one(),
            "devices": _count(session, Device),
            "orders": dict(
                session.exec(select(PurchaseOrder.state, func.count()).group_by(PurchaseOrder.state)).all()
            ),
            "quarantine": {code: int(number) for code, number in quarantine},
            "quarantine_newest": [
                {
                    "at": row.last_at.isoformat(),
                    "topic": row.topic,
                    "reason": row.reason,
                    "seen": row.seen,
                    "size": row.size,
                }
                for row in newest
            ],
            "slots_due": session.exec(
                select(func.count()).select_from(Slot).where(col(Slot.due_at) <= now)
            ).one(),
            "calls_unanswered": session.exec(
                select(func.count()).select_from(RetailerCall).where(col(RetailerCall.status).is_(None))
            ).one(),
        }


def _count(session: Session, table: type) -> int:
    return int(session.exec(select(func.count()).select_from(table)).one())
