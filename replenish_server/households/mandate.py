"""PURE: the rules under which money may leave a household; and what one rule said, with its numbers.

A mandate is what is in force for one slot: the household's defaults, with the slot's own rules over them.
Source: docs/adr/0004 and the glossary.
"""

import json
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any

from replenish_server.households.calendar import QuietHours


class Mode(StrEnum):
    """Who lets an order leave; in shadow and with `notify` nobody does."""

    ASK = "ask"
    AUTO = "auto"
    NOTIFY = "notify"
    SHADOW = "shadow"


class Substitution(StrEnum):
    """Whether another product of the list may be bought in place of the preferred one."""

    NEVER = "never"
    FROM_LIST = "from_list"
    ASK = "ask"


@dataclass(frozen=True)
class AcceptedProduct:
    """A pack that a slot accepts.

    Args:
        retailer_id: where.
        item_id: the retailer's own id of the pack.
        name: as people call it.
        pack_amount: base units of the slot in one pack.
    """

    retailer_id: str
    item_id: str
    name: str
    pack_amount: int


@dataclass(frozen=True)
class Rules:
    """What one level of the household says, the home or a slot; None says nothing.

    Args:
        mode: who lets an order leave.
        price_cap_minor: the most that one order may cost in all, in minor units.
        over_last_paid_percent: the most by which a unit price may lie over the last paid one.
        budget_minor: the most that may be spent in a month.
        substitution: whether another product of the list may be bought.
        retailers: the retailers that may be ordered from, by id; None allows all.
        quiet: hours in which nothing leaves by itself; equal ends mean none.
        paused_until: the first day on which orders may leave again.
        valid_until: the last day of these rules; after it a person is asked.
    """

    mode: Mode | None = None
    price_cap_minor: int | None = None
    over_last_paid_percent: int | None = None
    budget_minor: int | None = None
    substitution: Substitution | None = None
    retailers: tuple[str, ...] | None = None
    quiet: QuietHours | None = None
    paused_until: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True)
class Mandate:
    """What one slot may spend, and how.

    Args:
        mode: `auto` orders at once, `ask` waits for a person's approval, `notify` only tells, `shadow` does
            everything but the buying.
        price_cap_minor: the most one order may cost in all, in minor units; None allows any price only after
            a person has seen it, so an `auto` slot without a cap asks.
        currency: ISO 4217 code of the cap and of the slot's budget.
        products: acceptable products in order of preference, the slot's own first.
        time_zone: the household's IANA zone, in which days and hours are meant.
        budget_minor: the household's month, all slots together.
        slot_budget_minor: this slot's month.

    For the others see `Rules`.
    """

    mode: Mode
    price_cap_minor: int | None
    currency: str
    over_last_paid_percent: int | None = None
    budget_minor: int | None = None
    slot_budget_minor: int | None = None
    substitution: Substitution = Substitution.NEVER
    retailers: tuple[str, ...] | None = None
    products: tuple[AcceptedProduct, ...] = ()
    quiet: QuietHours | None = None
    paused_until: date | None = None
    valid_until: date | None = None
    time_zone: str = "UTC"

    def digest(self) -> str:
        """SHA-256 over every rule, in hex: an order keeps it, to prove what it left under."""
        rules = vars(self) | {
            "products": [vars(product) for product in self.products],
            "quiet": None if self.quiet is None else vars(self.quiet),
        }
        text = json.dumps(rules, sort_keys=True, separators=(",", ":"), default=str)
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """One rule's answer, kept with the decision that it shaped.

    Args:
        rule: stable name of the rule.
        ok: whether it lets the order go on.
        numbers: what it looked at, by name; numbers and short texts only.
    """

    rule: str
    ok: bool
    numbers: dict[str, int | str | float | None]

    def plain(self) -> dict[str, Any]:
        """As plain values, to be kept."""
        return {"rule": self.rule, "ok": self.ok, "numbers": self.numbers}

    def waived(self, by: str) -> "Verdict":
        """The same verdict where a person's decision stands over it; `by` says which."""
        return self if self.ok else replace(self, ok=True, numbers={**self.numbers, "waived_by": by})


def in_force(
    home: Rules,
    slot: Rules,
    currency: str,
    slot_currency: str,
    time_zone: str,
    products: tuple[AcceptedProduct, ...] = (),
) -> Mandate:
    """The slot's rules over the home's.

    A slot's word replaces the home's, but for three of which the stricter holds: both budgets count, the
    later pause and the earlier expiry. Where neither names a mode, a person is asked.

    Args:
        home: the household's defaults.
        slot: the slot's own rules.
        currency: of the household.
        slot_currency: of the slot's own amounts.
        time_zone: the household's IANA zone.
        products: acceptable products, the preferred one first.
    """
    own_cap = slot.price_cap_minor is not None
    pauses = [day for day in (home.paused_until, slot.paused_until) if day is not None]
    ends = [day for day in (home.valid_until, slot.valid_until) if day is not None]
    percent = slot.over_last_paid_percent
    return Mandate(
        mode=slot.mode or home.mode or Mode.ASK,
        price_cap_minor=slot.price_cap_minor if own_cap else home.price_cap_minor,
        currency=slot_currency if own_cap else currency,
        over_last_paid_percent=home.over_last_paid_percent if percent is None else percent,
        budget_minor=home.budget_minor,
        slot_budget_minor=slot.budget_minor,
        substitution=slot.substitution or home.substitution or Substitution.NEVER,
        retailers=home.retailers if slot.retailers is None else slot.retailers,
        products=products,
        quiet=slot.quiet or home.quiet,
        paused_until=max(pauses, default=None),
        valid_until=min(ends, default=None),
        time_zone=time_zone,
    )
