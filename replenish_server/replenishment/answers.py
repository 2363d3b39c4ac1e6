"""What a press is told: "placed", "waiting", "already" or "refused", and nothing before it is true."""

from collections.abc import Callable
from typing import Any

from sqlmodel import Session, col, select, tuple_

from replenish_server.database import Database
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.tables import PressAnswer
from replenish_server.telemetry.codec import encode_ack
from replenish_server.telemetry.store import PressKey

_ANSWER_OF_STATE = {
    State.PROPOSED: "waiting",
    State.NEEDS_APPROVAL: "waiting",
    State.COOLING_OFF: "waiting",
    State.NEEDS_ATTENTION: "waiting",
    State.PLACED: "placed",
    State.SHIPPED: "placed",
    State.READY_FOR_PICKUP: "placed",
    State.DELIVERED: "placed",
    State.CLOSED: "placed",
    State.CANCELED: "refused",
    State.FAILED: "refused",
    State.EXPIRED: "refused",
}

Publish = Callable[[str, bytes], None]
"""Publishes a payload on a device's `down/ack`."""


def known_answers(session: Session, presses: list[PressKey]) -> dict[PressKey, str]:
    """What is already known about these presses, for those that arrive again."""
    keys = [(press.device_id, press.boot, press.seq) for press in presses]
    columns = tuple_(col(PressAnswer.device_id), col(PressAnswer.boot), col(PressAnswer.seq))
    found: dict[PressKey, str] = {}
    for row, state in session.exec(_with_state().where(columns.in_(keys))):
        word = _word(row, state)
        if word is not None:
            found[PressKey(row.device_id, row.boot, row.seq)] = word
    return found


def tell_presses(database: Database, publish: Publish) -> int:
    """Tell every press whose answer became known or changed; returns how many were told.

    The word is kept first and published after the commit: at worst a device is told nothing and shows
    "sent", which is true.
    """
    told: list[tuple[PressKey, str]] = []
    with (
        database.read() as session
    ):  # nearly always there is nothing to tell, and nobody has to wait for that
        if not _unsaid(session):
            return 0
    with database.write() as session:
        for row, word in _unsaid(session):
            row.told = word
            session.add(row)
            told.append((PressKey(row.device_id, row.boot, row.seq), word))
    for press, word in told:
        publish(press.device_id, encode_ack(press.boot, [press.seq], word))
    return len(told)


def _unsaid(session: Session) -> list[tuple[PressAnswer, str]]:
    """Presses with a word that their device has not heard."""
    open_ones = col(PressAnswer.told).is_(None) | (col(PressAnswer.told) == "waiting")
    return [
        (row, word)
        for row, state in session.exec(_with_state().where(open_ones))
        if (word := _word(row, state)) is not None and word != row.told
    ]


def _with_state() -> Any:  # the type of an outer-joined select has no short name
    return select(PressAnswer, PurchaseOrder.state).outerjoin(
        PurchaseOrder, col(PurchaseOrder.id) == col(PressAnswer.order_id)
    )


def _word(row: PressAnswer, state: str | None) -> str | None:
    if row.joined:
        return "already"
    return "refused" if state is None else _ANSWER_OF_STATE.get(State(state))
