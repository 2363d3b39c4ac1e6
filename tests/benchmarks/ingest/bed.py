"""A test bed: our Mosquitto configuration, a furnished database, and the processes that are measured."""

import os
import secrets
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from device_sim.process import Child, free_ports
from replenish_server import operations
from replenish_server.database import Database
from replenish_server.fleet.broker import find_mosquitto
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.particulars import Address
from replenish_server.ids import HouseholdId, RetailerId
from replenish_server.settings import Settings
from tests.benchmarks.ingest.load import Publisher

NOW = datetime(2026, 6, 1, tzinfo=UTC)
_USER = "bench"


class Bed:
    """One broker and one data folder; everything ends with it.

    Args:
        devices: level sensors that are registered.
        shop_url: where orders go.
        database_url: of an empty database; "" for a file of its own.
        disk: a folder of the disk to be on; None for the usual one.
    """

    def __init__(
        self,
        devices: int,
        shop_url: str = "http://127.0.0.1:1",
        database_url: str = "",
        disk: Path | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="replenish-bench-", dir=disk))
        device_port, self.port, self.http_port = free_ports(3)
        self.settings = Settings(
            data_dir=self.folder,
            database_url=database_url,
            broker_port=self.port,
            device_port=device_port,
            http_port=self.http_port,
        )
        self.devices = [f"bench-{number:06d}" for number in range(devices)]
        self._home, self._shop = self._furnish(shop_url)
        files = operations.broker_files(self.settings)
        self._register("level", self.devices)
        self._password = secrets.token_hex(8)
        files.set_server_password(_USER, self._password)
        rules = files.folder / "server.acl"
        rules.write_text(f"{rules.read_text()}\nuser {_USER}\ntopic readwrite rp/1/#\n")
        binary = find_mosquitto()
        if binary is None:
            raise RuntimeError("Mosquitto is not installed. Run: sudo apt-get install mosquitto")
        self._children: list[Child] = []
        self.broker = self._start("broker", [binary, "-c", str(files.conf)], {})
        wait_for(lambda: self.publisher().close() is None, "the broker")

    def publisher(self, name: str = _USER) -> Publisher:
        """A connection that may publish for every device; two at the same time need two names."""
        return Publisher(self.port, _USER, self._password, name)

    def add_buttons(self, count: int) -> list[str]:
        """Register buttons whose presses order at once; returns their device ids."""
        names = [f"button-{number:06d}" for number in range(count)]
        self._register("button", names)
        return names

    def serve(self, **env: str) -> Child:
        """Start the whole server and wait until it has its session with the broker."""
        child = self._start("server", [sys.executable, "-m", "replenish_server", "serve"], self._env | env)
        url = f"http://127.0.0.1:{self.http_port}/healthz"
        wait_for(lambda: b'"broker":true' in _get(url) or not child.running(), "the server")
        if not child.running():
            raise RuntimeError(f"the server ended by itself:\n{child.last_words()}")
        return child

    def ours(self, module: str = "tests.benchmarks.ingest.worker", **env: str) -> Child:
        """Start our ingest, or another module of ours, and wait until it is subscribed."""
        return self._ready("ours", [sys.executable, "-m", module], self._env | env)

    def straight_reader(self) -> Child:
        """Start the baseline and wait until it is subscribed."""
        command = [sys.executable, "-m", "tests.benchmarks.ingest.straight_reader"]
        return self._ready(
            "reader", [*command, str(self.port), _USER, self._password, str(self.reader_db)], {}
        )

    @property
    def _env(self) -> dict[str, str]:
        return {
            "REPLENISH_DATA_DIR": str(self.folder),
            "REPLENISH_DATABASE_URL": self.settings.database_url,
            "REPLENISH_BROKER_PORT": str(self.port),
            "REPLENISH_HTTP_PORT": str(self.http_port),
        }

    @property
    def reader_db(self) -> Path:
        """The baseline's database."""
        return self.folder / "reader.db"

    @property
    def database(self) -> Path:
        """Our database."""
        return self.folder / "replenish.db"

    def spawn(self, name: str, command: Sequence[str], **env: str) -> Child:
        """Start any other process of the bed."""
        return self._start(name, command, env)

    def __enter__(self) -> "Bed":
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            child.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, command: Sequence[str], env: dict[str, str]) -> Child:
        child = Child(name, command, self.folder / f"{name}.log", {**os.environ, **env})
        self._children.append(child)
        return child

    def _ready(self, name: str, command: Sequence[str], env: dict[str, str]) -> Child:
        child = self._start(name, command, env)
        wait_for(lambda: "READY" in child.last_words() or not child.running(), name)
        if not child.running():
            raise RuntimeError(f"{name} ended by itself:\n{child.last_words()}")
        return child

    def _furnish(self, shop_url: str) -> tuple[HouseholdId, RetailerId]:
        database = Database(self.settings.database_url)
        database.migrate()
        address = Address("A B", "a@example.org", "S 1", "T", "1", "DE")
        home = operations.create_household(database, "Bench", address, "UTC", "en", "EUR", NOW)
        shop = operations.add_retailer(database, "Shop", shop_url, "sandbox_pay", "success_token", "yes", NOW)
        database.close()
        return home, shop

    def _register(self, kind: str, names: Sequence[str]) -> None:
        """Add one device as the product does, and copy its rows for all others."""
        level = kind == "level"
        product = Product(
            self._shop, "det-1500" if level else "filter-3", "Detergent", 1_500_000 if level else 1
        )
        limits = (1_500_000, 300_000) if level else (None, None)
        new = NewDevice(kind, "M", "D", "detergent", product, *limits, names[0])
        database = Database(self.settings.database_url)
        mandate = Mandate(Mode.AUTO, 9000, "EUR")
        slot_id = operations.register_device(
            database, self.settings, self._home, new, mandate, datetime.now(UTC)
        ).slot_id
        _multiply(database, names, slot_id, self._home)
        database.close()


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def _multiply(database: Database, devices: Sequence[str], slot_id: str, home: str) -> None:
    """Copy the first device's rows for all others, whatever columns they have; each in a home of its own.

    In one home two slots for the same article would share one order.
    """
    own = {"household": "id", "device": "id", "slot": "id", "twin": "device_id", "slot_mandate": "slot_id"}
    first = {"household": home, "device": devices[0], "twin": devices[0]}
    new = {"household": ":home", "device": ":device", "twin": ":device"}
    with database.write() as session:
        for table, key in own.items():
            changed = {"device_id": ":device", "household_id": ":home", key: new.get(table, ":slot")}
            columns = session.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys()
            values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
            rows = [
                {"device": device, "slot": f"slot-{device}", "home": f"home-{device}"}
                | {"first": first.get(table, slot_id)}
                for device in devices[1:]
            ]
            if rows:
                copy = text(f"INSERT INTO {table} SELECT {values} FROM {table} WHERE {key} = :first")
                session.execute(copy, rows)


def wait_for(condition: Callable[[], bool], what: str, patience_s: float = 120.0) -> None:
    """Wait until something holds; connection errors count as not yet."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} was not ready within {patience_s:.0f} s")
        time.sleep(0.02)


def cpu_s(child: Child) -> float:
    """CPU seconds of a process so far, all threads, by the scheduler's own clock."""
    spent = 0
    for task in Path(f"/proc/{child.pid}/task").iterdir():
        spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def memory_mib(child: Child, peak: bool = False) -> float:
    """Resident memory of a process, now or at its highest, in MiB."""
    name = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"{child.name} has no memory")
