"""The use case "pause": no order leaves before a day, for one slot or the home; the household hears of it."""

from datetime import date, datetime

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.households.calendar import day_of
from replenish_server.households.notices import Notice, notify
from replenish_server.households.people import Actor
from replenish_server.households.rules import pause_home, pause_slot
from replenish_server.households.tables import Household, SlotMandate


class PauseRefused(ValueError):
    """The day is not one; the text says what to send."""


def pause(session: Session, slot: Slot | None, until: date | None, by: Actor, now: datetime) -> None:
    """Pause a slot or the home, or let orders leave again.

    Args:
        session: a writing unit of work; the caller commits.
        slot: of the actor's household; None for the whole home.
        until: the first day on which orders may leave again, in the household's zone; None ends the pause.
        by: who wants it.
        now: the moment.

    Raises:
        PauseRefused: the day is today or past.
    """
    household = session.get_one(Household, by.household_id)
    if until is not None and until <= day_of(now, household.time_zone):
        raise PauseRefused("a pause ends on a day after today; send null to end it now")
    if slot is None:
        pause_home(session, household.id, until, now)
    else:
        pause_slot(session, slot.id, until, now)
        session.get_one(SlotMandate, slot.id).changed_by = by.name
    wanted = select(Slot).where(Slot.household_id == household.id, col(Slot.retired_at).is_(None))
    for row in session.exec(wanted if slot is None else wanted.where(Slot.id == slot.id)):
        row.due_at = now
        session.add(row)
    kind = "resumed" if until is None else "paused"
    data = {"name": by.name or "?", "what": household.name if slot is None else slot.name}
    if slot is not None:
        data["slot_id"] = slot.id
    if until is not None:
        data["until"] = until.isoformat()
    key = f"{kind}:{'home' if slot is None else slot.id}:{now.isoformat()}"
    notify(session, Notice(household.id, key, kind, data, now))
