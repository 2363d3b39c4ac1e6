"""What /api/v1 shows, read from the rooms below for one household at a time. It changes nothing."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sqlmodel import Session, col, select, tuple_

from replenish_server.fleet.tables import Slot
from replenish_server.forecast.run_out import LEVELS, RunOut
from replenish_server.households import notices
from replenish_server.households.notice_texts import notice_text
from replenish_server.households.tables import Household, HouseholdNotice
from replenish_server.ordering import orders
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.facts import gather
from replenish_server.replenishment.forecasts import forecast_slots
from replenish_server.replenishment.priors import Models
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.replenishment.verdicts import rule_name, verdict_text
from replenish_server.telemetry.ahead import AHEAD_AT_MOST
from replenish_server.telemetry.tables import Reading
from replenish_server.web import api_models as models
from replenish_server.web.formats import zone
from replenish_server.web.views import Lang

Place = tuple[datetime, str]
_KEY = re.compile(r"[!-~]{1,100}")  # ids, and boot:seq
_SEQ = re.compile(r"[0-9]{1,10}")
_Row = TypeVar("_Row")
_Out = TypeVar("_Out")


class CursorRefused(ValueError):
    """The cursor is not one that this server gave."""


def encode_cursor(place: Place) -> str:
    """The place after which the next page begins, as a text that programs give back as it is."""
    said = json.dumps([place[0].astimezone(UTC).isoformat(), place[1]], separators=(",", ":"))
    return urlsafe_b64encode(said.encode()).decode().rstrip("=")


def decode_cursor(text: str | None) -> Place | None:
    """The place that a cursor names; None for the first page.

    Raises:
        CursorRefused: it is none of ours.
    """
    if not text:
        return None
    try:
        at, key = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError) as error:
        raise CursorRefused(text) from error
    if moment.tzinfo is None or not isinstance(key, str) or not _KEY.fullmatch(key):
        raise CursorRefused(text)
    return moment, key


def page_of(
    rows: Sequence[_Row], limit: int, place: Callable[[_Row], Place], show: Callable[[_Row], _Out]
) -> tuple[list[_Out], str | None]:
    """The shown rows of one page, and the cursor of the next; `rows` hold one more than the page if any."""
    shown = rows[:limit]
    following = encode_cursor(place(shown[-1])) if len(rows) > limit else None
    return [show(row) for row in shown], following


def show_household(session: Session, household_id: str) -> models.Household:
    """The home."""
    row = session.get_one(Household, household_id)
    return models.Household(
        household_id=row.id,
        name=row.name,
        time_zone=row.time_zone,
        currency=row.currency,
        notices_unseen=notices.count_unseen(session, household_id),
    )


def slot_rows(session: Session, household_id: str, limit: int, after: Place | None) -> Sequence[Slot]:
    """A household's slots, oldest first."""
    query = select(Slot).where(Slot.household_id == household_id, col(Slot.retired_at).is_(None))
    if after is not None:
        query = query.where(tuple_(col(Slot.created_at), col(Slot.id)) > after)
    return session.exec(query.order_by(col(Slot.created_at), col(Slot.id)).limit(limit + 1)).all()


def show_slots(
    session: Session, rows: Sequence[Slot], now: datetime, fitted: Callable[[], Models], lang: Lang
) -> list[models.Slot]:
    """Slots with position, forecast and last decision; all are forecast together."""
    forecasts = forecast_slots(session, list(rows), now, fitted)
    return [
        _slot(session, row, now, forecasts[row.id].run_out if row.id in forecasts else None, lang)
        for row in rows
    ]


