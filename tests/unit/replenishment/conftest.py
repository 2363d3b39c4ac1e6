"""Slots in every situation, for the policy's tests."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from replenish_server.forecast import estimate_consumption
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.inventory import stock_position
from replenish_server.replenishment.policy import LeadTime, SlotFacts

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CAPACITY = 2_000_000

FactsOf = Callable[..., SlotFacts]


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
        consumption=estimate_consumption([60_000] * 20, CAPACITY, "detergent"),
        lead_time=LeadTime(2.0, 1.0, 3),
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
