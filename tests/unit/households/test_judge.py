"""Each rule of a mandate on its own, and what a person's decision stands over."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.households.calendar import QuietHours
from replenish_server.households.judge import (
    Paid,
    Quoted,
    Spending,
    Wish,
    held_until,
    judge_month,
    judge_offer,
    judge_wish,
    refusal,
    same_size_class,
)
from replenish_server.households.mandate import Mandate, Mode, Rules, Substitution, in_force
from tests.unit.households.mandates import NOW, PRODUCTS, mandates, offers, wishes

FREE = Mandate(Mode.AUTO, 3000, "EUR", products=PRODUCTS, time_zone="Europe/Berlin")
WISH = Wish("shop-1", "Corner shop")
OFFER = Quoted("shop-1", "Corner shop", "det-1kg", 2, 1_000_000, 2980, "EUR", (("det-1kg", 2, 2400),))


def judged(mandate: Mandate = FREE, **changes: object) -> str | None:
    """The rule that refuses an offer, if one does."""
    no = refusal(judge_offer(mandate, replace(OFFER, **changes), NOW))  # type: ignore[arg-type]
    return None if no is None else no.rule


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, None),
        ({"paused_until": date(2026, 5, 5)}, "pause"),
        ({"paused_until": date(2026, 5, 4)}, None),
        ({"quiet": QuietHours(14 * 60, 14 * 60 + 1)}, "quiet_hours"),
        ({"quiet": QuietHours(14 * 60 + 1, 14 * 60)}, None),
        ({"retailers": ("shop-2",)}, "retailer"),
        ({"retailers": ("shop-1", "shop-2")}, None),
        ({"mode": Mode.ASK}, "mode"),
        ({"mode": Mode.SHADOW}, "mode"),
        ({"mode": Mode.NOTIFY}, "mode"),
        ({"price_cap_minor": None}, "price_cap"),
        ({"valid_until": date(2026, 5, 3)}, "expiry"),
        ({"valid_until": date(2026, 5, 4)}, None),
    ],
)
def test_each_rule_alone_stops_a_wish_and_an_offer(change: dict[str, object], rule: str | None) -> None:
    """It is the one that is named; the last allowed moment is allowed. In Berlin it is 14:00 on 4 May."""
    mandate = replace(FREE, **change)  # type: ignore[arg-type]
    no = refusal(judge_wish(mandate, WISH, NOW))
    assert rule == (None if no is None else no.rule)
    assert rule == judged(mandate)


@pytest.mark.parametrize(
    ("last", "packs", "goods", "percent", "rule"),
    [
        (Paid(1200, 1_000_000, "EUR"), 2, 2640, 10, None),
        (Paid(1200, 1_000_000, "EUR"), 2, 2641, 10, "over_last_paid"),
        (Paid(1200, 1_000_000, "EUR"), 2, 2400, 0, None),
        (Paid(1200, 1_000_000, "EUR"), 2, 2401, 0, "over_last_paid"),
        (Paid(1200, 1_000_000, "EUR"), 2, 9999, None, None),
        (Paid(1200, 3_000_000, "EUR"), 2, 880, 10, None),
        (Paid(1200, 3_000_000, "EUR"), 2, 881, 10, "over_last_paid"),
        (Paid(1200, 1_000_000, "KRW"), 2, 9999, 10, None),
        (None, 2, 9999, 10, None),
    ],
)
def test_the_unit_price_may_rise_by_so_many_percent(
    last: Paid | None, packs: int, goods: int, percent: int | None, rule: str | None
) -> None:
    """To the minor unit, across pack counts; what cannot be compared is not refused."""
    mandate = replace(FREE, over_last_paid_percent=percent, price_cap_minor=100_000)
    assert rule == judged(mandate, last_paid=last, packs=packs, lines=(("det-1kg", packs, goods),))


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ((), None),
        ((("det-1kg", 2, 2400),), None),
        ((("det-1kg", 3, 2400),), "product"),
        ((("det-2kg", 2, 2400),), "product"),
        ((("filter", 1, 100), ("det-1kg", 2, 2400)), None),
    ],
)
def test_what_is_quoted_must_be_what_was_asked_for(
    lines: tuple[tuple[str, int, int], ...], rule: str | None
) -> None:
    """Neither another product nor another number of packs, not even with an approval."""
    assert rule == judged(lines=lines)
    assert rule == judged(lines=lines, approved_minor=2980)


def test_another_size_class_is_never_bought_silently() -> None:
    """More than twice or less than half as much needs a person."""
    assert "size_class" == judged(pack_amount=9_000_000)
    assert judged(pack_amount=9_000_000, approved_minor=2980) is None
    assert judged(pack_amount=1_900_000) is None
    assert [True, True, False, False] == [same_size_class(1000, n) for n in (500, 2000, 499, 2001)]


def test_an_approval_stands_over_the_rules_that_ask_and_over_no_other() -> None:
    """Pause, quiet hours, mode, expiry and a price rise exist to ask; the ceiling is what was agreed to."""
    strict = replace(
        FREE,
        mode=Mode.ASK,
        price_cap_minor=None,
        over_last_paid_percent=0,
        paused_until=date(2027, 1, 1),
        quiet=QuietHours(0, 1439),
        valid_until=date(2020, 1, 1),
    )
    last = Paid(1, 1_000_000, "EUR")
    assert judged(strict, approved_minor=2980, last_paid=last) is None
    assert "price_cap" == judged(strict, approved_minor=2979, last_paid=last)
    assert "retailer" == judged(replace(strict, retailers=()), approved_minor=2980, last_paid=last)


def test_a_press_stands_over_the_clock_and_over_nothing_else() -> None:
    """A person is there, so the hour does not matter; the rest of the mandate does."""
    late = replace(FREE, paused_until=date(2027, 1, 1), quiet=QuietHours(0, 1439))
    assert judged(late, pressed=True) is None
    assert "mode" == judged(replace(late, mode=Mode.ASK), pressed=True)


@given(mandates(), offers())
def test_no_offer_passes_over_its_cap(mandate: Mandate, offer: Quoted) -> None:
    """Whatever else is waived."""
    if refusal(judge_offer(mandate, offer, NOW)) is None:
        cap = offer.approved_minor if offer.approved_minor is not None else mandate.price_cap_minor
        assert cap is not None
        assert 0 <= offer.total_minor <= cap
        assert offer.currency == mandate.currency
        assert offer.approved_minor is not None or mandate.mode is Mode.AUTO


@given(mandates(), wishes())
def test_what_is_held_by_the_clock_is_held_until_it_lets_go(mandate: Mandate, wish: Wish) -> None:
    """And at that moment neither pause nor quiet hours refuse."""
    until = held_until(mandate, NOW)
    late = {v.rule for v in judge_wish(mandate, wish, NOW) if not v.ok} & {"pause", "quiet_hours"}
    assert (until is None) == (not late)
    if until is not None:
        then = judge_wish(mandate, wish, until)
        assert not {v.rule for v in then if not v.ok} & {"pause", "quiet_hours"}


def test_a_pause_that_ends_in_quiet_hours_ends_with_them() -> None:
    mandate = replace(FREE, paused_until=date(2026, 5, 9), quiet=QuietHours(22 * 60, 7 * 60))
    assert datetime(2026, 5, 9, 5, tzinfo=UTC) == held_until(mandate, NOW)


@pytest.mark.parametrize(
    ("left", "amount", "ok"), [(1000, 1000, True), (1000, 1001, False), (1, None, True), (0, None, False)]
)
def test_a_month_holds_what_is_left_of_it(left: int, amount: int | None, ok: bool) -> None:
    """Before the price is known something must be left at least."""
    home = Spending("2026-05", "EUR", 5000, 3000, 2000 - left)
    assert ok == judge_month((home,), amount, "EUR").ok


def test_of_two_budgets_the_tighter_one_is_named() -> None:
    """The slot's own stops what the home could pay, and the reverse."""
    home, slot = Spending("2026-05", "EUR", 5000, 0, 0), Spending("2026-05", "EUR", 900, 0, 0, "slot")
    tight = judge_month((home, slot), 901, "EUR")
    assert (False, "slot") == (tight.ok, tight.numbers["scope"])
    assert "slot" == judge_month((home, slot), 900, "EUR").numbers["scope"]
    spent = replace(home, settled_minor=5000)
    assert "home" == judge_month((spent, slot), 1, "EUR").numbers["scope"]


