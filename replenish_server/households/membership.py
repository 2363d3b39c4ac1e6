"""Adding and removing people, and finding who is who. Each function works inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.households.hashed_secrets import hash_pin, is_pin, new_token, token_hash
from replenish_server.households.operators import ever_had_operators
from replenish_server.households.people import Act, Actor, Role, needs_sign_in
from replenish_server.households.people_tables import ApiToken, Person
from replenish_server.households.tables import Household
from replenish_server.ids import new_id

LONGEST_NAME = 60
_NOTED_EVERY = timedelta(hours=1)  # "last used" is for people: a write at every call would be for nobody


class PersonRefused(ValueError):
    """What was asked cannot be done with this person.

    Args:
        code: stable name of the reason, for catalogues.
        text: says what to change, in English.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def people_of(session: Session, household_id: str) -> Sequence[Person]:
    """A household's people, oldest first, without those who were removed."""
    query = select(Person).where(Person.household_id == household_id, col(Person.removed_at).is_(None))
    return session.exec(query.order_by(col(Person.created_at), col(Person.id))).all()


def must_sign_in(session: Session, household_id: str) -> bool:
    """Whether this household must know who acts, see `people.needs_sign_in`.

    A server that others look after too is nobody's own: there, whoever opens a page is not the owner.
    """
    if ever_had_operators(session) or len(session.exec(select(Household.id).limit(2)).all()) > 1:
        return True
    people = session.exec(select(Person).where(Person.household_id == household_id)).all()
    pins = sum(person.pin_hash is not None and person.removed_at is None for person in people)
    return needs_sign_in(len(people), pins)


def ensure_owner(session: Session, household_id: str) -> Person:
    """The household's first owner; a household from before there were people gets its buyer as one."""
    for person in people_of(session, household_id):
        if person.role == Role.OWNER:
            return person
    household = session.get_one(Household, household_id)
    name = household.buyer_name.strip()[:LONGEST_NAME] or household.name
    owner = Person(
        id=new_id("pers"),
        household_id=household_id,
        name=name,
        role=Role.OWNER,
        created_at=household.created_at,
    )
    session.add(owner)
    session.flush()
    return owner


def add_person(session: Session, household_id: str, name: str, role: Role, now: datetime) -> Person:
    """Add somebody to a household, which has an owner afterwards.

    Raises:
        PersonRefused: no name, one that is too long, or one that is taken.
    """
    ensure_owner(session, household_id)
    bare = " ".join(name.split())
    if not bare or len(bare) > LONGEST_NAME or not bare.isprintable():
        raise PersonRefused("name", f"give a name of 1 to {LONGEST_NAME} letters")
    if any(person.name.casefold() == bare.casefold() for person in people_of(session, household_id)):
        raise PersonRefused("name_taken", f"somebody called {bare!r} is here already; choose another name")
    person = Person(id=new_id("pers"), household_id=household_id, name=bare, role=role, created_at=now)
    session.add(person)
    session.flush()
    return person


def remove_person(session: Session, person: Person, now: datetime) -> None:
    """Remove somebody: their sessions and tokens end with them, their name stays on what they did.

    Raises:
        PersonRefused: the household would have no owner.
    """
    people = people_of(session, person.household_id)
    if person.role == Role.OWNER and sum(other.role == Role.OWNER for other in people) < 2:
        raise PersonRefused("last_owner", "a household needs an owner; add another one first")
    person.removed_at = now
    session.add(person)


def set_pin(session: Session, person: Person, pin: str | None) -> None:
    """Give somebody a PIN, or take it away.

    Raises:
        PersonRefused: it is not 4 to 12 digits.
    """
    if pin is not None and not is_pin(pin):
        raise PersonRefused("pin", "a PIN has 4 to 12 digits")
    person.pin_hash = None if pin is None else hash_pin(pin)
    person.pin_failures, person.pin_locked_until = 0, None
    session.add(person)


def find_person(session: Session, household_id: str, name: str) -> Person:
    """The person of that id or name.

    Raises:
        PersonRefused: there is none.
    """
    for person in people_of(session, household_id):
        if person.id == name or person.name.casefold() == name.strip().casefold():
            return person
    raise PersonRefused("nobody", f"there is nobody called {name!r}; see: replenish person list")


def actor_of(person: Person, scopes: frozenset[Act] | None = None) -> Actor:
    """The person as one who acts."""
    return Actor(person.household_id, person.id, person.name, Role(person.role), scopes)


def create_token(
    session: Session, person: Person, name: str, scopes: frozenset[Act], now: datetime
) -> tuple[ApiToken, str]:
    """Let a program act for a person; returns the row and the token, which is shown once.

    Raises:
        PersonRefused: a scope that the person's role does not have.
    """
    beyond = sorted(scope for scope in scopes if not actor_of(person).may(scope))
    if beyond:
        raise PersonRefused("scope", f"{person.role} {person.name} may not {', '.join(beyond)}")
    token = new_token("rpt")
    row = ApiToken(
        id=new_id("tok"),
        token_hash=token_hash(token),
        person_id=person.id,
        name=name.strip()[:LONGEST_NAME] or "program",
        scopes=sorted(scopes),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row, token


def note_use(session: Session, token: str, now: datetime) -> None:
    """Keep when a token was last used."""
    row = session.exec(select(ApiToken).where(ApiToken.token_hash == token_hash(token))).one()
    row.last_used_at = now
    session.add(row)


def is_use_worth_noting(session: Session, token: str, now: datetime) -> bool:
    """Whether the last noted use of a token that works lies long enough back."""
    row = session.exec(select(ApiToken).where(ApiToken.token_hash == token_hash(token))).one()
    return row.last_used_at is None or now - row.last_used_at >= _NOTED_EVERY


def actor_of_token(session: Session, token: str) -> Actor | None:
    """Who a token acts for, or None when it is unknown, ended, or its person is gone."""
    row = session.exec(select(ApiToken).where(ApiToken.token_hash == token_hash(token))).first()
    if row is None or row.ended_at is not None:
        return None
    person = session.get_one(Person, row.person_id)
    if person.removed_at is not None:
        return None
    return actor_of(person, frozenset(Act(scope) for scope in row.scopes))
