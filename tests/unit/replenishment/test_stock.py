"""Spare packs: delivered, opened by refills, corrected by a person; remembered for longer than readings."""

import json
from datetime import datetime, timedelta

from sqlmodel import Session, select

from replenish_server.fleet.tables import Slot
from replenish_server.inventory import Refill
from replenish_server.inventory.ledger import Ledger
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.facts import gather
from replenish_server.replenishment.stock import correct_spare, keep_refills, read_stock
from replenish_server.replenishment.tables import SlotRefill
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.retailer_house import NOW, House, evaluate_now

DAY = timedelta(days=1)


def delivered(house: House, at: datetime, packs: int) -> None:
    """Packs of the level sensor's slot that came and are done with."""
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        order = session.get_one(PurchaseOrder, create_order(session, new, at - DAY))
        order.packs, order.state, order.ended_at = packs, State.CLOSED, at
        order.shipped_at, order.delivered_at = at - DAY / 2, at
        session.add(order)


def slot_of(session: Session, house: House) -> Slot:
    """The level sensor's."""
    return session.get_one(Slot, house.slots["level-1"])


def stock(house: House, refills: list[Refill], since: datetime) -> Ledger:
    """What stands in the cupboard."""
    with house.database.read() as session:
        return read_stock(session, slot_of(session, house), refills, since)


def test_what_came_and_was_not_filled_in_is_spare(house: House) -> None:
    """A pack holds a kilogram: a refill of one opens one of the two that came."""
    since = NOW - 90 * DAY
    delivered(house, NOW - 10 * DAY, 2)
    assert 2 == stock(house, [], since).spare_packs
    opened = stock(house, [Refill(NOW - 9 * DAY, 1_000_000)], since)
    assert (1, ()) == (opened.spare_packs, opened.opened_elsewhere)
    more = stock(house, [Refill(NOW - d * DAY, 1_000_000) for d in (9, 5, 1)], since)
    assert (0, 1) == (more.spare_packs, len(more.opened_elsewhere))


def test_refills_are_remembered_when_their_readings_are_looked_at_no_more(house: House) -> None:
    """What was opened half a year ago is not spare today; recent ones follow what readings show now."""
    delivered(house, NOW - 200 * DAY, 1)
    old, wrong = Refill(NOW - 199 * DAY, 1_000_000), Refill(NOW - 195 * DAY, 500_000)
    then = NOW - 210 * DAY
    with house.database.write() as session:
        keep_refills(session, slot_of(session, house), [old, wrong], then)
    with house.database.write() as session:
        keep_refills(session, slot_of(session, house), [old], then)  # a late reading explained the other
    with house.database.read() as session:
        assert [(old.at, old.amount)] == [(r.at, r.amount) for r in session.exec(select(SlotRefill))]
    assert 0 == stock(house, [], NOW - 90 * DAY).spare_packs
    with house.database.write() as session:
        keep_refills(session, slot_of(session, house), [], NOW - 90 * DAY)
    assert 0 == stock(house, [], NOW - 90 * DAY).spare_packs


def test_a_person_who_counted_is_right(house: House) -> None:
    """From then on; and the slot is looked at anew."""
    delivered(house, NOW - 10 * DAY, 2)
    with house.database.write() as session:
        correct_spare(session, slot_of(session, house), 5, NOW - 2 * DAY)
    with house.database.read() as session:
        assert NOW - 2 * DAY == slot_of(session, house).due_at
    assert 5 == stock(house, [], NOW - 90 * DAY).spare_packs
    assert 4 == stock(house, [Refill(NOW - DAY, 1_000_000)], NOW - 90 * DAY).spare_packs


def levels(boot: str, *readings: tuple[datetime, int]) -> list[Incoming]:
    """What the sensor says: when, and how many grams."""
    bodies = [{"v": 1, "b": boot, "s": n, "t": "level", "n": grams} for n, (_, grams) in enumerate(readings)]
    return [
        Incoming("rp/1/level-1/up/ev", json.dumps(body).encode(), False, at)
        for body, (at, _) in zip(bodies, readings, strict=True)
    ]


def test_a_flood_of_readings_is_not_looked_at_whole_and_hides_no_refill(house: House) -> None:
    """A look holds up everybody who writes: it takes a week of one a minute, and keeps what it saw."""
    hours = [(NOW - 3 * DAY + n * DAY / 24, (200, 1200)[n // 24]) for n in range(36)]
    with house.database.write() as session:
        store_batch(session, levels("0000000a", *hours))
        evaluate_now(session, house.slots["level-1"], NOW - DAY)
    flood = [(NOW + timedelta(milliseconds=n // 5), 1200) for n in range(10_200)]
    with house.database.write() as session:
        store_batch(session, levels("0000000b", *flood))
        evaluate_now(session, house.slots["level-1"], NOW + DAY)
    with house.database.read() as session:
        insight = gather(session, slot_of(session, house), None, NOW + DAY, None)
        kept = [(row.at, row.amount) for row in session.exec(select(SlotRefill))]
    assert len(insight.history.points) == 10_080
    assert insight.history.level == 1_200_000
    assert [(NOW - 2 * DAY, 1_000_000)] == kept
    assert len(insight.ledger.opened_elsewhere) == 1