def _slot(session: Session, slot: Slot, now: datetime, run_out: RunOut | None, lang: Lang) -> models.Slot:
    order = orders.open_order(session, slot.id)
    insight = gather(session, slot, order, now, run_out)
    position, known = insight.facts.position, insight.facts.run_out
    mandate = insight.facts.mandate
    forecast = None
    if known is not None and position.on_hand:
        scaled = known.of(position.on_hand)
        forecast = models.Forecast(
            rate_per_day=round(scaled.rate_per_day, 3),
            days_known=scaled.days_known,
            quantiles=[
                models.Quantile(probability=float(level), days=round(day, 3))
                for level, day in zip(LEVELS, scaled.days, strict=True)
            ],
        )
    return models.Slot(
        slot_id=slot.id,
        name=slot.name,
        product_name=slot.product_name,
        device_id=slot.device_id,
        unit=slot.unit,
        capacity=slot.capacity,
        threshold=slot.threshold,
        pack_amount=slot.pack_amount,
        mode=mandate.mode.value,
        paused_until=mandate.paused_until,
        price_cap_minor=mandate.price_cap_minor,
        currency=mandate.currency,
        level_as_of=insight.facts.level_as_of,
        position=models.Position(
            loaded=position.loaded, spare=position.spare, on_order=position.on_order, total=position.total
        ),
        forecast=forecast,
        decision=_decision(session, slot.id, lang, now),
        open_order_id=None if order is None else order.id,
    )


def _decision(session: Session, slot_id: str, lang: Lang, now: datetime) -> models.Decision | None:
    query = select(DecisionRecord).where(
        DecisionRecord.slot_id == slot_id, col(DecisionRecord.last_at) <= now + AHEAD_AT_MOST
    )
    record = session.exec(query.order_by(col(DecisionRecord.last_at).desc()).limit(1)).first()
    if record is None or not record.data:
        return None
    decision = from_json(record.data)
    return models.Decision(
        decision_id=record.id,
        kind=decision.kind.value,
        trigger=decision.trigger.value,
        at=record.last_at,
        packs=decision.packs,
        sentence=sentence(decision, lang),
        verdicts=[
            models.Verdict(
                rule=verdict.rule,
                name=rule_name(verdict.rule, lang),
                ok=verdict.ok,
                text=verdict_text(verdict, decision.unit, lang),
                numbers=dict(verdict.numbers),
            )
            for verdict in decision.verdicts
        ],
    )


def order_rows(
    session: Session, household_id: str, limit: int, before: Place | None, state: str | None
) -> Sequence[PurchaseOrder]:
    """A household's orders, newest first, of one state if it is given."""
    query = select(PurchaseOrder).where(PurchaseOrder.household_id == household_id)
    if state is not None:
        query = query.where(PurchaseOrder.state == state)
    if before is not None:
        query = query.where(tuple_(col(PurchaseOrder.created_at), col(PurchaseOrder.id)) < before)
    query = query.order_by(col(PurchaseOrder.created_at).desc(), col(PurchaseOrder.id).desc())
    return session.exec(query.limit(limit + 1)).all()


def reading_rows(session: Session, slot: Slot, limit: int, before: Place | None) -> Sequence[Reading]:
    """The events of a slot's device, newest first."""
    place = tuple_(col(Reading.occurred_at), col(Reading.boot), col(Reading.seq))
    query = select(Reading).where(Reading.device_id == slot.device_id, Reading.slot_key == slot.key)
    if before is not None:
        boot, _, seq = before[1].partition(":")
        if not _SEQ.fullmatch(seq):
            raise CursorRefused(before[1])
        query = query.where(place < (before[0], boot, int(seq)))
    query = query.order_by(col(Reading.occurred_at).desc(), col(Reading.boot).desc(), col(Reading.seq).desc())
    return session.exec(query.limit(limit + 1)).all()


def show_reading(row: Reading) -> models.Reading:
    """One event."""
    return models.Reading(
        at=row.occurred_at,
        received_at=row.received_at,
        type=row.type,
        value=row.number,
        quality=row.quality,
        late=row.late,
    )


def show_notice(row: HouseholdNotice, time_zone: str, lang: Lang) -> models.Notice:
    """One notice."""
    return models.Notice(
        notice_id=row.id,
        kind=row.kind,
        text=notice_text(row.kind, row.data, lang, zone(time_zone), row.at),
        at=row.at,
        order_id=row.data.get("order_id"),
        slot_id=row.data.get("slot_id"),
        seen_by=row.seen_by,
    )
