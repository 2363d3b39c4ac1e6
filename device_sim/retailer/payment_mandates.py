"""AP2: the household's mandate to pay, which travels inside the payment instrument's token.

PURE. It is looked into link by link: signatures and bindings, time, payee, amount, the checkout that it is
for, the nonce, and what the open mandate before it allows.
Source: AP2, "Payment Mandate", "Agent Authorization".
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from device_sim.retailer.sd_jwt import Link, UnreadableError, read_chain
from device_sim.retailer.signing import b64u
from device_sim.retailer.wire import Doc, ProtocolError

PAYMENT, OPEN = "mandate.payment.1", "mandate.payment.open.1"
# What reading a document raises that is not built as it should be.
MISSHAPEN = (AttributeError, KeyError, TypeError, ValueError, ArithmeticError, RecursionError)
AHEAD_S = 300  # how far another machine's clock may be ahead
_NO_MINOR_UNIT, _THOUSANDTHS = ("JPY", "KRW", "CLP", "ISK", "VND"), ("BHD", "KWD", "OMR", "TND", "JOD")


@dataclass(frozen=True)
class Bill:
    """What a payment has to be for.

    Args:
        checkout_id: of the session.
        total_minor: in minor units of `currency`.
        currency: ISO 4217.
        transaction_id: the hash of the checkout as the shop signed it and the checkout mandate names it.
        opened: the hash of the open checkout mandate; None where the household closed it itself.
        payees: the names of this shop.
    """

    checkout_id: str
    total_minor: int
    currency: str
    transaction_id: str
    opened: str | None
    payees: frozenset[str]


def paid_with(body: Doc, bill: Bill, keys: list[Mapping[str, Any]], now_s: float) -> Doc:
    """The body with the instrument that its payment mandate names; unchanged where it brings none.

    Raises:
        ProtocolError: 403 with one of the extension's codes: the mandate does not hold, or is for another
            checkout, amount, payee or time.
    """
    payment = body.get("payment")
    instruments = payment.get("instruments") if isinstance(payment, dict) else None
    for instrument in instruments if isinstance(instruments, list) else []:
        credential = instrument.get("credential") if isinstance(instrument, dict) else None
        token = credential.get("token") if isinstance(credential, dict) else None
        if isinstance(credential, dict) and isinstance(token, str) and "~" in token:
            credential["token"] = _instrument_of(token, bill, keys, now_s)
    return body


def opened_by(checkout_mandate: str) -> str | None:
    """The hash by which a payment refers to the open mandate at the root of a chain; None without one."""
    root, separator, _ = checkout_mandate.partition("~~")
    return b64u(hashlib.sha256(f"{root.rstrip('~')}~".encode()).digest()) if separator else None


def check_time(links: list[Link], now_s: float) -> None:
    """Refuse what has expired, or was issued in the future."""
    for claims in [link.claims for link in links] + [link.content for link in links]:
        expires, issued = claims.get("exp"), claims.get("iat")
        if isinstance(expires, int | float) and expires <= now_s:
            raise refused("mandate_expired", "The mandate has expired.")
        if isinstance(issued, int | float) and issued > now_s + AHEAD_S:
            raise refused("mandate_invalid_signature", "The mandate was issued in the future.")


def refused(code: str, content: str) -> ProtocolError:
    """The answer to a mandate that does not do."""
    return ProtocolError(403, code, content)


def _instrument_of(token: str, bill: Bill, keys: list[Mapping[str, Any]], now_s: float) -> str:
    try:
        links = read_chain(token, lambda kid: next((key for key in keys if key.get("kid") == kid), None))
    except (UnreadableError, *MISSHAPEN) as problem:
        raise refused("mandate_invalid_signature", f"The payment does not hold: {problem}.") from problem
    try:
        check_time(links, now_s)
        return _check(links, bill)
    except MISSHAPEN as problem:
        raise refused("mandate_scope_mismatch", "The payment mandate has not the shape of one.") from problem


def _check(links: list[Link], bill: Bill) -> str:
    bound = links[-1].claims
    closed = next((link.content for link in reversed(links) if "key_binding" not in link.claims), {})
    amount = {"amount": bill.total_minor, "currency": bill.currency}
    wrong = (
        ("kind", closed.get("vct") == PAYMENT),
        ("expiry", isinstance(closed.get("exp"), int | float)),
        ("amount", closed.get("payment_amount") == amount),
        ("payee", _is_payee(closed["payee"], bill)),
        ("checkout", closed.get("transaction_id") == bill.transaction_id),
        ("audience", bound.get("aud") in bill.payees),
        ("nonce", bound.get("nonce") == bill.checkout_id),
    )
    for what, fits in wrong:
        if not fits:
            raise refused("mandate_scope_mismatch", f"The payment mandate is of another {what}.")
    for link in links:
        if link.content is closed or "key_binding" in link.claims:
            continue
        if link.content.get("vct") != OPEN:
            raise refused("mandate_scope_mismatch", f"A mandate before the last is of type {OPEN}.")
        for constraint in link.content.get("constraints", []):
            if not _meets(constraint, closed, bill):
                kind = constraint.get("type")
                raise refused("mandate_scope_mismatch", f"The constraint {kind} does not allow this payment.")
    return str(closed["payment_instrument"]["id"])


def _meets(constraint: Doc, closed: Doc, bill: Bill) -> bool:
    """One limit of the open mandate; one that is not known is not met. Nothing is counted over orders."""
    kind = constraint.get("type")
    if kind == "payment.amount_range":
        fits = constraint.get("min", 0) <= bill.total_minor <= constraint["max"]
        return bool(fits and constraint["currency"] == bill.currency)
    if kind == "payment.budget":
        places = 0 if bill.currency in _NO_MINOR_UNIT else 3 if bill.currency in _THOUSANDTHS else 2
        most_minor = Decimal(str(constraint["max"])).scaleb(places)
        return bool(bill.total_minor <= most_minor and constraint["currency"] == bill.currency)
    if kind == "payment.allowed_payees":
        return any(_is_payee(payee, bill) for payee in constraint["allowed"])
    if kind == "payment.allowed_payment_instruments":
        allowed = {instrument.get("id") for instrument in constraint["allowed"]}
        return closed["payment_instrument"]["id"] in allowed
    if kind == "payment.reference":
        return bool(constraint["conditional_transaction_id"] == bill.opened)
    return bool(kind == "payment.agent_recurrence" and constraint["max_occurrences"] > 0)


def _is_payee(payee: Doc, bill: Bill) -> bool:
    return str(payee.get("website", payee.get("id", ""))).rstrip("/") in bill.payees
