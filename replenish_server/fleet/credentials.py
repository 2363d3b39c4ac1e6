"""Which credentials a device has: made, given out once, ended. Rows only; `gatekeeper` tells the broker.

Each function works inside the caller's transaction.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from replenish_server.fleet.authority import Authority, NoAuthority
from replenish_server.fleet.registry import DeviceRefused, mosquitto_hash, new_password
from replenish_server.fleet.tables import Device, DeviceCredential
from replenish_server.ids import new_id


class CredentialKind(StrEnum):
    """How a device proves who it is."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    PSK = "psk"
    CERTIFICATE = "certificate"


@dataclass(frozen=True)
class Secret:
    """What a device must be told once; nobody can read it here again.

    Args:
        kind: which way of logging in.
        password: the password, or "".
        psk: the pre-shared key in hex, or "".
        certificate: PEM, or "".
        key: its private key, PEM, or "".
    """

    kind: CredentialKind
    password: str = ""
    psk: str = ""
    certificate: str = ""
    key: str = ""


def give_credential(
    session: Session, device_id: str, kind: CredentialKind, authority: Authority, now: datetime
) -> Secret:
    """A fresh credential for a device; the broker accepts it once `Gatekeeper.sync` has run.

    Raises:
        DeviceRefused: the device was revoked.
        NoAuthority: a certificate or a key was asked for, and there are no TLS listeners.
    """
    if session.get_one(Device, device_id).revoked_at is not None:
        raise DeviceRefused(f"device {device_id!r} was revoked; add it again under another id")
    if kind is not CredentialKind.PASSWORD and not authority.exists:
        raise NoAuthority(f"a {kind} needs the broker's TLS listeners; run: replenish ca init")
    match kind:
        case CredentialKind.PASSWORD:
            secret = Secret(kind, password=new_password())
            verifier = mosquitto_hash(secret.password)
        case CredentialKind.PSK:
            secret = Secret(kind, psk=secrets.token_hex(32))
            verifier = secret.psk
        case CredentialKind.CERTIFICATE:
            issued = authority.issue(device_id)
            secret = Secret(kind, certificate=issued.certificate, key=issued.key)
            verifier = issued.serial
    row = DeviceCredential(
        id=new_id("cred"), device_id=device_id, kind=kind, verifier=verifier, state="new", created_at=now
    )
    session.add(row)
    session.flush()
    return secret


def end_credentials(session: Session, device_id: str) -> None:
    """No credential of this device opens anything from the next `Gatekeeper.sync` on."""
    rows = select(DeviceCredential).where(
        DeviceCredential.device_id == device_id, DeviceCredential.state != "revoked"
    )
    for row in session.exec(rows):
        row.state = "revoked"
        session.add(row)


def revoke_device(session: Session, device_id: str, why: str, now: datetime) -> bool:
    """End a device: nothing that it says counts from this transaction on. False when it was ended before.

    Raises:
        DeviceRefused: there is no such device.
    """
    device = session.get(Device, device_id)
    if device is None:
        raise DeviceRefused(f"there is no device {device_id!r}; see: replenish device list")
    if device.revoked_at is not None:
        return False
    device.revoked_at, device.revoked_why = now, why.strip()[:200]
    session.add(device)
    end_credentials(session, device_id)
    return True


def uncut(session: Session) -> list[Device]:
    """Revoked devices whose open connection was not cut yet."""
    query = select(Device).where(col(Device.revoked_at).is_not(None), col(Device.cut_at).is_(None))
    return list(session.exec(query))
