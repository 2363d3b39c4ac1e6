"""What a slot's stored readings say of what is left, whether its device measures that or counts the use."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Executable, bindparam, func, or_, tuple_, type_coerce
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from replenish_server.database import Prepared, from_ms, to_ms
from replenish_server.fleet.tables import Slot
from replenish_server.fleet.units import BY_BASE
from replenish_server.inventory import LevelHistory, LevelSample, read_level, read_levels
from replenish_server.inventory.levels import LOOKED_BACK, OVERFULL_SHARE
from replenish_server.inventory.totals import Reset, TotalHistory, TotalSample, as_levels, read_totals
from replenish_server.replenishment.tables import SlotFit
from replenish_server.telemetry import newest
from replenish_server.telemetry.ahead import is_aside
from replenish_server.telemetry.tables import DeviceEvent, Reading, Sample, Stream

_SAMPLE = (
    col(Reading.occurred_at),
    col(Reading.boot),
    col(Reading.seq),
    col(Reading.number),
    col(Reading.quality),
    col(Reading.late),
)
_HOUR_MS = 3_600_000
COUNTED_AT_MOST = 10_080  # a week of one a minute, the most that cfg.measure_s allows
_NEWEST = 48  # readings that a level is told from


# Built once: every look at a slot asks them, in the transaction for which a press may wait.
_SINCE = select_columns(
    *_SAMPLE
).where(  # columns and not entities: some thousand rows, and an entity costs ten times that
    col(Reading.device_id) == bindparam("device_id"),
    col(Reading.slot_key) == bindparam("slot_key"),
    col(Reading.type).in_(("level", "refill")),
    col(Reading.occurred_at) >= bindparam("since"),
)
_ALL_SINCE: Prepared[Any] = Prepared(_SINCE)
_SINCE_UNTIL: Prepared[Any] = Prepared(_SINCE.where(col(Reading.occurred_at) < bindparam("before")))
_AT_PLACE: Prepared[int] = Prepared(
    select(Sample.at_ms)
    .join(Stream, col(Stream.id) == col(Sample.stream_id))
    .where(col(Stream.device_id) == bindparam("device_id"), col(Stream.slot_key) == bindparam("slot_key"))
    .order_by(col(Sample.at_ms).desc())
    .offset(bindparam("besides"))
    .limit(1)
)


def is_counted(slot: Slot) -> bool:
    """Whether the slot's device counts what is used, instead of measuring what is left."""
    return BY_BASE[slot.unit].counted


def level_samples(
    session: Session, slot: Slot, since: datetime, before: datetime | None = None
) -> list[LevelSample]:
    """What is left from a moment on, and before another one if it is given, in base units.

    For a slot that counts, one sample per total; its level is None as long as nobody said what was there.
    """
    if is_counted(slot):
        remaining = read_counted(session, slot, since).remaining
        return [s for s in remaining if s.at >= since and (before is None or s.at < before)]
    session.flush()
    where = {"device_id": slot.device_id, "slot_key": slot.key, "since": since}
    if before is None:
        return _as_samples(slot, _ALL_SINCE.rows(session.connection(), **where))
    return _as_samples(slot, _SINCE_UNTIL.rows(session.connection(), **where, before=before))


def _as_samples(slot: Slot, rows: Iterable[Any]) -> list[LevelSample]:
    """Rows of `_SAMPLE`, of a slot that measures."""
    factor = BY_BASE[slot.unit].factor
    return [
        LevelSample(
            at=at,
            boot=boot,
            seq=seq,
            level=None if number is None else number * factor,
            good=quality == "ok" and not late,
            retained=late,
        )
        for at, boot, seq, number, quality, late in rows
    ]


def last_good(session: Session, slot: Slot, since: datetime, before: datetime) -> list[LevelSample]:
    """The newest good and plausible readings of a stretch of time, as many as `level_now` looks at; of a slot
    that measures. Finding them fetches no others."""
    factor = BY_BASE[slot.unit].factor
    highest = int((slot.capacity or 1) * OVERFULL_SHARE) // factor
    when = (to_ms(since), to_ms(before))
    found = newest.last_good(session, slot.device_id, slot.key, *when, highest, LOOKED_BACK)
    return [
        LevelSample(from_ms(one.at_ms), one.boot, one.seq, one.number * factor, good=True) for one in found
    ]


