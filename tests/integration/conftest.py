"""What files of this folder share: the broker that we ship, and a played server on its inner listener."""

from collections.abc import Iterator

import pytest

from tests.support.shipped_broker import ShippedBroker
from tests.support.vm_board import Server


@pytest.fixture(scope="module")
def shipped_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedBroker]:
    """One for the file; it knows the device d1. Who kills it starts it again."""
    running = ShippedBroker(tmp_path_factory.mktemp("broker"), ["d1"])
    running.start()
    yield running
    running.kill()


@pytest.fixture
def played_server(shipped_broker: ShippedBroker) -> Iterator[Server]:
    """Keeps every event of one test, and acknowledges as told."""
    running = shipped_broker.server()
    running.start()
    yield running
    running.stop()
