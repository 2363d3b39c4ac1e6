"""What `/.well-known/ucp` says about the shop: services, capabilities, handlers, keys, other releases.

Source: UCP 2026-04-08, overview "Business Profile" and "Version Negotiation".
"""

from typing import Any

from device_sim.retailer.config import RetailerConfig
from device_sim.retailer.releases import PRIMARY, RELEASES, Release
from device_sim.retailer.wire import CATALOG_LOOKUP, CATALOG_SEARCH, Doc, capability_map, payment_handlers

PAGES = {CATALOG_SEARCH: "catalog/search", CATALOG_LOOKUP: "catalog/lookup"}
SCHEMAS = {CATALOG_SEARCH: "catalog_search", CATALOG_LOOKUP: "catalog_lookup"}


def business_profile(config: RetailerConfig, keys: list[dict[str, str]], release: Release = PRIMARY) -> Doc:
    """The profile of one release; only the primary one names the others."""
    docs = f"https://ucp.dev/{release.version}"
    capabilities = capability_map(name for name in config.offers if name in release.names)
    for name, (entry,) in capabilities.items():
        last = name.rsplit(".", 1)[1]
        area = name.split(".")[2]
        entry["spec"] = f"{docs}/specification/{PAGES.get(name, last.replace('_', '-'))}"
        entry["schema"] = f"{docs}/schemas/{area}/{SCHEMAS.get(name, last)}.json"
    base_url = endpoint(config, release)
    service: dict[str, Any] = {"version": release.version, "spec": f"{docs}/specification/overview"}
    ucp: Doc = {
        "version": release.version,
        "services": {
            "dev.ucp.shopping": [
                service
                | {
                    "transport": "rest",
                    "schema": f"{docs}/services/shopping/rest.openapi.json",
                    "endpoint": base_url,
                }
            ]
        },
        "capabilities": capabilities,
        "payment_handlers": payment_handlers(),
    }
    if release is PRIMARY and len(RELEASES) > 1:
        ucp["supported_versions"] = {
            other.version: profile_url(config, other) for other in RELEASES.values() if other is not PRIMARY
        }
    return release.profile(release.dated({"ucp": ucp})["ucp"], keys)


def endpoint(config: RetailerConfig, release: Release) -> str:
    """Where a release is served: the primary one at the root, every other under its date."""
    return config.base_url if release is PRIMARY else f"{config.base_url}/{release.version}"


def profile_url(config: RetailerConfig, release: Release) -> str:
    """The address of a release's profile."""
    return f"{endpoint(config, release)}/.well-known/ucp"
