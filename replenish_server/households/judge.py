"""PURE: the judge of a mandate. One verdict per rule, before an order is made and again on its quote.

What can be known without a price is judged with the decision; what only a quote can show, and everything that
may have changed since, is judged before the order is completed. A person's approval of a shown total stands
over the rules that exist to ask a person, and never over the budget, the allowed retailers or the product.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from zoneinfo import ZoneInfo

from replenish_server.households.calendar import day_of, start_of
from replenish_server.households.mandate import Mandate, Mode, Substitution, Verdict

SIZE_CLASS_FACTOR = 2
"""A pack that holds more than twice, or less than half, of the preferred one is another size class."""

HOLDING = frozenset({"pause", "quiet_hours", "retailer", "budget"})
"""Rules whose "no" ends the matter for now; every other "no" asks a person."""

LATER = frozenset({"pause", "quiet_hours"})
"""Rules whose "no" is over at a known moment."""

APPROVAL, PRESS = "approval", "press"


@dataclass(frozen=True)
class Spending:
    """What was spent in a month.

    Args:
        month: in the household's time zone, such as "2026-11".
        currency: ISO 4217.
        budget_minor: the most that may be spent in it, or None for no limit.
        reserved_minor: on its way to retailers.
        settled_minor: bought.
        scope: "home" for all slots together, or "slot".
    """

    month: str
    currency: str
    budget_minor: int | None
    reserved_minor: int
    settled_minor: int
    scope: str = "home"

    @property
    def left_minor(self) -> int | None:
        """What may still be spent; None without a budget."""
        if self.budget_minor is None:
            return None
        return max(0, self.budget_minor - self.reserved_minor - self.settled_minor)


@dataclass(frozen=True)
class Paid:
    """What was last paid for a slot: `goods_minor` of `currency` for `amount` base units."""

    goods_minor: int
    amount: int
    currency: str


@dataclass(frozen=True)
class Wish:
    """What would be ordered, as far as it is known before a retailer is asked.

    Args:
        retailer_id: where.
        retailer_name: as people call it.
        product: index of the product in the mandate's list.
        estimate_minor: what it cost when last seen, in the mandate's currency, or None.
        spending: the months that it would count in: the home's, and the slot's if it has a budget.
    """

    retailer_id: str
    retailer_name: str
    product: int = 0
    estimate_minor: int | None = None
    spending: tuple[Spending, ...] = ()


@dataclass(frozen=True)
class Quoted:
    """What a retailer offers for an order.

    Args:
        retailer_id: where.
        retailer_name: as people call it.
        item_id: what is to be bought.
        packs: how many of it.
        pack_amount: base units in one.
        total_minor: all that would be charged.
        currency: ISO 4217.
        lines: (item, packs, total in minor units) as the retailer names them; none where it does not.
        last_paid: what this slot's last order cost, or None.
        approved_minor: the total that a person agreed to, or None.
        pressed: whether a fresh press of a person asked for it.
    """

    retailer_id: str
    retailer_name: str
    item_id: str
    packs: int
    pack_amount: int
    total_minor: int
    currency: str
    lines: Sequence[tuple[str, int, int]] = ()
    last_paid: Paid | None = None
    approved_minor: int | None = None
    pressed: bool = False


def judge_wish(mandate: Mandate, wish: Wish, now: datetime) -> tuple[Verdict, ...]:
    """The rules that are known before a price is; those that hold an order back come first."""
    return (
        judge_pause(mandate, now),
        judge_quiet_hours(mandate, now),
        judge_retailer(mandate, wish.retailer_id, wish.retailer_name),
        judge_month(wish.spending, wish.estimate_minor, mandate.currency),
        judge_mode(mandate),
        judge_price_cap(mandate, None, mandate.currency, None),
        judge_expiry(mandate, now),
        judge_substitution(mandate, wish.product),
    )


def judge_offer(mandate: Mandate, quoted: Quoted, now: datetime) -> tuple[Verdict, ...]:
    """Every rule but the budget, which the ledger judges when it books; see `households.ledger.reserve`."""
    agreed = APPROVAL if quoted.approved_minor is not None else None
    here = agreed or (PRESS if quoted.pressed else None)
    verdicts = [
        (judge_pause(mandate, now), here),
        (judge_quiet_hours(mandate, now), here),
        (judge_retailer(mandate, quoted.retailer_id, quoted.retailer_name), None),
        (judge_mode(mandate), agreed),
        (judge_price_cap(mandate, quoted.total_minor, quoted.currency, quoted.approved_minor), None),
        (judge_over_last_paid(mandate, quoted), agreed),
        (judge_expiry(mandate, now), agreed),
        (judge_product(quoted), None),
        (judge_size_class(mandate, quoted.pack_amount), agreed),
    ]
    listed = [(product.retailer_id, product.item_id) for product in mandate.products]
    if (quoted.retailer_id, quoted.item_id) in listed:
        place = listed.index((quoted.retailer_id, quoted.item_id))
        verdicts.append((judge_substitution(mandate, place), agreed))
    return tuple(verdict if by is None else verdict.waived(by) for verdict, by in verdicts)


def refusal(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The first rule that said no."""
    return next((verdict for verdict in verdicts if not verdict.ok), None)


