"""PURE: AP2 mandates as chains of SD-JWTs, and the shop's own signature on a checkout.

An open mandate is signed once by the household's key, names our agent's key (`cnf`) and holds the limits; a
closed one is signed by the agent for one checkout, and bound to the open one by its hash.
Source: AP2 v0.2 mandates and delegation; RFC 9901 (SD-JWT); UCP AP2 mandates extension.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from replenish_server.retailers.ucp.jcs import canonical
from replenish_server.retailers.ucp.signatures import (
    SignatureRefused,
    Signer,
    base64url,
    check_signature,
    digest,
    find_key,
    from_base64url,
)
from replenish_server.retailers.ucp.thumbprints import public_jwk

_ECDSA = ("ES256", "ES384")
_NO_MINOR_UNIT = frozenset(
    [
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    ]
)
_THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
Json = dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """What a household agrees to, for one shop.

    Args:
        merchant_id: the shop's origin.
        merchant_name: as the household calls it.
        items: the articles that may be bought, by the shop's id, with their titles.
        currency: ISO 4217.
        max_minor: the most that one order may cost, in minor units.
        budget_minor: the most that all orders together may cost.
        max_occurrences: how many orders there may be.
        instrument_id: what is paid with.
        instrument_type: of which kind.
        issued_at: seconds since the epoch.
        expires_at: seconds since the epoch.
    """

    merchant_id: str
    merchant_name: str
    items: tuple[tuple[str, str], ...]
    currency: str
    max_minor: int
    budget_minor: int
    max_occurrences: int
    instrument_id: str
    instrument_type: str
    issued_at: int
    expires_at: int

    @property
    def merchant(self) -> Json:
        """As AP2 names a shop."""
        return {"id": self.merchant_id, "name": self.merchant_name, "website": self.merchant_id}

    @property
    def instrument(self) -> Json:
        """As AP2 names what is paid with."""
        return {"id": self.instrument_id, "type": self.instrument_type}


def major_units(minor: int, currency: str) -> int | float:
    """An amount as a decimal of the currency's main unit, exactly as far as JSON writes one."""
    places = 0 if currency in _NO_MINOR_UNIT else 3 if currency in _THOUSANDTHS else 2
    exact = Decimal(minor).scaleb(-places)
    return int(exact) if exact == exact.to_integral_value() else float(str(exact))


def open_checkout(terms: Terms, packs: int, household: Signer, agent: Signer) -> str:
    """The household lets the agent buy so many packs of the agreed articles at the agreed shop."""
    items = [{"id": item_id, "title": title} for item_id, title in terms.items]
    return _root(
        household,
        {
            "vct": "mandate.checkout.open.1",
            "constraints": [
                {
                    "type": "checkout.line_items",
                    "items": [{"id": "goods", "acceptable_items": items, "quantity": packs}],
                },
                {"type": "checkout.allowed_merchants", "allowed": [terms.merchant]},
            ],
            "cnf": {"jwk": _bare(agent)},
            "iat": terms.issued_at,
            "exp": terms.expires_at,
        },
    )


def open_payment(terms: Terms, opened_checkout: str, household: Signer, agent: Signer) -> str:
    """The household lets the agent pay for what that open checkout mandate allows, within its limits."""
    constraints: list[Json] = [
        {"type": "payment.reference", "conditional_transaction_id": _hash(opened_checkout)},
        {"type": "payment.amount_range", "currency": terms.currency, "min": 0, "max": terms.max_minor},
        {
            "type": "payment.budget",
            "currency": terms.currency,
            "max": major_units(terms.budget_minor, terms.currency),
        },
        {
            "type": "payment.agent_recurrence",
            "frequency": "ON_DEMAND",
            "max_occurrences": terms.max_occurrences,
        },
        {"type": "payment.allowed_payees", "allowed": [terms.merchant]},
    ]
    return _root(
        household,
        {
            "vct": "mandate.payment.open.1",
            "constraints": constraints,
            "cnf": {"jwk": _bare(agent)},
            "iat": terms.issued_at,
            "exp": terms.expires_at,
        },
    )


