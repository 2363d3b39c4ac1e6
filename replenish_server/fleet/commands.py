"""What a person asks of a device once: show yourself, report, start anew (`down/cmd`, docs/wire.md).

Stored first, published by `fleet.publisher`, answered by the device's next report. A device has one row: the
last thing asked of it. Only a device that stays connected can be asked; what it did not hear in a minute, the
broker forgets.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from sqlmodel import Session, col, select

from replenish_server.fleet.registry import DeviceRefused
from replenish_server.fleet.tables import Device, DeviceCommand

Verb = Literal["identify", "report", "restart"]
State = Literal["waiting", "done", "late", "unknown", "unanswered"]

VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
LISTENING: Final = ("flow", "pages")
"""Kinds of devices that stay connected."""

LASTS: Final = timedelta(seconds=60)
_ANSWER_WITHIN: Final = timedelta(seconds=30)  # after its end: a restart takes a while
_ANSWERS: Final[tuple[State, ...]] = ("done", "late", "unknown")


class StillWaiting(DeviceRefused):
    """Another command to this device has neither been answered nor ended."""


def ask(session: Session, device_id: str, verb: str, now: datetime) -> DeviceCommand:
    """Store a command; the same one again, while it waits, is the same command.

    Its number is the moment in milliseconds, or one above the last: it also rises over a restored backup.

    Raises:
        StillWaiting: another one is under way.
        DeviceRefused: no such device or command, a revoked device, or one that sleeps.
    """
    device = session.get(Device, device_id)
    if device is None or device.parted_at is not None:
        raise DeviceRefused(f"no device {device_id!r}")
    if device.revoked_at is not None:
        raise DeviceRefused(f"{device_id} is revoked")
    if device.kind not in LISTENING:
        raise DeviceRefused(
            f"{device_id} sleeps most of the time; only {' and '.join(LISTENING)} devices listen"
        )
    if verb not in VERBS:
        raise DeviceRefused(f"unknown command {verb!r}; one of {', '.join(VERBS)}")
    row = session.get(DeviceCommand, device_id)
    if row is not None and state_of(row, now) == "waiting":
        if row.verb == verb:
            return row
        raise StillWaiting(f"{device_id} has not answered {row.verb!r} yet; ask again in a minute")
    number = max(int(now.timestamp() * 1000), 0 if row is None else row.number + 1)
    row = row or DeviceCommand(device_id=device_id, number=number, verb=verb, asked_at=now)
    row.number, row.verb, row.asked_at = number, verb, now
    row.sent_at = row.answered_at = None
    row.answer = ""
    session.add(row)
    return row


def document(command: DeviceCommand) -> dict[str, Any]:
    """The `down/cmd` message."""
    until = int((command.asked_at + LASTS).timestamp())
    return {"v": 1, "n": command.number, "do": command.verb, "until": until}


def unsent(session: Session, now: datetime) -> list[DeviceCommand]:
    """Commands that the broker was not given yet and that are worth it."""
    query = select(DeviceCommand).where(
        col(DeviceCommand.sent_at).is_(None), col(DeviceCommand.asked_at) > now - LASTS
    )
    return list(session.exec(query))


def confirm_sent(session: Session, device_id: str, number: int, now: datetime) -> None:
    """The broker has taken it."""
    row = session.get(DeviceCommand, device_id)
    if row is not None and row.number == number:
        row.sent_at = now
        session.add(row)


def record_answer(session: Session, device_id: str, report: Mapping[str, Any], now: datetime) -> None:
    """Take `cmd` of a report; an answer to anything but the last command says nothing any more."""
    said = report.get("cmd")
    if not isinstance(said, dict) or said.get("r") not in _ANSWERS:
        return
    row = session.get(DeviceCommand, device_id)
    if row is not None and row.number == said.get("n") and row.answered_at is None:
        row.answer, row.answered_at = said["r"], now
        session.add(row)


def state_of(command: DeviceCommand, now: datetime) -> State:
    """How far it is."""
    if command.answered_at is not None:
        return next(word for word in _ANSWERS if word == command.answer)
    return "waiting" if now < command.asked_at + LASTS + _ANSWER_WITHIN else "unanswered"
