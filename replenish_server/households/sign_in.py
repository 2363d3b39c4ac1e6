"""How a browser comes to act for a person: a link that works once, or a PIN; and the session that follows.

Each function works inside the caller's transaction, but for `try_pin`, which needs two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.database import Database
from replenish_server.households.hashed_secrets import new_token, pin_matches, token_hash
from replenish_server.households.membership import actor_of, ensure_owner
from replenish_server.households.people import Actor
from replenish_server.households.people_tables import Person, SignInLink, SignInSession
from replenish_server.households.tables import Household
from replenish_server.ids import new_id

LINK_LASTS = timedelta(minutes=30)
SESSION_LASTS = timedelta(days=180)
FREE_TRIES = 5
_FIRST_LOCK = timedelta(minutes=1)
_LONGEST_LOCK = timedelta(hours=1)
_NOTED_EVERY = timedelta(hours=1)  # "last seen" is for people: a write at every page view would be for nobody


@dataclass(frozen=True)
class PinAnswer:
    """What became of a try: the person, or how long nobody may try.

    Args:
        person_id: who it was, None when the PIN was wrong or not tried.
        locked_until: until when no PIN of this person is tried, or None.
    """

    person_id: str | None
    locked_until: datetime | None


def create_link(session: Session, person: Person, now: datetime) -> str:
    """A fresh token for a sign-in link; earlier ones of the person work no more."""
    earlier = select(SignInLink).where(SignInLink.person_id == person.id, col(SignInLink.used_at).is_(None))
    for row in session.exec(earlier):
        row.used_at = now
        session.add(row)
    token = new_token("rpl")
    session.add(SignInLink(token_hash=token_hash(token), person_id=person.id, expires_at=now + LINK_LASTS))
    return token


def person_of_link(session: Session, token: str, now: datetime) -> Person | None:
    """Whom a link would sign in, or None when it is unknown, used or too old; it is not used up."""
    row = session.get(SignInLink, token_hash(token))
    if row is None or row.used_at is not None or row.expires_at <= now:
        return None
    person = session.get_one(Person, row.person_id)
    return None if person.removed_at is not None else person


def use_link(session: Session, token: str, browser: str, now: datetime) -> str | None:
    """Sign a browser in by a link, once; returns the session's token, or None when the link does not work."""
    person = person_of_link(session, token, now)
    if person is None:
        return None
    row = session.get_one(SignInLink, token_hash(token))
    row.used_at = now
    session.add(row)
    return start_session(session, person.id, browser, now)


def try_pin(database: Database, person_id: str, pin: str, now: datetime) -> PinAnswer:
    """Try a PIN. A try is counted before it is judged, so that many at once are no more than one by one.

    Args:
        database: two transactions are made on it, the slow comparison lies between them.
        person_id: whose PIN.
        pin: what was typed.
        now: the moment.
    """
    with database.write() as session:
        person = session.get(Person, person_id)
        if person is None or person.removed_at is not None or person.pin_hash is None:
            return PinAnswer(None, None)
        if person.pin_locked_until is not None and now < person.pin_locked_until:
            return PinAnswer(None, person.pin_locked_until)
        kept = person.pin_hash
        person.pin_failures += 1
        excess = person.pin_failures - FREE_TRIES
        if excess >= 0:
            lock: timedelta = min(_FIRST_LOCK * 2 ** min(excess, 10), _LONGEST_LOCK)
            person.pin_locked_until = now + lock
        locked_until = person.pin_locked_until if excess >= 0 else None
        session.add(person)
    if not pin_matches(pin, kept):
        return PinAnswer(None, locked_until)
    with database.write() as session:
        person = session.get_one(Person, person_id)
        person.pin_failures, person.pin_locked_until = 0, None
        session.add(person)
    return PinAnswer(person_id, None)


def start_session(session: Session, person_id: str, browser: str, now: datetime) -> str:
    """Sign a browser in; returns the token for its cookie.

    Args:
        session: a writing unit of work.
        person_id: as whom.
        browser: what it calls itself; kept short, for the list of sessions.
        now: the moment.
    """
    token = new_token("rps")
    session.add(
        SignInSession(
            id=new_id("sess"),
            token_hash=token_hash(token),
            person_id=person_id,
            browser=browser[:120],
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LASTS,
        )
    )
    return token


def _live(row: SignInSession | None, now: datetime) -> bool:
    return row is not None and row.ended_at is None and row.expires_at > now


def _row_of(session: Session, token: str) -> SignInSession | None:
    query = select(SignInSession).where(SignInSession.token_hash == token_hash(token))
    return session.exec(query).first()


def actor_of_session(session: Session, token: str, now: datetime) -> tuple[Actor, SignInSession] | None:
    """Who a cookie's token stands for, or None when it is unknown, ended, too old, or the person is gone."""
    row = _row_of(session, token)
    if row is None or not _live(row, now):
        return None
    person = session.get_one(Person, row.person_id)
    return None if person.removed_at is not None else (actor_of(person), row)


def is_worth_noting(row: SignInSession, now: datetime) -> bool:
    """Whether the session was last noted as seen long enough ago."""
    return now - row.last_seen_at >= _NOTED_EVERY


def links_for_owners(session: Session, now: datetime, only: str | None = None) -> dict[str, str]:
    """A sign-in link for each owner who would be locked out now that the pages ask who acts.

    Args:
        session: a writing unit of work.
        now: the moment.
        only: the one home whose owner did not know it before; None for all homes.

    Returns:
        By the owner's name, with the home's where there are several of that name.
    """
    links: dict[str, str] = {}
    homes = session.exec(select(Household).order_by(col(Household.created_at), col(Household.id))).all()
    owners = [(ensure_owner(session, home.id), home.name) for home in homes]
    names = [owner.name for owner, _ in owners]
    for owner, home in owners:
        if only not in (None, owner.household_id):
            continue
        if owner.pin_hash is None and not sessions_of(session, [owner.id], now):
            called = owner.name if names.count(owner.name) == 1 else f"{owner.name} ({home})"
            links[called if called not in links else owner.id] = create_link(session, owner, now)
    return links


def sessions_of(session: Session, person_ids: Sequence[str], now: datetime) -> Sequence[SignInSession]:
    """The browsers that are signed in as these people, newest first."""
    query = select(SignInSession).where(
        col(SignInSession.person_id).in_(person_ids),
        col(SignInSession.ended_at).is_(None),
        col(SignInSession.expires_at) > now,
    )
    return session.exec(query.order_by(col(SignInSession.created_at).desc())).all()


def end_session(session: Session, row: SignInSession, now: datetime) -> None:
    """Sign a browser out."""
    row.ended_at = now
    session.add(row)
