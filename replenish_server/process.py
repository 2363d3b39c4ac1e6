"""How a process of any role begins and ends, and the whole of one that answers nobody."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from replenish_server import library_pages
from replenish_server.interpreter import begin_to_serve
from replenish_server.server import Server

log = logging.getLogger(__name__)

_CANCEL_AGAIN_S = 0.5


def run_without_page(server: Server) -> None:
    """Run the parts of a role that serves no page until a signal ends it."""
    asyncio.run(_until_a_signal(server, library_pages.releasable_mappings()))


async def _until_a_signal(server: Server, mappings: Sequence[tuple[int, int]]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with running(server):
        begin_to_serve()
        library_pages.release(mappings)
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
            await ended(task)
        await asyncio.to_thread(server.stop)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended; what it ended with is logged.

    Once is not enough: a cancellation that arrives while a `TaskGroup` falls apart, or a client finds its
    connection broken, gives way to that error (cpython issue 116720, mended in Python 3.13), and a task that
    lives through errors would go on for ever.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_CANCEL_AGAIN_S)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("action=task_failed name=%s why=%r", task.get_name(), error)
