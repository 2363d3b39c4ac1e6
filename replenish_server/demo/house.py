"""A private house: broker, retailer and server as processes of their own, in one temporary folder.

Everything ends with it, and no file stays.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from device_sim.clock import SimClock
from device_sim.process import Child, free_ports
from replenish_server import operations
from replenish_server.database import Database
from replenish_server.fleet.authority import Authority
from replenish_server.households.particulars import Address
from replenish_server.ids import HouseholdId, RetailerId
from replenish_server.settings import Settings


class HouseFailed(Exception):
    """A part did not start, or ended by itself; the text says which, with its last words."""


class PrivateHouse:
    """A household with a retailer, whose devices are still to be added.

    Args:
        mosquitto: the broker's binary.
        clock: simulated time, shared by every process.
        page_port: TCP port of the page; 0 takes a free one.
    """

    encrypted = False  # whether the broker also has TLS listeners
    cooling_off_minutes = 60  # simulated ones: long enough to be seen, short enough to be waited for

    def __init__(self, mosquitto: str, clock: SimClock, page_port: int = 0) -> None:
        self.clock = clock
        self._mosquitto = mosquitto
        self._children: list[Child] = []
        device_port, broker_port, http_port, self._shop_port, tls, certificate, psk, edge = free_ports(8)
        self.folder = Path(tempfile.mkdtemp(prefix="replenish-"))
        self.settings = Settings(
            data_dir=self.folder,
            database_url=self._database_url(),
            broker_port=broker_port,
            device_port=device_port,
            tls_port=tls,
            certificate_port=certificate,
            psk_port=psk,
            edge_port=edge,
            http_port=page_port or http_port,
            clock=str(clock),
        )
        self.database = Database(self.settings.database_url)
        self.database.migrate()
        if self.encrypted:
            Authority(self.settings.authority_folder).init(self.settings.device_hosts)
        self._files = operations.broker_files(self.settings)
        self.household_id, self.retailer_id = self._furnish()

    def _database_url(self) -> str:
        """Where its data is; "" for a file in its folder."""
        return ""

    @property
    def shop_url(self) -> str:
        """The sandbox retailer's origin."""
        return f"http://127.0.0.1:{self._shop_port}"

    def start(self) -> None:
        """Start every process and wait until all answer.

        Raises:
            HouseFailed: one does not.
        """
        self._spawn("broker", [self._mosquitto, "-c", str(self._files.conf)])
        ready = self.folder / "shop.json"
        shop = [sys.executable, "-m", "device_sim.retailer", "--port", str(self._shop_port)]
        shop += ["--db", str(self.folder / "shop.db"), "--clock", str(self.clock), "--ready-file", str(ready)]
        shop += ["--ship-after-h", "5", "--deliver-after-h", "20"]
        # This shop serves nobody who does not sign.
        shop += ["--faults", '{"signatures": "all"}']
        self._spawn("retailer", shop)
        self._spawn("server", [sys.executable, "-m", "replenish_server", "serve", "--verbose"])
        self._wait("the retailer", ready.exists)
        self._wait("the server", self._server_ready)

    def check(self) -> None:
        """See that every process still runs.

        Raises:
            HouseFailed: one ended by itself.
        """
        for child in self._children:
            if not child.running():
                raise HouseFailed(f"the {child.name} ended by itself:\n{child.last_words()}")

    def stop(self) -> None:
        """End every process and remove every file."""
        for child in reversed(self._children):
            child.stop()
        self.database.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _furnish(self) -> tuple[HouseholdId, RetailerId]:
        now = self.clock.now()
        address = Address("Ada Park", "ada@example.org", "Lindenstrasse 12", "Berlin", "10969", "DE")
        household_id = operations.create_household(
            self.database,
            "Park household",
            address,
            "Europe/Berlin",
            "en",
            "EUR",
            now,
            self.cooling_off_minutes,
        )
        retailer_id = operations.add_retailer(
            self.database,
            "Sandbox Retailer",
            self.shop_url,
            "sandbox_pay",
            "success_token",
            "the sandbox retailer of this house permits unattended orders",
            now,
        )
        return household_id, retailer_id

    def _spawn(self, name: str, command: list[str]) -> None:
        env = {**os.environ, **self._server_env(), "PYTHONUNBUFFERED": "1"}
        self._children.append(Child(name, command, self.folder / f"{name}.log", env))

    def _server_env(self) -> dict[str, str]:
        """What tells a server that it is one of this house."""
        settings = self.settings
        return {
            "REPLENISH_DATA_DIR": str(settings.data_dir),
            "REPLENISH_DATABASE_URL": settings.database_url,
            "REPLENISH_BROKER_PORT": str(settings.broker_port),
            "REPLENISH_DEVICE_PORT": str(settings.device_port),
            "REPLENISH_HTTP_PORT": str(settings.http_port),
            "REPLENISH_EDGE_PORT": str(settings.edge_port),
            "REPLENISH_TLS_PORT": str(settings.tls_port),
            "REPLENISH_CERTIFICATE_PORT": str(settings.certificate_port),
            "REPLENISH_PSK_PORT": str(settings.psk_port),
            "REPLENISH_CLOCK": settings.clock,
        }

    def _server_ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.settings.base_url}/healthz", timeout=2, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and bool(answer.json().get("broker", True))

    def _wait(self, what: str, ready: Callable[[], bool], patience_s: float = 60.0) -> None:
        deadline = time.monotonic() + patience_s
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise HouseFailed(f"{what} did not answer within {patience_s:.0f} seconds")
            time.sleep(0.05)
