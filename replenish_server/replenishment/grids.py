"""Slots' telemetry as stored grids that move on with each new reading, instead of being read whole again.

A grid is a function of the readings: a late one only makes its quarter-day be looked at again.
"""

from datetime import datetime, timedelta

from sqlmodel import Session

from replenish_server.database import from_ms, to_ms
from replenish_server.fleet.tables import Slot
from replenish_server.inventory.grid import BIN, DAYS, LevelGrid, bin_at, bin_start
from replenish_server.replenishment.readings import is_counted, last_good, level_samples
from replenish_server.replenishment.tables import SlotGrid
from replenish_server.telemetry.newest import arrivals

_PAST = timedelta(days=DAYS + 1)
_CLOCK_DOUBT = timedelta(days=1)  # a server whose clock was set back must not overlook what came meanwhile


def current_grid(session: Session, slot: Slot, now: datetime) -> tuple[LevelGrid, datetime]:
    """The slot's grid with all readings up to now, and when the newest of them was received.

    However many came, no more of them are fetched than tell a quarter-day's end. Of a slot that counts, each
    fitting changes all that follows it: its grid is always read whole.

    Args:
        session: a unit of work.
        slot: one with a sensor.
        now: the moment at which the grid ends.
    """
    capacity, counted = slot.capacity or 1, is_counted(slot)
    kept = session.get(SlotGrid, slot.id)
    if kept is not None and kept.seen_at > now:
        kept = None  # of a clock that was ahead: it would take in nothing until that date
    stored = None if kept is None or kept.capacity != capacity else _decoded(kept.grid)
    received_since_ms, newest = 0, slot.created_at
    if kept is not None and stored is not None:
        newest, received_since_ms = kept.seen_at, to_ms(kept.seen_at - _CLOCK_DOUBT)
    fresh = arrivals(session, slot.device_id, slot.key, to_ms(now - _PAST), received_since_ms, BIN)
    newest = max((from_ms(came_ms) for _, came_ms in fresh), default=newest)
    if counted:
        return LevelGrid.of_samples(level_samples(session, slot, now - _PAST), capacity, now), newest
    grid = LevelGrid.empty(now) if stored is None else stored
    touched = {number for number, _ in fresh if number <= bin_at(now)}
    if touched:
        samples = [
            sample
            for number in touched
            for sample in last_good(session, slot, bin_start(number), bin_start(number) + BIN)
        ]
        grid = grid.with_bins(samples, capacity, touched)
    return grid.moved_to(now), newest


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
