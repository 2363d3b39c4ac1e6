"""The spare-stock ledger: counted up by deliveries, down by refills, set by people."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.inventory import Refill, stock_position
from replenish_server.inventory.ledger import (
    Corrected,
    Delivered,
    OpenedElsewhere,
    StockEvent,
    read_ledger,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
PACK = 2000


def day(n: float) -> datetime:
    """The n-th day."""
    return START + timedelta(days=n)


DAYS = st.integers(0, 30).map(day)
EVENTS = st.lists(
    st.one_of(
        st.builds(Delivered, DAYS, st.integers(1, 3), st.one_of(st.none(), DAYS)),
        st.builds(Refill, DAYS, st.integers(100, 3 * PACK), st.booleans()),
        st.builds(
            Corrected,
            DAYS,
            st.one_of(st.none(), st.integers(0, 4)),
            st.one_of(st.none(), st.integers(0, PACK)),
        ),
    ),
    max_size=15,
)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(0, 3), st.randoms(use_true_random=False))
def test_the_order_in_which_events_become_known_does_not_matter(
    events: list[StockEvent], spare: int, chance: random.Random
) -> None:
    """Late refills, late deliveries and late corrections give the same ledger."""
    shuffled = list(events)
    chance.shuffle(shuffled)
    assert read_ledger(events, PACK, spare) == read_ledger(shuffled, PACK, spare)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(0, 3))
def test_no_pack_is_lost_and_none_is_opened_twice(events: list[StockEvent], spare: int) -> None:
    """Without a person's word: what was there and came is spare or was opened."""
    events = [event for event in events if not isinstance(event, Corrected)]
    ledger = read_ledger(events, PACK, spare)
    came = spare + sum(event.packs for event in events if isinstance(event, Delivered))
    assert came == ledger.spare_packs + sum(sourced.spare_packs for sourced in ledger.refills)
    assert ledger.spare_packs >= 0
    assert 0 <= ledger.opened
    assert len(ledger.refills) == sum(isinstance(event, Refill) for event in events)


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.integers(0, 5))
def test_what_a_person_counted_last_is_what_is_there(events: list[StockEvent], count: int) -> None:
    """Whatever was computed before."""
    ledger = read_ledger([*events, Corrected(day(31), spare_packs=count)], PACK)
    assert (ledger.spare_packs, ledger.opened) == (count, 0)


@pytest.mark.parametrize(
    ("amount", "packs"), [(200, 1), (1900, 1), (2000, 1), (2150, 1), (2300, 2), (4100, 2), (4300, 3)]
)
def test_a_refill_opens_as_many_packs_as_it_takes(amount: int, packs: int) -> None:
    """To a tenth of a pack: sensors are not exact."""
    ledger = read_ledger([Delivered(day(0), 5), Refill(day(1), amount)], PACK)
    assert ledger.spare_packs == 5 - packs
    assert ledger.opened_elsewhere == ()
    assert ledger.refills[0].explained


def test_what_no_spare_pack_explains_was_bought_elsewhere() -> None:
    """One of the two packs was ours."""
    ledger = read_ledger([Delivered(day(0), 1), Refill(day(1), 4000), Refill(day(5), 2000)], PACK)
    assert ledger.spare_packs == 0
    assert ledger.opened_elsewhere == (OpenedElsewhere(day(1), 1), OpenedElsewhere(day(5), 1))
    assert [sourced.explained for sourced in ledger.refills] == [False, False]


def test_a_pack_that_is_opened_before_the_shop_reports_it_is_ours() -> None:
    """Shops report late; what left them before the refill explains it."""
    events = [Delivered(day(3), 2, shipped_at=day(0)), Refill(day(2), 2000)]
    ledger = read_ledger(events, PACK)
    assert (ledger.spare_packs, ledger.opened_elsewhere) == (1, ())
    later = [Delivered(day(3), 2, shipped_at=day(2.5)), Refill(day(2), 2000)]
    assert read_ledger(later, PACK).spare_packs == 2


def test_the_rest_of_an_opened_pack_explains_a_later_partial_refill() -> None:
    """A pack that is poured in twice is one pack; a third pouring opens the next."""
    events = [Delivered(day(0), 2), Refill(day(1), 800), Refill(day(4), 1200)]
    assert read_ledger(events, PACK).spare_packs == 1
    assert read_ledger([*events, Refill(day(8), 800)], PACK).spare_packs == 0


def test_a_pack_larger_than_the_container_lasts_for_several_refills() -> None:
    """Five litres into a container of two; the rest of one is stock where that is certain."""
    events = [Delivered(day(0), 1), Refill(day(1), 2000), Refill(day(9), 2000)]
    ledger = read_ledger(events, 5000)
    assert (ledger.spare_packs, ledger.opened, ledger.opened_elsewhere) == (0, 1000, ())
    assert stock_position(1500, 5000, ledger.spare_packs, 0, ledger.opened).total == 2500


def test_a_swapped_container_leaves_no_rest() -> None:
    """The old cartridge is thrown away with what is in it."""
    events = [Delivered(day(0), 2), Refill(day(1), 1200, swapped=True), Refill(day(9), 700, swapped=True)]
    ledger = read_ledger(events, PACK)
    assert (ledger.spare_packs, ledger.opened) == (0, 0)


def test_a_persons_level_holds_until_a_newer_reading() -> None:
    """Corrections are events; so are readings."""
    ledger = read_ledger([Corrected(day(2), level=900), Corrected(day(1), level=500)], PACK)
    assert ledger.loaded(300, day(1)) == (900, day(2))
    assert ledger.loaded(300, day(3)) == (300, day(3))
    assert ledger.loaded(None, None) == (900, day(2))
    assert read_ledger([], PACK).loaded(300, day(1)) == (300, day(1))
