"""What the pages about people show and ask for: notices. The port behind them is `PeoplePages`.

As in `views`: frozen facts, aware times, sentences in the language that was asked for, no other room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from replenish_server.web.views import Lang


@dataclass(frozen=True)
class NoticeView:
    """One notice. `link` is the path of the page about it; `seen_by` the name of who saw it, or None."""

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


class PeoplePages(Protocol):
    """Everything these pages need from the server. Called from worker threads; each call is one use case."""

    def inbox(self, lang: Lang, limit: int) -> InboxView:
        """The newest notices, at most `limit`."""

    def see_notices(self, until: datetime) -> None:
        """Marks every notice that happened by then as seen."""

    def now(self) -> datetime:
        """The present moment, aware."""
