"""What the slot's page says of stock: use, purchases elsewhere, the sensor, and units that people fit."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from replenish_server import operations
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.ids import RetailerId
from replenish_server.retailers.tables import Retailer
from replenish_server.settings import Settings
from replenish_server.telemetry.store import Incoming, store_batch
from replenish_server.web.views import Refused, StockView
from tests.fakes.retailer_house import evaluate_now
from tests.integration.test_household_pages import Home

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with a jug."""
    made = Home(tmp_path)
    yield made
    made.database.close()


def store(home: Home, device: str, kind: str, numbers: list[int], first_seq: int = 0) -> None:
    """Hourly readings, the last one now; levels and totals take turns in their sequence."""
    now = home.clock.now()
    batch = []
    for n, number in enumerate(numbers):
        age_s = int((len(numbers) - 1 - n) * HOUR.total_seconds())
        seq = first_seq + 2 * n + (kind == "level")
        body = {"v": 1, "b": "0000abcd", "s": seq, "t": kind, "n": number, "a": age_s}
        batch.append(Incoming(f"rp/1/{device}/up/ev", json.dumps(body).encode(), False, now))
    with home.database.write() as session:
        store_batch(session, batch)


def stock(home: Home, slot_id: str, lang: str = "en") -> StockView:
    """What the page shows."""
    view = home.pages.slot(slot_id, "ko" if lang == "ko" else "en")
    assert view is not None
    assert view.stock is not None
    return view.stock


def test_use_is_summed_over_the_days_that_are_covered(home: Home) -> None:
    """60 g every noon for ten days: seven of them are shown."""
    store(home, "jug", "level", [1500 - 60 * (n // 24) for n in range(10 * 24)])
    shown = stock(home, home.jug)
    assert (shown.used_days, shown.used, shown.most_in_a_day) == (7, 420, 60)
    assert (shown.elsewhere, shown.sensor, shown.counted) == ([], (), False)


def test_a_refill_that_no_order_explains_was_bought_elsewhere(home: Home) -> None:
    """With its day and its packs."""
    store(home, "jug", "level", [200] * 30 + [1600] * 30)
    ((when, packs),) = stock(home, home.jug).elsewhere
    assert (home.clock.now() - when, packs) == (29 * HOUR, 1)


def test_level_and_counted_use_that_disagree_are_said_in_both_languages(home: Home) -> None:
    """The level falls by 150 g a day, 60 g are counted."""
    store(home, "jug", "level", [1550 - 150 * n // 24 for n in range(10 * 24)])
    store(home, "jug", "usage", [60 * n // 24 for n in range(10 * 24)])
    (english,) = stock(home, home.jug).sensor
    (korean,) = stock(home, home.jug, "ko").sensor
    assert english.startswith("In 9 days the level fell by ")
    assert english.endswith("something leaks, or is taken without being counted.")
    assert "새거나" in korean


def test_a_sensor_that_drifts_while_nobody_is_there_is_said_to(home: Home) -> None:
    """Up by 2 g a day in a container of 1600 g."""
    store(home, "jug", "level", [600 + 4 * n // 24 for n in range(33 * 24)])
    (english,) = stock(home, home.jug).sensor
    (korean,) = stock(home, home.jug, "ko").sensor
    assert english.startswith("The sensor drifts: it rose by 1")
    assert "올라갔습니다" in korean


def meter(home: Home, tmp_path: Path, remaining: int | None = None) -> str:
    """A water meter before a filter of 150 l."""
    with home.database.read() as session:
        shop = RetailerId(session.exec(select(Retailer.id)).one())
    (household,) = operations.households(home.database)
    product = Product(shop, "flt", "Filter", 150_000)
    new = NewDevice("flow", "Meter", "Filter", "water filter", product, 150_000, 30_000, "meter", remaining)
    settings = Settings(data_dir=tmp_path)
    operations.broker_files(settings)
    mandate = Mandate(Mode.ASK, 2500, "EUR")
    return operations.register_device(
        home.database, settings, household, new, mandate, home.clock.now()
    ).slot_id


def test_a_person_says_that_a_filter_was_fitted(home: Home, tmp_path: Path) -> None:
    """Before that nothing is known; a correction is believed, too."""
    slot_id = meter(home, tmp_path)
    store(home, "meter", "usage", [1000, 1000])
    assert (stock(home, slot_id).counted, home.pages.slot(slot_id, "en").level) == (True, None)  # type: ignore[union-attr]
    home.pages.fit_unit(slot_id, None)
    home.clock.moment += HOUR
    store(home, "meter", "usage", [3500], first_seq=90)
    view = home.pages.slot(slot_id, "en")
    assert view is not None
    assert (view.level, view.unit, view.capacity, view.level_state) == (147_500, "ml", 150_000, "good")
    home.pages.fit_unit(slot_id, 20_000)
    with home.database.write() as session:
        evaluate_now(session, slot_id, home.clock.now())
    with pytest.raises(Refused):
        home.pages.fit_unit(home.jug, None)


def test_what_remains_can_be_said_when_the_device_is_added(home: Home, tmp_path: Path) -> None:
    """Then the first reading is a level already."""
    slot_id = meter(home, tmp_path, remaining=90_000)
    store(home, "meter", "usage", [0])
    view = home.pages.slot(slot_id, "en")
    assert view is not None
    assert view.level == 90_000
    assert view.twin.state == "none"
