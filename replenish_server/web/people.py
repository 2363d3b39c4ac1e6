"""`PeoplePages` on the database: notices. Each wish of a person is one transaction, committed here."""

from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.households import notices
from replenish_server.households.notice_texts import notice_text
from replenish_server.households.tables import Household, HouseholdNotice
from replenish_server.web.formats import zone
from replenish_server.web.people_views import InboxView, NoticeView
from replenish_server.web.views import Lang

_WHOEVER = "home"  # seen by somebody who did not have to sign in


class DatabasePeople:
    """What the pages about people show, read from the households room.

    Args:
        database: where everything is.
        clock: the server's clock.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def inbox(self, lang: Lang, limit: int) -> InboxView:
        """The newest notices."""
        with self._database.read() as session:
            household = _the_household(session)
            if household is None:
                return InboxView((), 0, "UTC")
            rows = notices.list_notices(session, household.id, limit)
            return InboxView(
                [_notice(row, lang, household.time_zone) for row in rows],
                notices.count_unseen(session, household.id),
                household.time_zone,
            )

    def see_notices(self, until: datetime) -> None:
        """Mark every notice that happened by then as seen."""
        with self._database.write() as session:
            household = _the_household(session)
            if household is not None:
                notices.mark_seen(session, household.id, self._clock.now(), _WHOEVER, until)


def _the_household(session: Session) -> Household | None:
    return session.exec(select(Household).order_by(col(Household.created_at))).first()


def _notice(row: HouseholdNotice, lang: Lang, tz: str) -> NoticeView:
    link = None
    if row.data.get("order_id"):
        link = f"/orders/{row.data['order_id']}"
    elif row.data.get("slot_id"):
        link = f"/slots/{row.data['slot_id']}"
    return NoticeView(row.id, row.at, notice_text(row.kind, row.data, lang, zone(tz)), link, row.seen_by)
