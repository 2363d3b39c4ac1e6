"""AP2: the shop's signature on every checkout, and the household's mandate that a completion needs.

Source: UCP 2026-04-08, "AP2 Mandates Extension"; AP2, "Checkout Mandate" and "Agent Authorization".
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.jcs import canonical
from device_sim.retailer.payment_mandates import MISSHAPEN, Bill, check_time, opened_by, refused
from device_sim.retailer.sd_jwt import Link, UnreadableError, jws_payload, read_chain
from device_sim.retailer.signing import KeyRing, b64u
from device_sim.retailer.wire import Doc

CLOSED, OPEN = "mandate.checkout.1", "mandate.checkout.open.1"
OF_THE_LINK = {"vct", "cnf", "iat", "exp", "constraints"}
TERMS = ("id", "currency", "line_items", "totals")


class Mandates:
    """Signs checkouts and verifies mandates about them."""

    def __init__(self, config: RetailerConfig, clock: Clock, keys: KeyRing) -> None:
        self._config = config
        self._clock = clock
        self._keys = keys

    def authorize(self, checkout: Doc) -> Doc:
        """A checkout with `ap2.merchant_authorization`: a detached JWS over the rest of it."""
        terms = {name: value for name, value in checkout.items() if name != "ap2"}
        key = self._keys.current()
        header = b64u(json.dumps({"alg": "ES256", "kid": key.kid}, separators=(",", ":")).encode())
        signed = f"{header}.{b64u(canonical(terms))}"
        return terms | {"ap2": {"merchant_authorization": f"{header}..{b64u(key.sign(signed.encode()))}"}}

    def check(self, body: Doc, checkout: Doc, keys: list[Mapping[str, Any]]) -> Bill:
        """Verify the mandate in a complete body against the session as the platform sees it.

        Returns:
            What a payment for it has to be for.

        Args:
            checkout: the session now, in the platform's release.
            keys: the platform's published signing keys.

        Raises:
            ProtocolError: 403 with one of the extension's error codes.
        """
        ap2 = body.get("ap2")
        text = ap2.get("checkout_mandate") if isinstance(ap2, dict) else None
        if not isinstance(text, str):
            raise refused("mandate_required", "Send ap2.checkout_mandate; this session is locked to it.")
        if not keys:
            raise refused("agent_missing_key", "Your profile publishes no signing key.")
        try:
            links = read_chain(text, _finder(keys))
        except (UnreadableError, *MISSHAPEN) as problem:
            raise refused("mandate_invalid_signature", f"The mandate does not hold: {problem}.") from problem
        try:
            jwt = self._check_content(links, checkout)
        except MISSHAPEN as problem:
            raise refused("mandate_scope_mismatch", "The mandate has not the shape of one.") from problem
        return Bill(
            str(checkout["id"]),
            next(entry["amount"] for entry in checkout["totals"] if entry["type"] == "total"),
            str(checkout["currency"]),
            b64u(hashlib.sha256(jwt.encode()).digest()),
            opened_by(text),
            frozenset(self._names()),
        )

    def _check_content(self, links: list[Link], checkout: Doc) -> str:
        """Refuse what is not about this checkout; the checkout as this shop signed it."""
        check_time(links, self._clock.now_s())
        closed = next((link.content for link in reversed(links) if "key_binding" not in link.claims), {})
        if closed.get("vct") != CLOSED:
            raise refused("mandate_scope_mismatch", f"The last mandate is not of type {CLOSED}.")
        jwt = self._signed_checkout(closed)
        try:
            signed = jws_payload(jwt, _finder(self._keys.published()))
        except UnreadableError as problem:
            raise refused("merchant_authorization_invalid", f"Not our signature: {problem}.") from problem
        different = [name for name in TERMS if signed.get(name) != checkout.get(name)]
        if different:
            text = f"The mandate is about another checkout: {', '.join(different)} differ."
            raise refused("mandate_scope_mismatch", text)
        self._check_delegation(links, closed, checkout)
        return jwt

    def _signed_checkout(self, closed: Doc) -> str:
        """The checkout that the mandate is about, as a JWS; whose signature it bears is still to be seen."""
        jwt, embedded = closed.get("checkout_jwt"), closed.get("checkout")
        if isinstance(embedded, dict) and jwt is None:
            ap2 = embedded.get("ap2")
            detached = ap2.get("merchant_authorization") if isinstance(ap2, dict) else None
            if not isinstance(detached, str) or ".." not in detached:
                raise refused("merchant_authorization_missing", "The mandate holds no authorization of ours.")
            header, _, signature = detached.partition("..")
            terms = {name: value for name, value in embedded.items() if name != "ap2"}
            try:
                jwt = f"{header}.{b64u(canonical(terms))}.{signature}"
            except ValueError as problem:
                raise refused("merchant_authorization_invalid", str(problem)) from problem
        elif isinstance(jwt, str):
            if closed.get("checkout_hash") != b64u(hashlib.sha256(jwt.encode()).digest()):
                raise refused("mandate_scope_mismatch", "checkout_hash is not the hash of checkout_jwt.")
        else:
            raise refused("merchant_authorization_missing", "The mandate holds no checkout of ours.")
        return jwt

    def _check_delegation(self, links: list[Link], closed: Doc, checkout: Doc) -> None:
        """What an agent closed must be what the open mandates before allow."""
        for link in links:
            audience = link.claims.get("aud")
            if audience is not None and audience not in self._names():
                raise refused("mandate_scope_mismatch", "The mandate is for another shop.")
            opened = link.content
            if opened is closed or "key_binding" in link.claims:
                continue
            if opened.get("vct") != OPEN:
                raise refused("mandate_scope_mismatch", f"A mandate before the last is of type {OPEN}.")
            for name, value in opened.items():
                if name not in OF_THE_LINK and closed.get(name) != value:
                    raise refused("mandate_scope_mismatch", f"{name} differs from the open mandate.")
            for constraint in opened.get("constraints", []):
                self._check_constraint(constraint, checkout)

    def _check_constraint(self, constraint: Doc, checkout: Doc) -> None:
        kind = constraint.get("type")
        if kind == "checkout.allowed_merchants":
            sites = {entry.get("website", "").rstrip("/") for entry in constraint.get("allowed", [])}
            met = bool(sites & self._names())
        elif kind == "checkout.line_items":
            met = _fits(constraint.get("items", []), checkout["line_items"])
        else:
            raise refused("mandate_scope_mismatch", f"The constraint {kind} is not known here.")
        if not met:
            raise refused("mandate_scope_mismatch", f"The constraint {kind} does not allow this checkout.")

    def _names(self) -> set[str]:
        url = self._config.base_url
        return {url, self._config.profile_url, urlsplit(url).netloc}


def _finder(keys: list[Any]) -> Callable[[str], Mapping[str, Any] | None]:
    return lambda kid: next((key for key in keys if key.get("kid") == kid), None)


def _fits(entries: list[Doc], lines: list[Doc]) -> bool:
    """Whether the lines can be shared out among the entries with nothing left on either side (a flow)."""
    left = Counter({line["item"]["id"]: 0 for line in lines})
    for line in lines:
        left[line["item"]["id"]] += line["quantity"]
    wanted = [int(entry.get("quantity", 0)) for entry in entries]
    allowed = [{item.get("id") for item in entry.get("acceptable_items", [])} for entry in entries]
    if sum(wanted) != sum(left.values()):
        return False
    given: list[Counter[str]] = [Counter() for _ in entries]

    def take(index: int, seen: set[str]) -> bool:
        """One more pack for an entry, if need be by moving another entry's pack elsewhere."""
        for item in allowed[index] - seen:
            seen.add(item)
            if left[item] > 0:
                left[item] -= 1
                given[index][item] += 1
                return True
            for other, had in enumerate(given):
                if other != index and had[item] and take(other, seen):
                    had[item] -= 1
                    given[index][item] += 1
                    return True
        return False

    return all(take(index, set()) for index, packs in enumerate(wanted) for _ in range(packs))
