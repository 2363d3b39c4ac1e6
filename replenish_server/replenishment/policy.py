"""PURE: the decision for one slot at one moment, with every number and every rule's verdict.

Source: reorder point and order-up-to level of periodic review (Silver, Pyke, Thomas, Inventory and Production
Management in Supply Chains), the point taken from the forecast's own distribution; the evidence rules are
docs/glossary.md's "good reading" and the laws 5 and 6 of docs/architecture.md.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from replenish_server.households.judge import HOLDING, LATER, Wish, judge_wish
from replenish_server.households.mandate import Mode, Verdict
from replenish_server.households.people import Act, Actor
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.outlook import Outlook, SlotFacts, look_ahead
from replenish_server.replenishment.quantity import Offer, choose_quantity
from replenish_server.replenishment.timing import ACCEPTED_RISK

LOW_READINGS_NEEDED = 3
LOW_READINGS_SPREAD = timedelta(hours=1)
LOW_TOTALS_NEEDED = 2  # a counter cannot be lifted or shaken; the second says that the first was no glitch
FRESH_FOR = timedelta(hours=26)  # a daily report and two hours of slack
_AHEAD_AT_MOST = timedelta(hours=1)  # what is dated further ahead was dated by a clock that was wrong
SUDDEN_SHARE = 0.15  # of the container within a day: a lifted or rocking container, until it lasts a day
SUDDEN_DAYS_OF_USE = 3.0  # who uses much in a day is not sudden
_DAY = timedelta(days=1)
_LEAST_DAYS = 0.05  # an empty container lasts an hour: a rate needs some time to be one


def decide_on_level(facts: SlotFacts, now: datetime) -> Decision:
    """Whether the level alone calls for an order.

    Args:
        facts: the slot; `capacity` and `threshold` are needed.
        now: the moment of the decision.

    Raises:
        ValueError: the slot has no sensor.
    """
    if facts.capacity is None or facts.threshold is None:
        raise ValueError("a slot without a sensor cannot be judged by its level")
    outlook = look_ahead(facts)
    position = facts.position.total
    reorder_point = None if outlook is None else outlook.reorder_point
    elsewhere = facts.position.spare + facts.position.on_order
    low = [] if reorder_point is None else _low_run(facts.trailing, reorder_point - elsewhere)
    below = position is not None and reorder_point is not None and position <= reorder_point
    verdicts = (
        _open_order_verdict(facts),
        _known_verdict(facts),
        _fresh_verdict(facts, now),
        Verdict(
            "below_reorder_point",
            below,
            {"position": position, "reorder_point": reorder_point, "threshold": facts.threshold},
        ),
        _sudden_verdict(facts),
        _confirmed_verdict(low) if facts.counted else _evidence_verdict(low),
    )
    wanted = all(verdict.ok for verdict in verdicts)
    run_out = None if outlook is None else outlook.run_out
    quantity = choose_quantity(
        facts.capacity - (position or 0),
        facts.offers or (Offer("", facts.pack_amount),),
        None if facts.storage_limit is None else max(0, facts.storage_limit - (position or 0)),
        facts.shelf_life_days,
        None if run_out is None else run_out.rate_per_day,
    )
    rules = _judge_rules(facts, quantity.offer, quantity.packs, now)
    kind = _kind(wanted, facts.mandate.mode, rules, HOLDING)
    decision = Decision(
        kind=kind,
        trigger=Trigger.LEVEL,
        packs=0 if kind is Kind.HOLD else quantity.packs,
        unit=facts.unit,
        pack_amount=quantity.offer.pack_amount,
        verdicts=(*verdicts, *rules),
        level=facts.position.loaded,
        level_age_hours=_age_hours(facts.level_as_of, now),
        spare=facts.position.spare,
        on_order=facts.position.on_order,
        threshold=facts.threshold,
        reorder_point=reorder_point,
        order_up_to=facts.capacity,
        lead_time_days=round(facts.lead_time.mean_days, 4),
        timing=facts.timing,
        accepted_risk=ACCEPTED_RISK[facts.timing],
        low_readings=len(low),
        limited_by=quantity.limited_by if wanted else None,
        **_bought(facts, quantity.offer, quantity.packs),
    )
    return decision if outlook is None else _with_outlook(decision, outlook, facts.known_share)


def _with_outlook(decision: Decision, outlook: Outlook, known_share: float | None) -> Decision:
    run_out, outcome = outlook.run_out, outlook.outcome
    early, _, late = run_out.band
    on_hand = (decision.level or 0) + decision.spare
    return replace(
        decision,
        rate_per_day=run_out.rate_per_day,
        rate_band=(on_hand / max(late, _LEAST_DAYS), on_hand / max(early, _LEAST_DAYS)),
        run_out_days=run_out.band,
        days_known=run_out.days_known,
        known_share=known_share,
        week_ratio=run_out.week_ratio,
        idle_days=run_out.idle_days,
        risk=outlook.risk,
        out_once_in_years=outcome.out_once_in_years,
        cover_days=outcome.cover_days,
    )


def decide_on_press(
    facts: SlotFacts,
    late: bool,
    age: timedelta,
    now: datetime,
    by: Actor | None = None,
    trigger: Trigger = Trigger.PRESS,
) -> Decision:
    """What a press leads to, or a wish in the page: one pack, unless one is already on its way.

    Args:
        facts: the slot.
        late: the press came retained or older than its age limit, so it may only ask.
        age: how long ago the press was.
        now: the moment of the decision.
        by: who pressed, None for a device that is everybody's; who may not spend asks somebody who may.
        trigger: `PRESS`, or `PERSON` for a wish in the page or of a program.
    """
    offer = facts.offers[0] if facts.offers else Offer("", facts.pack_amount)
    holding = HOLDING - LATER  # a person is there: what would make an order wait makes it ask
    fresh = Verdict("fresh_press", not late, {"age_minutes": round(age.total_seconds() / 60)})
    rules = _judge_rules(facts, offer, 1, now)
    asking = (v for v in rules if v.rule not in holding)
    rules = (*(v for v in rules if v.rule in holding), fresh, _presser_verdict(by), *asking)
    open_order = _open_order_verdict(facts)
    kind = _kind(open_order.ok, facts.mandate.mode, rules, holding)
    return Decision(
        kind=kind,
        trigger=trigger,
        packs=0 if kind is Kind.HOLD else 1,
        unit=facts.unit,
        pack_amount=offer.pack_amount,
        verdicts=(open_order, *rules),
        level=facts.position.loaded,
        spare=facts.position.spare,
        on_order=facts.position.on_order,
        lead_time_days=round(facts.lead_time.mean_days, 4),
        press_age_minutes=round(age.total_seconds() / 60),
        by=None if by is None else by.name,
        **_bought(facts, offer, 1),
    )


def _presser_verdict(by: Actor | None) -> Verdict:
    """Whether who pressed may spend; what is pressed on everybody's device, anybody may press."""
    if by is None:
        return Verdict("presser_may_spend", True, {"name": None, "role": None})
    return Verdict("presser_may_spend", by.may(Act.SPEND), {"name": by.name, "role": by.role.value})


