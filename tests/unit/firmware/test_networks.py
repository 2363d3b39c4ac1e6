"""The network on trial, as it lies on flash: a crash in the middle of a try is a try."""

from firmware.app.networks import Networks
from tests.unit.firmware.fake_board import Flash

WISH = {"ssid": "new", "key": "12345678"}


def test_a_try_counts_though_the_board_dies_in_it() -> None:
    files = Flash()
    assert Networks(files).want(WISH)
    tries = 0
    while (networks := Networks(files)).on_trial() and networks.attempt():
        assert networks.in_force() == WISH
        tries += 1
        assert tries < 9, "it never ends"
    assert tries == 2
    assert Networks(files).in_force() == {}
    assert Networks(files).report() == {"state": "reverted", "why": "no answer in two tries"}
