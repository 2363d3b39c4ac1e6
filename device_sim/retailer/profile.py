"""What `/.well-known/ucp` says about the shop: services, capabilities, handlers, keys, other releases.

Source: UCP 2026-04-08, overview "Business Profile" and "Version Negotiation".
"""

from device_sim.retailer.config import RetailerConfig
from device_sim.retailer.identity import HISTORY, SAVED
from device_sim.retailer.releases import PRIMARY, RELEASES, Release
from device_sim.retailer.wire import (
    AP2,
    CATALOG_LOOKUP,
    CATALOG_SEARCH,
    FULFILLMENT,
    IDENTITY,
    Doc,
    capability_map,
    payment_handlers,
)

PAGES = {CATALOG_SEARCH: "catalog/search", CATALOG_LOOKUP: "catalog/lookup", AP2: "ap2-mandates"}
CONFIGS: dict[str, Doc] = {
    AP2: {"vp_formats_supported": {"dc+sd-jwt": {}}},
    FULFILLMENT: {
        "allows_multi_destination": {"shipping": False, "pickup": False},
        "allows_method_combinations": [["shipping"], ["pickup"]],
    },
}
SCHEMAS = {CATALOG_SEARCH: "catalog_search", CATALOG_LOOKUP: "catalog_lookup"}


def business_profile(
    config: RetailerConfig,
    keys: list[dict[str, str]],
    release: Release = PRIMARY,
    gated: tuple[str, ...] = (),
) -> Doc:
    """The profile of one release; only the primary one names the others.

    Args:
        gated: scopes that need a buyer's token beyond those of the account.
    """
    docs = f"https://ucp.dev/{release.version}"
    capabilities = capability_map(name for name in config.offers if name in release.names)
    for name, (entry,) in capabilities.items():
        last = name.rsplit(".", 1)[1]
        area = name.split(".")[2]
        entry["spec"] = f"{docs}/specification/{PAGES.get(name, last.replace('_', '-'))}"
        entry["schema"] = f"{docs}/schemas/{area}/{SCHEMAS.get(name, last)}.json"
        if name in CONFIGS:
            entry["config"] = CONFIGS[name]
        elif name == IDENTITY:
            entry["config"] = {"scopes": {scope: {} for scope in (HISTORY, SAVED, *gated)}}
    base_url = endpoint(config, release)
    bindings = {"rest": ("rest.openapi.json", base_url), "mcp": ("mcp.openrpc.json", f"{base_url}/mcp")}
    services = [
        {
            "version": release.version,
            "spec": f"{docs}/specification/overview",
            "transport": transport,
            "schema": f"{docs}/services/shopping/{schema}",
            "endpoint": address,
        }
        for transport, (schema, address) in bindings.items()
    ]
    ucp: Doc = {
        "version": release.version,
        "services": {"dev.ucp.shopping": services},
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
