"""How a process of any role begins and ends, and the whole of one that answers nobody."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from replenish_server.interpreter import begin_to_serve
from replenish_server.server import Server


def run_without_page(server: Server) -> None:
    """Run the parts of a role that serves no page until a signal ends it."""
    asyncio.run(_until_a_signal(server))


async def _until_a_signal(server: Server) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with running(server):
        begin_to_serve()
        await ended.wait()
        await asyncio.to_thread(server.finish_orders)


@contextlib.asynccontextmanager
async def running(
    server: Server, beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
) -> AsyncIterator[None]:
    """A server's threads, and what of it lives in this loop.

    Args:
        server: which.
        beside: what else runs in this loop as long, and is canceled at the end.
    """
    await asyncio.to_thread(server.start)
    tasks = [asyncio.create_task(each()) for each in beside]
    if server.settings.role.hears:
        tasks.append(asyncio.create_task(server.twin.run(), name="twin"))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(server.stop)
