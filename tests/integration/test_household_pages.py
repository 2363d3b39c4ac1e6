"""The pages' port on a real database: what was stored is what a person reads, in both languages."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from replenish_server import operations
from replenish_server.database import Database
from replenish_server.fleet import twin
from replenish_server.fleet.registry import NewDevice, Product, add_device
from replenish_server.households.mandate import Mode
from replenish_server.households.particulars import Address
from replenish_server.households.tables import SlotMandate
from replenish_server.ids import DeviceId
from replenish_server.ordering.orders import approve, move, open_order, stumble
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.priors import shipped_models
from replenish_server.retailers.port import Problem
from replenish_server.web.household import DatabasePages
from replenish_server.web.views import Refused, RulesForm, SlotView
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import evaluate_now, store_level

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
GRAM = 1000


class Home:
    """A household with a jug and a button on a database, and its pages."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'home.db'}")
        self.database.migrate()
        self.clock = ManualClock(NOW)
        self.wishes = 0
        self.pages = DatabasePages(self.database, self.clock, self._wished, shipped_models)
        address = Address("A B", "a@example.org", "S 1", "T", "1", "DE")
        home = operations.create_household(self.database, "Home", address, "Europe/Berlin", "en", "EUR", NOW)
        shop = operations.add_retailer(self.database, "Shop", "http://127.0.0.1:1", "h", "t", "yes", NOW)
        self.jug = self._add(
            home,
            NewDevice(
                "level",
                "Machine",
                "Detergent",
                "detergent",
                Product(shop, "det", "Detergent", 1500 * GRAM),
                1600 * GRAM,
                300 * GRAM,
                "jug",
            ),
        )
        button = NewDevice(
            "button", "Button", "Filters", "filter", Product(shop, "f", "Filters", 1), device_id="but"
        )
        self.button = self._add(home, button)

    def _wished(self) -> None:
        self.wishes += 1

    def _add(self, home: str, new: NewDevice) -> str:
        with self.database.write() as session:
            _, slot_id = add_device(session, home, new, self.clock.now())  # type: ignore[arg-type]
            session.add(
                SlotMandate(
                    slot_id=slot_id, mode=Mode.ASK, price_cap_minor=2500, currency="EUR", changed_at=NOW
                )
            )
        return slot_id

    def read(self, *levels_g: int, hours_apart: float = 1.0, age_hours: float = 0.0) -> None:
        """Store level readings, the last one `age_hours` ago, and evaluate the slot."""
        with self.database.write() as session:
            for number, level in zip(reversed(range(len(levels_g))), levels_g, strict=True):
                at = self.clock.now() - timedelta(hours=age_hours + number * hours_apart)
                store_level(session, "jug", "0000abcd", 1000 - number, level, at)
            session.flush()
            evaluate_now(session, self.jug, self.clock.now())

    def order(self, act: Callable[[Session, PurchaseOrder], None]) -> str:
        """Do something with the jug's open order; returns its id."""
        with self.database.write() as session:
            order = open_order(session, self.jug)
            assert order is not None
            act(session, order)
            session.add(order)
            return order.id


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path)
    yield made
    made.database.close()


def test_a_fresh_home_says_that_nothing_is_known(home: Home) -> None:
    """Before the first reading a level is unknown, and a button has none."""
    view = home.pages.home("en")
    states = {slot.name: slot.level_state for slot in view.slots}
    assert {"Detergent": "unknown", "Filters": "none"} == states
    assert ((), ()) == (tuple(view.orders), tuple(view.attention))


