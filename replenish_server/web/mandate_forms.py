"""What people type about the mandate, turned into rules or into messages beside the field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from replenish_server.web.formats import plain_amount
from replenish_server.web.forms import MODES, read_money
from replenish_server.web.mandate_views import MandateForm, MandateView, ProductForm, Substitution
from replenish_server.web.phrases import translate
from replenish_server.web.views import Lang

SUBSTITUTIONS: Final[tuple[Substitution, ...]] = ("never", "from_list", "ask")
PRODUCT_ROWS: Final = 3
_MOST_PERCENT: Final = 500
_MOST_BASKET_DAYS: Final = 14
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_ITEM: Final = re.compile(r"[^\s\x00-\x1f]{1,100}")


@dataclass(frozen=True)
class TypedMandate:
    """The fields as typed, and the messages beside them by field name (none: all well)."""

    mode: str = ""
    price_cap: str = ""
    over_percent: str = ""
    budget: str = ""
    substitution: str = ""
    every_shop: str = "yes"
    shops: tuple[str, ...] = ()
    quiet_from: str = ""
    quiet_until: str = ""
    valid_until: str = ""
    basket_days: str = ""
    products: tuple[tuple[str, str, str, str], ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


def typed_from(view: MandateView) -> TypedMandate:
    """The form filled with what was said before."""
    rules = view.rules
    return TypedMandate(
        mode=rules.mode or "",
        price_cap=_amount(rules.price_cap_minor, view.currency),
        over_percent=_text(rules.over_last_paid_percent),
        budget=_amount(rules.budget_minor, view.currency),
        substitution=rules.substitution or "",
        every_shop="yes" if rules.retailers is None else "",
        shops=rules.retailers or (),
        quiet_from=_clock(rules.quiet_from_min),
        quiet_until=_clock(rules.quiet_until_min),
        valid_until="" if rules.valid_until is None else rules.valid_until.isoformat(),
        basket_days=_text(rules.basket_days),
        products=tuple((p.item_id, p.name, str(p.pack), p.retailer_id) for p in rules.products),
    )


def read_mandate(typed: TypedMandate, view: MandateView, lang: Lang) -> MandateForm | TypedMandate:
    """The rules that were typed, or the same form with a message for every field that is wrong."""
    errors: dict[str, str] = {}
    mode = next((choice for choice in MODES if choice == typed.mode), None)
    if mode is None and typed.mode:
        errors["mode"] = translate(lang, "error.mode")
    substitution = next((choice for choice in SUBSTITUTIONS if choice == typed.substitution), None)
    if substitution is None and typed.substitution:
        errors["substitution"] = translate(lang, "error.mode")
    quiet_from, quiet_until = _read_quiet(typed, lang, errors)
    known = {shop for shop, _ in view.shops}
    if bool(typed.every_shop) == bool(typed.shops):
        errors["every_shop"] = translate(lang, "error.shops")
    form = MandateForm(
        mode=mode,
        price_cap_minor=read_money(typed.price_cap, view.currency, lang, errors, "price_cap"),
        over_last_paid_percent=_read_number(typed.over_percent, "over_percent", _MOST_PERCENT, lang, errors),
        budget_minor=read_money(typed.budget, view.currency, lang, errors, "budget"),
        substitution=substitution,
        retailers=None if typed.every_shop else tuple(shop for shop in typed.shops if shop in known),
        quiet_from_min=quiet_from,
        quiet_until_min=quiet_until,
        valid_until=read_day(typed.valid_until, "valid_until", lang, errors),
        basket_days=_read_number(typed.basket_days, "basket_days", _MOST_BASKET_DAYS, lang, errors),
        products=_read_products(typed.products, known, lang, errors),
    )
    return with_errors(typed, errors) if errors else form


def read_day(text: str, name: str, lang: Lang, errors: dict[str, str]) -> date | None:
    """A day such as 2026-12-24; None when nothing was typed."""
    bare = text.strip()
    if not bare:
        return None
    try:
        return date.fromisoformat(bare)
    except ValueError:
        errors[name] = translate(lang, "error.day")
        return None


def read_pause(text: str, today: date, lang: Lang, errors: dict[str, str]) -> date | None:
    """The first day after a pause; None ends it. A day that is not ahead pauses nothing."""
    day = read_day(text, "until", lang, errors)
    if day is not None and day <= today:
        errors["until"] = translate(lang, "error.day_ahead")
    return day


def with_errors(typed: TypedMandate, errors: Mapping[str, str]) -> TypedMandate:
    """The same form with messages."""
    return replace(typed, errors=errors)


def _read_quiet(typed: TypedMandate, lang: Lang, errors: dict[str, str]) -> tuple[int | None, int | None]:
    read: list[int | None] = []
    for name in ("quiet_from", "quiet_until"):
        text = str(getattr(typed, name)).strip()
        found = _TIME.fullmatch(text)
        read.append(None if found is None else int(found[1]) * 60 + int(found[2]))
        if text and found is None:
            errors[name] = translate(lang, "error.clock")
    if not errors.keys() & {"quiet_from", "quiet_until"} and (read[0] is None) != (read[1] is None):
        errors["quiet_from" if read[0] is None else "quiet_until"] = translate(lang, "error.both_clocks")
    return read[0], read[1]


def _read_number(text: str, name: str, most: int, lang: Lang, errors: dict[str, str]) -> int | None:
    bare = text.strip()
    if not bare:
        return None
    if not re.fullmatch(r"[0-9]{1,4}", bare, re.ASCII) or int(bare) > most:
        errors[name] = translate(lang, "error.whole", most=most)
        return None
    return int(bare)


def _read_products(
    rows: Sequence[tuple[str, str, str, str]], known: set[str], lang: Lang, errors: dict[str, str]
) -> tuple[ProductForm, ...]:
    """The rows that are not empty; a row is whole or wrong."""
    products = []
    for number, row in enumerate(rows):
        item, name, pack, shop = (text.strip() for text in row)
        if not (item or name or pack):
            continue
        whole = _ITEM.fullmatch(item) and name and re.fullmatch(r"[0-9]{1,9}", pack, re.ASCII)
        if not whole or int(pack) == 0 or shop not in known:
            errors[f"product-{number}"] = translate(lang, "error.product", n=number + 2)
            continue
        products.append(ProductForm(shop, item, name[:200], int(pack)))
    return tuple(products)


def _amount(minor: int | None, currency: str) -> str:
    return "" if minor is None else plain_amount(minor, currency)


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _clock(minute: int | None) -> str:
    return "" if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"
