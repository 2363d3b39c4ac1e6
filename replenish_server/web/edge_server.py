"""Listens for devices, over TLS on a port of its own, and shows each the certificate that is there now."""

import contextlib
import logging
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

log = logging.getLogger(__name__)

# Of each connection, from its first byte on: asyncio's own 256 KiB are 256 MiB for 1,000 that only knock.
SSLProtocol.max_size = 32_768

_LOOK_EVERY_TICKS: Final = 20  # of 0.1 s


class EdgeServer(uvicorn.Server):
    """Serves devices over TLS beside the pages, and leaves signals to those.

    Args:
        app: the edge.
        at: address and TCP port.
        certificate: of the authority that devices know.
        key: its private key.
    """

    def __init__(self, app: ASGIApp, at: tuple[str, int], certificate: Path, key: Path) -> None:
        host, port = at
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                lifespan="off",
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )

        self._files = (certificate, key)
        self._shown = self._stamp()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        """Also look whether the certificate was renewed; who connects from then on is shown the new one."""
        if counter % _LOOK_EVERY_TICKS == 0 and (stamp := self._stamp()) != self._shown:
            try:
                if self.config.ssl is not None:
                    self.config.ssl.load_cert_chain(*self._files)
                self._shown = stamp
            except (OSError, ssl.SSLError) as error:  # half of a renewal: the next look finds it whole
                log.warning("action=certificate_not_read why=%s", error)
        return await super().on_tick(counter)

    def _stamp(self) -> tuple[int, ...]:
        """When the files were written, 0 for one that is not there."""
        return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in self._files)
