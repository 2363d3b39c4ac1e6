"""PURE: what one release of the protocol looks like on the wire, as far as a platform notices it."""

from dataclasses import dataclass
from typing import Any

CHECKOUT = "dev.ucp.shopping.checkout"
FULFILLMENT = "dev.ucp.shopping.fulfillment"
DISCOUNT = "dev.ucp.shopping.discount"
ORDER = "dev.ucp.shopping.order"
CATALOG_SEARCH = "dev.ucp.shopping.catalog.search"
CATALOG_LOOKUP = "dev.ucp.shopping.catalog.lookup"
SERVICE = "dev.ucp.shopping"


@dataclass(frozen=True)
class Capability:
    """One capability as our profile declares it.

    Args:
        name: reverse-domain name.
        page: below `specification/` at ucp.dev.
        schema: below `schemas/` at ucp.dev.
        extends: the capability that it adds to, or None.
    """

    name: str
    page: str
    schema: str
    extends: str | None = None


@dataclass(frozen=True)
class Release:
    """The differences that matter to us.

    Args:
        date: its name.
        keys_member: the profile's own member that lists public keys, a JWK set.
        signs_http: RFC 9421 message signatures; False is a detached JWS over the body in `Request-Signature`.
        discounts_positive: whether a discount stands in the totals without its sign.
        update_names_session: whether a PUT repeats the session's id in its body.
        way_follows: whether how goods travel is said in an update only, under a method's id; otherwise the
            create says it, and an id is repeated where the shop gave one.
        risk_signals: whether a completion has a member for signals about risk, which we leave empty.
        key_is_argument: whether, over MCP, a completion names its key beside the metadata too.
        binds_pages: whether an entry's `spec` page, as its schema, must stand where its name belongs.
        capabilities: what we declare.
        ap2: the capability of AP2 mandates.
        rest_schema: the service's OpenAPI document, below `services/`.
        mcp_schema: the service's OpenRPC document, below `services/`.
    """

    date: str
    keys_member: str
    signs_http: bool
    discounts_positive: bool
    update_names_session: bool
    way_follows: bool
    risk_signals: bool
    key_is_argument: bool
    binds_pages: bool
    capabilities: tuple[Capability, ...]
    ap2: Capability
    rest_schema: str
    mcp_schema: str

    def signed_total(self, kind: str, amount: int) -> int:
        """An entry of `totals` as it counts towards the total."""
        if not self.discounts_positive:
            return amount
        if kind == "items_discount":
            return 0  # told for information: the subtotal already lacks it
        return -abs(amount) if kind == "discount" else amount

    def declaration(self, capability: Capability, **more: Any) -> list[dict[str, Any]]:
        """A capability's entry in a profile of this release."""
        entry: dict[str, Any] = {
            "version": self.date,
            "spec": f"https://ucp.dev/{self.date}/specification/{capability.page}",
            "schema": f"https://ucp.dev/{self.date}/schemas/{capability.schema}.json",
        }
        if capability.extends is not None:
            entry["extends"] = capability.extends
        return [entry | more]
