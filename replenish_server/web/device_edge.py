"""The edge for devices, over TLS on a port of its own: a claim code for a credential.

It says nothing about a code but whether it opens something, and never to one who asks too often.
"""

import contextlib
import json
import logging
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

log = logging.getLogger(__name__)

_LOOK_EVERY_TICKS: Final = 20  # of 0.1 s
_MAX_BODY_BYTES: Final = 1024
_ASK_AGAIN_S: Final = 10


class CodeOpensNothing(Exception):
    """The code is wrong, in whatever way."""


class WaitsForHousehold(Exception):
    """The code is right; nobody has claimed the device yet."""


class Limiter(Protocol):
    """How often one address may ask."""

    def take(self, caller: str) -> float:
        """0, or the seconds to wait."""


class EdgeServer(uvicorn.Server):
    """Serves devices over TLS beside the pages, and leaves signals to those.

    Args:
        app: the edge.
        at: address and TCP port.
        certificate: of the authority that devices know.
        key: its private key.
    """

    def __init__(self, app: FastAPI, at: tuple[str, int], certificate: Path, key: Path) -> None:
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


def build_device_edge(exchange: Callable[[str, str], dict[str, Any]], limits: Limiter) -> FastAPI:
    """The application that listens for devices.

    Args:
        exchange: a code and the kind of credential that the device can use, for that credential; commits,
            and raises `CodeOpensNothing` or `WaitsForHousehold`.
        limits: per address.
    """
    app = FastAPI(title="Replenish devices", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/claim/v1/exchange")
    async def claim(request: Request) -> JSONResponse:
        wait_s = limits.take("" if request.client is None else request.client.host)
        if wait_s:
            return _said(429, "slow_down", retry_s=int(wait_s) + 1)
        asked = await _read(request)
        if asked is None:
            return _said(400, "body")
        try:
            made = await run_in_threadpool(exchange, *asked)
        except CodeOpensNothing:
            return _said(404, "code")
        except WaitsForHousehold:
            return _said(202, "waiting", retry_s=_ASK_AGAIN_S)
        return JSONResponse(made, headers={"cache-control": "no-store"})

    return app


async def _read(request: Request) -> tuple[str, str] | None:
    """(code, kind of credential), or None for anything else than a small object with both."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return None
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(asked, dict):
        return None
    code, kind = asked.get("code"), asked.get("credential", "password")
    if not isinstance(code, str) or kind not in ("password", "psk", "certificate"):
        return None
    return code, kind


def _said(status: int, state: str, retry_s: int | None = None) -> JSONResponse:
    body: dict[str, Any] = {"state": state}
    headers = {"cache-control": "no-store"}
    if retry_s is not None:
        body["retry_s"] = retry_s
        headers["retry-after"] = str(retry_s)
    return JSONResponse(body, status, headers)
