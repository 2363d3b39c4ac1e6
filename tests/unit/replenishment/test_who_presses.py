"""Whose press it is: who may not spend asks an adult, and nobody's second press is a second order."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlmodel import Session, col, select

from replenish_server.fleet.registry import NewDevice, add_device, give_device
from replenish_server.fleet.tables import Slot
from replenish_server.households.membership import actor_of, add_person, remove_person
from replenish_server.households.people import Actor, Role
from replenish_server.households.people_tables import Person
from replenish_server.households.tables import HouseholdNotice, SlotMandate
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.replenishment.answers import tell_presses
from replenish_server.replenishment.order_now import Outcome, order_now
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.replenishment.verdicts import verdict_text
from replenish_server.telemetry.tables import DeviceEvent
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House, evaluate_now, product


def person(house: House, name: str, role: Role) -> Actor:
    """Somebody new."""
    with house.database.write() as session:
        return actor_of(add_person(session, HOUSEHOLD, name, role, NOW))


def press(house: House, seq: int = 1, late: bool = False, device: str = "button-1") -> None:
    """Store a press of the button, and judge it."""
    with house.database.write() as session:
        session.add(
            DeviceEvent(
                device_id=device,
                boot="0000abcd",
                seq=seq,
                type="press",
                slot_key="main",
                gesture="short",
                late=late,
                occurred_at=NOW,
                received_at=NOW,
            )
        )
        session.flush()
        evaluate_now(session, house.slots[device], NOW)


def wish(house: House, by: Actor, key: str = "k", device: str = "button-1") -> Outcome:
    """Somebody orders now."""
    with house.database.write() as session:
        return order_now(session, session.get_one(Slot, house.slots[device]), by, key, NOW)


def orders(house: House) -> list[PurchaseOrder]:
    """Every order."""
    with house.database.read() as session:
        return list(session.exec(select(PurchaseOrder)))


def answers(house: House) -> list[str]:
    """What the devices were told."""
    told: list[str] = []
    tell_presses(house.database, lambda _device, payload: told.append(payload.decode()))
    return told


def give(house: House, actor: Actor) -> None:
    """Give the button to somebody."""
    with house.database.write() as session:
        give_device(session, HOUSEHOLD, "button-1", actor.person_id)


@pytest.mark.parametrize("role", [Role.CHILD, Role.GUEST, Role.HELPER])
def test_a_press_of_who_may_not_spend_waits_for_an_adult(house: House, role: Role) -> None:
    """The rule says so in both languages, the device hears "waiting", and the adults are told once."""
    give(house, person(house, "Mia", role))
    press(house)
    (order,) = orders(house)
    assert order.state == "needs_approval"
    with house.database.read() as session:
        decision = from_json(session.get_one(DecisionRecord, order.decision_id).data)
        (notice,) = session.exec(select(HouseholdNotice).where(HouseholdNotice.kind == "asked_adult"))
        event = session.exec(select(OrderEvent)).one()
    refusal = decision.refused_by()
    assert refusal is not None
    assert (refusal.rule, refusal.numbers) == ("presser_may_spend", {"name": "Mia", "role": role.value})
    assert f"Mia ({role.value}) asks an adult" in sentence(decision, "en")
    assert "Mia pressed the button." in sentence(decision, "en")
    assert "성인에게 요청: Mia" in sentence(decision, "ko")
    assert (notice.data["name"], notice.data["order_id"], event.by) == ("Mia", order.id, "Mia")
    assert ['"r":"waiting"' in payload for payload in answers(house)] == [True]


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADULT])
def test_a_press_of_who_may_spend_leaves_at_once(house: House, role: Role) -> None:
    give(house, person(house, "Bo", role))
    press(house)
    assert [order.state for order in orders(house)] == ["placing"]


def test_everybodys_button_is_pressed_by_nobody_in_particular(house: House) -> None:
    person(house, "Mia", Role.CHILD)
    press(house)
    (order,) = orders(house)
    assert order.state == "placing"
    with house.database.read() as session:
        decision = from_json(session.get_one(DecisionRecord, order.decision_id).data)
    verdict = next(verdict for verdict in decision.verdicts if verdict.rule == "presser_may_spend")
    assert verdict_text(verdict, "pack", "en") == "anybody may press it"
    assert verdict_text(verdict, "pack", "ko") == "누구나 누를 수 있음"


def test_the_button_of_somebody_who_was_removed_asks(house: House) -> None:
    """Not even an adult's spends any more."""
    bo = person(house, "Bo", Role.ADULT)
    give(house, bo)
    with house.database.write() as session:
        remove_person(session, session.get_one(Person, bo.person_id), NOW)
    press(house)
    assert [order.state for order in orders(house)] == ["needs_approval"]


