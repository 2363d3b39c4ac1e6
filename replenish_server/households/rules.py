"""The rules of a home and of its slots, in and out of their rows."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, select

from replenish_server.database import Prepared, fetch, note_absent
from replenish_server.households.calendar import QuietHours
from replenish_server.households.mandate import AcceptedProduct, Mode, Rules, Substitution
from replenish_server.households.tables import (
    AcceptableProduct,
    HouseholdMandate,
    RuleColumns,
    SlotMandate,
)


@dataclass(frozen=True)
class HomeRules:
    """The home's defaults, and how far its orders may move to travel together."""

    rules: Rules
    basket_days: int


def home_rules(session: Session, household_id: str) -> HomeRules:
    """The home's defaults; a home that never said anything has none, and the usual basket."""
    row = fetch(session, HouseholdMandate, household_id)
    if row is None:
        note_absent(session, HouseholdMandate, household_id)
        return HomeRules(Rules(), HouseholdMandate.model_fields["basket_days"].default)
    return HomeRules(_rules(row), row.basket_days)


def slot_rules(session: Session, slot_id: str) -> Rules:
    """The slot's own rules."""
    return _rules(session.get_one(SlotMandate, slot_id))


def set_home_rules(session: Session, household_id: str, home: HomeRules, now: datetime) -> None:
    """Keep the home's defaults."""
    row = session.get(HouseholdMandate, household_id) or HouseholdMandate(
        household_id=household_id, changed_at=now
    )
    row.basket_days = home.basket_days
    _write(session, row, home.rules, now)


def set_slot_rules(session: Session, slot_id: str, rules: Rules, now: datetime) -> None:
    """Keep the slot's own rules; its timing stays."""
    _write(session, session.get_one(SlotMandate, slot_id), rules, now)


def pause_home(session: Session, household_id: str, until: date | None, now: datetime) -> None:
    """Let nothing leave before a day, or let everything leave again (None)."""
    home = home_rules(session, household_id)
    set_home_rules(session, household_id, replace(home, rules=replace(home.rules, paused_until=until)), now)


def pause_slot(session: Session, slot_id: str, until: date | None, now: datetime) -> None:
    """Let nothing leave for one slot before a day, or let it leave again (None)."""
    set_slot_rules(session, slot_id, replace(slot_rules(session, slot_id), paused_until=until), now)


_SUBSTITUTES: Prepared[AcceptableProduct] = Prepared(
    select(AcceptableProduct)
    .where(col(AcceptableProduct.slot_id) == bindparam("slot_id"))
    .order_by(col(AcceptableProduct.place))
)


def substitutes(session: Session, slot_id: str) -> tuple[AcceptedProduct, ...]:
    """What the slot accepts in place of its own product, in order of preference."""
    return tuple(_accepted(row) for row in _SUBSTITUTES.all(session, slot_id=slot_id))


def substitutes_of(session: Session, slot_ids: Collection[str]) -> dict[str, tuple[AcceptedProduct, ...]]:
    """The same for many slots at once; a slot without any is not in it."""
    query = select(AcceptableProduct).where(col(AcceptableProduct.slot_id).in_(slot_ids))
    found: dict[str, tuple[AcceptedProduct, ...]] = {}
    for row in session.exec(query.order_by(col(AcceptableProduct.place))):
        found[row.slot_id] = (*found.get(row.slot_id, ()), _accepted(row))
    return found


def set_substitutes(session: Session, slot_id: str, products: tuple[AcceptedProduct, ...]) -> None:
    """Replace the list, in order of preference."""
    session.execute(delete(AcceptableProduct).where(col(AcceptableProduct.slot_id) == slot_id))
    for place, product in enumerate(products, 1):
        session.add(
            AcceptableProduct(
                slot_id=slot_id,
                place=place,
                retailer_id=product.retailer_id,
                item_id=product.item_id,
                name=product.name,
                pack_amount=product.pack_amount,
            )
        )
    session.flush()


def _accepted(row: AcceptableProduct) -> AcceptedProduct:
    return AcceptedProduct(row.retailer_id, row.item_id, row.name, row.pack_amount)


def _rules(row: RuleColumns) -> Rules:
    quiet = None
    if row.quiet_from_min is not None and row.quiet_until_min is not None:
        quiet = QuietHours(row.quiet_from_min, row.quiet_until_min)
    return Rules(
        mode=None if row.mode is None else Mode(row.mode),
        price_cap_minor=row.price_cap_minor,
        over_last_paid_percent=row.over_last_paid_percent,
        budget_minor=row.budget_minor,
        substitution=None if row.substitution is None else Substitution(row.substitution),
        retailers=None if row.retailers is None else tuple(row.retailers),
        quiet=quiet,
        paused_until=row.paused_until,
        valid_until=row.valid_until,
    )


def _write(session: Session, row: RuleColumns, rules: Rules, now: datetime) -> None:
    row.mode = None if rules.mode is None else rules.mode.value
    row.price_cap_minor = rules.price_cap_minor
    row.over_last_paid_percent = rules.over_last_paid_percent
    row.budget_minor = rules.budget_minor
    row.substitution = None if rules.substitution is None else rules.substitution.value
    row.retailers = None if rules.retailers is None else list(rules.retailers)
    row.quiet_from_min = None if rules.quiet is None else rules.quiet.from_min
    row.quiet_until_min = None if rules.quiet is None else rules.quiet.until_min
    row.paused_until = rules.paused_until
    row.valid_until = rules.valid_until
    row.changed_at = now
    session.add(row)
    session.flush()
