"""How the shop behaves where a real one may behave this way or that, and where a bad one misbehaves.

Every lever is a name in the JSON of `POST /testing/faults`; left out, the shop is honest and prompt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

SIGNATURE_RULES = ("if_present", "orders", "all")
WEBHOOK_KINDS = (
    "unsigned",
    "forged",
    "wrong_key",
    "stale",
    "tampered",
    "replayed",
    "reordered",
    "lost",
)


@dataclass(frozen=True)
class Levers:
    """The shop's manners.

    Args:
        honours_keys: False acts on a repeated Idempotency-Key as on a new one.
        key_lifetime_s: forget keys after so many seconds of the clock; None keeps them 48 hours.
        keys_unavailable: the memory of keys cannot be reached, so every change is refused with 503.
        asks_on_price_change: False charges a changed price without a word.
        adjusts_quantity: short stock lowers the quantity with a `quantity_adjusted` warning.
        backorders: short stock is sold all the same and sent `backorder_h` hours later.
        backorder_h: hours of the clock that a backordered line is late.
        lies_in_total_minor: cents that the total of a checkout differs from the sum of its parts.
        overcharges_minor: cents that the order costs more than the checkout that was completed.
        late_h: hours of the clock that a parcel arrives after its promise.
        splits_parcels: orders of several packs leave in two parcels.
        loses_packs: so many packs of the first line turn out to be missing and are refunded.
        says: messages added to every open session, which take effect by their severity.
        completes_after_s: seconds of the clock that a completion takes; 0 answers at once.
        completion_fails: a completion that took its time ends in `payment_failed` and an open session.
        signatures: "if_present" verifies what is signed, "orders" demands it to read an order, "all" always.
        requires_sign_in: checkout operations need a linked buyer's token.
        consents_at_once: the authorization endpoint answers as if a person had agreed on its page.
        webhooks: how deliveries go wrong: kind -> share of deliveries, drawn by the seed.
    """

    honours_keys: bool = True
    key_lifetime_s: float | None = None
    keys_unavailable: bool = False
    asks_on_price_change: bool = True
    adjusts_quantity: bool = False
    backorders: bool = False
    backorder_h: float = 72.0
    lies_in_total_minor: int = 0
    overcharges_minor: int = 0
    late_h: float = 0.0
    splits_parcels: bool = False
    loses_packs: int = 0
    says: tuple[Mapping[str, Any], ...] = ()
    completes_after_s: float = 0.0
    completion_fails: bool = False
    signatures: str = "if_present"
    requires_sign_in: bool = False
    consents_at_once: bool = False
    webhooks: Mapping[str, float] = field(default_factory=dict)


NAMES = tuple(entry.name for entry in fields(Levers))


def read_levers(settings: Mapping[str, Any]) -> Levers:
    """The levers among `settings`; other names are not looked at. Raises ValueError on a wrong value."""
    given = {name: settings[name] for name in NAMES if name in settings}
    for name, value in given.items():
        default = getattr(Levers, name, None)
        if name in ("says", "webhooks"):
            continue
        if isinstance(default, bool) != isinstance(value, bool) or (
            isinstance(default, int | float) and not isinstance(value, int | float)
        ):
            raise ValueError(f"{name} is not of the type of {default!r}")
    given["says"] = _messages(given.get("says", []))
    given["webhooks"] = _shares(given.get("webhooks", {}))
    levers = Levers(**given)
    if levers.signatures not in SIGNATURE_RULES:
        raise ValueError(f"signatures is one of {', '.join(SIGNATURE_RULES)}")
    return levers


def _messages(given: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(given, list | tuple) or not all(
        isinstance(entry, Mapping) and {"type", "code", "content"} <= set(entry) for entry in given
    ):
        raise ValueError("says is a list of messages with type, code and content (and severity for errors)")
    if any(entry["type"] == "error" and "severity" not in entry for entry in given):
        raise ValueError("an error message has a severity")
    return tuple(given)


def _shares(given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping) or not set(given) <= set(WEBHOOK_KINDS):
        raise ValueError(f"webhooks maps {', '.join(WEBHOOK_KINDS)} to shares")
    shares = {kind: float(share) for kind, share in given.items()}
    if any(not 0 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1 + 1e-9:
        raise ValueError("a share is between 0 and 1, and all of them add up to at most 1")
    return shares
