"""A dispatcher in a process of its own, to be stopped and woken: its shop and its time are the test's.

`work` is what the process runs; the test keeps `Shopfront` and the clock's file.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from replenish_server.database import Database
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.instruments import Account
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from tests.fakes.retailer_merchant import SITE

_WORKER = "X-Worker"


@dataclass(frozen=True)
class FileClock:
    """One time for several processes, moved by writing the file."""

    path: Path
    speed: float = 1.0

    def now(self) -> datetime:
        """What the file says."""
        return datetime.fromisoformat(self.path.read_text())

    def set(self, moment: datetime) -> None:
        """Move it; nobody reads half a moment."""
        draft = self.path.with_suffix(".tmp")
        draft.write_text(moment.isoformat())
        draft.replace(self.path)


class _Tunnel(httpx.BaseTransport):
    """Brings every request to the test's process over a socket, whatever host it names."""

    def __init__(self, port: int, worker: str) -> None:
        self._port, self._worker = port, worker
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {**request.headers, "X-Url": str(request.url), _WORKER: self._worker}
        url = f"http://127.0.0.1:{self._port}/"
        return self._inner.handle_request(
            httpx.Request(request.method, url, headers=headers, content=request.read())
        )


Hook = Callable[[str, httpx.Request, Callable[[], httpx.Response]], httpx.Response]
"""Answers a request of a worker; the last argument is the shop."""


@contextmanager
def shopfront(shop: Callable[[httpx.Request], httpx.Response], hook: Hook) -> Iterator[int]:
    """Serve a shop in memory to worker processes, one request at a time; yields the port."""
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url, worker = self.headers["X-Url"], self.headers[_WORKER]
            request = httpx.Request(self.command, url, headers=dict(self.headers), content=body)

            def ask() -> httpx.Response:
                with turn:
                    return shop(request)

            answer = hook(worker, request, ask)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """The workers' logs say enough."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def work() -> None:
    """Dispatch until killed. It frees nobody's lease: what another holds is only taken when that is over."""
    database, clock = Database(os.environ["WORKER_DATABASE"]), FileClock(Path(os.environ["WORKER_CLOCK"]))
    client = ShopClient({}, _Tunnel(int(os.environ["WORKER_SHOP"]), os.environ["WORKER_NAME"]))
    account = Account(SITE, "pay-1", "tok-secret")
    shop = UcpRetailer(account, client, clock.now, Identity("https://home.test"))
    dispatcher = Dispatcher(database, lambda _: shop, clock)
    while True:
        dispatcher.run()
        time.sleep(0.02)
