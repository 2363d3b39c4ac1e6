"""One household with a button and a level sensor, in a real database: where orders and readings can be."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session, select

import replenish_server.app  # noqa: F401 - every table has to be known before the first mapper is used
from replenish_server.database import Database
from replenish_server.fleet.registry import NewDevice, Product, add_device
from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import Household, SlotMandate
from replenish_server.ids import DecisionId, DeviceId, HouseholdId, RetailerId, new_id
from replenish_server.ordering.orders import NewOrder
from replenish_server.replenishment.evaluate import evaluate_slot
from replenish_server.replenishment.forecasts import forecast_slots
from replenish_server.replenishment.priors import shipped_models
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.retailers.tables import Retailer
from replenish_server.telemetry.store import Incoming, store_batch

Template = Path | Callable[[], str]
"""A furnished SQLite file, or what copies a furnished PostgreSQL database and returns the copy's URL."""

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUSEHOLD = HouseholdId("home-1")
RETAILER = RetailerId("shop-1")


def evaluate_now(session: Session, slot_id: str, now: datetime) -> None:
    """Forecast and judge one slot, as the evaluator does with all that are due."""
    forecasts = forecast_slots(session, [session.get_one(Slot, slot_id)], now, shipped_models)
    evaluate_slot(session, slot_id, now, forecasts.get(slot_id))


def store_level(session: Session, device_id: str, boot: str, seq: int, grams: int, at: datetime) -> None:
    """A level reading that happened and arrived at `at`."""
    body = {"v": 1, "b": boot, "s": seq, "t": "level", "n": grams}
    store_batch(session, [Incoming(f"rp/1/{device_id}/up/ev", json.dumps(body).encode(), False, at)])


def product(pack_amount: int = 1_000_000) -> Product:
    """What the slots buy."""
    return Product(RETAILER, "det-1kg", "Detergent 1 kg", pack_amount)


class House:
    """The household's database and the ids of what is in it.

    Args:
        database: migrated, and filled by `build_house`.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.slots: dict[str, str] = {}

    def order_of(self, slot_id: str, approved: bool = True) -> NewOrder:
        """An order to be opened, with the decision that it rests on."""
        decision_id = new_id("dec")
        with self.database.write() as session:
            pack_amount = session.get_one(Slot, slot_id).pack_amount
            session.add(
                DecisionRecord(
                    id=decision_id,
                    slot_id=slot_id,
                    kind="order",
                    trigger="press",
                    data={},
                    at=NOW,
                    last_at=NOW,
                )
            )
        return NewOrder(
            slot_id=slot_id,
            household_id=HOUSEHOLD,
            retailer_id=RETAILER,
            decision_id=DecisionId(decision_id),
            trigger="press",
            item_id="det-1kg",
            product_name="Detergent 1 kg",
            packs=2,
            pack_amount=pack_amount,
            currency="EUR",
            approved=approved,
        )


def migrated(path: Path) -> Path:
    """A database file with the newest schema and one house in it, to be copied."""
    furnish(f"sqlite:///{path}")
    return path


def furnish(url: str) -> None:
    """Give an empty database the newest schema and one house, and let go of it."""
    database = Database(url)
    database.migrate()
    with database.write() as session:
        session.add(
            Household(
                id=HOUSEHOLD,
                name="Home",
                buyer_name="Ada Byron",
                buyer_email="ada@example.org",
                street="1 Main Street",
                locality="Bonn",
                postal_code="53111",
                country="DE",
                cooling_off_minutes=0,  # tests of the cooling-off say otherwise
                created_at=NOW,
            )
        )
        session.add(
            Retailer(
                id=RETAILER,
                name="Shop",
                url="http://shop.test",
                payment_handler="pay-1",
                payment_token="tok-secret",
                agreement="in writing",
                created_at=NOW,
            )
        )
        session.flush()
        for new in (
            NewDevice("level", "Scale", "Box", "detergent", product(), 2_000_000, 400_000, "level-1"),
            NewDevice("button", "Button", "Box", "detergent", product(1), device_id="button-1"),
        ):
            _, slot_id = add_device(session, HOUSEHOLD, new, NOW)
            session.add(
                SlotMandate(
                    slot_id=slot_id, mode="auto", price_cap_minor=3000, currency="EUR", changed_at=NOW
                )
            )
    database.close()


def build_house(template: Template, folder: Path) -> House:
    """A fresh copy of the house."""
    if isinstance(template, Path):
        path = folder / "house.db"
        shutil.copy(template, path)
        url = f"sqlite:///{path}"
    else:
        url = template()
    house = House(Database(url))
    with house.database.read() as session:
        house.slots = {
            DeviceId(device): slot for device, slot in session.exec(select(Slot.device_id, Slot.id))
        }
    return house
