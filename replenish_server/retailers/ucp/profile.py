"""PURE: profiles, one per release: ours, which shops fetch, and a shop's, which says what it offers.

Source: UCP overview: discovery, negotiation, authority binding, version selection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from replenish_server.retailers.ucp import NEWEST, RELEASES
from replenish_server.retailers.ucp.profile_shapes import in_one_shape
from replenish_server.retailers.ucp.release import CHECKOUT, FULFILLMENT, ORDER, SERVICE, Release
from replenish_server.retailers.ucp.shapes import work_out

PROFILE_PATH = "/.well-known/ucp"
Jwk = dict[str, Any]


class ProfileUnusable(Exception):
    """A shop's profile does not let us order; the text says why."""


def own_profile_path(release: Release, mandates: bool = False) -> str:
    """Where our profile of a release stands; `mandates` is the one that offers AP2."""
    path = PROFILE_PATH if release is NEWEST else f"{PROFILE_PATH}/{release.date}"
    return f"{path}/ap2" if mandates else path


def own_profile(
    release: Release, base_url: str, keys: Sequence[Jwk], mandates: bool = False
) -> dict[str, Any]:
    """The document that we publish for a release.

    Args:
        release: which.
        base_url: how shops reach us, without a slash at the end.
        keys: our public keys.
        mandates: whether we offer AP2: it binds every session to signed mandates, so it stands in a profile
            of its own, named only to shops for which the household has signed one.
    """
    binding = {"version": release.date, "spec": f"https://ucp.dev/{release.date}/specification/overview"}
    services = f"https://ucp.dev/{release.date}/services"
    ucp: dict[str, Any] = {
        "version": release.date,
        "services": {
            SERVICE: [
                {**binding, "transport": "rest", "schema": f"{services}/{release.rest_schema}"},
                {**binding, "transport": "mcp", "schema": f"{services}/{release.mcp_schema}"},
            ]
        },
        "capabilities": {
            capability.name: release.declaration(capability) for capability in release.capabilities
        },
        "payment_handlers": {},
    }
    ucp["capabilities"][ORDER][0]["config"] = {"webhook_url": f"{base_url}/webhooks/ucp"}
    if mandates:
        ucp["capabilities"][release.ap2.name] = release.declaration(
            release.ap2, config={"vp_formats_supported": {"dc+sd-jwt": {}}}
        )
    elif release is NEWEST:
        ucp["supported_versions"] = {
            older.date: f"{base_url}{own_profile_path(older)}" for older in RELEASES if older is not NEWEST
        }
    return {"ucp": ucp, release.keys_member: list(keys)}


