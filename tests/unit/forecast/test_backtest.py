"""The models behind the face of a back-test."""

from types import SimpleNamespace

import numpy as np
import pytest

from replenish_server.forecast.backtest import Forecaster, _levels, _purchase_outcomes, _purchases
from tests.support.forecast_fleets import level_model, level_outcomes, purchase_model, purchase_outcomes


def levels() -> SimpleNamespace:
    """A level batch as a harness hands it over, with numbers for categories."""
    past = level_outcomes()
    known = {"lev": past.batch.levels, "cap": past.batch.size, "dow": past.batch.weekday}
    category = np.unique(past.batch.category, return_inverse=True)[1]
    return SimpleNamespace(**known, cat=category, y=past.days, hh=past.household, sid=past.slot)


def purchases() -> SimpleNamespace:
    """A purchase batch as a harness hands it over, with every purchase and how long it was followed."""
    past = purchase_outcomes()
    around = {name: past.batch.household[:, k] for k, name in enumerate(("ctx_any_age", "ctx28", "ctx84"))}
    rows = SimpleNamespace(
        ev_age=past.batch.ages,
        ev_qty=past.batch.amounts,
        cat=past.batch.category,
        dow=past.batch.weekday,
        first_age=past.batch.watched_days,
        **around,
        y=past.days,
        hh=past.household,
        sid=past.slot,
    )
    after = SimpleNamespace(
        **vars(rows), y0=past.days * 3, cens=np.where(np.arange(len(past.days)) % 2, 90, 30)
    )
    rows.pur = after
    return rows


def test_it_refuses_to_answer_before_it_learnt_or_for_the_other_kind() -> None:
    """An error that says what to do."""
    forecaster = Forecaster()
    with pytest.raises(ValueError, match="fit first"):
        forecaster.predict(levels())
    forecaster._model = purchase_model()
    assert forecaster.predict(purchases()).shape == (len(purchases().y), 23)
    with pytest.raises(ValueError, match="same kind"):
        forecaster.predict(levels())


def test_fields_arrive_where_they_belong() -> None:
    """Levels and purchases as the models want them."""
    told = _levels(levels())
    assert told.category.dtype.kind == "U"
    assert np.array_equal(told.size, level_outcomes().batch.size)
    past = _purchases(purchases())
    assert np.array_equal(past.household, purchase_outcomes().batch.household)
    forecaster = Forecaster()
    forecaster._model = level_model()
    assert forecaster.predict(levels()).shape == (len(levels().y), 23)


def test_only_purchases_that_were_followed_to_the_horizon_teach() -> None:
    """The others would teach that nobody buys."""
    told = purchases()
    past = _purchase_outcomes(told)
    followed = int((told.pur.cens >= 84).sum())
    assert len(past.days) == len(told.y) + followed
    assert past.days.max() <= 84