def test_a_low_level_in_ask_mode_is_put_before_the_person(home: Home) -> None:
    """Three low readings: the home page asks first; after the quote, with its price, it can be approved."""
    home.read(250, 250, 250)
    waiting = home.pages.home("en").attention[0]
    assert ("needs_approval", False, True) == (waiting.state, waiting.can_approve, waiting.can_cancel)
    home.order(lambda _session, order: setattr(order, "quoted_minor", 1189))
    quoted = home.pages.order(waiting.order_id, "en")
    assert quoted is not None
    assert (1189, True) == (quoted.total_minor, quoted.can_approve)
    assert "you asked to be asked first" in quoted.reason
    home.pages.approve(waiting.order_id, 1189)
    approved = home.pages.order(waiting.order_id, "ko")
    assert approved is not None
    assert ("placing", 1) == (approved.state, home.wishes)
    assert "사람이 승인함" in [note for _, _, note in approved.timeline]


def test_a_second_tap_is_no_failure_and_changes_nothing(home: Home) -> None:
    """Approved or called off twice is done once; what another person decided otherwise is refused."""
    home.read(250, 250, 250)
    order_id = home.order(lambda _session, order: setattr(order, "quoted_minor", 1189))

    def lines() -> int:
        view = home.pages.order(order_id, "en")
        assert view is not None
        return len(view.timeline)

    home.pages.approve(order_id, 1189)
    once = lines()
    home.pages.approve(order_id, 1189)
    assert once == lines()
    home.pages.cancel(order_id)
    home.pages.cancel(order_id)
    assert once + 1 == lines()
    with pytest.raises(Refused):
        home.pages.approve(order_id, 1189)


def test_nobody_approves_more_than_was_shown(home: Home) -> None:
    """A price that rose above what the person saw is refused, and nothing changes."""
    home.read(250, 250, 250)
    order_id = home.order(lambda _session, order: setattr(order, "quoted_minor", 1200))
    with pytest.raises(Refused):
        home.pages.approve(order_id, 1189)
    view = home.pages.order(order_id, "en")
    assert view is not None
    assert "needs_approval" == view.state


def test_the_page_shows_the_numbers_of_the_decision(home: Home) -> None:
    """Level, rate, run-out and sentence come from one decision."""
    home.read(*range(900, 500, -4))
    view = home.pages.slot(home.jug, "en")
    assert view is not None
    assert view.decision is not None
    assert view.run_out is not None
    assert f"about {view.run_out.rate_per_day:.0f} g a day" in view.decision.sentence
    assert view.run_out.earliest <= view.run_out.median <= view.run_out.latest
    assert view.chart is not None
    assert 100 == len(view.chart.points)
    assert {"No open order", "Level known", "Fresh reading"} <= {name for name, _, _ in view.decision.rules}


def test_an_old_level_is_called_stale_and_orders_nothing(home: Home) -> None:
    """A low level that was measured two days ago is shown as old, and never orders."""
    home.read(200, 200, 200, age_hours=48)
    view = home.pages.slot(home.jug, "en")
    assert view is not None
    assert view.decision is not None
    assert ("stale", "hold", None) == (view.level_state, view.decision.kind, view.open_order)
    assert "hours old, and one older than 26 never orders" in view.decision.sentence


@pytest.mark.parametrize("problem", list(Problem))
def test_every_problem_is_explained_in_both_languages(home: Home, problem: Problem) -> None:
    """Whatever went wrong, the page says it in a sentence, with the retailer's own words."""
    home.read(250, 250, 250)
    order_id = home.order(
        lambda session, order: stumble(
            session, order, problem, "said the shop", "https://shop.example/go", NOW
        )
    )
    for lang in ("en", "ko"):
        view = home.pages.order(order_id, lang)  # type: ignore[arg-type]
        assert view is not None
        assert view.problem is not None
        assert "said the shop" in view.problem
        assert "https://shop.example/go" == view.permalink
    assert home.pages.home("en").attention[0].can_cancel


def shown(home: Home) -> SlotView:
    """The jug as its page shows it."""
    view = home.pages.slot(home.jug, "en")
    assert view is not None
    return view


