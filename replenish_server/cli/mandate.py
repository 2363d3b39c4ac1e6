"""`replenish mandate` and `replenish pause`: the rules under which money may leave, from the command line."""

import re
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

import typer
from sqlmodel import Session

from replenish_server.cli.parts import AsJson, fail, open_database, print_json, say, the_household
from replenish_server.fleet.mandates import slot_mandate
from replenish_server.fleet.tables import Slot
from replenish_server.households.calendar import QuietHours
from replenish_server.households.judge import clock
from replenish_server.households.ledger import spending_of
from replenish_server.households.mandate import Mode, Substitution
from replenish_server.households.rules import (
    HomeRules,
    home_rules,
    pause_home,
    pause_slot,
    set_home_rules,
    set_slot_rules,
    slot_rules,
)
from replenish_server.ordering.limits import wake_orders
from replenish_server.settings import Settings

mandate_app = typer.Typer(no_args_is_help=True, help="What may be spent, for the home or for one slot.")

SlotOption = Annotated[
    str | None,
    typer.Option("--slot", help="Id of a slot (replenish device list --json); else the home."),
]
_QUIET = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_NOTHING = "none"


@mandate_app.command("show")
def show(slot: SlotOption = None, as_json: AsJson = False) -> None:
    """Print the rules of the home, or what is in force for a slot."""
    settings = Settings()
    database = open_database(settings)
    household_id = the_household(database)
    with database.read() as session:
        if slot is None:
            home = home_rules(session, household_id)
            month = spending_of(session, household_id, settings.make_clock().now())
            data = _said(home.rules) | {
                "basket_days": home.basket_days,
                "month": month.month,
                "spent_minor": month.reserved_minor + month.settled_minor,
                "left_minor": month.left_minor,
                "currency": month.currency,
            }
        else:
            mandate = slot_mandate(session, _slot(session, slot))
            data = _said(mandate) | {
                "slot_budget_minor": mandate.slot_budget_minor,
                "currency": mandate.currency,
                "products": [f"{p.item_id}: {p.name}" for p in mandate.products],
                "sha256": mandate.digest(),
            }
    if as_json:
        print_json(data)
        return
    for name, value in data.items():
        say(f"{name.replace('_', ' ')}: {'not said' if value is None else value}")


@mandate_app.command("set")
def set_rules(
    slot: SlotOption = None,
    mode: Annotated[str | None, typer.Option(help="auto, ask, notify, shadow, or none.")] = None,
    cap: Annotated[str | None, typer.Option(help="Most one order may cost, in minor units; or none.")] = None,
    over_percent: Annotated[str | None, typer.Option(help="Most a unit price may rise, %; or none.")] = None,
    budget: Annotated[str | None, typer.Option(help="Most for a month, in minor units; or none.")] = None,
    substitution: Annotated[str | None, typer.Option(help="never, from_list, ask; or none.")] = None,
    retailers: Annotated[str | None, typer.Option(help="Allowed shops by id, with commas; or none.")] = None,
    quiet: Annotated[str | None, typer.Option(help="Quiet hours such as 22:00-07:00; or none.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, such as 2026-12-24; or none.")] = None,
    basket_days: Annotated[int | None, typer.Option(min=0, max=14, help="For the home only.")] = None,
) -> None:
    """Change the rules that are named, and leave the others. "none" takes a rule back."""
    settings = Settings()
    database = open_database(settings)
    household_id, now = the_household(database), settings.make_clock().now()
    changes: dict[str, Any] = {}
    _take(changes, "mode", mode, Mode)
    _take(changes, "price_cap_minor", cap, _number)
    _take(changes, "over_last_paid_percent", over_percent, _number)
    _take(changes, "budget_minor", budget, _number)
    _take(changes, "substitution", substitution, Substitution)
    _take(changes, "retailers", retailers, _ids)
    _take(changes, "quiet", quiet, _quiet)
    _take(changes, "valid_until", until, date.fromisoformat)
    with database.write() as session:
        if slot is None:
            home = home_rules(session, household_id)
            days = home.basket_days if basket_days is None else basket_days
            set_home_rules(session, household_id, HomeRules(replace(home.rules, **changes), days), now)
        else:
            row = _slot(session, slot)
            set_slot_rules(session, row.id, replace(slot_rules(session, row.id), **changes), now)
        wake_orders(session, household_id, now)
    say("The rules are in force.")


def pause(
    until: Annotated[str, typer.Argument(help="First day on which orders leave again, or none.")],
    slot: SlotOption = None,
) -> None:
    """Let nothing leave by itself before a day, for the whole home or one slot; "none" ends it."""
    settings = Settings()
    database = open_database(settings)
    household_id, now = the_household(database), settings.make_clock().now()
    changes: dict[str, Any] = {}
    _take(changes, "until", until, date.fromisoformat)
    day = changes["until"]
    with database.write() as session:
        if slot is None:
            pause_home(session, household_id, day, now)
        else:
            pause_slot(session, _slot(session, slot).id, day, now)
        wake_orders(session, household_id, now)
    say("Orders may leave again." if day is None else f"Paused; orders leave again from {day} on.")


def _slot(session: Session, slot_id: str) -> Slot:
    slot = session.get(Slot, slot_id)
    if slot is None:
        raise fail(f"There is no slot {slot_id!r}; see replenish device list --json.")
    return slot


def _take(changes: dict[str, Any], name: str, text: str | None, read: Any) -> None:
    """Read what was said about a rule; what was not said stays out."""
    if text is None:
        return
    try:
        changes[name] = None if text == _NOTHING else read(text)
    except ValueError:
        raise fail(f"{text!r} is no {name.replace('_', ' ')}; nothing was changed. See --help.") from None


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _ids(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _quiet(text: str) -> QuietHours:
    found = _QUIET.fullmatch(text)
    if found is None:
        raise ValueError(text)
    first, last = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
    return QuietHours(first, last)


def _said(rules: Any) -> dict[str, Any]:
    """What home rules and a mandate have in common, as plain values."""
    quiet: QuietHours | None = rules.quiet
    return {
        "mode": None if rules.mode is None else rules.mode.value,
        "price_cap_minor": rules.price_cap_minor,
        "over_last_paid_percent": rules.over_last_paid_percent,
        "budget_minor": rules.budget_minor,
        "substitution": None if rules.substitution is None else rules.substitution.value,
        "retailers": None if rules.retailers is None else list(rules.retailers),
        "quiet": None if quiet is None else f"{clock(quiet.from_min)}-{clock(quiet.until_min)}",
        "paused_until": None if rules.paused_until is None else rules.paused_until.isoformat(),
        "valid_until": None if rules.valid_until is None else rules.valid_until.isoformat(),
    }
