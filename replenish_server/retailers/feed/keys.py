"""Keys with which retailers speak to us: made once, shown once, kept as a hash, revoked at once.

A key is "rk_<id>_<secret>": the id finds the row; the secret has 192 random bits, so a plain hash will do.
"""

import hmac
import re
import secrets
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.households.hashed_secrets import token_hash
from replenish_server.retailers.feed.tables import RetailerKey, RetailerSession
from replenish_server.retailers.tables import Retailer

SESSION_LASTS = timedelta(hours=12)
_KEY = re.compile(r"rk_(?P<id>[a-z2-9]{8})_(?P<secret>[A-Za-z0-9_-]{32})", re.ASCII)
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_USED_APART = timedelta(minutes=1)  # not a write for every request


class KeyRefused(ValueError):
    """There is no such retailer or key; the text says what to look at."""


def make_key(session: Session, retailer_id: str, label: str, now: datetime) -> str:
    """A new key; the only time that it can be read.

    Raises:
        KeyRefused: there is no such retailer.
    """
    if session.get(Retailer, retailer_id) is None:
        raise KeyRefused(f"there is no retailer {retailer_id!r}; see replenish retailer list")
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(24)
    row = RetailerKey(
        id=key_id, retailer_id=retailer_id, digest=token_hash(secret), label=label[:80], created_at=now
    )
    session.add(row)
    return f"rk_{key_id}_{secret}"


def revoke_key(session: Session, key_id: str, now: datetime) -> None:
    """End a key, and every console session that it opened.

    Raises:
        KeyRefused: there is no such key.
    """
    row = session.get(RetailerKey, key_id.removeprefix("rk_"))
    if row is None:
        raise KeyRefused(f"there is no key {key_id!r}; see replenish retailer key list")
    row.revoked_at = row.revoked_at or now
    session.add(row)
    for console in session.exec(select(RetailerSession).where(RetailerSession.key_id == row.id)):
        session.delete(console)


def list_keys(session: Session, retailer_id: str | None = None) -> list[RetailerKey]:
    """Keys, oldest first, of one retailer or of all."""
    query = select(RetailerKey).order_by(col(RetailerKey.created_at), col(RetailerKey.id))
    if retailer_id is not None:
        query = query.where(RetailerKey.retailer_id == retailer_id)
    return list(session.exec(query))


def find_key(session: Session, text: str) -> RetailerKey | None:
    """The valid key that this text is, or None. The comparison takes the same time for every wrong secret."""
    match = _KEY.fullmatch(text)
    row = None if match is None else session.get(RetailerKey, match["id"])
    given = "" if match is None else match["secret"]
    kept = row.digest if row is not None else token_hash("")
    same = hmac.compare_digest(token_hash(given), kept)
    return row if row is not None and same and row.revoked_at is None else None


def note_use(session: Session, key: RetailerKey, now: datetime) -> None:
    """Keep when the key was last used, to the minute."""
    if key.last_used_at is None or now - key.last_used_at >= _USED_APART:
        key.last_used_at = now
        session.add(key)


def open_session(session: Session, key: RetailerKey, now: datetime) -> str:
    """Sign a console in; returns the token for its cookie."""
    token = secrets.token_urlsafe(32)
    session.add(RetailerSession(digest=token_hash(token), key_id=key.id, expires_at=now + SESSION_LASTS))
    return token


def find_session(session: Session, token: str, now: datetime) -> RetailerKey | None:
    """The key behind a console's cookie, or None when it is signed out, too old or revoked."""
    row = session.get(RetailerSession, token_hash(token)) if token else None
    if row is None or row.expires_at <= now:
        return None
    key = session.get(RetailerKey, row.key_id)
    return key if key is not None and key.revoked_at is None else None


def close_session(session: Session, token: str) -> None:
    """Sign a console out."""
    row = session.get(RetailerSession, token_hash(token)) if token else None
    if row is not None:
        session.delete(row)