def since_at_most(session: Session, slot: Slot, since: datetime, most: int) -> datetime:
    """The moment from which on a slot has no more than so many readings, `since` at the earliest.

    Some more where several are of that very millisecond. Finding it looks at no more readings than these.
    """
    where = {"device_id": slot.device_id, "slot_key": slot.key}
    at_ms = _AT_PLACE.first(session, **where, besides=most - 1)
    return since if at_ms is None else max(since, from_ms(at_ms))


def read_history(session: Session, slot: Slot, since: datetime) -> tuple[LevelHistory, list[LevelSample]]:
    """What a slot's readings from a moment on say, and the readings; for a slot with a sensor."""
    if is_counted(slot):
        counted = read_counted(session, slot, since)
        return as_levels(counted, since), [sample for sample in counted.remaining if sample.at >= since]
    samples = level_samples(session, slot, since)
    return read_levels(samples, slot.capacity or 1), samples


def read_histories(
    session: Session, slots: Collection[Slot], since: Mapping[str, datetime]
) -> dict[str, LevelHistory]:
    """The histories of many slots with a sensor by their ids, each from its own moment on.

    All that measure are read together; one that counts its use is read by itself.
    """
    counted = [slot for slot in slots if is_counted(slot)]
    found = {slot.id: read_history(session, slot, since[slot.id])[0] for slot in counted}
    measured = {(slot.device_id, slot.key): slot for slot in slots if not is_counted(slot)}
    if not measured:
        return found
    query = select_columns(col(Reading.device_id), col(Reading.slot_key), *_SAMPLE).where(
        col(Reading.device_id).in_({device_id for device_id, _ in measured}),
        col(Reading.type).in_(("level", "refill")),
        col(Reading.occurred_at) >= min(since[slot.id] for slot in measured.values()),
    )
    rows: dict[tuple[str, str], list[Any]] = {key: [] for key in measured}
    for device_id, slot_key, *sample in session.execute(query):
        slot = measured.get((device_id, slot_key))
        if slot is not None and sample[0] >= since[slot.id]:
            rows[device_id, slot_key].append(sample)
    for key, slot in measured.items():
        found[slot.id] = read_levels(_as_samples(slot, rows[key]), slot.capacity or 1)
    return found


def levels_of(
    session: Session, slots: Collection[Slot], since: datetime
) -> dict[str, tuple[int | None, datetime | None]]:
    """What is left, in base units, and when that was read, by slot id, as the slots' newest readings say.

    The same as `read_history` says, from as few readings as tell it: a container is lifted for a day at most.
    All that measure are asked for by one statement; one that counts is read by itself.
    """
    found: dict[str, tuple[int | None, datetime | None]] = {}
    measured = [slot for slot in slots if not is_counted(slot)]
    for slot in slots:
        if is_counted(slot):
            history, _ = read_history(session, slot, since)
            found[slot.id] = history.level, history.as_of
    session.flush()
    devices = {slot.device_id for slot in measured}
    rows = newest.newest_levels(session, devices, to_ms(since), _NEWEST) if devices else {}
    for slot in measured:
        told = (
            (from_ms(row.at_ms), row.boot, row.seq, row.number, row.quality, row.late)
            for row in rows.get((slot.device_id, slot.key), ())
        )
        found[slot.id] = read_level(_as_samples(slot, told), slot.capacity or 1)
    return found


def read_counted(session: Session, slot: Slot, since: datetime, most: int = COUNTED_AT_MOST) -> TotalHistory:
    """The totals that say what was left at any time from a moment on.

    They are read from the last fitting before that moment, and one more, from which it is counted. Where that
    is more than `most`, the earlier ones are read like rollups (`_thinned`): all that was used is in them.
    """
    resets = _resets(session, slot)
    earlier = [reset.at for reset in resets if reset.at <= since]
    start = max(earlier) if earlier else min([reset.at for reset in resets] + [since])
    last_before = session.exec(
        select(Reading.occurred_at)
        .where(*_of(slot, "usage"), col(Reading.occurred_at) <= start, Reading.quality == "ok")
        .order_by(col(Reading.occurred_at).desc())
        .limit(1)
    ).first()
    start = start if last_before is None else last_before
    whole = since_at_most(session, slot, start, most)
    samples = total_samples(session, slot, start, whole, [reset.after for reset in resets if reset.after])
    return read_totals(samples, resets, slot.capacity or 1)


