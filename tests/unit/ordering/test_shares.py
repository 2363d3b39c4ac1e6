"""Shares of a parcel's total: exact, fair, and the same every time."""

from hypothesis import given
from hypothesis import strategies as st

from replenish_server.ordering.shares import split_total

ORDERS = st.lists(st.tuples(st.integers(1, 99), st.integers(0, 10**7)), min_size=1, max_size=12)


@given(st.integers(0, 10**9), ORDERS)
def test_shares_add_up_and_are_within_a_minor_unit_of_fair(
    total_minor: int, orders: list[tuple[int, int]]
) -> None:
    """Nothing is lost in rounding, and nobody pays more than one unit too much."""
    packs, prices = [packs for packs, _ in orders], [price for _, price in orders]
    shares = split_total(total_minor, packs, prices)
    assert total_minor == sum(shares)
    weights = prices if sum(prices) else packs
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - total_minor * weight) < sum(weights)
    assert shares == split_total(total_minor, packs, prices)


def test_a_single_order_pays_all_of_it() -> None:
    """Whatever its price."""
    assert [2490] == split_total(2490, [2], [0])
    assert [34, 33, 33] == split_total(100, [1, 1, 1], [5, 5, 5])
