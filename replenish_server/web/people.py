"""`PeoplePages` on the database: who asks, people, sessions, notices.

Reading takes one snapshot; each wish of a person is one transaction, committed here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, SQLModel, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.registry import DeviceRefused, give_device
from replenish_server.fleet.tables import Device, Slot
from replenish_server.households import membership, notices, sign_in
from replenish_server.households.notice_texts import notice_text
from replenish_server.households.people import Act, Actor, Role, acts_of
from replenish_server.households.people_tables import Person, SignInSession
from replenish_server.households.tables import Household, HouseholdNotice
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.order_now import order_now
from replenish_server.web.formats import zone
from replenish_server.web.people_views import (
    DeviceView,
    InboxView,
    NoticeView,
    PeopleView,
    PersonView,
    PinTry,
    SessionView,
    Viewer,
)
from replenish_server.web.views import Lang, Refused

_WHOEVER = "home"  # seen by somebody who did not have to sign in
_OWNED: dict[str, type[SQLModel]] = {
    "slot_id": Slot,
    "order_id": PurchaseOrder,
    "device_id": Device,
    "person_id": Person,
}


class DatabasePeople:
    """What the pages about people show and do.

    Args:
        database: where everything is.
        clock: the server's clock.
        on_wish: called after a wish was committed, so that it is carried out at once.
    """

    def __init__(self, database: Database, clock: Clock, on_wish: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_wish = on_wish

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def viewer(self, token: str | None) -> Viewer | None:
        """Who asks: by the session, or whoever opens the page of an only owner."""
        now = self._clock.now()
        with self._database.read() as session:
            found = None if token is None else sign_in.actor_of_session(session, token, now)
            if found is None:
                return _whoever(session)
        actor, row = found
        if sign_in.is_worth_noting(row, now):
            with self._database.write() as session:
                session.get_one(SignInSession, row.id).last_seen_at = now
        acts = frozenset(act.value for act in acts_of(actor.role))
        return Viewer(actor.household_id, actor.person_id, actor.name, actor.role.value, acts, row.id)

    def owns(self, household_id: str, named: Mapping[str, str]) -> bool:
        """Whether all that a path names is this household's; an unknown kind is nobody's."""
        with self._database.read() as session:
            return all(_owner(session, kind, key) == household_id for kind, key in named.items())

    def people(self, viewer: Viewer) -> PeopleView:
        """Who lives here."""
        now = self._clock.now()
        with self._database.read() as session:
            household = session.get(Household, viewer.household_id)
            rows = membership.people_of(session, viewer.household_id)
            names = {row.id: row.name for row in rows}
            whose = list(names) if viewer.may("people") else [viewer.person_id or ""]
            devices = session.exec(
                select(Device)
                .where(Device.household_id == viewer.household_id)
                .order_by(col(Device.created_at), col(Device.id))
            )
            return PeopleView(
                [_person(row) for row in rows],
                [
                    SessionView(
                        row.id,
                        names[row.person_id],
                        row.browser,
                        row.created_at,
                        row.last_seen_at,
                        row.id == viewer.session_id,
                    )
                    for row in sign_in.sessions_of(session, whose, now)
                ],
                [DeviceView(device.id, device.name, device.person_id) for device in devices],
                membership.must_sign_in(session, viewer.household_id),
                "UTC" if household is None else household.time_zone,
            )

    def with_pin(self) -> Sequence[PersonView]:
        """Whom a PIN can sign in."""
        query = select(Person).where(col(Person.pin_hash).is_not(None), col(Person.removed_at).is_(None))
        with self._database.read() as session:
            return [_person(row) for row in session.exec(query.order_by(col(Person.created_at)))]

    def invited(self, token: str) -> str | None:
        """Whom a link would sign in."""
        with self._database.read() as session:
            person = sign_in.person_of_link(session, token, self._clock.now())
            return None if person is None else person.name

    def use_link(self, token: str, browser: str) -> str | None:
        """Sign a browser in by a link, and tell the household."""
        now = self._clock.now()
        with self._database.write() as session:
            person = sign_in.person_of_link(session, token, now)
            started = sign_in.use_link(session, token, browser_name(browser), now)
            if person is not None and started is not None:
                _tell_signed_in(session, person, browser, now)
            return started

    def try_pin(self, person_id: str, pin: str, browser: str) -> PinTry:
        """Sign a browser in by a PIN."""
        now = self._clock.now()
        answer = sign_in.try_pin(self._database, person_id, pin, now)
        if answer.person_id is None:
            return PinTry(None, answer.locked_until)
        with self._database.write() as session:
            return PinTry(sign_in.start_session(session, answer.person_id, browser_name(browser), now), None)

    def sign_out(self, viewer: Viewer) -> None:
        """End the viewer's session."""
        if viewer.session_id is not None:
            self.end_session(viewer, viewer.session_id)

    def add_person(self, viewer: Viewer, name: str, role: str, browser: str) -> str | None:
        """Add somebody."""
        if role not in set(Role):
            raise Refused("role")
        now = self._clock.now()
        with self._database.write() as session:
            try:
                membership.add_person(session, viewer.household_id, name, Role(role), now)
            except membership.PersonRefused as error:
                raise Refused(error.code) from error
            return _stay_signed_in(session, viewer, browser, now)

    def remove_person(self, viewer: Viewer, person_id: str) -> None:
        """Remove somebody."""
        with self._database.write() as session:
            person = _somebody(session, viewer, person_id)
            try:
                membership.remove_person(session, person, self._clock.now())
            except membership.PersonRefused as error:
                raise Refused(error.code) from error

    def create_link(self, viewer: Viewer, person_id: str) -> tuple[str, str]:
        """A link that signs somebody in."""
        with self._database.write() as session:
            person = _somebody(session, viewer, person_id)
            return person.name, sign_in.create_link(session, person, self._clock.now())

    def set_pin(self, viewer: Viewer, person_id: str, pin: str, browser: str) -> str | None:
        """Set a PIN: one's own, or anybody's for who manages people."""
        if person_id != viewer.person_id and not viewer.may("people"):
            raise Refused("not_yours")
        with self._database.write() as session:
            person = _somebody(session, viewer, person_id)
            try:
                membership.set_pin(session, person, pin or None)
            except membership.PersonRefused as error:
                raise Refused(error.code) from error
            session.flush()
            return _stay_signed_in(session, viewer, browser, self._clock.now())

    def end_session(self, viewer: Viewer, session_id: str) -> None:
        """Sign a browser out: one's own, or anybody's for who manages people."""
        with self._database.write() as session:
            row = session.get(SignInSession, session_id)
            if row is None:
                raise Refused("session_gone")
            person = _somebody(session, viewer, row.person_id)
            if person.id != viewer.person_id and not viewer.may("people"):
                raise Refused("not_yours")
            sign_in.end_session(session, row, self._clock.now())

    def give_device(self, viewer: Viewer, device_id: str, person_id: str) -> None:
        """Make a device somebody's, or everybody's."""
        with self._database.write() as session:
            person = _somebody(session, viewer, person_id) if person_id else None
            try:
                give_device(session, viewer.household_id, device_id, None if person is None else person.id)
            except DeviceRefused as error:
                raise Refused("device_gone") from error

    def order_now(self, viewer: Viewer, slot_id: str, key: str) -> tuple[str | None, str]:
        """Order a pack, ask for it, or join the order under way."""
        actor = Actor(viewer.household_id, viewer.person_id, viewer.name, Role(viewer.role))
        with self._database.write() as session:
            slot = session.get(Slot, slot_id)
            if slot is None or slot.household_id != viewer.household_id:
                raise Refused("slot_gone")
            wish = order_now(session, slot, actor, key, self._clock.now())
        self._on_wish()
        return wish.order_id, wish.outcome

    def inbox(self, viewer: Viewer, lang: Lang, limit: int) -> InboxView:
        """The newest notices."""
        with self._database.read() as session:
            household = session.get(Household, viewer.household_id)
            if household is None:
                return InboxView((), 0, "UTC")
            rows = notices.list_notices(session, household.id, limit)
            return InboxView(
                [_notice(row, lang, household.time_zone) for row in rows],
                notices.count_unseen(session, household.id),
                household.time_zone,
            )

    def see_notices(self, viewer: Viewer, until: datetime) -> None:
        """Mark every notice that happened by then as seen."""
        now, name = self._clock.now(), viewer.name or _WHOEVER
        with self._database.write() as session:
            notices.mark_seen(session, viewer.household_id, now, name, until)


