"""The stock position: loaded, spare and on order, put together."""

from replenish_server.inventory import StockPosition, stock_position


def test_packs_become_base_units() -> None:
    """Two spare packs and one on order, of 2 kg each."""
    assert StockPosition(300, 4000, 2000) == stock_position(300, 2000, spare_packs=2, packs_on_order=1)


def test_on_hand_leaves_out_what_is_on_order() -> None:
    """An order is credited to the position, and to the hand only on delivery."""
    position = stock_position(300, 2000, 1, 1)
    assert (position.on_hand, position.total) == (2300, 4300)


def test_unknown_stays_unknown() -> None:
    """No number of spare packs makes an unknown level known."""
    position = stock_position(None, 2000, 3, 3)
    assert (position.on_hand, position.total) == (None, None)
