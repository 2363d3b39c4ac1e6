"""PURE: the rules under which money may leave a household, and their verdicts on a quote.

Source: docs/adr/0004; the caps follow the "quote is a ceiling" rule of docs/architecture.md.
"""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """Who lets an order leave."""

    ASK = "ask"
    AUTO = "auto"


@dataclass(frozen=True)
class Mandate:
    """What one slot may spend without a person.

    Args:
        mode: `auto` orders at once, `ask` waits for a person's approval.
        price_cap_minor: the most one order may cost in all, in minor units; None allows any price
            only after a person has seen it, so an `auto` slot without a cap asks.
        currency: ISO 4217 code of the cap.
    """

    mode: Mode
    price_cap_minor: int | None
    currency: str


@dataclass(frozen=True)
class Verdict:
    """One rule's answer, kept with the decision that it shaped.

    Args:
        rule: stable name of the rule.
        ok: whether it lets the order go on.
        numbers: what it looked at, by name; integers and short texts only.
    """

    rule: str
    ok: bool
    numbers: dict[str, int | str | float | None]


def judge_quote(mandate: Mandate, total_minor: int, currency: str, approved_minor: int | None) -> Verdict:
    """Whether a binding total stays within the cap, or within what a person approved.

    Args:
        mandate: the slot's mandate.
        total_minor: what the retailer would charge in all, in minor units of `currency`.
        currency: ISO 4217 code of the quote.
        approved_minor: the ceiling a person agreed to for this order; it replaces the standing cap.
    """
    cap = approved_minor if approved_minor is not None else mandate.price_cap_minor
    ok = cap is not None and currency == mandate.currency and 0 <= total_minor <= cap
    return Verdict(
        "price_cap",
        ok,
        {
            "total_minor": total_minor,
            "cap_minor": cap,
            "currency": currency,
            "cap_currency": mandate.currency,
        },
    )
