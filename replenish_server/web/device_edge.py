"""The edge for devices, over TLS on a port of its own: a claim code for a credential.

It says nothing about a code but whether it opens something, and never to one who asks too often.
"""

import json
from collections.abc import Callable
from typing import Any, Final, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

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
