"""A home in which everything has happened: an order in each of its states, a sensor in each of its own.

What the pages are looked at with, by tools and by eye. Decisions, quotes and receipts come from the product's
own rules; only what a shop would say is made up.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import repeat

from sqlmodel import col, update

from replenish_server.fleet.alarms import note_alarm, note_resolution
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.membership import ensure_owner
from replenish_server.households.rules import pause_slot
from replenish_server.households.tables import Household
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import create_order, move, open_order, plan, skip, stumble
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder
from replenish_server.replenishment.device_lifecycle import join_household
from replenish_server.replenishment.record import to_json
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.retailers.handoff.adapter import HandOffRetailer
from replenish_server.retailers.port import Problem
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, RETAILER, House, evaluate_now, store_level
from tests.fakes.retailer_port import NamesItsPrice
from tests.integration.decisions import a_decision

PRODUCTS = (
    ("Washing powder", "Gentle Colour Powder 3 kg"),
    ("주방세제", "순한 친환경 주방세제 베이킹소다 & 구연산 대용량 리필 파우치 1.2L"),
    ("세탁실 섬유유연제 (아래층 드럼세탁기 옆 선반)", "초고농축 섬유유연제 실내건조용 리필 2.6L 4입"),
    ("Cat litter", "Feinwaschmittelkonzentratnachfüllpackung Sensitiv ohne Duftstoffe 12er-Vorratspackung"),
)  # fmt: skip
AFTER_PLACED: dict[str, tuple[Event, ...]] = {
    "placed": (),
    "shipped": (Event.SHIP,),
    "ready_for_pickup": (Event.READY,),
    "delivered": (Event.SHIP, Event.DELIVER),
    "closed": (Event.SHIP, Event.DELIVER, Event.FIT),
    "failed": (Event.LOSE,),
    "mismatch": (Event.MISMATCH,),
}
LOW = (1500, 900, 380, 330, 300, 280, 260, 250, 250, 250)
KILO_MG = 1_000_000


@dataclass
class LivedInHome:
    """The home of `house`, lived in until `now`.

    Args:
        house: with its first scale and button.
        now: the moment at which the pages are looked at.
        orders: the order of each situation, by its name.
        slots: the slot of each situation, by its name.
    """

    house: House
    now: datetime
    orders: dict[str, str] = field(default_factory=dict)
    slots: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = ManualClock(self.now)
        with self.house.database.write() as session:
            ensure_owner(session, HOUSEHOLD)

    def furnish(self) -> None:
        """Everything that a person may meet."""
        for name in AFTER_PLACED:
            self.add(name)
            self.read(name, *LOW)
        for name in ("needs_approval", "canceled", "skipped"):
            self.add(name, Mode.ASK)
            self.read(name, *LOW)
        self._dispatch(NamesItsPrice(repeat((2490, "EUR"))))
        for name, events in AFTER_PLACED.items():
            self.advance(name, *events)
        self.advance("canceled", Event.CANCEL)
        self._skip("skipped")
        self._hand_over()
        self.add("unquoted", Mode.ASK)
        self.read("unquoted", *LOW)
        self._trouble()
        for name in ("proposed", "expired"):
            self._propose(name)
        self.advance("expired", Event.TIME_OUT)
        self.add("told", Mode.NOTIFY)
        self.read("told", *LOW)
        with self.house.database.write() as session:
            session.get_one(Household, HOUSEHOLD).cooling_off_minutes = 1440
        self.add("cooling_off")
        self.read("cooling_off", *LOW)
        self._quiet_slots()

    def add(self, name: str, mode: Mode = Mode.AUTO, kind: str = "level") -> str:
        """A scale, or another device, with its slot; returns the slot's id."""
        slot_name, product = PRODUCTS[len(self.slots) % len(PRODUCTS)]
        amount = KILO_MG if kind == "level" else 1000
        new = NewDevice(
            kind, f"Scale {name}", slot_name, "detergent", Product(RETAILER, "det-1kg", product, amount),
            2 * amount, 2 * amount // 5, name.replace("_", "-"), None if kind == "level" else amount,
        )  # fmt: skip
        with self.house.database.write() as session:
            joined = self.now - timedelta(days=30)
            _, slot_id = join_household(session, HOUSEHOLD, new, Mandate(mode, 3000, "EUR"), joined)
        self.slots[name] = slot_id
        return slot_id

    def read(self, name: str, *levels_g: int, age_hours: float = 0.2, apart_days: float = 2.0) -> None:
        """Readings of a scale, the newest `age_hours` old, the last three an hour apart and those before by
        `apart_days`; and its decision, whose order is kept under the same name."""
        last = self.now - timedelta(hours=age_hours)
        with self.house.database.write() as session:
            for number, grams in enumerate(levels_g):
                after = len(levels_g) - 1 - number
                before = timedelta(hours=after) if after < 3 else timedelta(days=after * apart_days)
                store_level(session, name.replace("_", "-"), "0000abcd", number + 1, grams, last - before)
            session.flush()
            evaluate_now(session, self.slots[name], self.now)
            order = open_order(session, self.slots[name])
            if order is not None:
                self.orders[name] = order.id

    def advance(self, name: str, *events: Event) -> None:
        """What became of an order."""
        with self.house.database.write() as session:
            order = session.get_one(PurchaseOrder, self.orders[name])
            for event in events:
                move(session, order, event, self.now)

    def _skip(self, name: str) -> None:
        with self.house.database.write() as session:
            skip(session, self.orders[name], self.now, "Ada")
            evaluate_now(session, self.slots[name], self.now)

    def _dispatch(self, shop: NamesItsPrice | HandOffRetailer) -> None:
        Dispatcher(self.house.database, lambda _: shop, self.clock).run()

    def _hand_over(self) -> None:
        """A button's order that a person has to buy."""
        new = self.house.order_of(self.house.slots["button-1"])
        with self.house.database.write() as session:
            session.get_one(DecisionRecord, new.decision_id).data = to_json(a_decision())
            self.orders["to_buy"] = create_order(session, replace(new, trigger="level"), self.now)
        self._dispatch(HandOffRetailer(None, "https://shop.example"))

    def _trouble(self) -> None:
        """Orders that need a person, one for each of a few troubles, and one whose shop does not answer."""
        said: list[tuple[Problem, str, str | None]] = [
            (Problem.PAYMENT_FAILED, "The card was declined.", "https://shop.example/pay"),
            (Problem.UNKNOWN_OUTCOME, "", None),
            (Problem.PRICE_OVER_CAP, "", None),
        ]
        for name in ("placing", *(problem.value for problem, _, _ in said)):
            self.add(name)
            self.read(name, *LOW)
        with self.house.database.write() as session:
            order = session.get_one(PurchaseOrder, self.orders["placing"])
            session.get_one(Parcel, order.parcel_id).failures = 4
            for problem, detail, link in said:
                order = session.get_one(PurchaseOrder, self.orders[problem.value])
                order.quoted_minor = 3490
                stumble(session, order, problem, detail, link, self.now)

    def _propose(self, name: str) -> None:
        """What a retailer's program would propose: nothing in the product opens one by itself today."""
        self.add(name, Mode.ASK)
        self.read(name, *LOW)
        with self.house.database.write() as session:
            order = session.get_one(PurchaseOrder, self.orders[name])
            order.state = State.PROPOSED
            plan(order)
            session.exec(
                update(OrderEvent).where(col(OrderEvent.order_id) == order.id).values(state="proposed")
            )

    def _quiet_slots(self) -> None:
        """Slots that order nothing, each for its own reason."""
        self.add("shadow", Mode.SHADOW)
        self.read("shadow", *LOW)
        self.add("paused")
        with self.house.database.write() as session:
            pause_slot(session, self.slots["paused"], (self.now + timedelta(days=9)).date(), self.now)
        self.read("paused", *LOW)
        self.add("unknown")
        self.read("unknown")
        self.add("stale")
        self.read("stale", 1500, 900, 700, age_hours=60)
        self.add("enough")
        self.read("enough", 1900, 1800, 1700, 1600, 1500)
        self.add("sudden")
        self.read("sudden", 1900, 1880, 1850, 1850, 1850, 300, 300, 300, apart_days=0.2)
        self.add("seen_once")
        self.read("seen_once", 1600, 1500, 1400, 1300, 1200, 900, 900, 250)
        self.add("coarse")
        self.read("coarse", 1600, 1600, 1200, 1200, 1200, 800, 800)
        self.add("leak", Mode.ASK, "flow")
        self.add("toner", Mode.ASK, "pages")
        with self.house.database.write() as session:
            note_resolution(session, self.slots["coarse"], 400)
            note_alarm(session, "leak", "leak", self.now - timedelta(hours=5))
            for name in ("coarse", "leak", "toner"):
                evaluate_now(session, self.slots[name], self.now)
