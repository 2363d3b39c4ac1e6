"""`python -m device_sim.retailer`: opens the shop on 127.0.0.1 until SIGTERM. It decides nothing of trade."""

import argparse
import asyncio
import json
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from device_sim.clock import SimClock
from device_sim.retailer.app import create_app
from device_sim.retailer.config import RetailerConfig
from device_sim.retailer.fulfilment import ADDRESS_FIELDS
from device_sim.retailer.lines import CuttableProtocol, with_lines
from device_sim.retailer.wire import CAPABILITIES

HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, so that SIGTERM ends the process with status 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`."""
        yield


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m device_sim.retailer", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--db", type=Path, required=True, help="SQLite file; created when missing")
    parser.add_argument(
        "--clock", type=SimClock.parse, help="origin,wall_start,speed in seconds; default real time"
    )
    parser.add_argument(
        "--ship-after-h", type=float, default=4.0, help="hours of the clock from order to shipping"
    )
    parser.add_argument(
        "--deliver-after-h", type=float, default=20.0, help="hours of the clock from order to door"
    )
    parser.add_argument(
        "--faults", type=json.loads, default={}, help="JSON, as POST /testing/faults takes it"
    )
    parser.add_argument("--ready-file", type=Path, help="written with the ready line once the shop is open")
    parser.add_argument(
        "--trust-unknown-platforms", action="store_true", help="serve callers whose profile cannot be fetched"
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="CAPABILITY", help="do not offer it in the profile"
    )
    parser.add_argument(
        "--trust", action="append", default=[], metavar="URL", help="profile URL of an approved platform"
    )
    parser.add_argument(
        "--tls-cert", type=Path, help="certificate chain; with --tls-key the shop speaks TLS 1.3"
    )
    parser.add_argument("--tls-key", type=Path, help="private key of --tls-cert")
    parser.add_argument(
        "--any-address", action="store_true", help="send parcels to an address that has only a country"
    )
    return parser


async def serve(options: argparse.Namespace) -> None:
    """Open the shop, say where it is, and stay open until SIGTERM or SIGINT."""
    with socket.create_server((HOST, options.port)) as listener:
        scheme = "https" if options.tls_cert else "http"
        url = f"{scheme}://{HOST}:{listener.getsockname()[1]}"
        config = RetailerConfig(
            base_url=url,
            ship_after_h=options.ship_after_h,
            deliver_after_h=options.deliver_after_h,
            trust_unknown_platforms=options.trust_unknown_platforms,
            trusted_platforms=tuple(options.trust),
            offers=tuple(name for name in CAPABILITIES if name not in options.without),
            address_needed=("address_country",) if options.any_address else ADDRESS_FIELDS,
        )
        clock = options.clock or SimClock(time.time(), time.time(), 1.0)
        app = create_app(options.db, clock, config, faults=options.faults)
        settings = uvicorn.Config(
            with_lines(app),
            http=CuttableProtocol,
            lifespan="on",
            log_level="error",
            access_log=False,
            proxy_headers=False,
            ssl_certfile=options.tls_cert,
            ssl_keyfile=options.tls_key,
            timeout_graceful_shutdown=1,
            # Longer than any client keeps a connection: only a fault closes one that is in use.
            timeout_keep_alive=75,
        )
        settings.load()
        if settings.ssl is not None:
            settings.ssl.minimum_version = ssl.TLSVersion.TLSv1_3  # the REST binding's floor
        server = _Server(settings)

        def end() -> None:
            app.state.shop.closing.set()
            server.should_exit = True

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not running.done():
            await asyncio.sleep(0.01)
        if server.started:
            _say_ready(url, options.ready_file)
        await running


def _say_ready(url: str, ready_file: Path | None) -> None:
    line = json.dumps({"url": url})
    if ready_file:
        # Renamed into place: whoever waits for the file never reads half of it.
        half = ready_file.with_name(f"{ready_file.name}.part")
        half.write_text(f"{line}\n")
        half.rename(ready_file)
    print(line, flush=True)


def main() -> None:
    """Entry point."""
    asyncio.run(serve(arguments().parse_args()))


if __name__ == "__main__":
    main()
