"""Two households on one server, and the household's API over them: where law 8 can be tried."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import inspect, text
from sqlmodel import Session, select

from replenish_server.fleet.registry import NewDevice, add_device
from replenish_server.households.mandate import Verdict
from replenish_server.households.membership import add_person, create_token, ensure_owner
from replenish_server.households.notices import Notice, notify
from replenish_server.households.people import Act, Role, acts_of
from replenish_server.households.people_tables import Person
from replenish_server.households.tables import Household, HouseholdNotice, SlotMandate
from replenish_server.ids import DecisionId, HouseholdId, new_id
from replenish_server.ordering.orders import NewOrder, create_order
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.priors import shipped_models
from replenish_server.replenishment.record import to_json
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.telemetry.tables import DeviceEvent
from replenish_server.web.api_desk import ApiDesk
from replenish_server.web.household_api import build_household_api
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House, product

OTHER = HouseholdId("home-2")


class TwoHomes:
    """The house of all tests, a second one beside it, and a client for tokens of either.

    Args:
        house: the first home, with its database.
    """

    def __init__(self, house: House) -> None:
        self.house, self.database, self.clock = house, house.database, ManualClock(NOW + timedelta(hours=1))
        self.wishes = 0
        with self.database.write() as session:
            first = session.get_one(Household, HOUSEHOLD)
            session.add(
                Household(**{**first.model_dump(), "id": OTHER, "name": "Next door", "buyer_name": "Zelda"})
            )
            session.flush()
            new = NewDevice("button", "Their button", "Their box", "other", product(1), device_id="theirs")
            _, self.their_slot = add_device(session, OTHER, new, NOW)
            session.add(
                SlotMandate(slot_id=self.their_slot, mode="auto", price_cap_minor=900, currency="EUR",
                            changed_at=NOW)
            )  # fmt: skip
        self.desk = ApiDesk(self.database, self.clock, shipped_models, self._wished)
        self.app = build_household_api(self.desk)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url="http://localhost"
        )

    def _wished(self) -> None:
        self.wishes += 1

    def token(self, role: Role, household: HouseholdId = HOUSEHOLD, *scopes: Act) -> dict[str, str]:
        """The header of a program of somebody new."""
        with self.database.write() as session:
            person: Person
            if role is Role.OWNER:
                person = ensure_owner(session, household)
            else:
                person = add_person(session, household, f"{role.value} {new_id('x')}", role, NOW)
            allowed = frozenset(scopes) or acts_of(role)
            return {"authorization": f"Bearer {create_token(session, person, 't', allowed, NOW)[1]}"}

    def order(self, slot_id: str, household: HouseholdId, quoted_minor: int | None = 2490) -> str:
        """An order that waits for approval, with its decision and a notice about it."""
        with self.database.write() as session:
            decision_id = self._decision(session, slot_id)
            new = NewOrder(
                slot_id, household, RETAILER, decision_id, "press", "det-1kg", "Detergent", 1, 1, "EUR", False
            )
            order_id = create_order(session, new, NOW)
            session.get_one(PurchaseOrder, order_id).quoted_minor = quoted_minor
            data = {"name": "M", "product": "P", "slot": "S", "order_id": order_id}
            notify(session, Notice(household, f"asked:{order_id}", "asked_adult", data, NOW))
            return order_id

    def _decision(self, session: Session, slot_id: str) -> DecisionId:
        asks = Verdict("presser_may_spend", False, {"name": "M", "role": "child"})
        decision = Decision(Kind.ASK, Trigger.PRESS, 1, "pack", 1, (asks,), currency="EUR")
        row = DecisionRecord(
            id=new_id("dec"), slot_id=slot_id, kind="ask", trigger="press", data=to_json(decision),
            at=NOW, last_at=NOW,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return DecisionId(row.id)

    def event(self, device_id: str, seq: int, minutes: int = 0) -> None:
        """A hello of a device."""
        at = NOW + timedelta(minutes=minutes)
        with self.database.write() as session:
            session.add(
                DeviceEvent(device_id=device_id, boot="0000abcd", seq=seq, type="hello", slot_key="main",
                            occurred_at=at, received_at=at)
            )  # fmt: skip

    def dump(self) -> str:
        """Everything in the database, to be compared."""
        with self.database.engine.connect() as connection:
            tables = sorted(inspect(connection).get_table_names())
            return json.dumps(
                {
                    table: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{table}"'))))
                    for table in tables
                }
            )

    def notice_of(self, household: HouseholdId) -> str:
        """The id of a notice."""
        with self.database.read() as session:
            query = select(HouseholdNotice.id).where(HouseholdNotice.household_id == household)
            return session.exec(query).first() or ""


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of an OpenAPI document."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def example_body(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    """The example of an operation's JSON body, None when it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    return document["components"]["schemas"][name]["example"]
