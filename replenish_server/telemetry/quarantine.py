"""What could not be used as it came, kept so that somebody can see what went wrong lately: no archive, and no
way to fill the disk."""

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import Session, col, delete, func, select

from replenish_server.database import insert_or_update
from replenish_server.telemetry.codec import Rejected
from replenish_server.telemetry.tables import Quarantined

if TYPE_CHECKING:
    from replenish_server.telemetry.store import Incoming

_KEPT_PAYLOAD_BYTES = 1024  # enough to see what it was
KEPT_FOR = timedelta(days=90)
KEPT_OF_A_TOPIC = 1000  # of a kilobyte at most each


def keep_refused(session: Session, message: "Incoming", rejected: Rejected, times: int = 1) -> None:
    """Keep a message with the reason why it was refused; the same one again only counts up."""
    digest = hashlib.sha256(f"{message.topic}\0{rejected.code}\0".encode() + message.payload).hexdigest()
    row = insert_or_update(session)(Quarantined).values(
        fingerprint=digest[:32],
        topic=message.topic[:256],
        code=rejected.code,
        reason=rejected.reason[:500],
        payload=message.payload[:_KEPT_PAYLOAD_BYTES],
        size=len(message.payload),
        retained=message.retained,
        seen=times,
        first_at=message.received_at,
        last_at=message.received_at,
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=["fingerprint"],
            set_={"seen": Quarantined.__table__.c.seen + times, "last_at": message.received_at},  # type: ignore[attr-defined]
        )
    )


def trim_quarantine(session: Session, now: datetime) -> int:
    """Forget what is old, and of each topic all but the newest; returns how many rows.

    Works inside the caller's transaction.
    """
    old = session.exec(delete(Quarantined).where(col(Quarantined.last_at) < now - KEPT_FOR))
    removed: int = old.rowcount
    crowded = (
        select(Quarantined.topic).group_by(col(Quarantined.topic)).having(func.count() > KEPT_OF_A_TOPIC)
    )
    for topic in session.exec(crowded).all():
        newest = (
            select(Quarantined.last_at)
            .where(Quarantined.topic == topic)
            .order_by(col(Quarantined.last_at).desc())
            .offset(KEPT_OF_A_TOPIC - 1)
            .limit(1)
        )
        from_then = session.exec(newest).one()
        beyond = delete(Quarantined).where(
            col(Quarantined.topic) == topic, col(Quarantined.last_at) < from_then
        )
        removed += session.exec(beyond).rowcount
    return removed


def is_crowded(session: Session, now: datetime) -> bool:
    """Whether there is anything to trim: mostly not, and then nobody has to write."""
    old = select(Quarantined.fingerprint).where(col(Quarantined.last_at) < now - KEPT_FOR).limit(1)
    most = select(func.count(col(Quarantined.fingerprint))).group_by(col(Quarantined.topic))
    most = most.order_by(func.count(col(Quarantined.fingerprint)).desc()).limit(1)
    return session.exec(old).first() is not None or (session.exec(most).first() or 0) > KEPT_OF_A_TOPIC
