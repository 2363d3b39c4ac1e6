"""Which network a device should use: checked here as a device checks it, then part of its desired document.

The function works inside the caller's transaction. Source: docs/wire.md, Network.
"""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from replenish_server.fleet.registry import DeviceRefused
from replenish_server.fleet.tables import Device
from replenish_server.fleet.twin import want_part


def want_network(
    session: Session,
    device_id: str,
    now: datetime,
    ssid: str | None = None,
    key: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> dict[str, Any]:
    """Want a device on another network, or, with nothing given, on the one of its setup.

    Args:
        session: a writing unit of work.
        device_id: whose.
        now: the moment.
        ssid: name of the Wi-Fi; with `key`.
        key: its key, "" for an open one; never logged.
        host: name or address of the broker.
        port: of its listener for this device's credential.

    Returns:
        What is wanted now, without the key.

    Raises:
        DeviceRefused: no such device, or something is beyond its limits; the text says what to change.
    """
    device = session.get(Device, device_id)
    if device is None or device.revoked_at is not None:
        raise DeviceRefused(f"there is no device {device_id!r} in use; see: replenish device list")
    if (ssid is None) != (key is None):
        raise DeviceRefused("a Wi-Fi has a name and a key; give both, or neither")
    if ssid is not None and not 1 <= len(ssid.encode()) <= 32:
        raise DeviceRefused("the name of a Wi-Fi has 1 to 32 bytes")
    if key and not 8 <= len(key.encode()) <= 63:
        raise DeviceRefused("the key of a Wi-Fi has 8 to 63 letters, or none where it is open")
    if host is not None and not 1 <= len(host.encode()) <= 253:
        raise DeviceRefused("a host has 1 to 253 letters")
    if port is not None and not 1 <= port <= 65535:
        raise DeviceRefused("a port is a number from 1 to 65535")
    named = {"ssid": ssid, "key": key, "host": host, "port": port}
    wanted: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    want_part(session, device_id, "net", wanted or None, now)
    return {name: value for name, value in wanted.items() if name != "key"}
