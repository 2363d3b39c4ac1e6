"""What the slot's page says of its stock: what was used, what came from elsewhere, how the sensor is."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from replenish_server.fleet.tables import Slot
from replenish_server.fleet.units import BY_BASE
from replenish_server.households.tables import Household
from replenish_server.inventory.balance import weigh
from replenish_server.inventory.totals import read_totals
from replenish_server.replenishment.facts import SlotInsight
from replenish_server.replenishment.readings import (
    COUNTED_AT_MOST,
    is_counted,
    since_at_most,
    total_samples,
)
from replenish_server.replenishment.sensor_health import sensor_sentences, set_apart
from replenish_server.telemetry.ahead import read_aside
from replenish_server.web.views import Lang, StockView

_WEEK = 7
_BALANCE_PAST = timedelta(days=16)
_ELSEWHERE_PAST = timedelta(days=180)
_ELSEWHERE_SHOWN = 3


def stock_view(session: Session, slot: Slot, insight: SlotInsight, now: datetime, lang: Lang) -> StockView:
    """For a slot with a sensor.

    Args:
        session: a unit of work.
        slot: which slot.
        insight: its facts, as the decision sees them.
        now: the moment.
        lang: language of the sentences.
    """
    capacity = slot.capacity or 1
    balance = None
    if not is_counted(slot):
        since = now - _BALANCE_PAST
        whole = since_at_most(session, slot, since, COUNTED_AT_MOST)
        totals = total_samples(session, slot, since, whole)
        if any(sample.seq > 0 for sample in totals):  # more than the sign of life that every boot begins with
            balance = weigh(insight.history, read_totals(totals, (), capacity), capacity)
    week = [use for use in insight.history.daily_use[:_WEEK] if use is not None]
    elsewhere = [
        (opened.at, opened.packs)
        for opened in insight.ledger.opened_elsewhere
        if now - opened.at <= _ELSEWHERE_PAST
    ]
    factor = BY_BASE[slot.unit].factor
    sensor = sensor_sentences(insight.history, balance, capacity, slot.unit, lang, slot.sensor_step)
    return StockView(
        used_days=len(week),
        used=sum(week) // factor if week else None,
        most_in_a_day=max(week) // factor if week else None,
        elsewhere=elsewhere[-_ELSEWHERE_SHOWN:][::-1],
        sensor=(*sensor, *_set_apart(session, slot, now, lang)),
        counted=is_counted(slot),
    )


def _set_apart(session: Session, slot: Slot, now: datetime, lang: Lang) -> tuple[str, ...]:
    """What lies in the future and does not count; nobody needs to know any more once that date has passed."""
    aside = read_aside(session, slot.device_id, slot.key)
    if aside is None or aside.last_at <= now:
        return ()
    zone = ZoneInfo(session.get_one(Household, slot.household_id).time_zone)
    return (set_apart(aside.readings, aside.last_at.astimezone(zone), now.astimezone(zone), lang),)
