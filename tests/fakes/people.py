"""People in memory behind `PeoplePages`: what the page tests look at."""

from dataclasses import replace
from datetime import datetime

from replenish_server.web.people_views import InboxView, NoticeView
from replenish_server.web.views import Lang
from tests.fakes.pages import NOW, TZ, at


class FakePeople:
    """An inbox with one new notice and one that was seen."""

    def __init__(self) -> None:
        self.notices = [
            NoticeView("note-2", at(-0.2), "A device was added: Tank sensor.", "/slots/slt-tank", None),
            NoticeView("note-1", at(-3), "A device was added: Kitchen scale.", None, "Ada"),
        ]

    def now(self) -> datetime:
        return NOW

    def inbox(self, lang: Lang, limit: int) -> InboxView:
        unseen = sum(notice.seen_by is None for notice in self.notices)
        return InboxView(self.notices[:limit], unseen, TZ)

    def see_notices(self, until: datetime) -> None:
        self.notices = [
            replace(notice, seen_by=notice.seen_by or ("home" if notice.at <= until else None))
            for notice in self.notices
        ]