def _judge_rules(facts: SlotFacts, offer: Offer, packs: int, now: datetime) -> tuple[Verdict, ...]:
    mandate = facts.mandate
    product = mandate.products[offer.place] if mandate.products else None
    retailer_id = "" if product is None else product.retailer_id
    wish = Wish(
        retailer_id=retailer_id,
        retailer_name=facts.shops.get(retailer_id, retailer_id),
        product=offer.place,
        estimate_minor=None if offer.price_minor is None else packs * offer.price_minor,
        spending=facts.spending,
    )
    return judge_wish(mandate, wish, now)


def _bought(facts: SlotFacts, offer: Offer, packs: int) -> dict[str, Any]:
    """What a decision says of the product, its price and the mandate."""
    products = facts.mandate.products
    return {
        "item_id": offer.item_id or None,
        "retailer_id": products[offer.place].retailer_id if products else None,
        "product_name": products[offer.place].name if products else None,
        "estimate_minor": None if offer.price_minor is None else packs * offer.price_minor,
        "estimate_at": None if not offer.price_minor or not offer.seen_at else offer.seen_at.isoformat(),
        "mandate_digest": facts.mandate.digest(),
        "price_cap_minor": facts.mandate.price_cap_minor,
        "currency": facts.mandate.currency,
    }


