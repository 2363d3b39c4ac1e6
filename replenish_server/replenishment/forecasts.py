"""Forecasting slots from what is stored: sensors from readings, many at once; buttons from their orders.

A home that has nothing to forecast yet does without numpy: whoever asks for the first forecast loads it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.fleet.units import BY_BASE
from replenish_server.forecast.run_out import RunOut, run_out_of
from replenish_server.inventory.grid import LevelGrid
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.grids import current_grid
from replenish_server.replenishment.priors import Models


@dataclass(frozen=True)
class SlotForecast:
    """One slot's forecast, and the grid that it rests on, to be kept.

    Args:
        run_out: for what is loaded.
        grid: the telemetry.
        seen_at: when the newest reading in it was received.
    """

    run_out: RunOut
    grid: LevelGrid
    seen_at: datetime


def forecast_slots(
    session: Session, slots: Sequence[Slot], now: datetime, models: Callable[[], Models]
) -> dict[str, SlotForecast]:
    """When what is loaded will be used up, by slot id; slots without a sensor have no answer here.

    Args:
        session: a unit of work.
        slots: any slots.
        now: the moment that the days count from.
        models: say what to forecast with; not asked without a sensor.
    """
    seeing = [slot for slot in slots if slot.capacity]
    if not seeing:
        return {}
    import numpy as np

    from replenish_server.forecast.level_model import LevelBatch
    from replenish_server.inventory.shares import fleet_shares

    grids = [current_grid(session, slot, now) for slot in seeing]
    forecast = models().levels.forecast(
        LevelBatch(
            levels=fleet_shares([grid for grid, _ in grids], now),
            category=np.array([slot.category for slot in seeing]),
            size=np.array([(slot.capacity or 1) / BY_BASE[slot.unit].factor for slot in seeing], np.float32),
            weekday=np.full(len(seeing), now.weekday(), np.int64),
        )
    )
    return {
        slot.id: SlotForecast(run_out_of(forecast, row, slot.capacity or 1), *grids[row])
        for row, slot in enumerate(seeing)
    }


def forecast_next_order(
    session: Session, slot: Slot, now: datetime, models: Callable[[], Models]
) -> RunOut | None:
    """When a slot without a sensor will be wanted again, from its own orders and the household's others.

    An order is not consumption: what was bought elsewhere, or still stands in the cupboard, is not seen.

    Returns:
        None before the first order.
    """
    query = (
        select(PurchaseOrder)
        .where(PurchaseOrder.household_id == slot.household_id, col(PurchaseOrder.placed_at).is_not(None))
        .order_by(col(PurchaseOrder.placed_at).desc())
    )
    mine: list[tuple[float, int]] = []
    others: list[float] = []
    for order in session.exec(query):
        days = (now - (order.placed_at or now)) / timedelta(days=1)
        if order.slot_id == slot.id:
            mine.append((days, order.packs))
        elif days >= 0:
            others.append(days)
    mine = [(days, packs) for days, packs in mine if days >= 0]
    return _next_order(slot, mine, others, now, models()) if mine else None


def _next_order(
    slot: Slot, mine: Sequence[tuple[float, int]], others: Sequence[float], now: datetime, models: Models
) -> RunOut:
    """From (days ago, packs) of the slot's own orders, newest first, and days since the home's others."""
    import numpy as np

    from replenish_server.forecast.purchase_model import PURCHASES, PurchaseBatch

    mine = mine[:PURCHASES]
    ages, amounts = (np.full((1, PURCHASES), np.nan, np.float32) for _ in range(2))
    usual = float(np.median([packs for _, packs in mine]))
    ages[0, : len(mine)] = [days for days, _ in mine]
    amounts[0, : len(mine)] = [packs / usual for _, packs in mine]
    since = [min(others, default=365.0), *(len({int(d) for d in others if d < span}) for span in (28, 84))]
    batch = PurchaseBatch(
        ages,
        amounts,
        np.array([slot.category]),
        np.array([now.weekday()], np.int64),
        np.array([(now - slot.created_at) / timedelta(days=1)], np.float32),
        np.array([since], np.float32),
    )
    days_left = models.purchases.forecast(batch)[0]
    run_out = RunOut(tuple(round(float(d), 4) for d in days_left), mine[0][1], 0.0, 0, 1.0, 0)
    cycle_days = mine[0][0] + run_out.band[1]
    return replace(run_out, rate_per_day=mine[0][1] / max(cycle_days, 1.0))
