"""Slots whose device counts what is used: a water filter's flow, a printer's pages."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from replenish_server.fleet.registry import NewDevice, Product, add_device
from replenish_server.fleet.tables import Slot, Twin
from replenish_server.households.tables import SlotMandate
from replenish_server.inventory.grid import LevelGrid
from replenish_server.inventory.shares import fleet_shares
from replenish_server.ordering.orders import move, open_order
from replenish_server.ordering.states import Event
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.facts import gather
from replenish_server.replenishment.grids import current_grid
from replenish_server.replenishment.readings import level_samples, read_counted
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.stock import fit_unit
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House, evaluate_now

CAPACITY = 150_000  # ml
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Meter:
    """A water meter's messages, as its firmware would send them."""

    def __init__(self) -> None:
        self.boot, self.seq, self.total = 0, -1, 0

    def start(self, at: datetime) -> Incoming:
        """Power on: counting begins at nothing."""
        self.boot, self.seq, self.total = self.boot + 1, -1, 0
        return self._message(at, "hello")

    def use(self, at: datetime, amount: int) -> Incoming:
        """So much was used since the last message."""
        self.total += amount
        return self._message(at, "usage", n=self.total)

    def fit(self, at: datetime, remaining: int = CAPACITY) -> list[Incoming]:
        """Somebody held the meter's button: the total so far, and a new filter."""
        return [self.use(at, 0), self._message(at, "refill", n=remaining)]

    def _message(self, at: datetime, kind: str, **more: int) -> Incoming:
        self.seq += 1
        body = {"v": 1, "b": f"{self.boot:08x}", "s": self.seq, "t": kind, **more}
        return Incoming("rp/1/meter-1/up/ev", json.dumps(body).encode(), False, at)


@pytest.fixture
def meter() -> Meter:
    """A meter that is off."""
    return Meter()


@pytest.fixture
def session(house: House) -> Iterator[Session]:
    """A unit of work in a house with a filter that may order by itself."""
    with house.database.write() as session:
        product = Product(RETAILER, "flt-1", "Filter", CAPACITY)
        new = NewDevice("flow", "Meter", "Filter", "water filter", product, CAPACITY, 30_000, "meter-1")
        _, slot_id = add_device(session, HOUSEHOLD, new, NOW - 40 * DAY)
        house.slots["meter-1"] = slot_id
        mandate = SlotMandate(
            slot_id=slot_id, mode="auto", price_cap_minor=3000, currency="EUR", changed_at=NOW
        )
        session.add(mandate)
        session.flush()
        yield session


def slot_of(session: Session) -> Slot:
    """The filter's slot."""
    return session.exec(select(Slot).where(Slot.device_id == "meter-1")).one()


def level(session: Session, now: datetime = NOW) -> int | None:
    """What is left by the facts."""
    return gather(session, slot_of(session), None, now, None).history.level


def last_rule(session: Session) -> str | None:
    """Which rule refused last."""
    query = select(DecisionRecord).where(DecisionRecord.slot_id == slot_of(session).id)
    return max(session.exec(query), key=lambda record: record.last_at).rule


def reorder_point(session: Session) -> int:
    """Of the newest decision."""
    query = select(DecisionRecord).where(DecisionRecord.slot_id == slot_of(session).id)
    return int(max(session.exec(query), key=lambda record: record.last_at).data["reorder_point"])


def test_what_is_left_is_what_was_fitted_less_what_was_used_since(session: Session, meter: Meter) -> None:
    """Across a reboot, and before anything was fitted nobody knows."""
    store_batch(session, [meter.start(NOW - 9 * DAY), meter.use(NOW - 8 * DAY, 4000)])
    assert level(session) is None
    store_batch(session, [*meter.fit(NOW - 7 * DAY), meter.use(NOW - 6 * DAY, 3000)])
    assert level(session) == CAPACITY - 3000
    store_batch(session, [meter.start(NOW - 5 * DAY), meter.use(NOW - 4 * DAY, 2500)])
    assert level(session) == CAPACITY - 5500
    fit_unit(session, slot_of(session), 90_000, NOW - 3 * DAY)
    store_batch(session, [meter.use(NOW - 3 * DAY, 0), meter.use(NOW - 2 * DAY, 1000)])
    assert level(session) == 89_000


