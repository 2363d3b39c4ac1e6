"""Slots' telemetry as stored grids that move on with each new reading, instead of being read whole again.

A grid is a function of the readings: a late one only makes its quarter-day be looked at again.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.inventory.grid import BIN, DAYS, LevelGrid, bin_at, bin_start
from replenish_server.replenishment.readings import is_counted, level_samples
from replenish_server.replenishment.tables import SlotGrid
from replenish_server.telemetry.tables import Reading

_PAST = timedelta(days=DAYS + 1)
_CLOCK_DOUBT = timedelta(days=1)  # a server whose clock was set back must not overlook what came meanwhile


def current_grid(session: Session, slot: Slot, now: datetime) -> tuple[LevelGrid, datetime]:
    """The slot's grid with all readings up to now, and when the newest of them was received.

    Of a slot that counts, each fitting changes all that follows it: its grid is always read whole.

    Args:
        session: a unit of work.
        slot: one with a sensor.
        now: the moment at which the grid ends.
    """
    capacity = slot.capacity or 1
    kept = session.get(SlotGrid, slot.id)
    stored = None if kept is None or kept.capacity != capacity else _decoded(kept.grid)
    newest = kept.seen_at if kept is not None and stored is not None else slot.created_at
    fresh = (
        select(Reading.occurred_at, Reading.received_at)
        .where(Reading.device_id == slot.device_id, Reading.slot_key == slot.key)
        .where(col(Reading.occurred_at) >= now - _PAST)
    )
    if stored is not None:
        fresh = fresh.where(col(Reading.received_at) >= newest - _CLOCK_DOUBT)
    moments = list(session.exec(fresh))
    newest = max((received for _, received in moments), default=newest)
    if stored is None or is_counted(slot):
        return LevelGrid.of_samples(level_samples(session, slot, now - _PAST), capacity, now), newest
    touched = {bin_at(occurred) for occurred, _ in moments if occurred <= now}
    if not touched:
        return stored.moved_to(now), newest
    samples = level_samples(session, slot, bin_start(min(touched)), bin_start(max(touched)) + BIN)
    return stored.with_bins(samples, capacity, touched).moved_to(now), newest


def keep_grid(session: Session, slot: Slot, grid: LevelGrid, seen_at: datetime) -> None:
    """Store a grid; from here the next reading moves it on.

    Args:
        session: a writing unit of work.
        slot: whose.
        grid: from `current_grid`.
        seen_at: likewise.
    """
    row = session.get(SlotGrid, slot.id) or SlotGrid(slot_id=slot.id, capacity=0, grid=b"", seen_at=seen_at)
    row.capacity, row.grid, row.seen_at = slot.capacity or 1, grid.encode(), seen_at
    session.add(row)


def _decoded(stored: bytes) -> LevelGrid | None:
    """The stored grid, or None for one of another release: it is built anew."""
    try:
        return LevelGrid.decode(stored)
    except ValueError:
        return None
