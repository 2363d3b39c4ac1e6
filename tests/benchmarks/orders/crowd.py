"""Sixty-four presses at once against one month's budget: how far it is passed, over several budgets."""

import random
import tempfile
import threading
from pathlib import Path

from replenish_server.households.ledger import Entry, reserve, spending_of
from tests.fakes.retailer_house import HOUSEHOLD, NOW, build_house, migrated
from tests.laws.test_budget import furnished

CROWD = 64


def overspent_minor(seed: int) -> int:
    """By how many minor units sixty-four concurrent reservations pass the budget; 0 is right."""
    rng = random.Random(seed)
    budget = rng.randrange(1, 40) * 997
    with tempfile.TemporaryDirectory(prefix="replenish-bench-") as folder:
        home = Path(folder)
        house = build_house(migrated(home / "template.db"), home)
        orders = furnished(house, budget, CROWD)
        gate = threading.Barrier(CROWD)

        def press(order_id: str, amount_minor: int) -> None:
            gate.wait()
            with house.database.write() as session:
                reserve(session, Entry(HOUSEHOLD, house.slots["level-1"], order_id, amount_minor, "EUR"), NOW)

        amounts = [rng.choice([1, 499, 997, 2990]) for _ in orders]
        crowd = [threading.Thread(target=press, args=wish) for wish in zip(orders, amounts, strict=True)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        with house.database.read() as session:
            month = spending_of(session, HOUSEHOLD, NOW)
        house.database.close()
        return max(0, month.reserved_minor + month.settled_minor - budget)
