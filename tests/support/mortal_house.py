"""A private house whose parts can be killed and started again."""

import os
import random
import shutil
import signal
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sqlmodel import SQLModel, select

from device_sim.clock import SimClock
from device_sim.fleet import Access, SimDevice
from device_sim.process import Child
from replenish_server import operations
from replenish_server.demo.house import PrivateHouse
from replenish_server.fleet.gatekeeper import reload_broker
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.settings import Role
from tests.support.cluster import Cluster
from tests.support.zygote import ForkedServer, Zygote

CAP_MINOR = 3000


class MortalHouse(PrivateHouse):
    """A house for killing. Orders ship and arrive within seconds, so that slots order again and again.

    Args:
        mosquitto: the broker's binary.
        zygote: forks the servers.
        speed: simulated seconds per real second.
    """

    cooling_off_minutes = 0  # at the speed of a real clock nobody waits for an hour

    def __init__(self, mosquitto: str, zygote: Zygote, speed: float = 1.0) -> None:
        super().__init__(mosquitto, SimClock.started_now(speed))
        self._zygote = zygote
        self._commands: dict[str, list[str]] = {}
        self.parts: dict[str, Child | ForkedServer] = {}

    def check(self) -> None:
        """Parts may be dead here."""

    def stop(self) -> None:
        """End every part and remove every file."""
        self._children = list(self.parts.values())  # type: ignore[assignment]
        super().stop()

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a part a signal: "broker", "server" or "retailer"."""
        part = self.parts[name]
        if part.running():
            os.kill(part.pid, number)

    def await_death(self, name: str) -> None:
        """Return once a part that was killed is gone."""
        assert wait_until(lambda: not self.parts[name].running(), 60), f"{name} does not die"

    def restart(self, name: str) -> None:
        """Start a part again, once it is dead."""
        self.await_death(name)
        self._spawn(name, self._commands[name])

    def await_server(self) -> None:
        """Return once the server answers and has its session with the broker."""
        assert wait_until(self._server_ready, 60), self.parts["server"].last_words()

    def wipe_broker(self) -> None:
        """Throw away everything that a dead broker had kept: sessions, queues, retained messages."""
        shutil.rmtree(self.settings.broker_folder / "state")
        (self.settings.broker_folder / "state").mkdir()

    def faults(self, seed: int, **lists: Any) -> None:
        """Tell the retailer how to fail; without lists it works again."""
        self.shop("/testing/faults", seed=seed, **lists)

    def shop(self, path: str, **body: Any) -> None:
        """Tell the sandbox retailer something."""
        httpx.post(f"{self.shop_url}{path}", json=body, trust_env=False).raise_for_status()

    def shop_orders(self) -> list[dict[str, Any]]:
        """What the retailer really has, once it is up again."""
        assert wait_until(self._shop_answers, 60), self.parts["retailer"].last_words()
        return list(httpx.get(f"{self.shop_url}/testing/orders", trust_env=False).json())

    def _shop_answers(self) -> bool:
        try:
            return httpx.get(f"{self.shop_url}/testing/orders", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def rows(self, table: type[SQLModel], **where: Any) -> list[Any]:
        """Rows of a table whose columns have these values."""
        with self.database.read() as session:
            return list(session.exec(select(table).filter_by(**where)))

    def orders(self, slot_id: str) -> list[PurchaseOrder]:
        """Every order of a slot, oldest first."""
        return sorted(self.rows(PurchaseOrder, slot_id=slot_id), key=lambda order: order.created_at)

    def add(
        self, kind: str, device_id: str, rng: random.Random, mandate: Mandate | None = None
    ) -> tuple[SimDevice, str]:
        """Register a device; returns it (offline) and its slot."""
        level = kind == "level"
        item = ("det-1500", "Detergent", 1_400_000) if level else ("filter-3", "Filters", 1)
        new = NewDevice(
            kind,
            device_id,
            f"{item[1]} {device_id}",  # buttons of one name would be one supply
            "detergent",
            Product(self.retailer_id, *item),
            capacity=None if kind == "button" else 1_500_000,
            threshold=None if kind == "button" else 300_000,
            device_id=device_id,
        )
        allowed = mandate or Mandate(Mode.AUTO, CAP_MINOR, "EUR")
        made = operations.register_device(
            self.database, self.settings, self.household_id, new, allowed, self.clock.now()
        )
        access = Access(made.host, made.port, made.device_id, made.password, made.ca)
        self.reload_broker_until_it_knows(access)
        return SimDevice(access, self.clock, rng), made.slot_id

    def reload_broker_until_it_knows(self, access: Access) -> None:
        """Mosquitto 2.0 forgets a SIGHUP that comes while it still works on the one before: send it again."""
        while self.parts["broker"].running() and not _may_log_in(access):
            time.sleep(0.05)
            reload_broker(self._files)

    def _spawn(self, name: str, command: list[str]) -> None:
        if name == "retailer":
            command = [*command, "--ship-after-h", "0.0002", "--deliver-after-h", "0.0004"]
        self._commands[name] = command
        if name == "server":
            self._fork(name, Role.ALL)
        else:
            self.parts[name] = Child(name, command, self.folder / f"{name}.log", os.environ)

    def _fork(self, name: str, role: Role) -> None:
        env = {"REPLENISH_ROLE": role.value, **self._server_env()}
        self.parts[name] = self._zygote.fork(env, self.folder / f"{name}.log")


class SharedHouse(MortalHouse):
    """One whose server is several processes around a PostgreSQL, each of which may die, as may that.

    Args:
        mosquitto: the broker's binary.
        zygote: forks the servers.
        cluster: of the database.
        roles: which processes there are, by name.
    """

    def __init__(self, mosquitto: str, zygote: Zygote, cluster: Cluster, roles: dict[str, Role]) -> None:
        self._cluster, self.roles = cluster, roles
        self.name = cluster.make()
        super().__init__(mosquitto, zygote)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """As with any house; "database" is the whole PostgreSQL, gently with SIGTERM."""
        if name != "database":
            super().kill(name, number)
        elif number == signal.SIGKILL:
            self._cluster.kill()
        else:
            self._cluster.stop()

    def restart(self, name: str) -> None:
        """Start a part again, once it is dead."""
        if name == "database":
            self._cluster.start()
        else:
            super().restart(name)

    def stop(self) -> None:
        """End every part, and remove every file and the database."""
        super().stop()
        self._cluster.drop(self.name)

    def _database_url(self) -> str:
        return self._cluster.url(self.name)

    def _spawn(self, name: str, command: list[str]) -> None:
        if name == "server":
            for each in self.roles:
                self._spawn(each, [])
        elif name in self.roles:
            self._commands[name] = command
            self._fork(name, self.roles[name])
        else:
            super()._spawn(name, command)


class EncryptedHouse(MortalHouse):
    """With an authority, so that there is an edge for devices."""

    encrypted = True


def wait_until(condition: Callable[[], Any], patience_s: float = 30.0) -> bool:
    """Whether the condition became true in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def _may_log_in(access: Access) -> bool:
    """Whether the broker takes this user name and password."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=access.device_id, protocol=paho.MQTTv5)
    client.username_pw_set(access.device_id, access.password)
    if access.ca:
        client.tls_set_context(ssl.create_default_context(cadata=access.ca))
    answers: list[bool] = []
    client.on_connect = lambda _c, _d, _f, reason, _p: answers.append(not reason.is_failure)
    client.connect(access.host, access.port)
    assert wait_until(lambda: client.loop(0.02) is None or answers, 30), "the broker does not answer"
    client.disconnect()
    return answers[0]
