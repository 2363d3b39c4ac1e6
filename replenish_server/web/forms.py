"""What people type, turned into rules or into messages beside the field; and what an approval agreed to.

It must never throw away what was typed, and never guess an amount it cannot read.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from replenish_server.households.money import currency_exponent, money
from replenish_server.web.formats import plain_amount, quantity
from replenish_server.web.phrases import translate
from replenish_server.web.views import Lang, Mode, OrderView, RulesForm, SlotView, Timing

_MOST_MINOR: Final = 99_999_999  # a typing error beyond this is likelier than an order
_MOST_AMOUNT: Final = 1_000_000_000  # base units, where no capacity bounds them
_WHOLE: Final = re.compile(r"[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3}", re.ASCII)
# Either "1,234.50" (grouped, point) or "24,90" (no groups, point or comma before one to three digits).
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,3})?", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,3})?", re.ASCII)


TIMINGS: Final[tuple[Timing, ...]] = ("early", "balanced", "late")
MODES: Final[tuple[Mode, ...]] = ("ask", "auto", "notify", "shadow")


@dataclass(frozen=True)
class TypedRules:
    """The fields of the form as typed, and the messages beside them by field name (none: all well)."""

    threshold: str
    mode: str
    price_cap: str
    errors: Mapping[str, str] = field(default_factory=dict)
    timing: str = "balanced"


@dataclass(frozen=True)
class Offer:
    """What an approval commits to. `is_total` tells a quoted total from the household's own cap.

    `tag` names this very offer: an approval carries it back, so that nobody approves what they did not see.
    """

    amount_minor: int
    currency: str
    is_total: bool
    tag: str


def typed_from(slot: SlotView) -> TypedRules:
    """The form filled with the rules in force."""
    cap = slot.price_cap_minor
    return TypedRules(
        threshold="" if slot.threshold is None else str(slot.threshold),
        mode=slot.mode,
        price_cap="" if cap is None else plain_amount(cap, slot.currency),
        timing=slot.timing,
    )


def read_rules(typed: TypedRules, slot: SlotView, lang: Lang) -> RulesForm | TypedRules:
    """The rules that were typed, or the same form with a message for every field that is wrong."""
    errors: dict[str, str] = {}
    threshold = None
    if slot.device_kind == "level":
        threshold = _read_threshold(typed.threshold, slot, lang, errors)
    mode = next((choice for choice in MODES if choice == typed.mode), None)
    if mode is None:
        errors["mode"] = translate(lang, "error.mode")
    cap = read_money(typed.price_cap, slot.currency, lang, errors)
    if mode == "auto" and cap is None and "price_cap" not in errors:
        errors["price_cap"] = translate(lang, "error.cap_needed")
    timing = next((choice for choice in TIMINGS if choice == typed.timing), None)
    if timing is None:
        errors["timing"] = translate(lang, "error.timing")
    if errors or timing is None or mode is None:
        return TypedRules(typed.threshold, typed.mode, typed.price_cap, errors, typed.timing)
    return RulesForm(threshold, mode, cap, timing)


def read_packs(text: str) -> int | None:
    """A count of packs from 0 to 99, or None for anything else."""
    bare = text.strip()
    return int(bare) if re.fullmatch(r"[0-9]{1,2}", bare, re.ASCII) else None


def read_remaining(text: str, slot: SlotView) -> int | None:
    """What remains, in the slot's unit and at most its capacity, or None for anything else."""
    bare = text.strip()
    if not _WHOLE.fullmatch(bare):
        return None
    value = int(bare.replace(",", ""))
    return value if value <= (slot.capacity or 0) else None


def _read_threshold(text: str, slot: SlotView, lang: Lang, errors: dict[str, str]) -> int | None:
    bare = text.strip()
    if not bare:
        errors["threshold"] = translate(lang, "error.threshold_missing")
        return None
    if not _WHOLE.fullmatch(bare):
        errors["threshold"] = translate(lang, "error.threshold_number")
        return None
    value = int(bare.replace(",", ""))
    most = _MOST_AMOUNT if slot.capacity is None else slot.capacity
    if value > most:
        errors["threshold"] = translate(
            lang, "error.threshold_high", capacity=quantity(most, slot.unit, lang)
        )
    return value


def read_money(
    text: str, currency: str, lang: Lang, errors: dict[str, str], field: str = "price_cap"
) -> int | None:
    """Minor units, None when nothing was typed. "1,234" is more than a thousand, "24,90" is not."""
    bare = text.strip()
    if not bare:
        return None
    digits = currency_exponent(currency)
    if _GROUPED.fullmatch(bare):
        number = Decimal(bare.replace(",", ""))
    elif _DECIMAL.fullmatch(bare):
        number = Decimal(bare.replace(",", "."))
    else:
        number = Decimal("NaN")
    scaled = number.scaleb(digits)
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        example = plain_amount(24 * 10**digits + (90 if digits == 2 else 0), currency) if digits else "24000"
        errors[field] = translate(lang, "error.cap_number", example=example)
        return None
    minor = int(scaled)
    if not 0 < minor <= _MOST_MINOR:
        most = money(_MOST_MINOR, currency)
        errors[field] = translate(lang, "error.cap_range", most=most)
    return minor


def offer_of(order: OrderView) -> Offer | None:
    """What approving this order commits to, or None while neither a price nor a cap is known.

    Without an amount there is no lawful order button (contract law wants the total price beside it).
    """
    if order.total_minor is not None:
        amount, is_total = order.total_minor, True
    elif order.cap_minor is not None:
        amount, is_total = order.cap_minor, False
    else:
        return None
    said = repr((order.order_id, order.product_name, order.packs, amount, order.currency, is_total))
    return Offer(amount, order.currency, is_total, hashlib.sha256(said.encode()).hexdigest()[:16])
