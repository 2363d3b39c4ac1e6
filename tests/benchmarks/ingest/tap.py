"""A wire tap before the shop: it passes bytes on, and notes when each POST arrived and under which key."""

import asyncio
import re
import threading
import time
from collections.abc import Callable

_KEY = re.compile(rb"(?im)^idempotency-key:\s*\"?([^\s\"]+)")


class Tap:
    """Listens on a port of its own and passes everything on to the shop, whose profile it makes name itself.

    Args:
        shop_port: where the shop listens, on loopback.
    """

    def __init__(self, shop_port: int) -> None:
        self._shop_port = shop_port
        self.arrived: dict[str, float] = {}
        self.port = 0
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    def close(self) -> None:
        """Hang up on everybody."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shop_reader, shop_writer = await asyncio.open_connection("127.0.0.1", self._shop_port)
        asked = [b""]
        await asyncio.gather(
            self._pass_on(reader, shop_writer, lambda data: self._note(data, asked)),
            self._pass_on(shop_reader, writer, lambda data: self._renamed(data, asked)),
        )

    def _note(self, data: bytes, asked: list[bytes]) -> bytes:
        """A request, or more of one."""
        if data.startswith((b"GET ", b"POST ", b"PUT ")):
            asked[0] = data
        if data.startswith(b"POST "):
            moment = time.perf_counter()
            key = _KEY.search(data)
            if key is not None:
                self.arrived.setdefault(key[1].decode(), moment)
        return data

    def _renamed(self, data: bytes, asked: list[bytes]) -> bytes:
        """The shop's profile names this port instead of the shop's, which has as many digits."""
        if b"/.well-known/ucp" not in asked[0].split(b"\r\n", 1)[0]:
            return data
        return data.replace(b":%d" % self._shop_port, b":%d" % self.port)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Callable[[bytes], bytes]
    ) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(look(data))
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()