def held_until(mandate: Mandate, now: datetime) -> datetime | None:
    """When pause and quiet hours will let go of an order that leaves by itself; None when neither does."""
    at = now
    if mandate.paused_until is not None:
        at = max(at, start_of(mandate.paused_until, mandate.time_zone))
    if mandate.quiet is not None:
        at = mandate.quiet.end(at, mandate.time_zone)
    return None if at <= now else at


def holding_rule(mandate: Mandate, now: datetime) -> str:
    """Which rule holds what `held_until` says: "pause", or "quiet_hours"."""
    paused = mandate.paused_until is not None and start_of(mandate.paused_until, mandate.time_zone) > now
    return "pause" if paused else "quiet_hours"


def judge_pause(mandate: Mandate, now: datetime) -> Verdict:
    """Whether orders may leave today."""
    today, until = day_of(now, mandate.time_zone), mandate.paused_until
    return Verdict(
        "pause",
        until is None or today >= until,
        {"paused_until": None if until is None else until.isoformat(), "today": today.isoformat()},
    )


def judge_quiet_hours(mandate: Mandate, now: datetime) -> Verdict:
    """Whether the household's clock shows an hour in which orders may leave by themselves."""
    quiet, local = mandate.quiet, now.astimezone(ZoneInfo(mandate.time_zone))
    return Verdict(
        "quiet_hours",
        quiet is None or not quiet.hold(now, mandate.time_zone),
        {
            "from": None if quiet is None else clock(quiet.from_min),
            "until": None if quiet is None else clock(quiet.until_min),
            "at": f"{local:%H:%M}",
        },
    )


def judge_retailer(mandate: Mandate, retailer_id: str, name: str) -> Verdict:
    """Whether this retailer may be ordered from."""
    allowed = mandate.retailers
    return Verdict(
        "retailer",
        allowed is None or retailer_id in allowed,
        {"retailer": name, "allowed": None if allowed is None else len(allowed)},
    )


def judge_budget(spending: Spending, amount_minor: int | None, currency: str) -> Verdict:
    """Whether an amount still fits into a month. Nothing that cannot be added up fits into a budget.

    Before the price is known (None) something must be left at least.
    """
    left = spending.left_minor
    least = 1 if amount_minor is None else amount_minor
    same = currency == spending.currency
    return Verdict(
        "budget",
        least >= 0 and (left is None or (same and least <= left)),
        {
            "scope": spending.scope,
            "amount_minor": amount_minor,
            "currency": currency,
            "budget_minor": spending.budget_minor,
            "budget_currency": spending.currency,
            "spent_minor": spending.reserved_minor + spending.settled_minor,
            "left_minor": left,
            "month": spending.month,
        },
    )


def judge_month(months: Sequence[Spending], amount_minor: int | None, currency: str) -> Verdict:
    """The budget of the home and of the slot: the first that is passed, else the one with the least left."""
    verdicts = [judge_budget(month, amount_minor, currency) for month in months]
    if not verdicts:
        return Verdict("budget", ok=True, numbers={"budget_minor": None})
    return refusal(verdicts) or min(verdicts, key=lambda v: _left(v.numbers["left_minor"]))


def judge_mode(mandate: Mandate) -> Verdict:
    """Whether an order may leave without a person."""
    return Verdict("mode", mandate.mode is Mode.AUTO, {"mode": mandate.mode.value})


