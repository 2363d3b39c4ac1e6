"""Keeps the quarantine from filling the disk: it is for looking at what went wrong lately, not an archive."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, func, select

from replenish_server.telemetry.tables import Quarantined

KEPT_FOR = timedelta(days=90)
KEPT_OF_A_TOPIC = 1000  # of a kilobyte at most each


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
