"""What devices said of themselves in their signs of life."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.telemetry.ahead import is_aside
from replenish_server.telemetry.tables import DeviceEvent


def versions_heard(session: Session, since: Mapping[str, datetime]) -> dict[str, str]:
    """The firmware version in each device's newest hello that it noted after a moment, if there is one."""
    if not since:
        return {}
    query = (
        select(DeviceEvent.device_id, DeviceEvent.occurred_at, DeviceEvent.health, DeviceEvent.slot_key)
        .where(
            col(DeviceEvent.device_id).in_(since),
            DeviceEvent.type == "hello",
            col(DeviceEvent.occurred_at) > min(since.values()),
        )
        .order_by(col(DeviceEvent.occurred_at))
    )
    found = {}
    for device_id, occurred_at, health, slot_key in session.exec(query):
        version = (health or {}).get("fw")
        if occurred_at > since[device_id] and isinstance(version, str) and not is_aside(slot_key):
            found[device_id] = version
    return found
