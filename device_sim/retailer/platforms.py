"""Who is calling: reads the UCP-Agent header, fetches the caller's profile within bounds and negotiates.

It identifies; that the caller is who it says, is for `signatures` to verify with the keys found here.
Source: UCP 2026-04-08, overview, "Negotiation Protocol", "Error Codes" and "Profile Requirements".
"""

import asyncio
import ipaddress
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from device_sim.retailer.config import RetailerConfig
from device_sim.retailer.releases import PRIMARY, RELEASES, Release
from device_sim.retailer.store import Store
from device_sim.retailer.wire import EXTENSIONS, ORDER, ProtocolError

PROFILE_MAX_BYTES = 1024 * 1024
PROFILE_TIMEOUT_S = 5.0
FRESH_AT_LEAST_S = 60.0  # profiles must allow caching for a minute at least
FRESH_AT_MOST_S = 3600.0

# The two string members of the RFC 8941 dictionary that this protocol has ever used.
MEMBER = re.compile(r'(?:^|[,;])\s*([a-z*][a-z0-9_.*-]*)\s*=\s*"((?:[^"\\]|\\["\\])*)"')


@dataclass(frozen=True)
class Platform:
    """A caller, its profile's address, the release it speaks and the capabilities it shares with the shop.

    Args:
        active: capabilities in force, in the names of 2026-04-08.
    """

    profile_url: str
    active: tuple[str, ...]
    release: Release = PRIMARY


class Platforms:
    """Knows callers by their profile, fetched once and kept as long as its Cache-Control allows.

    A profile that cannot be fetched again is used as last seen: a platform that restarts is still the same.
    """

    def __init__(self, store: Store, config: RetailerConfig, http: httpx.AsyncClient) -> None:
        self._store = store
        self._config = config
        self._http = http
        self._refreshed: dict[str, float] = {}

    async def identify(self, header: str | None, served: Release = PRIMARY) -> Platform:
        """The caller behind a UCP-Agent header.

        Args:
            served: the release of the endpoint that was called, for a caller whose profile cannot be read.

        Raises:
            ProtocolError: 400 invalid_profile_url, 424 profile_unreachable, 422 profile_malformed or
                version_unsupported.
        """
        members = dict(MEMBER.findall(header or ""))
        url = members.get("profile", "")
        _check_url(url)
        if members.get("version", PRIMARY.version) not in RELEASES:
            raise _unsupported(members["version"])
        try:
            ucp = (await self._document(url))["ucp"]
        except ProtocolError as problem:
            trusted = self._config.trust_unknown_platforms or url in self._config.trusted_platforms
            if problem.status == 424 and trusted:
                shared = tuple(name for name in self._config.offers if name in served.names)
                return Platform(url, shared, served)
            raise
        release = RELEASES.get(ucp["version"])
        if release is None:
            raise _unsupported(ucp["version"])
        return Platform(url, release.shared(ucp, dict.fromkeys(self._config.offers), EXTENSIONS), release)

    async def key(self, platform: Platform, kid: str) -> Mapping[str, Any] | None:
        """The platform's published key of that name; an unknown name makes the shop look once a minute."""
        for look_again in (False, True):
            if look_again:
                if time.monotonic() - self._refreshed.get(platform.profile_url, -1e9) < FRESH_AT_LEAST_S:
                    return None
                self._refreshed[platform.profile_url] = time.monotonic()
            try:
                document = await self._document(platform.profile_url, look_again=look_again)
            except ProtocolError:
                return None
            found = [key for key in platform.release.keys(document) if key.get("kid") == kid]
            usable = [key for key in found if key.get("use") != "enc"]
            if usable:
                return usable[0]
        return None

    def keys(self, platform: Platform) -> list[Mapping[str, Any]]:
        """Every key in the platform's profile as last seen."""
        row = self._store.row("SELECT body FROM profiles WHERE url = ?", platform.profile_url)
        return platform.release.keys(json.loads(row["body"])) if row else []

    def release_of(self, profile_url: str) -> Release:
        """The release in which the platform hears of its orders."""
        row = self._store.row("SELECT body FROM profiles WHERE url = ?", profile_url)
        version = json.loads(row["body"])["ucp"]["version"] if row else PRIMARY.version
        return RELEASES.get(version, PRIMARY)

    def webhook_url(self, profile_url: str) -> str | None:
        """Where this platform wants to hear of its orders, from its profile as last seen."""
        row = self._store.row("SELECT body FROM profiles WHERE url = ?", profile_url)
        entries = json.loads(row["body"])["ucp"].get("capabilities", {}).get(ORDER, []) if row else []
        for entry in entries:
            config = entry.get("config") if isinstance(entry, dict) else None
            url = config.get("webhook_url") if isinstance(config, dict) else None
            if isinstance(url, str):
                return url
        return None

    async def _document(self, url: str, *, look_again: bool = False) -> dict[str, Any]:
        known = self._store.row("SELECT * FROM profiles WHERE url = ?", url)
        if known is not None and known["fresh_until_wall_s"] > time.time() and not look_again:
            return _loaded(known["body"])
        try:
            body, fresh_s = await self._fetch(url)
        except ProtocolError:
            if known is None:
                raise
            return _loaded(known["body"])
        document = _read(body)
        with self._store.transaction():
            self._store.run(
                "INSERT OR REPLACE INTO profiles VALUES (?, ?, ?)",
                url,
                json.dumps(document),
                time.time() + fresh_s,
            )
        return document

    async def _fetch(self, url: str) -> tuple[bytes, float]:
        body = bytearray()
        try:
            async with asyncio.timeout(PROFILE_TIMEOUT_S), self._http.stream("GET", url) as answer:
                if answer.status_code != 200:
                    raise ProtocolError(
                        424, "profile_unreachable", f"The profile answered {answer.status_code}."
                    )
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > PROFILE_MAX_BYTES:
                        raise ProtocolError(422, "profile_malformed", "The profile is larger than 1 MiB.")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
            raise ProtocolError(
                424, "profile_unreachable", f"The profile could not be fetched: {problem!r}"
            ) from problem
        age = re.search(r"max-age=(\d+)", answer.headers.get("cache-control", ""))
        fresh_s = float(age.group(1)) if age else FRESH_AT_LEAST_S
        return bytes(body), min(max(fresh_s, FRESH_AT_LEAST_S), FRESH_AT_MOST_S)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    secure = bool(host) and parts.scheme == "https"
    # A real shop takes https only. Plain http stays inside this machine, where tests and demos live.
    if not secure and not (host and parts.scheme == "http" and _is_loopback(host)):
        raise ProtocolError(
            400, "invalid_profile_url", 'Send UCP-Agent: profile="https://.../.well-known/ucp".'
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _loaded(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    return document


def _read(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as problem:
        raise ProtocolError(422, "profile_malformed", "The profile is not JSON.") from problem
    ucp = document.get("ucp") if isinstance(document, dict) else None
    if not isinstance(ucp, dict) or not isinstance(ucp.get("version"), str):
        raise ProtocolError(422, "profile_malformed", "The profile has no ucp.version.")
    capabilities = ucp.get("capabilities", {})
    if not isinstance(capabilities, dict) or not all(
        isinstance(entry, list) for entry in capabilities.values()
    ):
        raise ProtocolError(422, "profile_malformed", "ucp.capabilities must map names to lists.")
    whole: dict[str, Any] = document
    return whole


def _unsupported(version: str) -> ProtocolError:
    spoken = ", ".join(sorted(RELEASES))
    return ProtocolError(
        422, "version_unsupported", f"Version {version} is not supported. This shop speaks {spoken}."
    )
