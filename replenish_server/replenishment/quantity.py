"""PURE: how much to order: up to a level, in whole packs, within what can be stored and used in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

MAX_PACKS = 10  # a nonsensical pack size must not turn into a lorry


@dataclass(frozen=True)
class Offer:
    """A pack that the slot accepts.

    Args:
        item_id: the retailer's id.
        pack_amount: base units in one pack, positive.
        price_minor: last known price of one pack, in minor units; None when never seen.
    """

    item_id: str
    pack_amount: int
    price_minor: int | None = None


@dataclass(frozen=True)
class Quantity:
    """What to order.

    Args:
        offer: which pack.
        packs: how many; at least 1.
        limited_by: "storage" or "shelf_life" where fewer packs than wanted are ordered, else None.
    """

    offer: Offer
    packs: int
    limited_by: str | None


def choose_quantity(
    missing: int,
    offers: Sequence[Offer],
    storage_left: int | None = None,
    shelf_life_days: float | None = None,
    rate_per_day: float | None = None,
) -> Quantity:
    """The packs that fill up what is missing.

    The first offer is the preferred one; another of the list is taken only when the prices of both are known
    and it costs less per base unit for the packs that it takes.

    Args:
        missing: base units up to the order-up-to level.
        offers: acceptable packs in order of preference, at least one.
        storage_left: base units that still find room; None for no limit.
        shelf_life_days: how long a pack keeps; None for no limit.
        rate_per_day: use, base units per day; needed for the shelf life.
    """
    choices = [_packs(missing, offer, storage_left, shelf_life_days, rate_per_day) for offer in offers]
    best = choices[0]
    for other in choices[1:]:
        here, there = best.offer.price_minor, other.offer.price_minor
        if here is None or there is None:
            continue
        if there * best.offer.pack_amount < here * other.offer.pack_amount:
            best = other
    return best


def _packs(
    missing: int,
    offer: Offer,
    storage_left: int | None,
    shelf_life_days: float | None,
    rate_per_day: float | None,
) -> Quantity:
    wanted = min(MAX_PACKS, max(1, ceil(missing / offer.pack_amount)))
    packs, limited_by = wanted, None
    if storage_left is not None and storage_left // offer.pack_amount < packs:
        packs, limited_by = storage_left // offer.pack_amount, "storage"
    if shelf_life_days is not None and rate_per_day:
        in_time = floor(shelf_life_days * rate_per_day / offer.pack_amount)
        if in_time < packs:
            packs, limited_by = in_time, "shelf_life"
    packs = max(1, packs)  # one pack is wanted whatever the limits: a person set both, and the slot is low
    return Quantity(offer, packs, limited_by if packs < wanted else None)