def total_samples(
    session: Session,
    slot: Slot,
    since: datetime,
    whole: datetime | None = None,
    wanted: Collection[tuple[str, int]] = (),
) -> list[TotalSample]:
    """Totals of use from a moment on, in base units; a boot's very first record is a total of nothing.

    Args:
        session: a unit of work.
        slot: one that counts.
        since: the moment.
        whole: before it only the last certain total of each hour and boot is read, which holds the others.
        wanted: (boot, sequence) of totals that are read nevertheless.
    """
    factor = BY_BASE[slot.unit].factor
    counted = select_columns(*_SAMPLE).where(*_of(slot, "usage"), col(Reading.occurred_at) >= since)
    rows: list[Any] = []
    if whole is not None and whole > since:
        rows += session.execute(_thinned(slot, since, whole, wanted))
        counted = counted.where(col(Reading.occurred_at) >= whole)
    rows += session.execute(counted)
    begun = select(DeviceEvent.occurred_at, DeviceEvent.boot, DeviceEvent.late, DeviceEvent.slot_key).where(
        DeviceEvent.device_id == slot.device_id,
        DeviceEvent.type == "hello",
        DeviceEvent.seq == 0,
        col(DeviceEvent.occurred_at) >= since,
    )
    totals = [
        TotalSample(
            at=at,
            boot=boot,
            seq=seq,
            total=None if number is None else number * factor,
            good=quality == "ok" and not late,
            retained=late,
        )
        for at, boot, seq, number, quality, late in rows
    ]
    first = {sample.boot: sample.at for sample in sorted(totals, key=lambda sample: sample.seq, reverse=True)}
    for at, boot, late, slot_key in session.exec(begun):
        # Of a boot that began while the clock was ahead only this is certain: it was before its first total.
        began_at = first.get(boot) if is_aside(slot_key) else at
        if began_at is not None:
            totals.append(TotalSample(began_at, boot, 0, 0, not late, late))
    return totals


def _thinned(
    slot: Slot, since: datetime, before: datetime, wanted: Collection[tuple[str, int]]
) -> Executable:
    """Of a slot that counts, as `_SAMPLE`: the last certain total of each hour and boot, and `wanted`."""
    hour = type_coerce(col(Reading.occurred_at), BigInteger) // _HOUR_MS
    place = func.row_number().over(partition_by=(col(Reading.boot), hour), order_by=col(Reading.seq).desc())
    certain = (col(Reading.quality) == "ok", col(Reading.late).is_(False), col(Reading.number).is_not(None))
    time = (col(Reading.occurred_at) >= since, col(Reading.occurred_at) < before)
    ranked = select_columns(*_SAMPLE, place.label("place")).where(*_of(slot, "usage"), *certain, *time)
    found = ranked.subquery().c
    kept = or_(found.place == 1, tuple_(found.boot, found.seq).in_(list(wanted)))
    columns = (found.occurred_at, found.boot, found.seq, found.number, found.quality, found.late)
    return select_columns(*columns).where(kept)


def _of(slot: Slot, *types: str) -> tuple[ColumnElement[bool], ...]:
    """What the slot's device sent of some types."""
    return (
        col(Reading.device_id) == slot.device_id,
        col(Reading.slot_key) == slot.key,
        col(Reading.type).in_(types),
    )


def _resets(session: Session, slot: Slot) -> list[Reset]:
    """When it is known what was there: the device's own word, and people's."""
    factor = BY_BASE[slot.unit].factor
    told = select(Reading.occurred_at, Reading.boot, Reading.seq, Reading.number).where(
        *_of(slot, "refill"),
        Reading.quality == "ok",
        col(Reading.late).is_(False),
    )
    said = select(SlotFit).where(SlotFit.slot_id == slot.id)
    resets = [
        Reset(at, number * factor, after=(boot, seq - 1))
        for at, boot, seq, number in session.exec(told)
        if number is not None
    ]
    return resets + [Reset(row.at, row.remaining, row.fitted) for row in session.exec(said)]
