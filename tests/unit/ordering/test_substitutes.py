"""A shortage: which product of the list takes the place, who is asked, and what is said of it."""

from dataclasses import dataclass, field, replace

import pytest
from sqlmodel import select

from replenish_server.households.mandate import AcceptedProduct, Mode, Rules, Substitution
from replenish_server.households.rules import set_slot_rules, set_substitutes
from replenish_server.households.tables import HouseholdNotice, LedgerEntry
from replenish_server.ids import OrderId
from replenish_server.ordering.orders import approve, create_order
from replenish_server.ordering.parcels import parcel_of
from replenish_server.ordering.receipts import receipt_of
from replenish_server.ordering.sentences import note_text
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.retailers.port import Journal, Need, Placed, Problem, Quote, Trouble
from tests.fakes.retailer_house import NOW, RETAILER, House
from tests.unit.ordering.test_parcels import SeveralLines, change, read, run

SOAP = AcceptedProduct(RETAILER, "soap", "Soap 1 kg", 1_000_000)
LARGE = AcceptedProduct(RETAILER, "large", "Soap 1.5 kg", 1_500_000)
LORRY = AcceptedProduct(RETAILER, "lorry", "Soap 25 kg", 25_000_000)


@dataclass
class NamesItsSessions(SeveralLines):
    """Says which session a shortage has left open, and closes it, or finds it bought by a person.

    Args:
        by_hand: sessions that a person has finished at the shop.
    """

    by_hand: set[str] = field(default_factory=set)

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble:
        """As any shop, with the session's name."""
        quote = super().quote(need, journal)
        if isinstance(quote, Trouble):
            return replace(quote, checkout_id=f"chk_{len(self.needs)}")
        return quote

    def retire(self, checkout_id: str, journal: Journal) -> Placed | None:  # type: ignore[override]
        """Closed, or bought."""
        super().retire(checkout_id, journal)
        return Placed("by-hand", "", 2490, "EUR") if checkout_id in self.by_hand else None


@pytest.fixture
def shop() -> NamesItsSessions:
    """The preferred product is sold out."""
    return NamesItsSessions({"soap": 1100, "large": 1400, "lorry": 100})


def opened(
    house: House,
    substitution: Substitution,
    *products: AcceptedProduct,
    mode: Mode = Mode.AUTO,
    approved: bool = True,
    cap_minor: int = 3000,
) -> OrderId:
    """An order of two packs of the preferred product, under these rules."""
    slot_id = house.slots["level-1"]
    new = replace(house.order_of(slot_id, approved), trigger="level")
    with house.database.write() as session:
        rules = Rules(mode=mode, price_cap_minor=cap_minor, substitution=substitution)
        set_slot_rules(session, slot_id, rules, NOW)
        set_substitutes(session, slot_id, products)
        return create_order(session, new, NOW)


def notes(house: House, order_id: str) -> list[str]:
    """The order's history."""
    with house.database.read() as session:
        query = select(OrderEvent.note).where(OrderEvent.order_id == order_id)
        return list(session.exec(query))


def kinds(house: House) -> list[str]:
    """What the household was told."""
    with house.database.read() as session:
        return [row.kind for row in session.exec(select(HouseholdNotice))]


def test_the_next_of_the_list_is_bought_and_everything_says_so(house: House, shop: NamesItsSessions) -> None:
    """The old session is closed; history, receipt and a notice name both products."""
    order_id = opened(house, Substitution.FROM_LIST, SOAP)
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.state, order.item_id, order.product_name, order.packs) == ("placed", "soap", "Soap 1 kg", 2)
    assert (["chk_1"], [("soap",)]) == (shop.retired, shop.bought)
    (note,) = [note for note in notes(house, order_id) if "Detergent" in note]
    assert "out of stock: Detergent 1 kg" in note_text(note, "en")
    assert "재고 없음: Detergent 1 kg" in note_text(note, "ko")
    with house.database.read() as session:
        receipt = receipt_of(session, order_id)
        booked = [row.amount_minor for row in session.exec(select(LedgerEntry))]
    assert receipt is not None
    assert receipt.data["product"] == "Soap 1 kg"
    assert receipt.data["instead_of"] == [
        {"product": "Detergent 1 kg", "item_id": "det-1kg", "reason": "out_of_stock"}
    ]
    assert [order.total_minor] == booked
    assert ["order_substituted"] == kinds(house)


