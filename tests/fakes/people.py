"""People in memory behind `PeoplePages`: what the page tests look at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

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
from tests.fakes.pages import NOW, TZ, at

ACTS = {
    "owner": "see ask spend approve cancel stock settings people",
    "adult": "see ask spend approve cancel stock settings",
    "child": "see ask",
    "guest": "ask",
    "helper": "see stock",
}


def viewer(role: str, name: str = "Ada") -> Viewer:
    """Somebody of this role who is signed in."""
    return Viewer("home-1", f"pers-{name.lower()}", name, role, frozenset(ACTS[role].split()), "sess-1")


class FakePeople:
    """An inbox with one new notice and one that was seen, and three people.

    `asking` is who stands before the pages: at first the only owner, who never had to sign in.
    """

    def __init__(self) -> None:
        self.asking: Viewer | None = replace(viewer("owner", ""), person_id=None, session_id=None)
        self.calls: list[tuple[object, ...]] = []
        self.foreign: set[str] = set()
        self.refuse: str | None = None
        self.pin = PinTry(None, None)
        self.notices = [
            NoticeView("note-2", at(-0.2), "A device was added: Tank sensor.", "/slots/slt-tank", None),
            NoticeView("note-1", at(-3), "A device was added: Kitchen scale.", None, "Ada"),
        ]

    def now(self) -> datetime:
        return NOW

    def viewer(self, token: str | None) -> Viewer | None:
        return self.asking

    def owns(self, household_id: str, named: Mapping[str, str]) -> bool:
        return self.foreign.isdisjoint(named.values())

    def people(self, viewer: Viewer) -> PeopleView:
        return PeopleView(
            [
                PersonView("pers-ada", "Ada", "owner", has_pin=True),
                PersonView("pers-mia", "Mia", "child", has_pin=False),
                PersonView("pers-bo", "Bo", "helper", has_pin=False),
            ],
            [SessionView("sess-1", "Ada", "Firefox", at(-9), at(-0.1), here=True)],
            [DeviceView("button-1", "Button by the machine", "pers-mia")],
            sign_in=viewer.session_id is not None,
            tz=TZ,
        )

    def with_pin(self) -> Sequence[PersonView]:
        return [PersonView("pers-ada", "Ada", "owner", has_pin=True)]

    def invited(self, token: str) -> str | None:
        return "Mia" if token == "rpl_good" else None

    def use_link(self, token: str, browser: str) -> str | None:
        return self._act("use_link", token) or ("rps_new" if token == "rpl_good" else None)

    def try_pin(self, person_id: str, pin: str, browser: str) -> PinTry:
        self._act("try_pin", person_id, pin)
        return self.pin

    def sign_out(self, viewer: Viewer) -> None:
        self._act("sign_out", viewer.session_id)

    def add_person(self, viewer: Viewer, name: str, role: str, browser: str) -> str | None:
        self._act("add_person", name, role)
        return "rps_new" if viewer.session_id is None else None

    def remove_person(self, viewer: Viewer, person_id: str) -> None:
        self._act("remove_person", person_id)

    def create_link(self, viewer: Viewer, person_id: str) -> tuple[str, str]:
        self._act("create_link", person_id)
        return "Mia", "rpl_good"

    def set_pin(self, viewer: Viewer, person_id: str, pin: str, browser: str) -> str | None:
        return self._act("set_pin", person_id, pin)

    def end_session(self, viewer: Viewer, session_id: str) -> None:
        self._act("end_session", session_id)

    def give_device(self, viewer: Viewer, device_id: str, person_id: str) -> None:
        self._act("give_device", device_id, person_id)

    def order_now(self, viewer: Viewer, slot_id: str, key: str) -> tuple[str | None, str]:
        self._act("order_now", viewer.role, slot_id)
        return ("ord-2", "placing") if viewer.may("spend") else ("ord-2", "waiting")

    def inbox(self, viewer: Viewer, lang: Lang, limit: int) -> InboxView:
        unseen = sum(notice.seen_by is None for notice in self.notices)
        return InboxView(self.notices[:limit], unseen, TZ)

    def see_notices(self, viewer: Viewer, until: datetime) -> None:
        self._act("see_notices", viewer.name)
        self.notices = [
            replace(notice, seen_by=notice.seen_by or ("home" if notice.at <= until else None))
            for notice in self.notices
        ]

    def _act(self, *call: object) -> None:
        self.calls.append(call)
        if self.refuse is not None:
            raise Refused(self.refuse)
