"""PURE: release 2026-01-23. No catalogue and no way to read an order; signatures are detached JWS."""

from replenish_server.retailers.ucp.release import (
    CHECKOUT,
    DISCOUNT,
    FULFILLMENT,
    ORDER,
    Capability,
    Release,
)

RELEASE = Release(
    date="2026-01-23",
    keys_member="signing_keys",
    signs_http=False,
    discounts_positive=True,
    update_names_session=True,
    way_follows=True,
    risk_signals=True,
    key_is_argument=True,
    binds_pages=True,
    capabilities=(
        Capability(CHECKOUT, "checkout", "shopping/checkout"),
        Capability(FULFILLMENT, "fulfillment", "shopping/fulfillment", CHECKOUT),
        Capability(DISCOUNT, "discount", "shopping/discount", CHECKOUT),
        Capability(ORDER, "order", "shopping/order"),
    ),
    ap2=Capability("dev.ucp.shopping.ap2_mandate", "ap2-mandates", "shopping/ap2_mandate", CHECKOUT),
    rest_schema="shopping/openapi.json",
    mcp_schema="shopping/openrpc.json",
)
