"""The chance of running out before a parcel, the stock at which it is just accepted, and what that costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.replenishment.lead_time import LeadTime, learn_lead_time
from replenish_server.replenishment.risk import (
    reorder_scale,
    risk_before_parcel,
    timing_outcome,
)
from replenish_server.replenishment.timing import ACCEPTED_RISK, Timing
from tests.unit.replenishment.conftest import lasting, parcel

spreads = st.floats(0.05, 1.2)
medians = st.floats(0.5, 200.0)
leads = st.one_of(
    st.floats(0.0, 20.0).map(parcel),
    st.lists(st.floats(0.1, 20.0), max_size=12).map(learn_lead_time),
)


@settings(max_examples=150, deadline=None)
@given(spreads, medians, leads, st.sampled_from(list(ACCEPTED_RISK.values())))
def test_at_the_reorder_stock_the_risk_is_what_is_accepted(
    spread: float, median: float, lead: LeadTime, accepted: float
) -> None:
    """A little less stock risks more, a little more risks less."""
    days = lasting(median, rate=1.0, spread=spread).days
    scale = reorder_scale(days, lead, accepted)
    assert risk_before_parcel(days, lead, scale * 0.999) >= accepted
    assert risk_before_parcel(days, lead, scale * 1.001) <= accepted + 1e-3


def test_nothing_left_is_certain_to_be_out() -> None:
    """Whatever the forecast says of a stock that is not there."""
    assert 1.0 == risk_before_parcel(lasting(10, rate=1.0).days, parcel(1), 0.0)


@settings(max_examples=100, deadline=None)
@given(spreads, medians, leads)
def test_earlier_costs_cover_and_later_costs_empty_days(spread: float, median: float, lead: LeadTime) -> None:
    """Along the timings, both change in the direction that the words promise."""
    days = lasting(median, rate=1.0, spread=spread).days
    means = [timing_outcome(days, lead, ACCEPTED_RISK[timing], 30.0) for timing in Timing]
    cover = [m.cover_days for m in means]
    years = [m.out_once_in_years for m in means]
    shares = [m.order_at_share for m in means]
    for values in (cover, years, shares):
        assert sorted(values, reverse=True) == values


def test_a_known_parcel_and_a_known_use_need_no_safety() -> None:
    """With no doubt at all the order leaves so that the parcel comes as the stock ends, one look before."""
    days = np.full(23, 10.0)
    scale = reorder_scale(days, parcel(3.0), 0.048)
    assert scale == pytest.approx(0.4, abs=0.01)  # four of ten days: three for the parcel, one for the look


def test_before_the_first_delivery_a_usual_parcel_is_expected() -> None:
    """Three days on average, with a long tail; the shop's own deliveries soon outweigh it, late ones too."""
    usual = learn_lead_time([])
    assert usual.mean_days == pytest.approx(3.1, abs=0.05)
    assert sum(usual.chance) == pytest.approx(1.0)
    quick = learn_lead_time([1.0] * 20)
    assert quick.mean_days < 1.6
    assert quick.deliveries == 20
    once_late = learn_lead_time([1.0] * 10 + [14.0])
    assert max(once_late.days) == 14.0
    assert list(once_late.days) == sorted(once_late.days)


@given(st.lists(st.floats(-1.0, 60.0), max_size=40))
def test_a_lead_time_is_a_distribution(seen: list[float]) -> None:
    """Whatever was seen: chances add up to one, no day is negative."""
    lead = learn_lead_time(seen)
    assert sum(lead.chance) == pytest.approx(1.0)
    assert min(lead.days) >= 0
    assert min(lead.chance) > 0
