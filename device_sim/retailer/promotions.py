"""What is taken off a price: codes for the whole order, codes for one product, and a rule that needs no code.

PURE. A discount with allocations is taken off its lines (`items_discount`), one without is taken off the
order (`discount`); both are positive where they are named and negative in totals.
Source: UCP 2026-04-08, discount extension ("Totals", "Stacking", "Rejected codes").
"""

from dataclasses import dataclass, field

from device_sim.retailer.wire import Doc, notice

# Code (upper case) -> title and percent off the goods that are left after item discounts.
ORDER_CODES = {"WELCOME10": ("Welcome, 10 % off", 10), "THANKS5": ("Thank you, 5 % off", 5)}
# Code (upper case) -> title, product and cents off each pack of it.
ITEM_CODES = {"FILTER50": ("50 cents off each pack of water filters", "water-filter", 50)}
# Without a code: three or more packs of coffee.
BULK_PRODUCT, BULK_PACKS, BULK_OFF_MINOR = "coffee", 3, 100
BULK_TITLE = "Three packs of coffee"


@dataclass
class Promotions:
    """What applies to one wish.

    Args:
        applied: the entries of `discounts.applied`, item discounts first.
        per_line: cents off each line, by the line's index; never more than the line costs.
        off_order_minor: cents off the order as a whole.
        warnings: messages about codes that did not apply.
    """

    applied: list[Doc] = field(default_factory=list)
    per_line: dict[int, int] = field(default_factory=dict)
    off_order: list[tuple[str, int]] = field(default_factory=list)
    warnings: list[Doc] = field(default_factory=list)

    @property
    def off_order_minor(self) -> int:
        """The sum of what is taken off the order as a whole."""
        return sum(amount for _, amount in self.off_order)


def promote(codes: list[str], lines: list[tuple[str, int, int]]) -> Promotions:
    """Apply the rule without a code, then the item codes, then the order codes.

    Args:
        codes: as the platform sent them, matched without regard to case; each counts once.
        lines: product id, packs and cost in cents of every line.
    """
    found = Promotions()
    bulk = {i: packs for i, (product, packs, _) in enumerate(lines) if product == BULK_PRODUCT}
    if sum(bulk.values()) >= BULK_PACKS:
        first = next(iter(bulk))
        _take_off_lines(found, {"title": BULK_TITLE, "automatic": True}, {first: BULK_OFF_MINOR}, lines)
    seen: dict[str, str] = {}
    for index, code in enumerate(codes):
        key, path = code.upper(), f"$.discounts.codes[{index}]"
        if key in seen:
            text = f"{code} counts once."
            found.warnings.append(notice("warning", "discount_code_already_applied", text, path))
        elif key not in ORDER_CODES and key not in ITEM_CODES:
            text = f"The code {code} is not known."
            found.warnings.append(notice("warning", "discount_code_invalid", text, path))
        else:
            seen[key] = code
    for key, code in seen.items():
        if key in ITEM_CODES:
            title, product, off = ITEM_CODES[key]
            each = {i: off * packs for i, (name, packs, _) in enumerate(lines) if name == product}
            _take_off_lines(found, {"code": code, "title": title, "method": "each"}, each, lines)
    goods = sum(cost for _, _, cost in lines) - sum(found.per_line.values())
    for key, code in seen.items():
        if key in ORDER_CODES:
            title, percent = ORDER_CODES[key]
            if off := goods * percent // 100:
                found.applied.append({"code": code, "title": title, "amount": off})
                found.off_order.append((title, off))
    return found


def _take_off_lines(
    found: Promotions, entry: Doc, wanted: dict[int, int], lines: list[tuple[str, int, int]]
) -> None:
    """Note one item discount; a line is never worth less than nothing."""
    granted = {i: min(off, lines[i][2] - found.per_line.get(i, 0)) for i, off in wanted.items()}
    granted = {i: off for i, off in granted.items() if off > 0}
    if not granted:
        return
    for i, off in granted.items():
        found.per_line[i] = found.per_line.get(i, 0) + off
    allocations = [{"path": f"$.line_items[{i}]", "amount": off} for i, off in granted.items()]
    found.applied.append(entry | {"amount": sum(granted.values()), "allocations": allocations})
