"""Release 2026-08-25: typed destinations, described options, `keys` in the profile, AP2 renamed.

Source: the schemas of 2026-08-25 (profile, fulfillment_destination, location_destination,
fulfillment_option) and its overview.
"""

from collections.abc import Mapping
from typing import Any

from device_sim.retailer.releases.release import Release
from device_sim.retailer.wire import AP2, CAPABILITIES, Doc

DESTINATION_TYPES = {"shipping": "shipping_address", "pickup": "business_location"}


class Release20260825(Release):
    """The release of August 2026."""

    version = "2026-08-25"
    names = {name: name for name in CAPABILITIES} | {AP2: "dev.ucp.common.payment.ap2_mandate"}

    def keys(self, document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """`keys`, or the `signing_keys` of a platform that has not moved them yet."""
        found = document.get("keys", document.get("signing_keys"))
        return [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []

    def profile(self, ucp: Doc, keys: list[dict[str, str]]) -> Doc:
        """The profile with its JWK Set at the top."""
        return {"ucp": ucp, "keys": keys}

    def answer(self, status: int, doc: Doc, operation: str) -> tuple[int, Doc]:
        """The answer, with every destination saying what it is and every option described as an object."""
        shaped = self.dated(doc)
        fulfillment = shaped.get("fulfillment")
        if isinstance(fulfillment, dict) and "methods" in fulfillment:
            methods = [_shaped(method) for method in fulfillment["methods"]]
            shaped = shaped | {"fulfillment": fulfillment | {"methods": methods}}
        return status, shaped


def _shaped(method: Doc) -> Doc:
    shaped = dict(method)
    if "destinations" in method:
        kind = {"type": DESTINATION_TYPES[method["type"]]}
        shaped["destinations"] = [entry | kind for entry in method["destinations"]]
    if "groups" in method:
        shaped["groups"] = [
            group | {"options": [_described(option) for option in group["options"]]}
            for group in method["groups"]
        ]
    return shaped


def _described(option: Doc) -> Doc:
    return option | {"description": {"plain": option["description"]}}