def test_a_meter_that_counted_for_years_does_not_empty_a_new_filter(session: Session, meter: Meter) -> None:
    """Its first total says nothing of this filter; the next one does."""
    meter.start(NOW - 20 * DAY)
    fit_unit(session, slot_of(session), None, NOW - 3 * DAY)
    store_batch(session, [meter.use(NOW - 2 * DAY, 9_000_000)])
    assert level(session) == CAPACITY
    store_batch(session, [meter.use(NOW - 1 * DAY, 2000)])
    assert level(session) == CAPACITY - 2000


def test_a_fitting_long_ago_still_counts(session: Session, meter: Meter) -> None:
    """Looks go back five weeks; the filter was fitted ten weeks ago."""
    store_batch(session, [meter.start(NOW - 71 * DAY), *meter.fit(NOW - 70 * DAY)])
    store_batch(session, [meter.use(NOW - day * DAY, 1000) for day in range(69, 0, -1)])
    assert level(session) == CAPACITY - 69_000
    samples = level_samples(session, slot_of(session), NOW - 10 * DAY)
    assert [s.level for s in samples] == [CAPACITY - 1000 * n for n in range(60, 70)]


def test_a_late_fitting_changes_the_kept_grid(session: Session, meter: Meter) -> None:
    """Of a slot that counts, what came before is read anew."""
    store_batch(session, [meter.start(NOW - 9 * DAY)])
    total, late = meter.fit(NOW - 8 * DAY - HOUR)
    store_batch(session, [total])
    used = [meter.use(NOW - day * DAY, 1000) for day in range(8, 0, -1)]
    store_batch(session, used)
    slot = slot_of(session)
    assert LevelGrid.empty(NOW) == current_grid(session, slot, NOW)[0]
    store_batch(session, [late])
    grid, _ = current_grid(session, slot, NOW)
    assert LevelGrid.of_samples(level_samples(session, slot, NOW - 90 * DAY), CAPACITY, NOW) == grid
    assert fleet_shares([grid], NOW)[0, -33] == pytest.approx(1 - 1 / 150, abs=1e-3)


def low_filter(session: Session, meter: Meter) -> None:
    """Fitted 30 days ago, 4.5 l a day: 19.5 l are left after the newest total but one, an hour ago."""
    store_batch(session, [meter.start(NOW - 31 * DAY), *meter.fit(NOW - 30 * DAY)])
    store_batch(session, [meter.use(NOW - day * DAY, 4500) for day in range(29, 0, -1)])
    store_batch(session, [meter.use(NOW - 60 * timedelta(minutes=1), 0)])


def test_a_low_filter_is_ordered_once_a_second_total_agrees(session: Session, meter: Meter) -> None:
    """A counter needs no hour of evidence, and its device keeps no threshold."""
    store_batch(session, [meter.start(NOW - 31 * DAY), *meter.fit(NOW - 30 * DAY)])
    store_batch(session, [meter.use(NOW - day * DAY, 3500) for day in range(29, 0, -1)])
    slot = slot_of(session)
    evaluate_now(session, slot.id, NOW - 3 * HOUR)
    assert last_rule(session) == "below_reorder_point"
    left = CAPACITY - 29 * 3500
    store_batch(session, [meter.use(NOW - 2 * HOUR, left - reorder_point(session) + 1000)])
    evaluate_now(session, slot.id, NOW - HOUR)
    assert open_order(session, slot.id) is None
    assert last_rule(session) == "confirmed_count"
    store_batch(session, [meter.use(NOW, 0)])
    evaluate_now(session, slot.id, NOW)
    order = open_order(session, slot.id)
    assert order is not None
    assert order.packs == 1
    record = session.get_one(DecisionRecord, order.decision_id)
    assert "l are left" in sentence(from_json(record.data), "en")
    assert session.get_one(Twin, "meter-1").desired_rev == 0


