"""Puts the shop together and lets its time pass: due orders move on, waiting webhooks are sent."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from device_sim.retailer.catalogue import Catalogue
from device_sim.retailer.checkout import Checkouts
from device_sim.retailer.completion import Completions
from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.faults import FaultPlan
from device_sim.retailer.idempotency import Keys
from device_sim.retailer.identity import Client, Identity
from device_sim.retailer.mandates import Mandates
from device_sim.retailer.orders import Orders
from device_sim.retailer.platforms import Platforms
from device_sim.retailer.signing import KeyRing
from device_sim.retailer.stock import Stock
from device_sim.retailer.store import Store
from device_sim.retailer.webhooks import Outbox

# A platform on this machine can link an account without further ado.
FIRST_CLIENT = Client("household-platform", ("http://127.0.0.1/oauth/callback",), None, ())

log = logging.getLogger(__name__)


class Shop:
    """One open shop: its file, its rooms and its background task.

    Args:
        db_path: the SQLite file; everything that must outlive the process is in it.
        clock: hours of delivery, session expiry and key lifetime are read from it.
        config: address, speed and patience.
        faults: what goes wrong from the start (`FaultPlan.set`).
        transport: how to reach platforms; a test passes one that stays in the process.
    """

    def __init__(
        self,
        db_path: Path | str,
        clock: Clock,
        config: RetailerConfig,
        faults: Mapping[str, Any] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.faults = FaultPlan(faults)
        # Set when the shop is told to close, so that nobody is kept hanging by a fault.
        self.closing = asyncio.Event()
        # No redirects, no proxies from the environment: what a caller names is fetched as it stands.
        self._http = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
        self.store = Store(db_path)
        self.stock = Stock(self.store)
        self.key_ring = KeyRing(self.store, clock)
        self.platforms = Platforms(self.store, config, self._http)
        self.outbox = Outbox(self.store, config, self._http, self.platforms, self.key_ring, self.faults)
        self.orders = Orders(self.store, clock, config, self.stock, self.outbox, self.faults)
        self.checkouts = Checkouts(self.store, clock, config, self.stock, self.faults)
        self.completions = Completions(
            self.store, clock, self.checkouts, self.stock, self.orders, self.faults
        )
        self.identity = Identity(self.store, clock, config)
        self.mandates = Mandates(config, clock, self.key_ring)
        self.keys = Keys(self.store, clock, self.faults)
        with self.store.transaction():
            self.stock.seed()
            if self.identity.client(FIRST_CLIENT.client_id) is None:
                self.identity.register(FIRST_CLIENT)
        self.key_ring.current()  # a new shop has its key before anyone asks

    @property
    def catalogue(self) -> Catalogue:
        """The shelf of the warehouse."""
        return self.stock.catalogue

    async def tick(self) -> int:
        """Move every order whose time has come, then try the webhooks that wait. Returns how many arrived."""
        for session_id in self.completions.due():
            with self.store.transaction():
                self.completions.settle(session_id)
        while due := self.orders.due():
            for order_id in due:
                with self.store.transaction():
                    self.orders.advance(order_id)
            await asyncio.sleep(0)
        return await self.outbox.send_due(self.platforms.webhook_url)

    async def run(self) -> None:
        """Tick until cancelled. One failing tick is logged and does not end the shop."""
        while True:
            try:
                arrived = await self.tick()
            except Exception:
                log.exception("a tick of the sandbox retailer failed")
                arrived = 0
            # An order's next webhook follows its last one at once; only an idle shop sleeps.
            await asyncio.sleep(0 if arrived else self.config.tick_s)

    async def close(self) -> None:
        """Close file and connections; nothing that was committed is lost."""
        await self._http.aclose()
        self.store.close()
