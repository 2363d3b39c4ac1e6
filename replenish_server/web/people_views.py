"""What the pages about people show and ask for: who asks, people, sessions, notices; the port `PeoplePages`.

As in `views`: frozen facts, aware times, sentences in the language that was asked for, no other room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from replenish_server.web.views import Lang


@dataclass(frozen=True)
class Viewer:
    """Who looks at a page.

    Args:
        household_id: whose things they see; "" while there is no household.
        person_id: who, None for an only owner who never had to say so.
        name: as people call them, "" for such an owner.
        role: "owner", "adult", "child", "guest" or "helper".
        acts: what they may do.
        session_id: of the browser, None when it is not signed in.
    """

    household_id: str
    person_id: str | None
    name: str
    role: str
    acts: frozenset[str]
    session_id: str | None = None

    def may(self, act: str) -> bool:
        """Whether they may do this."""
        return act in self.acts


@dataclass(frozen=True)
class NoticeView:
    """One notice. `link` is the path of the page about it; `seen_by` the name of who saw it, "" for
    nobody because it is no longer so, or None."""

    notice_id: str
    at: datetime
    text: str
    link: str | None
    seen_by: str | None


@dataclass(frozen=True)
class InboxView:
    """Notices, newest first; `unseen` counts all that nobody has seen. `tz` is the household's zone."""

    notices: Sequence[NoticeView]
    unseen: int
    tz: str


@dataclass(frozen=True)
class PersonView:
    """One of the household; `has_pin` tells whether a PIN signs them in."""

    person_id: str
    name: str
    role: str
    has_pin: bool


@dataclass(frozen=True)
class SessionView:
    """A browser that is signed in; `here` marks the one that asks."""

    session_id: str
    person_name: str
    browser: str
    created_at: datetime
    last_seen_at: datetime
    here: bool


@dataclass(frozen=True)
class DeviceView:
    """A device and whose it is; None for everybody's."""

    device_id: str
    name: str
    person_id: str | None


@dataclass(frozen=True)
class PeopleView:
    """Who lives here. `sign_in` tells whether the pages ask who acts."""

    people: Sequence[PersonView]
    sessions: Sequence[SessionView]
    devices: Sequence[DeviceView]
    sign_in: bool
    tz: str


@dataclass(frozen=True)
class PinTry:
    """What became of a PIN: the token of a session, or until when no PIN of this person is tried."""

    token: str | None
    locked_until: datetime | None


class PeoplePages(Protocol):
    """Everything these pages need from the server. Called from worker threads; each call is one use case.

    A wish that cannot be granted raises `views.Refused`.
    """

    def viewer(self, token: str | None) -> Viewer | None:
        """Who asks, by the session's token of their cookie; None when they must sign in first."""

    def owns(self, household_id: str, named: Mapping[str, str]) -> bool:
        """Whether everything that a path names (id by kind, such as `slot_id`) is this household's."""

    def people(self, viewer: Viewer) -> PeopleView:
        """The household's people; sessions of all for who may manage people, else one's own."""

    def with_pin(self) -> Sequence[PersonView]:
        """Whom a PIN can sign in."""

    def invited(self, token: str) -> str | None:
        """The name of whom a sign-in link would sign in, None when it does not work."""

    def use_link(self, token: str, browser: str) -> str | None:
        """Signs a browser in, once; the session's token, None when the link does not work."""

    def try_pin(self, person_id: str, pin: str, browser: str) -> PinTry:
        """Signs a browser in by a PIN."""

    def sign_out(self, viewer: Viewer) -> None:
        """Ends the viewer's own session."""

    def add_person(self, viewer: Viewer, name: str, role: str, browser: str) -> str | None:
        """Adds somebody. A token when the viewer's browser has to be signed in from now on."""

    def remove_person(self, viewer: Viewer, person_id: str) -> None:
        """Removes somebody; their sessions and tokens end."""

    def create_link(self, viewer: Viewer, person_id: str) -> tuple[str, str]:
        """The name of somebody, and the token of a fresh link that signs them in."""

    def set_pin(self, viewer: Viewer, person_id: str, pin: str, browser: str) -> str | None:
        """Sets or, with "", takes away a PIN. A token as for `add_person`."""

    def end_session(self, viewer: Viewer, session_id: str) -> None:
        """Signs another browser out."""

    def give_device(self, viewer: Viewer, device_id: str, person_id: str) -> None:
        """Makes a device somebody's, with "" everybody's."""

    def order_now(self, viewer: Viewer, slot_id: str, key: str) -> tuple[str | None, str]:
        """Orders a pack for a slot of the viewer's household, asks an adult, or joins the order under way.

        Args:
            viewer: who wants it.
            slot_id: which slot.
            key: of the form; the same form sent twice is one wish.

        Returns:
            The order's id, None when the rules held it back; and "placing", "waiting", "already" or
            "refused".
        """

    def inbox(self, viewer: Viewer, lang: Lang, limit: int) -> InboxView:
        """The newest notices, at most `limit`."""

    def see_notices(self, viewer: Viewer, until: datetime) -> None:
        """Marks every notice that happened by then as seen."""

    def now(self) -> datetime:
        """The present moment, aware."""
