"""PURE: release 2026-04-08. Catalogue, readable orders, RFC 9421 signatures, discounts with their sign."""

from replenish_server.retailers.ucp.release import (
    CATALOG_LOOKUP,
    CATALOG_SEARCH,
    CHECKOUT,
    DISCOUNT,
    FULFILLMENT,
    ORDER,
    Capability,
    Release,
)

RELEASE = Release(
    date="2026-04-08",
    keys_member="signing_keys",
    signs_http=True,
    discounts_positive=False,
    update_names_session=False,
    way_follows=False,
    risk_signals=False,
    key_is_argument=False,
    binds_pages=True,
    capabilities=(
        Capability(CHECKOUT, "checkout", "shopping/checkout"),
        Capability(FULFILLMENT, "fulfillment", "shopping/fulfillment", CHECKOUT),
        Capability(DISCOUNT, "discount", "shopping/discount", CHECKOUT),
        Capability(ORDER, "order", "shopping/order"),
        Capability(CATALOG_SEARCH, "catalog/search", "shopping/catalog_search"),
        Capability(CATALOG_LOOKUP, "catalog/lookup", "shopping/catalog_lookup"),
    ),
    ap2=Capability("dev.ucp.shopping.ap2_mandate", "ap2-mandates", "shopping/ap2_mandate", CHECKOUT),
    rest_schema="shopping/rest.openapi.json",
    mcp_schema="shopping/mcp.openrpc.json",
)
