"""The whole server on PostgreSQL: from a press to the delivery, what the doctor says, and an old backup."""

import asyncio
import contextlib
import random
from collections.abc import Iterator

import pytest

from device_sim.fleet import SimDevice
from replenish_server.fleet.broker import find_mosquitto
from replenish_server.operations.doctor import examine
from replenish_server.ordering.stops import RESTORED, stopped_scopes
from replenish_server.settings import Role
from tests.support.cluster import Cluster
from tests.support.mortal_house import SharedHouse, wait_until
from tests.support.zygote import Zygote

pytestmark = [pytest.mark.broker, pytest.mark.postgresql]


@pytest.fixture(scope="module")
def one_process(zygote: Zygote, cluster: Cluster) -> Iterator[SharedHouse]:
    """A house whose server is a single process, as at home."""
    house = SharedHouse(find_mosquitto() or "", zygote, cluster, {"everything": Role.ALL})
    house.start()
    yield house
    house.stop()


async def press(button: SimDevice, patience_s: float) -> None:
    """Press, and stay connected until the server has taken it."""
    online = asyncio.create_task(button.run())
    button.record("press", g="short")
    async with asyncio.timeout(patience_s):
        while button.pending:
            await asyncio.sleep(0.02)
    online.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await online


def said_of_database(house: SharedHouse) -> tuple[bool, str]:
    """The doctor's first line."""
    found = examine(house.settings, house.clock.now())[0]
    return found.ok, found.said


def test_the_doctor_says_that_it_is_down_and_what_to_do(cluster: Cluster, one_process: SharedHouse) -> None:
    """And everybody goes on when it is back, without being started again."""
    cluster.stop()
    try:
        ok, said = said_of_database(one_process)
        assert not ok
        assert "start PostgreSQL" in said
    finally:
        cluster.start()
    assert said_of_database(one_process)[0]
    button, slot_id = one_process.add("button", "button-again", random.Random(2))
    asyncio.run(press(button, 60))
    assert wait_until(lambda: one_process.orders(slot_id), 60)


def test_a_press_is_delivered_and_an_older_backup_orders_nothing(
    one_process: SharedHouse, cluster: Cluster
) -> None:
    """`pg_dump` before the order, `pg_restore` after it: the server knows that it forgot something."""
    house = one_process
    button, slot_id = house.add("button", "button-pg", random.Random(1))
    backup = cluster.dump(house.name)

    asyncio.run(press(button, 60))
    assert wait_until(lambda: any(order.delivered_at for order in house.orders(slot_id)), 60)
    (order,) = house.orders(slot_id)
    assert [row["id"] for row in house.shop_orders()].count(order.retailer_order_id) == 1
    ok, said = said_of_database(house)
    assert ok
    assert said.endswith("is sound")

    house.kill("everything")
    house.await_death("everything")
    house.database.close()
    cluster.restore(house.name, backup)
    assert house.orders(slot_id) == []
    house.restart("everything")

    def stopped() -> bool:
        with house.database.read() as session:
            return RESTORED in stopped_scopes(session)

    assert wait_until(stopped, 60)