def _kind(wanted: bool, mode: Mode, rules: Sequence[Verdict], holding: frozenset[str]) -> Kind:
    """What wanting more leads to: a rule that holds stops it, then the mode counts, then any "no" asks."""
    refused = {verdict.rule for verdict in rules if not verdict.ok}
    if not wanted or refused & holding:
        return Kind.HOLD
    if mode is Mode.SHADOW:
        return Kind.SHADOW
    if mode is Mode.NOTIFY:
        return Kind.NOTIFY
    return Kind.ASK if refused else Kind.ORDER


def _open_order_verdict(facts: SlotFacts) -> Verdict:
    return Verdict("no_open_order", facts.open_order is None, {"state": facts.open_order})


def _known_verdict(facts: SlotFacts) -> Verdict:
    return Verdict("level_known", facts.position.loaded is not None, {"level": facts.position.loaded})


def _fresh_verdict(facts: SlotFacts, now: datetime) -> Verdict:
    fresh = facts.level_as_of is not None and -_AHEAD_AT_MOST <= now - facts.level_as_of <= FRESH_FOR
    return Verdict(
        "fresh_reading",
        fresh,
        {
            "age_hours": _age_hours(facts.level_as_of, now),
            "limit_hours": round(FRESH_FOR.total_seconds() / 3600),
        },
    )


def _sudden_verdict(facts: SlotFacts) -> Verdict:
    """A fall of much more than a day's use within a day counts when it has lasted a day."""
    rate = facts.run_out.rate_per_day if facts.run_out is not None else 0.0
    limit = ceil(max(SUDDEN_SHARE * (facts.capacity or 0), SUDDEN_DAYS_OF_USE * rate))
    newest = facts.points[-1] if facts.points else None
    fall, hours = 0, None
    if newest is not None:
        for at, level in facts.points:
            if newest[0] - at < _DAY and level - newest[1] > fall:
                fall, hours = level - newest[1], round((newest[0] - at).total_seconds() / 3600, 1)
    return Verdict("steady_level", fall <= limit, {"fall": fall, "limit": limit, "hours": hours})


def _evidence_verdict(low: Sequence[tuple[datetime, int]]) -> Verdict:
    spread = low[-1][0] - low[0][0] if low else timedelta(0)
    return Verdict(
        "three_low_readings",
        len(low) >= LOW_READINGS_NEEDED and spread >= LOW_READINGS_SPREAD,
        {
            "readings": len(low),
            "needed": LOW_READINGS_NEEDED,
            "spread_minutes": round(spread.total_seconds() / 60),
            "spread_needed_minutes": round(LOW_READINGS_SPREAD.total_seconds() / 60),
        },
    )


def _confirmed_verdict(low: Sequence[tuple[datetime, int]]) -> Verdict:
    """What a counter says is exact once the next total agrees, however soon that comes."""
    return Verdict(
        "confirmed_count",
        len(low) >= LOW_TOTALS_NEEDED,
        {"readings": len(low), "needed": LOW_TOTALS_NEEDED},
    )


def _low_run(trailing: Sequence[tuple[datetime, int]], limit: int) -> list[tuple[datetime, int]]:
    """The unbroken run of readings at or under `limit` at the end."""
    run: list[tuple[datetime, int]] = []
    for at, level in reversed(trailing):
        if level > limit:
            break
        run.append((at, level))
    return run[::-1]


def _age_hours(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else round((now - at).total_seconds() / 3600, 1)