def judge_price_cap(
    mandate: Mandate, total_minor: int | None, currency: str, approved_minor: int | None
) -> Verdict:
    """Whether a binding total stays within the cap, or within what a person approved.

    Args:
        mandate: the slot's mandate.
        total_minor: what would be charged in all, in minor units of `currency`; None before a quote, when
            only a cap is wanted.
        currency: ISO 4217 code of the quote.
        approved_minor: the ceiling a person agreed to for this order; it replaces the standing cap.
    """
    cap = approved_minor if approved_minor is not None else mandate.price_cap_minor
    within = cap is not None and (total_minor is None or 0 <= total_minor <= cap)
    return Verdict(
        "price_cap",
        within and currency == mandate.currency,
        {
            "total_minor": total_minor,
            "cap_minor": cap,
            "currency": currency,
            "cap_currency": mandate.currency,
            "approved": 0 if approved_minor is None else 1,
        },
    )


def judge_over_last_paid(mandate: Mandate, quoted: Quoted) -> Verdict:
    """Whether the unit price lies at most so many percent over the last paid one, whatever the pack size.

    Without a limit, a last order or a price of its own for the product, there is nothing to compare.
    """
    limit, last = mandate.over_last_paid_percent, quoted.last_paid
    goods = sum(total for item, _, total in quoted.lines if item == quoted.item_id)
    amount = quoted.packs * quoted.pack_amount
    numbers: dict[str, int | str | float | None] = {
        "limit_percent": limit,
        "goods_minor": goods or None,
        "amount": amount,
        "currency": quoted.currency,
        "last_minor": None if last is None else last.goods_minor,
        "last_amount": None if last is None else last.amount,
        "over_percent": None,
    }
    if last is None or not goods or last.currency != quoted.currency or last.goods_minor <= 0:
        return Verdict("over_last_paid", ok=True, numbers=numbers)
    now_price, then_price = goods * last.amount, last.goods_minor * amount
    # Rounded up, so that what is refused never reads like what is allowed.
    numbers["over_percent"] = ceil(1000 * (now_price - then_price) / then_price) / 10
    within = limit is None or now_price * 100 <= then_price * (100 + limit)
    return Verdict("over_last_paid", ok=within, numbers=numbers)


def judge_expiry(mandate: Mandate, now: datetime) -> Verdict:
    """Whether the mandate still holds today."""
    today, last = day_of(now, mandate.time_zone), mandate.valid_until
    return Verdict(
        "expiry",
        last is None or today <= last,
        {"valid_until": None if last is None else last.isoformat(), "today": today.isoformat()},
    )


def judge_substitution(mandate: Mandate, product: int) -> Verdict:
    """Whether the chosen product may be bought in place of the preferred one."""
    names = [p.name for p in mandate.products]
    free = product == 0 or mandate.substitution is Substitution.FROM_LIST
    return Verdict(
        "substitution",
        free,
        {
            "rule": mandate.substitution.value,
            "chosen": names[product] if product < len(names) else None,
            "preferred": names[0] if names else None,
            "place": product + 1,
        },
    )


def judge_product(quoted: Quoted) -> Verdict:
    """Whether the retailer quotes the item and the packs that were asked for. One that names no lines cannot
    be checked; then its total alone is judged."""
    named = [(item, packs) for item, packs, _ in quoted.lines]
    ok = not named or (quoted.item_id, quoted.packs) in named
    seen = next((pair for pair in named if pair[0] == quoted.item_id), named[0] if named else None)
    return Verdict(
        "product",
        ok,
        {
            "item": quoted.item_id,
            "packs": quoted.packs,
            "quoted_item": None if seen is None else seen[0],
            "quoted_packs": None if seen is None else seen[1],
        },
    )


def judge_size_class(mandate: Mandate, pack_amount: int) -> Verdict:
    """Whether a pack is of the preferred one's size class."""
    preferred = mandate.products[0].pack_amount if mandate.products else pack_amount
    return Verdict(
        "size_class",
        same_size_class(pack_amount, preferred),
        {"pack_amount": pack_amount, "preferred_amount": preferred, "factor": SIZE_CLASS_FACTOR},
    )


def same_size_class(one: int, other: int) -> bool:
    """Whether two packs differ by at most `SIZE_CLASS_FACTOR`."""
    return max(one, other) <= SIZE_CLASS_FACTOR * min(one, other)


def clock(minute: int) -> str:
    """A minute of the day as people write it: "07:30"."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _left(value: int | str | float | None) -> float:
    return float(value) if isinstance(value, int | float) else float("inf")