def test_of_two_people_who_edit_at_once_the_second_is_told(home: Home) -> None:
    """What they did not see is not overwritten; looking again, they may."""
    seen = shown(home).rules_version
    mine = RulesForm(threshold=420, mode="auto", price_cap_minor=1999, version=seen)
    home.pages.set_rules(home.jug, mine)
    with pytest.raises(Refused, match="rules_changed"):
        home.pages.set_rules(home.jug, replace(mine, threshold=500))
    assert shown(home).threshold == 420
    home.pages.set_rules(home.jug, replace(mine, threshold=500, version=shown(home).rules_version))
    assert shown(home).threshold == 500


def test_rules_reach_mandate_slot_and_twin_together(home: Home) -> None:
    """Saving the form changes the mandate and the threshold and wishes it of the device, at once."""
    home.pages.set_rules(home.jug, RulesForm(threshold=420, mode="auto", price_cap_minor=1999))
    view = home.pages.slot(home.jug, "en")
    assert view is not None
    assert (420, "auto", 1999) == (view.threshold, view.mode, view.price_cap_minor)
    assert ("pending", 420) == (view.twin.state, view.twin.desired)
    with home.database.write() as session:
        report = {"v": 1, "rev": 1, "slots": {"main": {"threshold": 400}}}
        assert twin.record_report(session, DeviceId("jug"), report, NOW)
    limited = home.pages.slot(home.jug, "en")
    assert limited is not None
    assert ("limited", 400) == (limited.twin.state, limited.twin.reported)


def test_a_threshold_that_does_not_fit_changes_nothing(home: Home) -> None:
    """A threshold beyond the container is refused whole: the mandate stays as it was."""
    with pytest.raises(Refused):
        home.pages.set_rules(home.jug, RulesForm(threshold=1600, mode="auto", price_cap_minor=1))
    view = home.pages.slot(home.jug, "en")
    assert view is not None
    assert (300, "ask", 2500) == (view.threshold, view.mode, view.price_cap_minor)


def test_delivered_counts_as_spare_until_it_is_poured_in(home: Home) -> None:
    """On order, then spare, then loaded: the position follows the parcel, and the refill closes the order."""
    home.read(250, 250, 250)

    def deliver(session: Session, order: PurchaseOrder) -> None:
        order.quoted_minor = 1000
        approve(session, order.id, ceiling_minor=1000, now=NOW)
        for event in (Event.PLACE, Event.SHIP, Event.DELIVER):
            move(session, order, event, NOW)

    order_id = home.order(deliver)
    view = home.pages.slot(home.jug, "en")
    assert view is not None
    assert (0, 1) == (view.on_order_packs, view.spare_packs)
    home.clock.moment = NOW + timedelta(hours=5)
    with home.database.write() as session:
        for number in range(2):
            at = NOW + timedelta(hours=3 + number)
            store_level(session, "jug", "0000abcd", 2000 + number, 1500, at)
        session.flush()
        evaluate_now(session, home.jug, home.clock.now())
    closed = home.pages.order(order_id, "en")
    assert closed is not None
    assert State.CLOSED == closed.state


def test_readings_that_a_wrong_clock_dated_are_said_and_not_used(home: Home) -> None:
    """And they are nothing new when their date has come."""
    ahead = timedelta(days=5 * 365)
    with home.database.write() as session:
        for seq in (1, 2):
            store_level(session, "jug", "0000aaaa", seq, 100, home.clock.now() + ahead)
    home.read(900, 900, 900)
    for lang, said in (("en", "2 readings are dated up to"), ("ko", "기록 2개는 시각이")):
        view = home.pages.slot(home.jug, lang)  # type: ignore[arg-type]
        assert view is not None
        assert view.stock is not None
        assert (view.level, view.level_state) == (900, "good")
        assert any(said in sentence for sentence in view.stock.sensor)
    home.clock.pass_s((ahead + timedelta(days=1)).total_seconds())
    later = home.pages.slot(home.jug, "en")
    assert later is not None
    assert later.stock is not None
    assert (later.level_state, later.stock.sensor) == ("unknown", ())
