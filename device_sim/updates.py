"""What a simulated device does with an offer of firmware, from its own reading of docs/wire.md.

An image that begins with `BROKEN` does not come up: the device tries it three times and goes back.
"""

import asyncio
import hashlib
import ssl
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

BROKEN = b"BROKEN"
_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo of SHA-256 (RFC 8017, 9.2)
_TRIES = 60
_RETRY_S = 0.2


@dataclass
class SimFirmware:
    """The firmware of one simulated device.

    Args:
        kind: kind of device.
        run: sequence that runs.
        ver: its version text.
        modulus: of the key whose images it takes.
        host: where the edge is.
        ca: certificate that it believes, PEM.
        cut_every: bytes after which each download breaks off; 0 never.
    """

    kind: str
    run: int
    ver: str
    modulus: int
    host: str
    ca: str
    cut_every: int = 0
    pieces: int = 0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.said: dict[str, Any] = {"run": self.run}
        self._settled: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._offer_seq = 0

    def take(self, offer: object, tell: Callable[[], None], prove: Callable[[], Awaitable[None]]) -> None:
        """A desired document came, with this offer or with none.

        Args:
            offer: its `fw`.
            tell: has the device send a report.
            prove: starts the device anew, and returns once its first hello is acknowledged.
        """
        seq = offer.get("seq", 0) if isinstance(offer, dict) else 0
        if seq == self._offer_seq:
            return
        self._offer_seq = seq
        if self._task is not None and self.said.get("state") != "installed":
            self._task.cancel()  # the offer was taken back
            self.said = {"run": self.run}
        if isinstance(offer, dict) and seq not in self._settled and seq != self.run:
            self._task = asyncio.create_task(self._update(offer, tell, prove))

    async def _update(
        self, offer: dict[str, Any], tell: Callable[[], None], prove: Callable[[], Awaitable[None]]
    ) -> None:
        def say(state: str, why: str = "", **more: int) -> None:
            self.said = {"run": self.run, "seq": offer["seq"], "state": state, **more}
            if why:
                self.said["why"] = why
            self.told.append(f"{state} {why}".strip())
            tell()

        why = self._refusal(offer)
        image = b""
        if not why:
            say("downloading", at=0)
            found = await self._download(offer)
            if found is None:
                self.said = {"run": self.run}
                return
            image = found
            why = "" if hashlib.sha256(image).hexdigest() == offer["sha256"] else "hash"
        self._settled.add(offer["seq"])
        if why:
            say("refused", why)
            return
        say("installed", at=len(image))
        if image.startswith(BROKEN):
            say("rolled_back", "boots")
            return
        self.ver = offer["ver"]
        await prove()
        self.run = offer["seq"]
        say("proven")

    def _refusal(self, offer: dict[str, Any]) -> str:
        """Why this offer cannot be used, or ""."""
        if offer["kind"] != self.kind:
            return "kind"
        if offer["seq"] <= self.run:
            return "old"
        names = ("kind", "seq", "ver", "size", "block", "sha256")
        lines = "replenish-firmware/1\n" + "".join(f"{name}={offer[name]}\n" for name in names)
        opened = pow(int.from_bytes(b64decode(offer["sig"])), 65537, self.modulus).to_bytes(384)
        digest = hashlib.sha256(lines.encode()).digest()
        return "" if opened == b"\0\1" + b"\xff" * 330 + b"\0" + _PREFIX + digest else "signature"

    async def _download(self, offer: dict[str, Any]) -> bytes | None:
        """The image, however often the connection breaks; None when the offer has ended."""
        image = bytearray()
        url = f"https://{self.host}:{offer['port']}{offer['path']}"
        tag = f'"{offer["sha256"]}"'
        context = ssl.create_default_context(cadata=self.ca)
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=20) as client:
            for _ in range(_TRIES * max(1, offer["size"] // max(1, self.cut_every or offer["size"]))):
                headers = {"range": f"bytes={len(image)}-", "if-range": tag}
                try:
                    async with client.stream("GET", url, headers=headers) as answer:
                        if answer.status_code in (429, 503):
                            await asyncio.sleep(float(answer.headers["retry-after"]))
                        elif answer.status_code not in (200, 206):
                            return None
                        else:
                            await self._take_piece(answer, image, offer["block"])
                except httpx.HTTPError:
                    await asyncio.sleep(_RETRY_S)
                if len(image) >= offer["size"]:
                    return bytes(image)
        return None

    async def _take_piece(self, answer: httpx.Response, image: bytearray, block: int) -> None:
        """Bytes until the end, or until the connection breaks; then only whole blocks are on flash."""
        if answer.status_code == 200:
            image.clear()
        self.pieces += 1
        begun = len(image)
        async for chunk in answer.aiter_raw(1024):
            image += chunk
            if self.cut_every and len(image) - begun >= self.cut_every:
                del image[len(image) - len(image) % block :]
                return
