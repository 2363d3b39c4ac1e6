"""PURE: what each order of a parcel costs; the shares add up to the total exactly."""

from collections.abc import Sequence


def split_total(total_minor: int, packs: Sequence[int], prices_minor: Sequence[int]) -> list[int]:
    """Each order's share of a total: shipping, tax and discounts follow the price of the goods.

    The largest remainders get the last minor units, earlier orders first where they are equal.

    Args:
        total_minor: what is charged in all, in minor units.
        packs: of each order, at least 1; they decide where no price is known.
        prices_minor: of each order's goods; all zero where the retailer prices no line.
    """
    weights = [max(0, price) for price in prices_minor]
    if sum(weights) == 0:
        weights = list(packs)
    whole = sum(weights)
    shares = [total_minor * weight // whole for weight in weights]
    remainders = [total_minor * weight % whole for weight in weights]
    last = sorted(range(len(weights)), key=lambda n: (-remainders[n], n))
    for n in last[: total_minor - sum(shares)]:
        shares[n] += 1
    return shares