RULES = st.builds(
    Rules,
    mode=st.none() | st.sampled_from(Mode),
    price_cap_minor=st.none() | st.integers(0, 9),
    budget_minor=st.none() | st.integers(0, 9),
    substitution=st.none() | st.sampled_from(Substitution),
    retailers=st.none() | st.just(("shop-1",)),
    paused_until=st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 9)),
    valid_until=st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 9)),
)


@given(RULES, RULES)
def test_a_slots_word_stands_over_the_homes(home: Rules, slot: Rules) -> None:
    """What neither says asks; of pauses the later, of expiries the earlier, and both budgets count."""
    mandate = in_force(home, slot, "EUR", "EUR", "UTC")
    assert mandate.mode is (slot.mode or home.mode or Mode.ASK)
    assert mandate.price_cap_minor == (
        home.price_cap_minor if slot.price_cap_minor is None else slot.price_cap_minor
    )
    assert (mandate.budget_minor, mandate.slot_budget_minor) == (home.budget_minor, slot.budget_minor)
    pauses = [d for d in (home.paused_until, slot.paused_until) if d]
    assert mandate.paused_until == (max(pauses) if pauses else None)
    ends = [d for d in (home.valid_until, slot.valid_until) if d]
    assert mandate.valid_until == (min(ends) if ends else None)


@given(mandates(), mandates())
def test_a_digest_names_one_mandate(one: Mandate, other: Mandate) -> None:
    assert (one == other) == (one.digest() == other.digest())
    assert one.digest() == replace(one).digest()


def test_a_pause_of_a_day_is_a_day_of_the_household() -> None:
    """In Seoul the fifth begins at 15:00 UTC on the fourth."""
    seoul = replace(FREE, paused_until=date(2026, 5, 5), time_zone="Asia/Seoul")
    starts = datetime(2026, 5, 4, 15, tzinfo=UTC)
    assert starts == held_until(seoul, NOW)
    assert held_until(seoul, starts) is None
    assert held_until(seoul, starts - timedelta(milliseconds=1)) is not None
