"""A TCP proxy with a round-trip time that counts what passes: the network between a board and its broker."""

import asyncio
import selectors
import threading


class SlowProxy:
    """Runs in a thread of its own from `start` to `stop`.

    A real connect costs a round trip, which loopback hides: the first bytes of a connection wait for it here.

    Args:
        target_port: where it leads, on loopback.
        rtt_ms: round-trip time.
    """

    def __init__(self, target_port: int, rtt_ms: float = 0.0) -> None:
        self._target = target_port
        self._one_way_s = rtt_ms / 2000
        self.up = self.down = 0
        """Bytes from and to the board, without TCP and IP headers."""
        self.connections = 0
        self.forwards = True
        """False: takes connections and bytes, and nothing comes of it: a cable cut behind the router."""
        self.returns = True
        """False: what the broker says is lost on the way back."""
        self.port = 0
        self.late_s: list[float] = []
        """By how much each piece left later than it should have: this machine's, not the network's."""
        # epoll counts in whole milliseconds and rounds up: eight ways of a talk were 4 ms too long
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    def start(self) -> "SlowProxy":
        """Listen; returns itself."""
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def cut(self) -> None:
        """Reset every connection there is."""
        self._loop.call_soon_threadsafe(self._abort)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            self._abort()
            while left := asyncio.all_tasks(self._loop):  # an aborted connection ends its tasks
                self._loop.run_until_complete(asyncio.wait(left))
            self._loop.close()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        connected = self._loop.time() + 2 * self._one_way_s
        await asyncio.gather(
            self._pump(reader, far_writer, connected, True), self._pump(far_reader, writer, connected, False)
        )

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, not_before: float, up: bool
    ) -> None:
        while True:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            if up:
                self.up += len(data)
            else:
                self.down += len(data)
            due = max(self._loop.time(), not_before) + self._one_way_s
            if (self.forwards and (up or self.returns)) or not data:
                self._loop.call_at(due, self._put, writer, data, due)
            if not data:
                return

    def _put(self, writer: asyncio.StreamWriter, data: bytes, due: float) -> None:
        self.late_s.append(self._loop.time() - due)
        if data:
            writer.write(data)
        else:
            writer.close()
