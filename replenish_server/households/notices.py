"""What a household must be told, each thing once: written by any room, read in the page's inbox and the API.

It never decides what is worth telling, and never leaves the house.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from replenish_server.households.notice_texts import missing
from replenish_server.households.tables import HouseholdNotice
from replenish_server.ids import new_id


@dataclass(frozen=True)
class Notice:
    """Something to tell a household.

    Args:
        household_id: whom.
        key: what it is about; the same key of a household is told once, whatever the rest says.
        kind: one of `notice_texts.KINDS`.
        data: the numbers and names of its sentence; money as `..._minor` with `currency`, times as
            `..._at` in ISO 8601. `order_id` or `slot_id` make it a link.
        at: when it happened.

    Raises:
        ValueError: the kind has no words, or `data` does not fill them.
    """

    household_id: str
    key: str
    kind: str
    data: Mapping[str, int | str | None]
    at: datetime

    def __post_init__(self) -> None:
        unfilled = missing(self.kind, self.data)
        if unfilled:
            raise ValueError(f"a notice of kind {self.kind!r} needs {', '.join(sorted(unfilled))}")


def notify(session: Session, notice: Notice) -> bool:
    """Tell a household, inside the caller's transaction; returns False when it was told before.

    Args:
        session: a writing unit of work; the caller commits.
        notice: what to tell.
    """
    told = select(HouseholdNotice.id).where(
        HouseholdNotice.household_id == notice.household_id, HouseholdNotice.key == notice.key
    )
    if session.exec(told).first() is not None:
        return False
    session.add(
        HouseholdNotice(
            id=new_id("note"),
            household_id=notice.household_id,
            key=notice.key,
            kind=notice.kind,
            data=dict(notice.data),
            at=notice.at,
        )
    )
    session.flush()
    return True


def list_notices(
    session: Session, household_id: str, limit: int, before: tuple[datetime, str] | None = None
) -> Sequence[HouseholdNotice]:
    """A household's notices, newest first.

    Args:
        session: a unit of work.
        household_id: whose.
        limit: at most so many.
        before: (at, id) of the last one of the page before, or None for the first page.
    """
    query = select(HouseholdNotice).where(HouseholdNotice.household_id == household_id)
    if before is not None:
        at, notice_id = before
        query = query.where(
            (col(HouseholdNotice.at) < at)
            | ((col(HouseholdNotice.at) == at) & (col(HouseholdNotice.id) < notice_id))
        )
    query = query.order_by(col(HouseholdNotice.at).desc(), col(HouseholdNotice.id).desc())
    return session.exec(query.limit(limit)).all()


def count_unseen(session: Session, household_id: str) -> int:
    """How many notices of a household nobody has marked as seen."""
    query = select(func.count()).select_from(HouseholdNotice)
    query = query.where(HouseholdNotice.household_id == household_id, col(HouseholdNotice.seen_at).is_(None))
    return int(session.exec(query).one())


def outdate(session: Session, household_id: str, about: str, kinds: Sequence[str], now: datetime) -> None:
    """What is no longer so needs nobody's eyes: it counts as seen, by nobody ("").

    Args:
        session: a writing unit of work.
        household_id: whose.
        about: how the keys of these notices begin.
        kinds: only these.
        now: the moment.
    """
    session.execute(
        update(HouseholdNotice)
        .where(
            col(HouseholdNotice.household_id) == household_id,
            col(HouseholdNotice.key).startswith(about, autoescape=True),
            col(HouseholdNotice.kind).in_(kinds),
            col(HouseholdNotice.seen_at).is_(None),
        )
        .values(seen_at=now, seen_by="")
    )


def mark_seen(session: Session, household_id: str, now: datetime, by: str, until: datetime) -> int:
    """Mark a household's notices as seen by somebody.

    Args:
        session: a writing unit of work.
        household_id: whose.
        now: the moment.
        by: the name of who saw them.
        until: only those that happened by then: what came after the page was drawn was not seen.

    Returns:
        How many were marked.
    """
    query = select(HouseholdNotice).where(
        HouseholdNotice.household_id == household_id,
        col(HouseholdNotice.seen_at).is_(None),
        col(HouseholdNotice.at) <= until,
    )
    rows = session.exec(query).all()
    for row in rows:
        row.seen_at, row.seen_by = now, by
        session.add(row)
    return len(rows)
