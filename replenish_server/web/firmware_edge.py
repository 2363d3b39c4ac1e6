"""Firmware for devices, over TLS beside the claim: an image under a secret address, whole or from a byte on.

Who may have it is `find`'s business; what it may cost is bounded here. Source: RFC 9110, 13.1.5 and 14.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.images import FirmwareFolder
from replenish_server.fleet.offers import image_behind, settle
from replenish_server.fleet.rollout_rules import DeviceState, Progress

_CHUNK_BYTES: Final = 16_384
_CHUNK_S: Final = 60.0  # a device on the worst of links takes 16 KiB in this time, or has gone
_BUSY_S: Final = 30
_MISSING_S: Final = 300
_NOT_BEGUN = (DeviceState.OFFERED, DeviceState.WAITING)
_RANGE = re.compile(r"bytes=(\d{1,10})-(\d{1,10})?")


@dataclass(frozen=True)
class Offered:
    """An image that whoever knows its address may have.

    Args:
        path: its file.
        size: in bytes.
        sha256: of its content, in hex; the entity tag.
    """

    path: Path
    size: int
    sha256: str


class ImageMissing(Exception):
    """There is an offer behind this address, and no whole image to give."""


class DatabaseFirmware:
    """Looks up what an address opens, and notes that its device has begun.

    Args:
        database: where offers are.
        clock: the server's clock.
        firmware: where the images are.
    """

    def __init__(self, database: Database, clock: Clock, firmware: FirmwareFolder) -> None:
        self._database, self._clock, self._firmware = database, clock, firmware

    def find(self, token: str) -> Offered | None:
        """The image behind a token; None when it opens nothing.

        Raises:
            ImageMissing: its file is gone or damaged; that is not the device's fault, and may be mended.
        """
        with self._database.read() as session:
            found = image_behind(session, token)
        if found is None:
            return None
        image, row = found
        if self._firmware.flaw(image):
            raise ImageMissing
        if row.state in _NOT_BEGUN:
            self._note(token)
        return Offered(self._firmware.path(image.sha256), image.size, image.sha256)

    def _note(self, token: str) -> None:
        with self._database.write() as session:
            found = image_behind(session, token)
            if found is not None and found[1].state in _NOT_BEGUN:
                settle(session, found[1], Progress(DeviceState.DOWNLOADING), self._clock.now())


class Limiter(Protocol):
    """How often one address may ask."""

    def take(self, caller: str) -> float:
        """0, or the seconds to wait."""


class _Slice(Response):
    """Bytes `first` to `last` of a file, in chunks that have to be taken in time."""

    def __init__(self, file: BinaryIO, first: int, last: int, over: Callable[[], None]) -> None:
        super().__init__(status_code=200, media_type="application/octet-stream")
        self._file, self._first, self._last, self._over = file, first, last, over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await send(start)
            left = self._last - self._first + 1
            await run_in_threadpool(self._file.seek, self._first)
            while left > 0:
                chunk = await run_in_threadpool(self._file.read, min(_CHUNK_BYTES, left))
                left -= len(chunk)
                body = {"type": "http.response.body", "body": chunk, "more_body": left > 0}
                async with asyncio.timeout(_CHUNK_S):
                    await send(body)
                if not chunk:
                    raise OSError("the image is shorter than its row says")
        finally:
            self._file.close()
            self._over()


def build_firmware_router(
    find: Callable[[str], Offered | None], limits: Limiter, most_at_once: int
) -> APIRouter:
    """The download.

    Args:
        find: the image behind a token, or None when it opens nothing; may commit, and raise `ImageMissing`.
        limits: per address.
        most_at_once: downloads; who comes then is asked to come back.
    """
    router = APIRouter()
    busy = 0

    def leave() -> None:
        nonlocal busy
        busy -= 1

    @router.api_route("/firmware/v1/{token}", methods=["GET", "HEAD"])
    async def firmware(token: str, request: Request) -> Response:
        nonlocal busy
        wait_s = limits.take("" if request.client is None else request.client.host)
        if wait_s:
            return _later(429, int(wait_s) + 1)
        if busy >= most_at_once:
            return _later(503, _BUSY_S)
        busy += 1
        answer: Response | None = None
        try:
            offered = await run_in_threadpool(find, token)
            if offered is None:
                return Response(status_code=404)
            answer = await run_in_threadpool(_answer, offered, request, leave)
            return answer
        except ImageMissing:
            return _later(503, _MISSING_S)
        finally:
            if not isinstance(answer, _Slice):
                leave()

    return router


def _answer(offered: Offered, request: Request, over: Callable[[], None]) -> Response:
    tag = f'"{offered.sha256}"'
    headers = {"etag": tag, "accept-ranges": "bytes", "cache-control": "no-store"}
    status, first, last = 200, 0, offered.size - 1
    if request.method == "GET" and request.headers.get("if-range", tag) == tag:  # HEAD knows no ranges
        asked = _RANGE.fullmatch(request.headers.get("range", ""))
        if asked is not None:  # any other form may be ignored (RFC 9110, 14.2)
            first = int(asked[1])
            if first >= offered.size:
                headers["content-range"] = f"bytes */{offered.size}"
                return Response(status_code=416, headers=headers)
            end = last if asked[2] is None else min(int(asked[2]), last)
            if end < first:
                first = 0
            else:
                status, last = 206, end
                headers["content-range"] = f"bytes {first}-{last}/{offered.size}"
    headers["content-length"] = str(last - first + 1)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    try:
        answer = _Slice(offered.path.open("rb"), first, last, over)
    except OSError as error:
        raise ImageMissing from error
    answer.status_code = status
    answer.headers.update(headers)
    return answer


def _later(status: int, retry_s: int) -> Response:
    return Response(status_code=status, headers={"retry-after": str(retry_s), "cache-control": "no-store"})
