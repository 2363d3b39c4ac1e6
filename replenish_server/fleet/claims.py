"""Claim codes: how a device that nobody knows becomes a household's, with a credential of its own.

Each function works inside the caller's transaction. A code works until the device has proved the credential
that it got for it, so a crash at any point leaves the code or the credential working.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.fleet.authority import Authority
from replenish_server.fleet.credentials import CredentialKind, Secret, end_credentials, give_credential
from replenish_server.fleet.tables import ClaimCode, Device
from replenish_server.fleet.units import OF_KIND

CODE_LASTS = timedelta(days=365)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_LENGTH = 16  # 80 random bits: found out by nobody, whatever the rate
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


class WrongCode(Exception):
    """This code opens nothing. Whether it is mistyped, used, expired or made up is nobody's business."""


class NotClaimed(Exception):
    """The code is right, and no household has claimed it yet: the device asks again later."""


@dataclass(frozen=True)
class Exchanged:
    """What a device gets for its code.

    Args:
        device_id: its name from now on.
        secret: its credential.
    """

    device_id: str
    secret: Secret


def create_code(session: Session, kind: str, now: datetime) -> str:
    """A fresh code for a device of this kind, in groups of four; shown once and kept as a hash.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in OF_KIND:
        raise ValueError(f"unknown kind {kind!r}; this release knows {', '.join(OF_KIND)}")
    plain = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    session.add(
        ClaimCode(
            code_hash=code_hash(plain), kind=kind, state="open", created_at=now, expires_at=now + CODE_LASTS
        )
    )
    session.flush()
    return "-".join(plain[at : at + 4] for at in range(0, _LENGTH, 4))


def code_hash(code: str) -> str:
    """The form in which a code is kept, whatever its case, dashes and confusable letters."""
    said = code.strip().upper().translate(_READ_AS)
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()  # JSON can say half a character


def kind_of(session: Session, code: str, now: datetime) -> str:
    """What kind of device a code nobody has claimed is for.

    Raises:
        WrongCode: it opens nothing.
    """
    return _live(session, code, now, "open").kind


def claim(session: Session, code: str, device_id: str, now: datetime) -> None:
    """Say that the device with this code is the one of this row.

    Raises:
        WrongCode: it opens nothing, or somebody has claimed it.
    """
    row = _live(session, code, now, "open")
    row.state, row.device_id = "claimed", device_id
    session.add(row)


def claimed_as(session: Session, code: str) -> str | None:
    """The device that somebody has made of this code; None where nobody has."""
    row = session.get(ClaimCode, code_hash(code))
    return None if row is None else row.device_id


def exchange(
    session: Session, code: str, kind: CredentialKind, authority: Authority, now: datetime
) -> Exchanged:
    """Give a device its credential for its code. Asked again, it gets a fresh one, and the one before ends.

    Raises:
        WrongCode: the code opens nothing.
        NotClaimed: no household has claimed it yet.
    """
    row = _live(session, code, now, "open", "claimed", "exchanged")
    if row.device_id is None:
        raise NotClaimed
    if session.get_one(Device, row.device_id).revoked_at is not None:
        raise WrongCode
    end_credentials(session, row.device_id)
    secret = give_credential(session, row.device_id, kind, authority, now)
    row.state = "exchanged"
    session.add(row)
    return Exchanged(row.device_id, secret)


def burn_proven(session: Session) -> int:
    """Burn the codes of devices that have been heard under their own credential; returns how many."""
    rows = session.exec(
        select(ClaimCode)
        .join(Device, col(Device.id) == col(ClaimCode.device_id))
        .where(ClaimCode.state == "exchanged", col(Device.last_seen_at).is_not(None))
    ).all()
    for row in rows:
        row.state = "burnt"
        session.add(row)
    return len(rows)


def _live(session: Session, code: str, now: datetime, *states: str) -> ClaimCode:
    row = session.get(ClaimCode, code_hash(code))
    if row is None or row.state not in states or row.expires_at <= now:
        raise WrongCode
    return row
