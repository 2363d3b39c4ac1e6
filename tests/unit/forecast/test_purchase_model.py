"""The model of purchases, fitted small on simulated slots: laws of every answer, whatever goes in."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.forecast.purchase_model import PURCHASES, PurchaseBatch, PurchaseModel, fit_purchases
from replenish_server.forecast.quantiles import MEDIAN
from tests.support.forecast_fleets import QUICK, purchase_model, purchase_outcomes


def batch(rows: int = 60) -> PurchaseBatch:
    """Simulated slots in which the model was not fitted."""
    return purchase_outcomes(slots=15, seed=9).batch.rows(slice(0, rows))


def one_slot(ages: list[float], category: str = "coffee") -> PurchaseBatch:
    """One slot with purchases these days ago."""
    padded = np.full((1, PURCHASES), np.nan, np.float32)
    padded[0, : len(ages)] = ages[:PURCHASES]
    watched = np.array([max(ages, default=0) + 1], np.float32)
    amounts = np.where(np.isfinite(padded), 1, np.nan).astype(np.float32)
    household = np.array([[min(ages, default=365), 3, 9]], np.float32)
    return PurchaseBatch(padded, amounts, np.array([category]), np.zeros(1, np.int64), watched, household)


def test_quantiles_are_positive_and_never_cross() -> None:
    """On slots like those that were learnt."""
    days = purchase_model().forecast(batch())
    assert np.all(days > 0)
    assert np.all(np.diff(days, axis=1) >= 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 200, width=32), min_size=1, max_size=30), st.sampled_from(["coffee", "never seen"])
)
def test_any_past_has_an_answer(gaps: list[float], category: str) -> None:
    """One purchase or thirty, on one day or years apart; without a warning."""
    told = one_slot([float(age) for age in np.cumsum(gaps)], category)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        days = purchase_model().forecast(told)
    assert np.all(np.isfinite(days))
    assert np.all(days > 0)
    assert np.all(np.diff(days, axis=1) >= 0)


def test_a_batch_equals_its_rows_one_by_one() -> None:
    """No slot's forecast depends on its neighbours."""
    told = batch(12)
    together = purchase_model().forecast(told)
    for row in range(len(told)):
        alone = purchase_model().forecast(told.rows(slice(row, row + 1)))
        assert alone[0] == pytest.approx(together[row], rel=1e-4)


def test_a_model_comes_back_from_json() -> None:
    """Plain values hold all of it."""
    model = purchase_model()
    again = PurchaseModel.from_plain(json.loads(json.dumps(model.to_plain())))
    assert again.forecast(batch()) == pytest.approx(model.forecast(batch()), rel=2e-3)
    twice = PurchaseModel.from_plain(again.to_plain())
    assert np.array_equal(twice.forecast(batch()), again.forecast(batch()))


def test_one_seed_one_model() -> None:
    """Fitting has no other chance in it."""
    assert fit_purchases(purchase_outcomes(), QUICK, seed=3).to_plain() == purchase_model().to_plain()


def test_the_unit_of_an_amount_cancels_at_the_edge() -> None:
    """Amounts are relative to what is usual, and an unknown amount is a usual one."""
    told = batch()
    unknown = replace(told, amounts=np.full_like(told.amounts, np.nan))
    usual = replace(told, amounts=np.ones_like(told.amounts))
    assert np.array_equal(purchase_model().forecast(unknown), purchase_model().forecast(usual))


def test_who_buys_weekly_is_expected_sooner_than_who_buys_every_two_months() -> None:
    """By the median, right after a purchase."""
    weekly = purchase_model().forecast(one_slot([7.0 * k for k in range(12)]))[0, MEDIAN]
    rarely = purchase_model().forecast(one_slot([60.0 * k for k in range(6)]))[0, MEDIAN]
    assert weekly < rarely
