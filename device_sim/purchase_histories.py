"""Simulated households' purchases of what has no sensor, and the day of the next one.

Everything here is invented by a seeded generator; no household's data is in it. A purchase is not
consumption: households buy elsewhere, buy ahead, pause and stop, so the days between purchases scatter far
more than use.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_sim.histories import spells
from device_sim.kinds import KINDS, Kind

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

PURCHASES = 24
HORIZON_DAYS = 84
_SLOTS_PER_HOUSEHOLD = 5
_WATCHED_DAYS = 365
_FIRST_ROW_DAY = 126
_DAYS_BETWEEN_ROWS = 14
_BEFORE_DAYS = 200  # simulated before anybody watches, so that nobody starts in step
_MOST_PURCHASES = 400


@dataclass(frozen=True)
class Shopping:
    """How simulated households buy; SDs are of logarithms.

    Args:
        household: SD of the usual interval between households.
        interval: usual SD of one interval.
        interval_spread: SD of the logarithm of that SD, between slots.
        elsewhere: mean share of purchases that nobody records.
        pause_every_days: mean days between pauses.
        pause_days: mean length of a pause.
        amount: SD of what is bought at once.
        amount_lasts: how far a larger purchase defers the next: 1 is in proportion.
    """

    household: float = 0.55
    interval: float = 0.6
    interval_spread: float = 0.3
    elsewhere: float = 0.3
    pause_every_days: float = 100.0
    pause_days: float = 45.0
    amount: float = 0.4
    amount_lasts: float = 0.2


@dataclass(frozen=True)
class PurchaseHistories:
    """Moments between purchases and moments right after one; rows from old to new within each slot.

    Args:
        ages: shape (n, 24), days since each purchase, newest first; NaN where there was none.
        amounts: shape (n, 24), relative to what is usual.
        category: shape (n,).
        weekday: shape (n,), Monday 0.
        watched_days: shape (n,), for how long purchases have been recorded.
        around: shape (n, 3), the household: days since any purchase, days with one in the last 28 and 84.
        days: shape (n,), until the next purchase, at most 84.
        household: shape (n,).
        slot: shape (n,).
    """

    ages: Floats
    amounts: Floats
    category: NDArray[np.str_]
    weekday: Integers
    watched_days: Floats
    around: Floats
    days: Floats
    household: NDArray[np.str_]
    slot: NDArray[np.str_]


def simulate_purchases(
    slots: int, seed: int, kinds: tuple[Kind, ...] = KINDS, shopping: Shopping = Shopping()
) -> PurchaseHistories:  # fmt: skip
    """Simulate slots over a year of purchases.

    Args:
        slots: how many.
        seed: the same seed gives the same households.
        kinds: what they buy, in turn.
        shopping: how they do it.
    """
    chance = np.random.default_rng(seed)
    kind = np.arange(slots) % len(kinds)
    bought, amount = _calendar(kinds, kind, shopping, chance)
    rows: dict[str, list[NDArray[np.generic]]] = {name: [] for name in PurchaseHistories.__annotations__}
    for home, first in enumerate(range(0, slots, _SLOTS_PER_HOUSEHOLD)):
        members = range(first, min(first + _SLOTS_PER_HOUSEHOLD, slots))
        counts = np.concatenate([[0], np.cumsum(bought[first : members.stop].any(axis=0))])
        anyone = np.flatnonzero(np.diff(counts))
        for s in members:
            days = np.flatnonzero(bought[s])
            at, known = _moments(days)
            if len(at) == 0:
                continue
            rows["ages"].append(_back(at[:, None] - days, known))
            rows["amounts"].append(_back(np.broadcast_to(amount[s, days], (len(at), len(days))), known))
            recent = np.array([at[k] - anyone[counts[at[k] + 1] - 1] for k in range(len(at))])
            month, quarter = (counts[at + 1] - counts[np.maximum(at + 1 - span, 0)] for span in (28, 84))
            rows["around"].append(np.column_stack([recent, month, quarter]).astype(np.float32))
            rows["days"].append(_to_next(at, known, days))
            rows["weekday"].append(at % 7)
            rows["watched_days"].append(at.astype(np.float32))
            rows["category"].append(np.full(len(at), kinds[kind[s]].name))
            rows["household"].append(np.full(len(at), f"home-{home}"))
            rows["slot"].append(np.full(len(at), f"slot-{s}"))
    return PurchaseHistories(**{name: np.concatenate(parts) for name, parts in rows.items()})


def _calendar(
    kinds: tuple[Kind, ...], kind: Integers, shopping: Shopping, chance: np.random.Generator
) -> tuple[NDArray[np.bool_], Floats]:
    """Shape (slots, days): whether a purchase was recorded on a day, and how much."""
    n, days = len(kind), _WATCHED_DAYS + HORIZON_DAYS
    homes = -(-n // _SLOTS_PER_HOUSEHOLD)
    household = np.repeat(0.3 * chance.standard_normal(homes), _SLOTS_PER_HOUSEHOLD)[:n]
    own = np.sqrt(max(shopping.household**2 - 0.3**2, 0)) * chance.standard_normal(n)
    usual = np.array([k.purchase_days for k in kinds])[kind] * np.exp(household + own)
    spread = shopping.interval * np.exp(shopping.interval_spread * chance.standard_normal(n))
    elsewhere = chance.beta(1.5, 1.5 / shopping.elsewhere - 1.5, n)
    paused = spells(n, days, shopping.pause_every_days, shopping.pause_days, chance)
    bought = np.zeros((n, days), bool)
    amount = np.zeros((n, days), np.float32)
    now = -_BEFORE_DAYS * chance.random(n) - _BEFORE_DAYS / 2
    every = np.arange(n)
    much = np.ones(n)
    for _ in range(_MOST_PURCHASES):
        longer = much**shopping.amount_lasts
        scatter = np.exp(spread * chance.standard_normal(n) - spread**2 / 4)
        now = now + np.maximum(usual * longer * scatter * (1 - elsewhere), 1)
        much = np.exp(shopping.amount * chance.standard_normal(n))
        recorded = chance.random(n) >= elsewhere
        day = np.clip(np.floor(now), 0, days - 1).astype(np.int64)
        inside = recorded & (now >= 0) & (now < days)
        inside &= ~paused[every, day]
        bought[every[inside], day[inside]] = True
        amount[every[inside], day[inside]] = much[inside]
        if now.min() >= days:
            break
    return bought, amount


def _moments(days: Integers) -> tuple[Integers, Integers]:
    """When a slot is looked at, and how many purchases are known then."""
    regular = np.arange(_FIRST_ROW_DAY, _WATCHED_DAYS - HORIZON_DAYS, _DAYS_BETWEEN_ROWS)
    known = np.searchsorted(days, regular, side="right")
    last = days[np.maximum(known - 1, 0)] if len(days) else regular
    regular = regular[(known > 0) & (regular - last <= HORIZON_DAYS)]
    at = np.sort(np.concatenate([regular, days[days < _WATCHED_DAYS]]))
    return at, np.searchsorted(days, at, side="right")


def _back(values: NDArray[np.generic], known: Integers) -> Floats:
    """Each row's known values, newest first, in 24 places."""
    place = known[:, None] - 1 - np.arange(PURCHASES)
    taken = np.take_along_axis(values, np.maximum(place, 0), axis=1)
    return np.where(place >= 0, taken, np.nan).astype(np.float32)


def _to_next(at: Integers, known: Integers, days: Integers) -> Floats:
    coming = np.append(days, _WATCHED_DAYS + HORIZON_DAYS * 2)[known]
    return np.minimum(coming - at, HORIZON_DAYS).astype(np.float32)
