"""The home page against the pages that it leads to: the same numbers, in few statements."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from replenish_server.fleet.tables import Slot
from replenish_server.households.membership import actor_of, ensure_owner
from replenish_server.replenishment.facts import LOOKED_AT
from replenish_server.replenishment.pausing import pause
from replenish_server.replenishment.priors import shipped_models
from replenish_server.replenishment.readings import level_of, read_history
from replenish_server.web.household import DatabasePages
from tests.fakes.retailer_house import HOUSEHOLD, Template, build_house
from tests.support.lived_in_home import LivedInHome

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
TOGETHER = 25
"""Statements that the home page takes for all slots and orders together."""


@pytest.fixture(scope="module")
def home(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedInHome]:
    """In which everything has happened."""
    made = LivedInHome(build_house(template, tmp_path_factory.mktemp("home")), NOW)
    made.furnish()
    yield made
    made.house.database.close()


@pytest.fixture
def pages(home: LivedInHome) -> DatabasePages:
    """Its pages."""
    return DatabasePages(home.house.database, home.clock, lambda: None, shipped_models)


def test_a_slot_is_the_same_at_a_glance_and_on_its_page(home: LivedInHome, pages: DatabasePages) -> None:
    """Level, age, spare packs, days, reason, rules, device and open order."""
    glance = pages.home("ko", HOUSEHOLD)
    assert len(glance.slots) == len(home.slots) + 2
    for seen in glance.slots:
        page = pages.slot(seen.slot_id, "ko")
        assert page is not None
        for name in ("level", "level_as_of", "level_state", "threshold", "mode", "timing", "price_cap_minor",
                     "spare_packs", "on_order_packs", "decision", "twin", "last_seen"):  # fmt: skip
            assert getattr(seen, name) == getattr(page, name), (name, seen.name)
        if seen.level_state != "none":  # a button's page forecasts its next press besides
            assert seen.run_out == page.run_out
        assert (seen.open_order is None) == (page.open_order is None)
    for order in (*glance.orders, *glance.attention):
        page_order = pages.order(order.order_id, "ko")
        assert page_order is not None
        for name in ("state", "reason", "problem", "total_minor", "can_approve", "can_cancel", "hand_off"):
            assert getattr(order, name) == getattr(page_order, name), (name, order.order_id)


def test_the_home_page_asks_once_for_everything_and_once_for_each_sensor(
    home: LivedInHome, pages: DatabasePages
) -> None:
    """Every open tab loads it again every two seconds."""
    statements: list[str] = []
    engine = home.house.database.reading

    def count(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    try:
        glance = pages.home("en", HOUSEHOLD)
    finally:
        event.remove(engine, "before_cursor_execute", count)
    sensors = sum(slot.level_state != "none" for slot in glance.slots)
    assert sensors < len(statements) <= TOGETHER + sensors + 6  # a device that counts is asked more than once


def test_the_newest_readings_tell_the_level_of_all(home: LivedInHome) -> None:
    """Whatever the slot: also one that is silent, coarse, or has just fallen."""
    with home.house.database.read() as session:
        for slot_id in home.slots.values():
            slot = session.get_one(Slot, slot_id)
            history, _ = read_history(session, slot, NOW - LOOKED_AT)
            assert level_of(session, slot, NOW - LOOKED_AT) == (history.level, history.as_of)


def test_a_pause_of_the_home_is_said_first(home: LivedInHome, pages: DatabasePages) -> None:
    """Until its day, and not on it."""
    until = (NOW + timedelta(days=3)).date()
    with home.house.database.write() as session:
        actor = actor_of(ensure_owner(session, HOUSEHOLD))
        pause(session, None, until, actor, NOW)
    assert pages.home("en", HOUSEHOLD).paused_until == until
    home.clock.pass_s(3 * 86_400)
    assert pages.home("en", HOUSEHOLD).paused_until is None
