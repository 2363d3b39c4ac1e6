"""Slots in every situation, for the policy's tests."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp
from statistics import NormalDist
from typing import Any

import pytest

from replenish_server.forecast.quantiles import QUANTILES
from replenish_server.forecast.run_out import RunOut
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.inventory import stock_position
from replenish_server.replenishment.lead_time import LeadTime, learn_lead_time
from replenish_server.replenishment.outlook import SlotFacts

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CAPACITY = 2_000_000

FactsOf = Callable[..., SlotFacts]


def lasting(amount: float, rate: float = 60_000.0, spread: float = 0.3, days_known: int = 20) -> RunOut:
    """A forecast whose median is `amount / rate` days, a log-normal of this spread around it."""
    z = [NormalDist().inv_cdf(float(level)) for level in QUANTILES]
    return RunOut(tuple(amount / rate * exp(spread * v) for v in z), amount, rate, days_known, 1.0, 0)


def parcel(days: float) -> LeadTime:
    """A shop whose parcels always take so long."""
    return LeadTime((days,), (1.0,), 3)


def low_slot(level: int | None = 300_000, spare: int = 0, coming: int = 0, **more: Any) -> SlotFacts:
    """A slot that is low, with all the evidence that an order needs."""
    facts = SlotFacts(
        unit="mg",
        capacity=CAPACITY,
        threshold=400_000,
        pack_amount=1_000_000,
        position=stock_position(level, 1_000_000, spare, coming),
        level_as_of=NOW - timedelta(hours=1),
        trailing=[(NOW - timedelta(hours=h), level or 0) for h in (3, 2, 1)],
        run_out=None if level is None else lasting(max(level, 8_000)),
        lead_time=learn_lead_time([2.0, 2.0, 2.0]),
        mandate=Mandate(Mode.AUTO, 3000, "EUR"),
        open_order=None,
    )
    return replace(facts, **more)


@pytest.fixture
def now() -> datetime:
    """The moment of every decision."""
    return NOW


@pytest.fixture
def slot() -> FactsOf:
    """Builds a low slot; keyword arguments change it."""
    return low_slot
