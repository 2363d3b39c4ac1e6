"""A process that was told to end does, at whatever moment: its parts hear of it, however often that takes."""

import asyncio
import logging

import pytest

from replenish_server.fleet.publisher import TwinPublisher
from replenish_server.process import ended
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House

CONNECTED = bytes([0x20, 3, 0, 0, 0])  # CONNACK of MQTT 5
STEPS = range(12)  # of the loop, between the break and the end: the unlucky ones are among the first ten
PATIENCE_S = 30


class CutBroker:
    """Accepts a client, and breaks the connection when told to."""

    def __init__(self) -> None:
        self.guests: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        self.port = 0

    async def open(self) -> asyncio.Server:
        """Listen on loopback."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(10)
            writer.write(CONNECTED)
            await self.guests.put(writer)
            while await reader.read(1000):
                pass
        except ConnectionError:
            pass
        finally:
            writer.close()


def test_the_publisher_ends_though_its_broker_dies_at_the_same_moment(house: House) -> None:
    """A cancellation that meets a broken connection is lost in Python before 3.13, and has to be repeated."""

    async def cut_and_end(broker: CutBroker, steps: int) -> None:
        twin = TwinPublisher(house.database, ManualClock(NOW), "127.0.0.1", broker.port, "twin", "word")
        task = asyncio.create_task(twin.run())
        (await broker.guests.get()).transport.abort()
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.wait_for(ended(task), PATIENCE_S)

    async def all_steps() -> None:
        broker = CutBroker()
        async with await broker.open():
            await asyncio.gather(*(cut_and_end(broker, steps) for steps in STEPS))

    asyncio.run(all_steps())


def test_what_swallows_a_cancellation_is_canceled_again() -> None:
    """The same without chance."""
    heard = 0

    async def deaf_once() -> None:
        nonlocal heard
        while True:
            try:
                await asyncio.sleep(PATIENCE_S)
            except asyncio.CancelledError:
                heard += 1
                if heard == 2:
                    raise

    async def run() -> None:
        task = asyncio.create_task(deaf_once())
        await asyncio.sleep(0)
        await asyncio.wait_for(ended(task), PATIENCE_S)

    asyncio.run(run())
    assert heard == 2


def test_what_failed_by_itself_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """It keeps nothing else from ending."""

    async def fails() -> None:
        raise RuntimeError("out of paper")

    async def run() -> None:
        task = asyncio.create_task(fails(), name="printer")
        await asyncio.sleep(0)
        await ended(task)

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "name=printer" in caplog.text
    assert "out of paper" in caplog.text