_BROWSERS = ("Edg", "OPR", "SamsungBrowser", "Firefox", "FxiOS", "CriOS", "Chrome", "Safari")
_SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Mac OS X", "CrOS", "Linux")
_CALLED = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "CrOS": "ChromeOS",
    "Mac OS X": "Mac",
}


def browser_name(user_agent: str) -> str:
    """What people call a browser: "Firefox, Android"; else the beginning of what it calls itself."""
    found = [
        _CALLED.get(name, name)
        for names in (_BROWSERS, _SYSTEMS)
        for name in [next((name for name in names if name in user_agent), "")]
        if name
    ]
    return ", ".join(found) or user_agent[:40] or "?"


def _whoever(session: Session) -> Viewer | None:
    """Who opens the page without a session: the only owner, or nobody once it must be known who acts."""
    household_id = session.exec(select(Household.id)).first()
    if household_id is not None and membership.must_sign_in(session, household_id):
        return None
    return Viewer(
        household_id or "",
        None,
        "",
        Role.OWNER.value,
        frozenset(act.value for act in Act),
    )


def _owner(session: Session, kind: str, key: str) -> str | None:
    """The household of what a path names, or None."""
    if kind == "session_id":
        row = session.get(SignInSession, key)
        return None if row is None else _owner(session, "person_id", row.person_id)
    table = _OWNED.get(kind)
    found = None if table is None else session.get(table, key)
    return None if found is None else str(getattr(found, "household_id", ""))


def _somebody(session: Session, viewer: Viewer, person_id: str) -> Person:
    person = session.get(Person, person_id)
    if person is None or person.removed_at is not None or person.household_id != viewer.household_id:
        raise Refused("person_gone")
    return person


def _stay_signed_in(session: Session, viewer: Viewer, browser: str, now: datetime) -> str | None:
    """A session for the only owner who never had to sign in, from the moment when one has to."""
    if viewer.session_id is not None or not membership.must_sign_in(session, viewer.household_id):
        return None
    owner = membership.ensure_owner(session, viewer.household_id)
    return sign_in.start_session(session, owner.id, browser_name(browser), now)


def _tell_signed_in(session: Session, person: Person, browser: str, now: datetime) -> None:
    data = {"name": person.name, "browser": browser_name(browser)}
    key = f"signed_in:{person.id}:{now.isoformat()}"
    notices.notify(session, notices.Notice(person.household_id, key, "signed_in", data, now))


def _person(row: Person) -> PersonView:
    return PersonView(row.id, row.name, row.role, row.pin_hash is not None)


def _notice(row: HouseholdNotice, lang: Lang, tz: str) -> NoticeView:
    link = None
    if row.data.get("order_id"):
        link = f"/orders/{row.data['order_id']}"
    elif row.data.get("slot_id"):
        link = f"/slots/{row.data['slot_id']}"
    text = notice_text(row.kind, row.data, lang, zone(tz), row.at)
    return NoticeView(row.id, row.at, text, link, row.seen_by)
