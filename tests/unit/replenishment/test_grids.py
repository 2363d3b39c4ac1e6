"""The stored grid moves on with each reading, and is what all readings together would make."""

import json
import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from replenish_server.fleet.tables import Slot
from replenish_server.inventory.grid import ENCODED_BYTES, LevelGrid
from replenish_server.replenishment.grids import current_grid, keep_grid
from replenish_server.replenishment.models import ModelStore, refit_is_due
from replenish_server.replenishment.priors import shipped_models
from replenish_server.replenishment.readings import level_samples
from replenish_server.replenishment.refit import backtest, refit
from replenish_server.replenishment.tables import ForecastFit, SlotGrid
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.retailer_house import NOW, House


def reading(seq: int, at: datetime, received: datetime, grams: int, quality: str = "ok") -> Incoming:
    """A level reading that was taken `at` and arrived when it did."""
    age_s = int((received - at).total_seconds())
    body = {"v": 1, "b": "0000000a", "s": seq, "t": "level", "n": grams, "q": quality, "a": age_s, "c": 2}
    return Incoming("rp/1/level-1/up/ev", json.dumps(body).encode(), False, received)


def moved_on(house: House, now: datetime) -> LevelGrid:
    """Let the stored grid catch up."""
    with house.database.write() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        grid, seen_at = current_grid(session, slot, now)
        keep_grid(session, slot, grid, seen_at)
    return grid


def read_whole(house: House, now: datetime) -> LevelGrid:
    """The grid that all stored readings make."""
    with house.database.read() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        return LevelGrid.of_samples(
            level_samples(session, slot, now - timedelta(days=90)), slot.capacity or 1, now
        )


@pytest.mark.parametrize("seed", range(6))
def test_in_steps_or_at_once_the_grid_is_the_same(house: House, seed: int) -> None:
    """Readings come late, twice and in any order, with clocks set back; a step looks only at what is new."""
    rng = random.Random(seed)
    now = NOW
    pending = [(seq, NOW + timedelta(hours=rng.uniform(-400, 200))) for seq in range(1, 160)]
    rng.shuffle(pending)
    while pending:
        now += timedelta(hours=rng.uniform(0, 12))
        take, pending = pending[:25], pending[25:]
        batch = [
            reading(seq, min(at, now), now, rng.randint(0, 1900), rng.choice(["ok", "ok", "ok", "settling"]))
            for seq, at in take
        ]
        with house.database.write() as session:
            store_batch(session, batch + rng.sample(batch, len(batch) // 3))
        assert read_whole(house, now) == moved_on(house, now)
        now -= timedelta(minutes=rng.choice([0, 0, 30]))
    with house.database.read() as session:
        (kept,) = session.exec(select(SlotGrid)).all()
    assert len(kept.grid) == ENCODED_BYTES <= 1024


def test_a_flood_of_readings_is_not_fetched_to_move_a_grid_on(house: House) -> None:
    """Two thousand readings of a day, some that say nothing at its end: three of a quarter-day tell."""
    day = [reading(n + 1, NOW + timedelta(seconds=43 * n), NOW + timedelta(days=1), 900) for n in range(2000)]
    doubtful = [
        reading(3000 + n, NOW + timedelta(days=1), NOW + timedelta(days=1), 5, "settling") for n in range(40)
    ]
    moved_on(house, NOW)
    with house.database.write() as session:
        store_batch(session, day + doubtful)
    now = NOW + timedelta(days=1)
    with house.database.read() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        if not house.database.shared:  # its driver lets us count
            fetched: list[object] = []
            raw: Any = session.connection().connection.dbapi_connection
            raw.row_factory = lambda _cursor, row: fetched.append(row) or row
            current_grid(session, slot, now)
            raw.row_factory = None
            assert len(fetched) < 40
    assert read_whole(house, now) == moved_on(house, now)


def test_another_container_or_another_release_builds_the_grid_anew(house: House) -> None:
    """A stored grid belongs to one capacity and one form."""
    with house.database.write() as session:
        store_batch(session, [reading(1, NOW, NOW, 1000)])
    first = moved_on(house, NOW)
    with house.database.write() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        slot.capacity = 4_000_000
        session.add(slot)
    assert read_whole(house, NOW) == moved_on(house, NOW) != first
    with house.database.write() as session:
        row = session.get_one(SlotGrid, house.slots["level-1"])
        row.grid = b"of another release"
        session.add(row)
    assert read_whole(house, NOW) == moved_on(house, NOW)


def test_a_household_alone_keeps_the_shipped_model(house: House) -> None:
    """Its tries are kept, too: the page of an operator can say why nothing changed."""
    later = NOW + timedelta(days=200)
    with house.database.write() as session:
        for day in range(190):
            at = NOW + timedelta(days=day, hours=8)
            grams = 1900 - 60 * (day % 30)
            store_batch(session, [reading(day + 1, at, at, grams)])
    with house.database.read() as session:
        assert not refit_is_due(session, NOW)
        assert refit_is_due(session, later)
        report = backtest(session, later)
    assert report.serving is not None
    assert report.outcomes > 10
    assert report.serving.median_error_days < 8
    contest = refit(house.database, later)
    assert contest.winner is None
    with house.database.read() as session:
        (fit,) = session.exec(select(ForecastFit)).all()
        assert (report.outcomes, 1, None) == (fit.rows, fit.households, fit.model)
        assert not refit_is_due(session, later + timedelta(days=6))
        assert refit_is_due(session, later + timedelta(days=7))
    assert ModelStore(house.database).current() is shipped_models()


def test_a_fit_that_won_serves(house: House) -> None:
    """And what forecasts is exactly what was kept."""
    store = ModelStore(house.database)
    assert "shipped" == store.current().version
    plain = shipped_models().levels.to_plain()
    with house.database.write() as session:
        session.add(ForecastFit(at=NOW, rows=400, households=20, model=plain))
    fresh = ModelStore(house.database).current()
    assert ("1", plain) == (fresh.version, fresh.levels.to_plain())
