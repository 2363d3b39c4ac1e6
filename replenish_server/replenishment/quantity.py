"""PURE: how much to order: up to a level, in whole packs, within what can be stored and used in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor

from replenish_server.households.judge import same_size_class
from replenish_server.households.mandate import Mandate, Substitution

MAX_PACKS = 10  # a nonsensical pack size must not turn into a lorry


@dataclass(frozen=True)
class Offer:
    """A pack that the slot accepts.

    Args:
        item_id: the retailer's id.
        pack_amount: base units in one pack, positive.
        price_minor: last known price of one pack, in minor units; None when never seen.
        place: its place in the mandate's list of products, from 0.
        seen_at: when that price was seen, or None.
    """

    item_id: str
    pack_amount: int
    price_minor: int | None = None
    place: int = 0
    seen_at: datetime | None = None


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


Price = tuple[int, str, datetime]
"""Of one pack: minor units, currency, and when it was seen."""


def acceptable_offers(mandate: Mandate, prices: Mapping[tuple[str, str], Price]) -> tuple[Offer, ...]:
    """The products that may be bought without another word, in order of preference; at least the first.

    Left out is what the substitution rule forbids, what a retailer sells that is not allowed, and what is of
    another size class than the preferred one. A price in another currency than the mandate's is none here.

    Args:
        mandate: with at least one product.
        prices: last known prices by (retailer, item).
    """
    preferred = mandate.products[0]
    listed = mandate.products[:1] if mandate.substitution is Substitution.NEVER else mandate.products
    offers = []
    for place, product in enumerate(listed):
        price = prices.get((product.retailer_id, product.item_id))
        known = price is not None and price[1] == mandate.currency
        allowed = mandate.retailers is None or product.retailer_id in mandate.retailers
        if allowed and same_size_class(product.pack_amount, preferred.pack_amount):
            offers.append(
                Offer(
                    product.item_id,
                    product.pack_amount,
                    price[0] if price is not None and known else None,
                    place,
                    price[2] if price is not None and known else None,
                )
            )
    return tuple(offers) or (Offer(preferred.item_id, preferred.pack_amount),)


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
