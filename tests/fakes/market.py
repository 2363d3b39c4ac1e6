"""A house whose button buys at a retailer that reads the feed, with the retailers' API before it."""

import json
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from sqlmodel import col, select

from replenish_server.fleet.tables import Slot
from replenish_server.ids import new_idempotency_key
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.follow import Follower
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.retailers.book.acts import ACKNOWLEDGE_WITHIN, enter_order
from replenish_server.retailers.book.prices import PriceRow, import_prices
from replenish_server.retailers.book.quotes import OrderDraft
from replenish_server.retailers.book.tables import BookOrder
from replenish_server.retailers.directory import RetailerDirectory
from replenish_server.retailers.feed.desk import Desk
from replenish_server.retailers.feed.keys import make_key
from replenish_server.retailers.kinds import NewRetailer, RetailerKind
from replenish_server.retailers.registry import add_retailer
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.retail_api import build_retail_api
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House

PRICES = [
    PriceRow("det-1kg", "Detergent 1 kg", 990, "EUR", "EA", True),
    PriceRow("gone", "Gone", 100, "EUR", "EA", False),
]


class Market:
    """The house, its retailers of the feed, and everything between them.

    Args:
        house: whose slots are moved to the first retailer.
    """

    def __init__(self, house: House) -> None:
        self.house, self.clock = house, ManualClock(NOW)
        self.database = house.database
        self.shops = RetailerDirectory(house.database, Identity("http://home.test"), self.clock.now)
        self.dispatcher = Dispatcher(house.database, self.shops.shop, self.clock)
        self.follower = Follower(house.database, self.shops.shop, self.clock)
        self.desk = Desk(house.database, self.clock, self.acted)
        self.seconds = 0.0
        self.api = FastAPI()
        limits = [RateLimit(10.0, 50, lambda: self.seconds), RateLimit(0.1, 20, lambda: self.seconds)]
        self.api.mount("/retail/v1", build_retail_api(self.desk, *limits))
        self.corner, self.corner_key = self._retailer("Corner")
        self.other, self.other_key = self._retailer("Other")
        with self.database.write() as session:
            for slot in session.exec(select(Slot)):
                slot.retailer_id = self.corner
                session.add(slot)

    def _retailer(self, name: str) -> tuple[str, str]:
        options = {"shipping_minor": "390"}
        with self.database.write() as session:
            retailer = add_retailer(
                session, NewRetailer(RetailerKind.FEED, name, agreement="its feed", options=options), NOW
            )
            session.flush()
            import_prices(session, retailer, PRICES, NOW)
            return retailer, make_key(session, retailer, "", NOW)

    def acted(self, order_id: str) -> None:
        """What the server does after an act: the order follows."""
        self.follower.hint(order_id)
        self.follower.run()

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """A program of a retailer."""
        headers = {"authorization": f"Bearer {self.corner_key if key is None else key}"}
        transport = httpx.ASGITransport(app=self.api, raise_app_exceptions=False)
        base = "http://home.test/retail/v1"
        return httpx.AsyncClient(transport=transport, base_url=base, headers=headers)

    def order(self, device: str = "button-1", approved: bool = True) -> str:
        """Open an order; nothing is sent yet."""
        new = self.house.order_of(self.house.slots[device], approved)
        changed = {**new.__dict__, "retailer_id": self.corner}
        with self.database.write() as session:
            return create_order(session, type(new)(**changed), self.clock.now())

    def placed(self, device: str = "button-1") -> tuple[str, str]:
        """An order that stands in the feed: our id and the retailer's."""
        order_id = self.order(device)
        self.dispatcher.run()
        return order_id, self.ours(order_id).retailer_order_id or ""

    def entered(self) -> str:
        """An order of the first retailer that only the book knows; returns the retailer's id."""
        line = {
            "item_id": "det-1kg",
            "name": "D",
            "packs": 2,
            "unit_minor": 990,
            "total_minor": 1980,
            "unit": "EA",
        }
        draft = OrderDraft([line], "Ada", "a@example.org", None, "store-1", "EUR", 1980, 0, 1980)
        with self.database.write() as session:
            key = new_idempotency_key()
            return enter_order(session, self.corner, key, draft, ACKNOWLEDGE_WITHIN, NOW)[0].id

    def ours(self, order_id: str) -> PurchaseOrder:
        """Our order as stored."""
        with self.database.read() as session:
            return session.get_one(PurchaseOrder, order_id)

    def states(self, order_id: str) -> list[str]:
        """The states that our order went through."""
        with self.database.read() as session:
            query = select(OrderEvent.state).where(OrderEvent.order_id == order_id)
            states = list(session.exec(query.order_by(col(OrderEvent.id))))
            return [state for n, state in enumerate(states) if n == 0 or states[n - 1] != state]

    def booked(self) -> list[BookOrder]:
        """The whole book."""
        with self.database.read() as session:
            return list(session.exec(select(BookOrder)))

    def later(self, **duration: float) -> None:
        """Let time pass."""
        self.clock.moment += timedelta(**duration)


async def act(
    client: httpx.AsyncClient, order_id: str, path: str, body: Any = None, key: str = ""
) -> httpx.Response:
    """One request that changes something, under a key of its own unless one is given."""
    return await client.post(
        f"/orders/{order_id}/{path}",
        content=json.dumps({} if body is None else body),
        headers={"idempotency-key": key or f"k-{order_id}-{path}", "content-type": "application/json"},
    )