def close_checkout(opened: str, checkout: Json, agent: Signer, audience: str, now: int, until: int) -> str:
    """The agent's word for one checkout, as the shop signed it.

    Raises:
        SignatureRefused: the checkout bears no authorization.
    """
    jwt = checkout_jwt(checkout)
    content = {
        "vct": "mandate.checkout.1",
        "checkout_jwt": jwt,
        "checkout_hash": base64url(digest(jwt.encode())),
        "checkout": checkout,
        "iat": now,
        "exp": until,
    }
    return _next(opened, content, agent, audience, str(checkout.get("id")), now)


def close_payment(
    opened: str, terms: Terms, checkout: Json, total_minor: int, agent: Signer, now: int, until: int
) -> str:
    """The agent's word for the payment of that checkout."""
    content = {
        "vct": "mandate.payment.1",
        "transaction_id": base64url(digest(checkout_jwt(checkout).encode())),
        "payee": terms.merchant,
        "payment_amount": {"amount": total_minor, "currency": terms.currency},
        "payment_instrument": terms.instrument,
        "iat": now,
        "exp": until,
    }
    return _next(opened, content, agent, terms.merchant_id, str(checkout.get("id")), now)


def checkout_jwt(checkout: Json) -> str:
    """A checkout as the shop signed it, with its payload put back between header and signature.

    Raises:
        SignatureRefused: it bears no authorization.
    """
    header, signature = _authorization(checkout)
    return f"{header}.{base64url(_payload(checkout))}.{signature}"


def verify_authorization(checkout: Json, keys: Sequence[Mapping[str, Any]]) -> None:
    """Whether the shop signed every member of a checkout but `ap2`.

    Raises:
        SignatureRefused: `merchant_authorization_missing`, `key_not_found`, or another word for why not.
    """
    header, signature = _authorization(checkout)
    try:
        claims = json.loads(from_base64url(header))
        raw = from_base64url(signature)
    except (ValueError, RecursionError) as error:
        raise SignatureRefused("merchant_authorization_invalid", "no JWS") from error
    if not isinstance(claims, dict) or claims.get("alg") not in _ECDSA or "crit" in claims:
        raise SignatureRefused("merchant_authorization_invalid", "another algorithm than ECDSA")
    key = find_key(keys, str(claims.get("kid", "")))
    check_signature(key, f"{header}.{base64url(_payload(checkout))}".encode(), raw)


def _authorization(checkout: Json) -> tuple[str, str]:
    ap2 = checkout.get("ap2")
    text = ap2.get("merchant_authorization") if isinstance(ap2, dict) else None
    parts = text.split(".") if isinstance(text, str) else []
    if len(parts) != 3 or parts[1] or not parts[0] or not parts[2]:
        raise SignatureRefused("merchant_authorization_missing")
    return parts[0], parts[2]


def _payload(checkout: Json) -> bytes:
    try:
        return canonical({name: value for name, value in checkout.items() if name != "ap2"})
    except ValueError as error:
        raise SignatureRefused("merchant_authorization_invalid", str(error)) from error


def _root(signer: Signer, content: Json) -> str:
    return _sd_jwt(signer, {"typ": "dc+sd-jwt"}, {}, content)


def _next(before: str, content: Json, signer: Signer, audience: str, nonce: str, now: int) -> str:
    """One more link: the separator of a chain takes the place of the last mark of the link before."""
    claims = {"iat": now, "aud": audience, "nonce": nonce, "sd_hash": _hash(before)}
    return f"{before.removesuffix('~')}~~{_sd_jwt(signer, {'typ': 'kb+sd-jwt'}, claims, content)}"


def _sd_jwt(signer: Signer, header: Json, claims: Json, content: Json) -> str:
    """A JWT whose delegated content is its one disclosure. The salt is the content's own hash: it hides
    nothing, because the disclosure always travels along."""
    salt = base64url(digest(canonical(content)))[:22]
    disclosure = base64url(json.dumps([salt, content], ensure_ascii=False).encode())
    payload = {
        **claims,
        "_sd_alg": "sha-256",
        "delegate_payload": [{"...": base64url(digest(disclosure.encode()))}],
    }
    head = {"alg": "ES256", "kid": signer.kid, **header}
    signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (head, payload))
    return f"{signed}.{base64url(signer.sign(signed.encode()))}~{disclosure}~"


def _hash(token: str) -> str:
    return base64url(digest(token.encode()))


def _bare(signer: Signer) -> Json:
    return {name: value for name, value in public_jwk(signer).items() if name in ("kty", "crv", "x", "y")}
