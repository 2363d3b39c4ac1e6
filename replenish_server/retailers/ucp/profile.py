"""Profiles: ours, which shops fetch to learn the webhook, and a shop's, which says where its API is.

Source: UCP 2026-04-08, overview (discovery, negotiation) and order (webhook_url).
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from replenish_server.retailers.ucp import RELEASE

_SPEC = f"https://ucp.dev/{RELEASE}/specification"
_SCHEMAS = f"https://ucp.dev/{RELEASE}/schemas/shopping"
CHECKOUT = "dev.ucp.shopping.checkout"
FULFILLMENT = "dev.ucp.shopping.fulfillment"
ORDER = "dev.ucp.shopping.order"
SERVICE = "dev.ucp.shopping"


def platform_profile(webhook_url: str) -> dict[str, Any]:
    """The document that we publish at `/.well-known/ucp`."""

    def capability(page: str, schema: str, **more: Any) -> list[dict[str, Any]]:
        return [
            {"version": RELEASE, "spec": f"{_SPEC}/{page}", "schema": f"{_SCHEMAS}/{schema}.json", **more}
        ]

    return {
        "ucp": {
            "version": RELEASE,
            "services": {
                SERVICE: [
                    {
                        "version": RELEASE,
                        "spec": f"{_SPEC}/overview",
                        "transport": "rest",
                        "schema": f"https://ucp.dev/{RELEASE}/services/shopping/rest.openapi.json",
                    }
                ]
            },
            "capabilities": {
                CHECKOUT: capability("checkout", "checkout"),
                FULFILLMENT: capability("fulfillment", "fulfillment", extends=CHECKOUT),
                ORDER: capability("order", "order", config={"webhook_url": webhook_url}),
            },
            "payment_handlers": {},
        }
    }


class ProfileUnusable(Exception):
    """A shop's profile does not let us order; the text says why."""


@dataclass(frozen=True)
class Business:
    """What we need of a shop's profile.

    Args:
        endpoint: base URL of its REST binding, without a slash at the end.
        payment_handlers: the ids of the payment handlers that it accepts.
    """

    endpoint: str
    payment_handlers: tuple[str, ...]


class _Entry(BaseModel):
    version: str
    transport: str | None = None
    endpoint: str | None = None
    spec: str | None = None
    id: str | None = None


class _Ucp(BaseModel):
    version: str
    supported_versions: dict[str, str] = {}
    services: dict[str, list[_Entry]] = {}
    capabilities: dict[str, list[_Entry]] = {}
    payment_handlers: dict[str, list[_Entry]] = {}


class _Profile(BaseModel):
    ucp: _Ucp


def other_release_url(document: bytes) -> str | None:
    """Where a shop that speaks another release by default keeps its profile for ours, if anywhere."""
    ucp = _parse(document).ucp
    return None if ucp.version == RELEASE else ucp.supported_versions.get(RELEASE)


def read_business(document: bytes) -> Business:
    """Read a shop's profile.

    Raises:
        ProfileUnusable: another release, no REST binding, or checkout, fulfillment and order are not all
            offered: goods that go nowhere are not worth paying for.
    """
    ucp = _parse(document).ucp
    if ucp.version != RELEASE:
        raise ProfileUnusable(f"the shop speaks UCP {ucp.version}; this server speaks {RELEASE}")
    missing = [name for name in (CHECKOUT, FULFILLMENT, ORDER) if not _has(ucp.capabilities.get(name, []))]
    if missing:
        raise ProfileUnusable(f"the shop does not offer {', '.join(missing)} in {RELEASE}")
    for entry in ucp.services.get(SERVICE, []):
        if entry.transport == "rest" and entry.version == RELEASE and entry.endpoint:
            handlers = tuple(h.id for group in ucp.payment_handlers.values() for h in group if h.id)
            return Business(entry.endpoint.rstrip("/"), handlers)
    raise ProfileUnusable("the shop has no REST binding")


def _has(entries: list[_Entry]) -> bool:
    return any(entry.version == RELEASE and _is_genuine(entry) for entry in entries)


def _is_genuine(entry: _Entry) -> bool:
    """Whether what calls itself `dev.ucp.*` is described where that name belongs, if it says where."""
    return entry.spec is None or entry.spec.startswith("https://ucp.dev/")


def _parse(document: bytes) -> _Profile:
    try:
        return _Profile.model_validate(json.loads(document))
    except (ValueError, ValidationError) as error:
        raise ProfileUnusable(f"the profile cannot be read: {str(error)[:200]}") from error