def test_a_child_does_not_end_a_cooling_off_and_an_adult_does(house: House) -> None:
    mia, bo = person(house, "Mia", Role.CHILD), person(house, "Bo", Role.ADULT)
    wish(house, bo, "first")
    with house.database.write() as session:
        session.exec(select(PurchaseOrder)).one().state = "cooling_off"
    give(house, mia)
    press(house)
    assert wish(house, mia, "m").outcome == "already"
    assert [order.state for order in orders(house)] == ["cooling_off"]
    assert wish(house, bo, "b").outcome == "already"
    assert [order.state for order in orders(house)] == ["placing"]


def test_the_same_form_twice_is_one_wish_with_one_answer(house: House) -> None:
    """Also after the order has ended: the key is for ever."""
    bo = person(house, "Bo", Role.ADULT)
    first, second = wish(house, bo), wish(house, bo)
    assert (first.order_id, first.outcome) == (second.order_id, second.outcome)
    assert first.outcome == "placing"
    assert "Bo asked for it." in first.sentence("en")
    with house.database.write() as session:
        session.exec(select(PurchaseOrder)).one().state = "canceled"
    assert wish(house, bo).order_id == first.order_id
    assert len(orders(house)) == 1
    assert wish(house, bo, "another").order_id != first.order_id


def test_who_may_not_spend_asks_in_the_page_too(house: House) -> None:
    outcome = wish(house, person(house, "Mia", Role.CHILD))
    assert outcome.outcome == "waiting"
    assert "Mia (child) asks an adult" in outcome.sentence("en")


def test_a_press_and_the_page_are_one_order(house: House) -> None:
    """Whoever comes second is told that it is under way."""
    bo = person(house, "Bo", Role.ADULT)
    press(house)
    assert wish(house, bo).outcome == "already"
    press(house, seq=2)
    assert len(orders(house)) == 1
    said = answers(house)
    assert sum('"r":"already"' in payload for payload in said) == 1


Act = Callable[[Session], None]


def test_two_buttons_for_the_same_supply_are_one_order(house: House) -> None:
    """The second device hears "already"; another product, and a scale, order for themselves."""
    with house.database.write() as session:
        for device, item in (("button-2", "det-1kg"), ("button-3", "other")):
            bought = replace(product(1), item_id=item)
            new = NewDevice("button", "B", "Box", "detergent", bought, device_id=device)
            _, house.slots[device] = add_device(session, HOUSEHOLD, new, NOW)
            slot_id = house.slots[device]
            session.add(
                SlotMandate(
                    slot_id=slot_id, mode="auto", price_cap_minor=3000, currency="EUR", changed_at=NOW
                )
            )
    press(house)
    press(house, device="button-2")
    assert len(orders(house)) == 1
    assert sum('"r":"already"' in payload for payload in answers(house)) == 1
    bo = person(house, "Bo", Role.ADULT)
    assert wish(house, bo, "a", "button-2").outcome == "already"
    assert wish(house, bo, "b", "button-3").outcome == "placing"
    assert wish(house, bo, "c", "level-1").outcome == "placing"


def test_the_same_key_of_two_slots_is_two_wishes(house: House) -> None:
    bo = person(house, "Bo", Role.ADULT)
    one, two = wish(house, bo, "k", "button-1"), wish(house, bo, "k", "level-1")
    assert one.order_id != two.order_id
    with house.database.read() as session:
        slots = session.exec(select(PurchaseOrder.slot_id).order_by(col(PurchaseOrder.created_at))).all()
    assert sorted(slots) == sorted(house.slots.values())