def test_never_waits_for_a_person_as_before(house: House, shop: NamesItsSessions) -> None:
    """And the session stays, so that the person can go on in it."""
    order_id = opened(house, Substitution.NEVER, SOAP)
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.state, order.problem, order.item_id) == ("needs_attention", "out_of_stock", "det-1kg")
    assert ([], []) == (shop.retired, shop.bought)


def test_ask_names_the_other_product_with_its_price_and_buys_it_after_a_yes(
    house: House, shop: NamesItsSessions
) -> None:
    """Nothing leaves before."""
    order_id = opened(house, Substitution.ASK, SOAP)
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.state, order.product_name) == ("needs_approval", "Soap 1 kg")
    assert [] == shop.bought
    assert "order_substitute_asked" in kinds(house)
    change(house, lambda s: approve(s, order_id, order.quoted_minor or 0, NOW))
    run(house, shop)
    assert "placed" == read(house, order_id)[0].state
    assert [("soap",)] == shop.bought


def test_an_agreed_price_was_for_the_missing_product(house: House, shop: NamesItsSessions) -> None:
    """It sells out between the approval and the order: the person is asked again, and the yes is void."""
    shop.prices["det-1kg"] = 1000
    order_id = opened(house, Substitution.FROM_LIST, SOAP, mode=Mode.ASK, approved=False)
    run(house, shop)
    (order,) = read(house, order_id)
    change(house, lambda s: approve(s, order_id, order.quoted_minor or 0, NOW))
    del shop.prices["det-1kg"]
    with house.database.write() as session:  # the session had expired, so that a new one is opened
        parcel_of(session, session.get_one(PurchaseOrder, order_id)).attempt += 1
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.state, order.product_name, order.approved_minor) == ("needs_approval", "Soap 1 kg", None)
    assert [] == shop.bought


def test_another_size_class_is_passed_over_and_packs_are_rounded_up(
    house: House, shop: NamesItsSessions
) -> None:
    """25 kg in place of 1 kg is nothing that a household expects; 2 kg are two packs of 1.5 kg."""
    order_id = opened(house, Substitution.FROM_LIST, LORRY, LARGE, cap_minor=4000)
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.item_id, order.packs, order.pack_amount) == ("large", 2, 1_500_000)


def test_the_mandate_is_judged_again_on_the_new_quote(house: House, shop: NamesItsSessions) -> None:
    """Over the cap nothing is bought."""
    order_id = opened(house, Substitution.FROM_LIST, SOAP, cap_minor=2500)
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.state, order.problem, order.item_id) == ("needs_attention", "price_over_cap", "soap")
    assert [] == shop.bought


def test_when_nothing_of_the_list_is_left_a_person_is_asked(house: House, shop: NamesItsSessions) -> None:
    """Each was tried once."""
    shop.prices.clear()
    order_id = opened(house, Substitution.FROM_LIST, SOAP, LARGE)
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.state, order.problem) == ("needs_attention", "out_of_stock")
    assert ["det-1kg", "soap", "large"] == [need.lines[0].item_id for need in shop.needs]


def test_a_session_that_a_person_finished_is_the_order(house: House, shop: NamesItsSessions) -> None:
    """Then no other product is bought."""
    shop.by_hand = {"chk_1"}
    order_id = opened(house, Substitution.FROM_LIST, SOAP)
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.state, order.item_id, order.retailer_order_id) == ("placed", "det-1kg", "by-hand")
    assert [] == shop.bought


def test_what_was_declined_after_it_left_is_not_replaced(house: House, shop: NamesItsSessions) -> None:
    """A completing call was stored: only a person goes on from there."""
    shop.prices["det-1kg"] = 1000
    shop.outcomes = [Trouble(Problem.OUT_OF_STOCK)]
    order_id = opened(house, Substitution.FROM_LIST, SOAP)
    run(house, shop)
    (order,) = read(house, order_id)
    assert (order.state, order.item_id) == ("needs_attention", "det-1kg")


def test_of_a_parcel_only_the_missing_slots_order_changes(house: House, shop: NamesItsSessions) -> None:
    """The other is bought as it was."""
    shop.prices["filter"] = 333
    filters = replace(house.order_of(house.slots["button-1"]), item_id="filter", packs=1)
    first = opened(house, Substitution.FROM_LIST, SOAP)
    with house.database.write() as session:
        second = create_order(session, filters, NOW)
    run(house, shop)
    detergent, other = read(house, first, second)
    assert ("soap", "filter") == (detergent.item_id, other.item_id)
    assert {"placed"} == {detergent.state, other.state}
    assert [("filter",), ("soap",)] == sorted(shop.bought)