def test_the_glitch_of_one_total_orders_nothing(session: Session, meter: Meter) -> None:
    """A bit fell over on the way; the next total takes it back."""
    store_batch(session, [meter.start(NOW - 31 * DAY), *meter.fit(NOW - 30 * DAY)])
    store_batch(session, [meter.use(NOW - day * DAY, 1000) for day in range(29, 0, -1)])
    store_batch(session, [meter.use(NOW - 2 * HOUR, 1_000_000)])
    slot = slot_of(session)
    evaluate_now(session, slot.id, NOW - HOUR)
    assert open_order(session, slot.id) is None
    meter.total -= 1_000_000
    store_batch(session, [meter.use(NOW, 0)])
    evaluate_now(session, slot.id, NOW)
    assert open_order(session, slot.id) is None
    assert level(session) == CAPACITY - 29_000


def test_a_counter_that_fell_silent_never_orders(session: Session, meter: Meter) -> None:
    """Stale is stale, whichever way it was measured."""
    low_filter(session, meter)
    slot = slot_of(session)
    evaluate_now(session, slot.id, NOW + 27 * HOUR)
    assert open_order(session, slot.id) is None
    assert last_rule(session) == "fresh_reading"


def test_fitting_the_delivered_filter_closes_its_order(session: Session, meter: Meter) -> None:
    """By the device's button or by a person's word; the spare pack is opened."""
    low_filter(session, meter)
    slot = slot_of(session)
    evaluate_now(session, slot.id, NOW)
    order = open_order(session, slot.id)
    assert order is not None
    deliver(session, order)
    assert gather(session, slot, order, NOW + DAY, None).ledger.spare_packs == 1
    fit_unit(session, slot, None, NOW + 2 * DAY)
    store_batch(session, [meter.use(NOW + 2 * DAY + HOUR, 500)])
    evaluate_now(session, slot.id, NOW + 2 * DAY + 2 * HOUR)
    assert open_order(session, slot.id) is None
    assert level(session, NOW + 2 * DAY + 2 * HOUR) == pytest.approx(CAPACITY - 10, abs=500)
    assert gather(session, slot, None, NOW + 2 * DAY + 2 * HOUR, None).ledger.spare_packs == 0


def deliver(session: Session, order: PurchaseOrder) -> None:
    """The shop sends it and the parcel arrives."""
    for hours, event in enumerate((Event.PLACE, Event.SHIP, Event.DELIVER)):
        move(session, order, event, NOW + hours * HOUR)
    order.placed_at, order.shipped_at, order.delivered_at = NOW, NOW + HOUR, NOW + 2 * HOUR
    session.add(order)
    session.flush()


def test_the_rest_of_a_pack_of_two_is_stock(session: Session, meter: Meter) -> None:
    """The second filter of an opened pack is not ordered again."""
    slot = slot_of(session)
    slot.pack_amount = 2 * CAPACITY
    session.add(slot)
    store_batch(session, [meter.start(NOW - 3 * DAY), *meter.fit(NOW - 2 * DAY), meter.use(NOW - DAY, 100)])
    position = gather(session, slot, None, NOW, None).facts.position
    assert (position.loaded, position.spare) == (CAPACITY - 100, CAPACITY)


def test_of_a_flood_of_totals_few_are_read_and_no_drop_is_lost(session: Session, meter: Meter) -> None:
    """Reboots and refills in the midst of it: what is left, was used and came in stays as it is."""
    rng, at, flood = random.Random(7), NOW - 5 * DAY, [meter.start(NOW - 6 * DAY)]
    refills, boots, end = 0, 1, NOW
    while at < end:
        at += timedelta(seconds=rng.randint(100, 400))
        flood.append(meter.use(at, rng.randint(0, 40)))
        if rng.random() < 0.003:
            flood += meter.fit(at + timedelta(seconds=10), CAPACITY - refills)
            refills += 1
        if rng.random() < 0.003:
            flood.append(meter.start(at + timedelta(seconds=20)))
            boots += 1
    assert min(refills, boots) > 2
    store_batch(session, flood)
    slot = slot_of(session)
    whole, thin = read_counted(session, slot, at - 9 * DAY), read_counted(session, slot, at - 9 * DAY, 100)
    hours = 6 * 24 + boots + refills + 2
    assert len(thin.remaining) <= 100 + hours + boots < len(whole.remaining) // 3
    assert whole.remaining[-50:] == thin.remaining[-50:]
    assert sum(use.amount for use in whole.uses) == sum(use.amount for use in thin.uses)
    assert whole.refills == thin.refills
    assert level(session, at) == whole.remaining[-1].level
