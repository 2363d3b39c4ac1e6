"""Looks at the payment of a complete body. It never repeats what it was given.

Tokens of the sandbox: `success_token` pays, `challenge_token` pays only after a person confirmed it on the
shop's page, every other is declined.
Source: UCP 2026-04-08, checkout "Complete Checkout", payment instrument schema; overview, Scenario B.
"""

from typing import Any

from device_sim.retailer.wire import HANDLER_ID, Doc, error

SUCCESS_TOKEN = "success_token"  # noqa: S105 - words of the sandbox's contract, no secrets
CHALLENGE_TOKEN = "challenge_token"  # noqa: S105
PATH = "$.payment.instruments"

# A person at the shop's own page pays in the shop's own way; in a sandbox that always works.
PERSON_PAYS: Doc = {
    "payment": {"instruments": [{"handler_id": HANDLER_ID, "credential": {"token": SUCCESS_TOKEN}}]}
}


def payment_problem(body: Doc) -> Doc | None:
    """Why the payment is not accepted, or None; `requires_buyer_input` when a person has to confirm it."""
    payment = body.get("payment")
    instruments = payment.get("instruments") if isinstance(payment, dict) else None
    if not isinstance(instruments, list) or len(instruments) != 1 or not isinstance(instruments[0], dict):
        return error("missing", "Send exactly one payment instrument.", PATH)
    instrument: dict[str, Any] = instruments[0]
    if instrument.get("handler_id") != HANDLER_ID:
        return error("invalid", f"This shop is paid through {HANDLER_ID}.", f"{PATH}[0].handler_id")
    credential = instrument.get("credential")
    token = credential.get("token") if isinstance(credential, dict) else None
    if token == CHALLENGE_TOKEN:
        text = "Your bank wants you to confirm this payment on the shop's page."
        return error("payment_challenge", text, f"{PATH}[0]", "requires_buyer_input")
    if token != SUCCESS_TOKEN:
        return error("payment_failed", "The payment was declined.", f"{PATH}[0]")
    return None
