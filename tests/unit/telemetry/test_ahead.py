"""Readings that a clock dated into the future: they hide nothing, and nothing of them is lost."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from replenish_server.fleet.tables import Device, DeviceTrouble, Slot
from replenish_server.households.tables import HouseholdNotice
from replenish_server.ids import DeviceId
from replenish_server.replenishment.grids import current_grid, keep_grid
from replenish_server.replenishment.readings import levels_of, read_history
from replenish_server.telemetry.ahead import read_aside
from replenish_server.telemetry.retention import Retention
from replenish_server.telemetry.store import ReadingStore
from replenish_server.telemetry.tables import Reading
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House
from tests.unit.telemetry.test_store import hello, level, press, store, up

pytestmark = pytest.mark.both_databases
DAY_S, AHEAD_S = 86_400, 5 * 365 * 86_400


def read(house: House, after_s: float = 0) -> tuple[int | None, int, list[int], int]:
    """Grams, those of the newest quarter-day, sequences of the slot, and how many are set aside."""
    now = NOW + timedelta(seconds=after_s)
    with house.database.write() as session:
        slot = session.get_one(Slot, house.slots[DeviceId("level-1")])
        grid, seen_at = current_grid(session, slot, now)
        keep_grid(session, slot, grid, seen_at)
        whole, _ = read_history(session, slot, now - timedelta(days=35))
        told = levels_of(session, [slot], now - timedelta(days=35))[slot.id]
        assert told == (whole.level, whole.as_of)
        mine = select(Reading.seq).where(Reading.device_id == "level-1", Reading.slot_key == slot.key)
        aside = read_aside(session, slot.device_id, slot.key)
        share = int.from_bytes(grid.bins[-2:], "little", signed=True)
        newest = round(share * (slot.capacity or 0) / 10_000 / 1000)
        found = sorted(session.exec(mine))
        return (
            None if whole.level is None else whole.level // 1000,
            newest,
            found,
            0 if aside is None else aside.readings,
        )


def test_a_slot_goes_on_by_what_its_device_says_now(house: House) -> None:
    """Years ahead for a day: the next message sets aside what that day left, says so, and the slot is due."""
    store(house, up(level(1, 900), at_s=-DAY_S))
    for seq in (2, 3):
        store(house, up(level(seq, 100), at_s=AHEAD_S + seq), up(hello(seq + 10, None), at_s=AHEAD_S + seq))
    assert read(house)[0] == 100  # until then it is all that is known
    with house.database.write() as session:  # the last look planned the next one
        session.get_one(Slot, house.slots[DeviceId("level-1")]).due_at = NOW + timedelta(seconds=AHEAD_S)
    store(house, up(level(4, 800)))
    assert read(house) == (800, 800, [1, 4], 4)
    with house.database.read() as session:
        device = session.get_one(Device, "level-1")
        assert device.last_seen_at == NOW
        assert session.get_one(Slot, house.slots[DeviceId("level-1")]).due_at == NOW
        (notice,) = session.exec(select(HouseholdNotice).where(HouseholdNotice.kind == "device_ahead"))
        assert notice.data["readings"] == 4
        assert len(session.exec(select(Reading)).all()) == 6
    store(house, up(level(3, 100)), up(level(5, 790), at_s=60))  # one of them comes again
    assert read(house, 60)[2:] == ([1, 4, 5], 4)
    assert read(house, AHEAD_S + 60)[3] == 4  # and they are not fresh when their date has come


def test_a_clock_that_was_behind_takes_nothing_away(house: House) -> None:
    """A board that believes for a minute that it is last year: what is set aside comes back."""
    readings = ReadingStore()
    for seq in range(1, 4):
        with house.database.write() as session:
            readings.store(session, [up(level(seq, 900 - seq), at_s=seq)])
    with house.database.write() as session:
        ReadingStore().store(session, [up(level(4, 890), at_s=-365 * DAY_S)])
    assert read(house, -365 * DAY_S)[2:] == ([4], 3)
    with house.database.write() as session:
        readings.forget()
        readings.store(session, [up(level(5, 880), at_s=300)])
    assert read(house, 300)[2:] == ([1, 2, 3, 4, 5], 0)


def test_what_is_set_aside_is_kept_like_any_other(house: House) -> None:
    """It is rolled up, counted by what it stands for, and does not come back by a silence of its device."""
    ahead = [up(level(seq, 100), at_s=AHEAD_S + seq * 60) for seq in range(1, 31)]
    store(house, *ahead, up(press(40), at_s=AHEAD_S))
    store(house, up(level(41, 800)))
    later = ManualClock(NOW + timedelta(seconds=AHEAD_S + 60 * DAY_S))
    rolled = Retention(house.database, later, raw_days=40, hourly_days=400).run()
    assert rolled == 30 + 2  # that of today to an hour, and on to a day
    assert read(house)[3] == 31
    store(house, up(level(42, 700), at_s=30 * DAY_S))
    assert read(house, 30 * DAY_S)[2:] == ([41, 42], 31)


def test_a_device_that_speaks_once_a_day_brings_nothing_back(house: House) -> None:
    """When the wrong date comes, it lies between two of its messages; but it keeps its promise all along."""
    store(house, up(level(1, 100), at_s=10 * DAY_S + 3600))
    for day in range(14):
        store(house, up(level(2 + day, 800 - day), at_s=day * DAY_S))
    assert read(house, 13 * DAY_S)[2:] == (list(range(2, 16)), 1)


def test_troubles_of_the_future_hide_none_of_today(house: House) -> None:
    """What a device says of itself counts by the clock of now."""
    store(house, up(hello(1, None, mode="safe"), at_s=AHEAD_S))
    store(house, up(hello(2, None)))
    store(house, up(hello(3, None, mode="sparing"), at_s=60))
    with house.database.read() as session:
        rows = session.exec(select(DeviceTrouble).order_by(col(DeviceTrouble.word)))
        assert [(row.word, row.ended_at is None) for row in rows] == [("safe", False), ("sparing", True)]
