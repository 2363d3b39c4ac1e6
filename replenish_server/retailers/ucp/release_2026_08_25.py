"""PURE: release 2026-08-25. Keys as a JWK set in `keys`, typed destinations, payment extensions renamed."""

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
    date="2026-08-25",
    keys_member="keys",
    signs_http=True,
    discounts_positive=False,
    update_names_session=False,
    way_follows=False,
    risk_signals=False,
    key_is_argument=False,
    binds_pages=False,
    capabilities=(
        Capability(CHECKOUT, "shopping/checkout", "shopping/checkout"),
        Capability(FULFILLMENT, "fulfillment", "shopping/fulfillment", CHECKOUT),
        Capability(DISCOUNT, "discount", "shopping/discount", CHECKOUT),
        Capability(ORDER, "shopping/order", "shopping/order"),
        Capability(CATALOG_SEARCH, "shopping/catalog/search", "shopping/catalog_search"),
        Capability(CATALOG_LOOKUP, "shopping/catalog/lookup", "shopping/catalog_lookup"),
    ),
    ap2=Capability(
        "dev.ucp.common.payment.ap2_mandate",
        "payment/ap2-mandates",
        "common/payment_ap2_mandate",
        CHECKOUT,
    ),
    rest_schema="shopping/rest.openapi.json",
    mcp_schema="shopping/mcp.openrpc.json",
)