@dataclass(frozen=True)
class Business:
    """What we need of a shop's profile in the release that both speak.

    Args:
        release: that release.
        transport: "rest" or "mcp".
        endpoint: base URL of that binding, without a slash at the end.
        payment_handlers: the ids of the payment handlers that it accepts.
        capabilities: what it offers in this release, with what each extends.
        keys: its public keys.
        names: the profile addresses under which it may name itself.
    """

    release: Release
    transport: str
    endpoint: str
    payment_handlers: tuple[str, ...]
    capabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: tuple[Jwk, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def ships(self) -> bool:
        """Whether a session can say where goods go."""
        return FULFILLMENT in self.capabilities

    @property
    def says_way(self) -> bool:
        """Whether it can say so when it is created."""
        return self.ships and not self.release.way_follows

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it would have to offer for an order without a person: goods that go nowhere, or that nobody
        can ask about, are a person's to buy at the shop."""
        return tuple(name for name in (FULFILLMENT, ORDER) if name not in self.capabilities)


class _Entry(msgspec.Struct):
    version: str | None = None
    transport: str | None = None
    endpoint: str | None = None
    spec: str | None = None
    schema: str | None = None
    id: str | None = None
    extends: str | list[str] | None = None


class _Ucp(msgspec.Struct):
    version: str
    supported_versions: dict[str, str] = {}
    services: dict[str, list[_Entry]] = {}
    capabilities: dict[str, list[_Entry]] = {}
    payment_handlers: dict[str, list[_Entry]] = {}
    signing_keys: list[Any] = []


class _Profile(msgspec.Struct):
    ucp: _Ucp
    keys: list[Any] = []
    signing_keys: list[Any] = []


work_out(_Profile)


@dataclass(frozen=True)
class Offer:
    """A release that a shop's root profile says it speaks, and where that release's profile is.

    Args:
        release: one of ours.
        url: of its own profile, or None where the root profile is it.
    """

    release: Release
    url: str | None


def offers(document: bytes, origin: str, releases: Sequence[Release] = RELEASES) -> list[Offer]:
    """The releases that a shop and we both speak, the newest first.

    Args:
        document: the shop's root profile.
        origin: where it came from; leaves elsewhere are not believed.
        releases: those that we speak.

    Raises:
        ProfileUnusable: the profile cannot be read, or there is no such release.
    """
    ucp = _parse(document).ucp
    found = []
    for release in releases:
        if release.date == ucp.version:
            found.append(Offer(release, None))
        elif (leaf := ucp.supported_versions.get(release.date)) and _same_origin(leaf, origin):
            found.append(Offer(release, leaf))
    if not found:
        ours = ", ".join(release.date for release in releases)
        raise ProfileUnusable(f"the shop speaks UCP {ucp.version}; this server speaks {ours}")
    return found


def profile_urls(document: bytes, origin: str) -> tuple[str, ...]:
    """Every address under which a shop may name itself: its root profile and those that it links to.

    Raises:
        ProfileUnusable: the root profile cannot be read.
    """
    leaves = _parse(document).ucp.supported_versions.values()
    return (f"{origin}{PROFILE_PATH}", *(leaf for leaf in leaves if _same_origin(leaf, origin)))


def read_business(document: bytes, release: Release) -> Business:
    """Read a shop's profile of one release.

    Raises:
        ProfileUnusable: it is another release's, has no binding that we speak, or offers no checkout.
    """
    profile = _parse(document)
    ucp = profile.ucp
    if ucp.version != release.date:
        raise ProfileUnusable(f"the profile for {release.date} says that it is {ucp.version}")
    offered = {
        name: _extended(entry)
        for name, entries in ucp.capabilities.items()
        if (entry := next((e for e in entries if _is_genuine(name, e, release)), None)) is not None
    }
    if CHECKOUT not in offered:
        raise ProfileUnusable(f"the shop does not offer {CHECKOUT} in {release.date}")
    bindings = [e for e in ucp.services.get(SERVICE, []) if _is_genuine(SERVICE, e, release) and e.endpoint]
    for transport in ("rest", "mcp"):
        for entry in bindings:
            if entry.transport == transport and entry.endpoint:
                handlers = tuple(h.id for group in ucp.payment_handlers.values() for h in group if h.id)
                keys = tuple(profile_keys(document))
                endpoint = entry.endpoint.rstrip("/")
                return Business(release, transport, endpoint, handlers, active(offered), keys)
    raise ProfileUnusable("the shop has no REST or MCP binding")


def profile_keys(document: bytes) -> list[Jwk]:
    """The public keys of a profile, whichever member its release keeps them in; unusable entries left out."""
    profile = _parse(document)
    found = profile.keys or profile.signing_keys or profile.ucp.signing_keys
    return [key for key in found if isinstance(key, dict) and isinstance(key.get("kid"), str)]


def active(offered: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Capabilities without the extensions whose parents are all missing, however deep the chain."""
    kept = dict(offered)
    while orphans := [
        name for name, parents in kept.items() if parents and not any(parent in kept for parent in parents)
    ]:
        for name in orphans:
            del kept[name]
    return kept


def _extended(entry: _Entry) -> tuple[str, ...]:
    if entry.extends is None:
        return ()
    return (entry.extends,) if isinstance(entry.extends, str) else tuple(entry.extends)


def _is_genuine(name: str, entry: _Entry, release: Release) -> bool:
    """Whether an entry is of this release, and is described where its name belongs."""
    if name.startswith("dev.ucp.") and entry.version not in (None, release.date):
        return False
    if entry.spec is not None and not (
        owns_name(entry.spec, name) if release.binds_pages else entry.spec.startswith("https://")
    ):
        return False
    return entry.schema is None or owns_name(entry.schema, name)


def owns_name(url: str, name: str) -> bool:
    """Whether the host of an address, its labels reversed, is the name or a whole-label prefix of it."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    labels = host.split(".")
    if parts.scheme != "https" or parts.username is not None or len(labels) < 2 or labels[-1].isdigit():
        return False
    prefix = ".".join(reversed(labels))
    return name == prefix or name.startswith(f"{prefix}.")


def _same_origin(url: str, origin: str) -> bool:
    try:
        ours, theirs = urlsplit(origin), urlsplit(url)
    except ValueError:
        return False
    return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)


def _parse(document: bytes) -> _Profile:
    try:
        return msgspec.convert(in_one_shape(msgspec.json.decode(document)), type=_Profile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProfileUnusable(f"the profile cannot be read: {str(error)[:200]}") from error
