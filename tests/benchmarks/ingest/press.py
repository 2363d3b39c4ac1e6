"""From the press of a button to the POST at the shop, through the whole server, beside a fleet."""

import json
import random
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx

from device_sim.process import free_ports
from tests.benchmarks.ingest.bed import Bed, wait_for
from tests.benchmarks.ingest.goals import row
from tests.benchmarks.ingest.load import Publisher, level_event, level_stream, publish_packet
from tests.benchmarks.ingest.tap import Tap

DEVICES = 1000
PRESSES = 60
GAP_S = 0.6  # between two presses, half of it random: no press waits for the order of the one before
WARM_UP = 5


@dataclass(frozen=True)
class Presses:
    """One run: milliseconds from the first byte of each press to its POST, and what was wrong."""

    took_ms: list[float]
    missing: int
    double: int


def measure(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """Presses among 100 and among 400 messages a second, from a thousand level sensors."""
    quiet = [_run(int(PRESSES * scale), 100, number) for number in range(repetitions)]
    busy = [_run(int(PRESSES * scale), 400, number) for number in range(repetitions)]
    return [
        row("press_to_post_p50", [_percentile(run, 50) for run in quiet], "ms", 3),
        row("press_to_post_p99", [_percentile(run, 99) for run in quiet], "ms", 25),
        row("press_to_post_p99_at_400", [_percentile(run, 99) for run in busy], "ms", 40),
        row("presses_missing", [run.missing for run in quiet + busy], "presses", 0),
        row("presses_double", [run.double for run in quiet + busy], "presses", 0),
    ]


def _percentile(run: Presses, percent: int) -> float:
    ordered = sorted(run.took_ms)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _run(presses: int, background_per_s: int, seed: int) -> Presses:
    sys.setswitchinterval(0.0005)  # the tap must not wait for the publisher
    (shop_port,) = free_ports(1)
    tap = Tap(shop_port)
    with Bed(DEVICES, f"http://127.0.0.1:{tap.port}") as bed:
        buttons = bed.add_buttons(presses + WARM_UP)
        ready = bed.folder / "shop.json"
        shop = [sys.executable, "-m", "device_sim.retailer", "--port", str(shop_port)]
        bed.spawn("shop", [*shop, "--db", str(bed.folder / "shop.db"), "--ready-file", str(ready)])
        wait_for(ready.exists, "the shop")
        bed.serve()
        over = threading.Event()
        _settle(bed)
        noise = threading.Thread(target=_background, args=(bed, background_per_s, over))
        noise.start()
        sent = _press_all(bed.publisher(), buttons, random.Random(seed))
        connection = sqlite3.connect(f"file:{bed.database}?mode=ro", uri=True, timeout=30)
        deadline = time.monotonic() + 30
        while connection.execute(_PLACED).fetchone()[0] < len(buttons) and time.monotonic() < deadline:
            time.sleep(0.2)
        over.set()
        noise.join()
        orders = httpx.get(f"http://127.0.0.1:{shop_port}/testing/orders", trust_env=False).json()
        result = _match(connection, tap, dict(list(sent.items())[WARM_UP:]), len(orders) - len(buttons))
        connection.close()
    tap.close()
    return result


_PLACED = (
    "SELECT count(*) FROM press_answer JOIN purchase_order o ON o.id = order_id WHERE o.state = 'placed'"
)


def _settle(bed: Bed) -> None:
    """The fleet is known: each sensor has spoken, been judged, and been told at what level to speak up."""
    publisher = bed.publisher()
    publisher.send(level_stream(bed.devices, len(bed.devices)))
    publisher.close()
    connection = sqlite3.connect(f"file:{bed.database}?mode=ro", uri=True, timeout=30)
    judged = "SELECT count(DISTINCT slot_id) FROM decision"
    wait_for(lambda: connection.execute(judged).fetchone()[0] >= len(bed.devices), "the fleet", 180)
    published = "SELECT count(*) FROM twin WHERE published_rev < desired_rev"
    wait_for(lambda: connection.execute(published).fetchone()[0] == 0, "the fleet's settings", 180)
    connection.close()


def _match(connection: sqlite3.Connection, tap: Tap, sent: dict[str, float], too_many: int) -> Presses:
    """Which POST belongs to which press, by the keys of the calls that the server stored."""
    rows = connection.execute(
        "SELECT p.device_id, c.key FROM press_answer p JOIN purchase_order o ON o.id = p.order_id"
        f" JOIN retailer_call c ON {_call_of_order(connection)} WHERE c.step = 'create'"
    ).fetchall()
    arrived = {device: tap.arrived[key] for device, key in rows if key in tap.arrived}
    took = [(arrived[device] - moment) * 1e3 for device, moment in sent.items() if device in arrived]
    return Presses(took, len(sent) - len(took), max(0, too_many))


def _call_of_order(connection: sqlite3.Connection) -> str:
    columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(retailer_call)")}
    return "c.parcel_id = o.parcel_id" if "parcel_id" in columns else "c.order_id = o.id"


def _press_all(publisher: Publisher, buttons: list[str], rng: random.Random) -> dict[str, float]:
    """Press each button once; returns when each press left."""
    sent = {}
    for number, button in enumerate(buttons):
        event = {"v": 1, "b": "0000000a", "s": 1, "t": "press", "g": "short", "a": 0, "c": 2}
        packet = publish_packet(f"rp/1/{button}/up/ev", json.dumps(event).encode(), number + 1)
        sent[button] = time.perf_counter()
        publisher.send([packet])
        time.sleep(GAP_S * (0.5 + rng.random()) + (1.0 if number < WARM_UP else 0.0))
    publisher.close()
    return sent


def _background(bed: Bed, per_second: int, over: threading.Event) -> None:
    publisher = bed.publisher("background")
    seq = 1
    while not over.is_set():
        seq += 1
        packets = [
            publish_packet(f"rp/1/{device}/up/ev", level_event(seq, 900 - seq % 3), number % 60_000 + 1)
            for number, device in enumerate(bed.devices)
        ]
        for at in range(0, len(packets), per_second // 10):
            if over.is_set():
                break
            publisher.send(packets[at : at + per_second // 10], per_second=per_second)
    publisher.close()
