"""What a device says is wrong with itself: safe mode, an empty battery, lost records, a refusing broker.

Health is written by the device and is only believed where it has a known form (docs/wire.md, key `h`). A
household is told once when a trouble begins, at most once a day of each; it is over when the device is well.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Device, DeviceTrouble
from replenish_server.households.notices import Notice, notify

Word = Literal["safe", "sparing", "flash", "turned_away", "dropping"]
WORDS: tuple[Word, ...] = get_args(Word)

Said = tuple[str, datetime, Mapping[str, Any]]
"""A device, when it said it, and its health."""

_MODES: tuple[Word, ...] = ("safe", "sparing")
_MOST = 1_000_000_000
_TOLD_EVERY = timedelta(days=1)
_NO_MORE_LOST = timedelta(hours=20)  # a count never falls: no more for nearly a day is well again


def troubles_of(health: Mapping[str, Any]) -> dict[Word, int]:
    """What is wrong by a device's health, with MQTT's reason code or the number of lost records, else 0."""
    found: dict[Word, int] = {word: 0 for word in _MODES if health.get("mode") == word}
    if health.get("fault") == "flash":
        found["flash"] = 0
    if (code := _whole(health.get("refused"), 255)) is not None:
        found["turned_away"] = code
    if (lost := _whole(health.get("drop"), _MOST)) is not None:
        found["dropping"] = lost
    return found


def note_troubles(session: Session, said: Sequence[Said]) -> None:
    """Keep what devices said of themselves, inside the caller's transaction, and tell their households."""
    names = {device_id for device_id, *_ in said}
    query = select(DeviceTrouble).where(col(DeviceTrouble.device_id).in_(names))
    known = {(row.device_id, row.word): row for row in session.exec(query)}
    for device_id, at, health in sorted(said, key=lambda each: each[1]):
        found = troubles_of(health)
        for word in WORDS:
            row, number = known.get((device_id, word)), found.get(word)
            if row is not None and at < (row.ended_at or row.since):
                continue  # a record that waited on the device: what is known is newer
            if number is None or (row is not None and _is_the_same(row, number, at)):
                _note_well(session, row, number, at)
            elif row is None or row.ended_at is not None or word == "dropping":
                known[device_id, word] = _begin(session, row, device_id, word, number, at)


def troubles_now(session: Session, device_ids: Iterable[str] | None = None) -> dict[str, list[DeviceTrouble]]:
    """What is wrong with these devices, or with any, at present; oldest first."""
    query = select(DeviceTrouble).where(col(DeviceTrouble.ended_at).is_(None))
    if device_ids is not None:
        query = query.where(col(DeviceTrouble.device_id).in_(list(device_ids)))
    found: dict[str, list[DeviceTrouble]] = {}
    for row in session.exec(query.order_by(col(DeviceTrouble.since), col(DeviceTrouble.word))):
        found.setdefault(row.device_id, []).append(row)
    return found


def wrong_with(session: Session, devices: Collection[Device]) -> dict[str, list[tuple[str, datetime, int]]]:
    """Of each device, by its id: "doubled" where two use its name, then what it says itself, with since when
    and the number of it. Nothing of one that was revoked.
    """
    heard = [device for device in devices if device.revoked_at is None]
    said = troubles_now(session, [device.id for device in heard])
    found: dict[str, list[tuple[str, datetime, int]]] = {device.id: [] for device in devices}
    for device in heard:
        if device.doubled_at is not None:
            found[device.id].append(("doubled", device.doubled_at, 0))
        found[device.id] += [(row.word, row.since, row.number) for row in said.get(device.id, ())]
    return found


def _is_the_same(row: DeviceTrouble, number: int, at: datetime) -> bool:
    """Whether a count of lost records has not moved for long."""
    return row.word == "dropping" and row.number == number and at - row.since >= _NO_MORE_LOST


def _note_well(session: Session, row: DeviceTrouble | None, number: int | None, at: datetime) -> None:
    if row is None:
        return
    row.number = number or 0
    if row.ended_at is None:
        row.ended_at = at
    session.add(row)


def _begin(
    session: Session, row: DeviceTrouble | None, device_id: str, word: Word, number: int, at: datetime
) -> DeviceTrouble:
    """It began, or more was lost."""
    if row is not None and row.word == "dropping" and row.number == number:
        return row
    told = row is not None and at - row.since < _TOLD_EVERY
    row = row or DeviceTrouble(device_id=device_id, word=word, since=at)
    row.since, row.number, row.ended_at = at, number, None
    session.add(row)
    if not told:
        device = session.get_one(Device, device_id)
        key = f"device_{word}:{device_id}:{at.isoformat()}"
        data: dict[str, int | str | None] = {"device": device.name, "at_at": at.isoformat(), "number": number}
        notify(session, Notice(device.household_id, key, f"device_{word}", data, at))
    return row


def _whole(value: object, most: int) -> int | None:
    """A number from 1 on, or None."""
    return value if type(value) is int and 1 <= value <= most else None
