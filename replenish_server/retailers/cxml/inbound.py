"""What suppliers tell us in cXML: confirmations and ship notices, written into the book, each once.

The retailer follows from the shared secret alone, which is a key of that retailer; every query names it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.retailers.book.acts import Parcel, Step, take_out, take_step, write_entry
from replenish_server.retailers.book.states import Act, BookState, OutOfTurn, may
from replenish_server.retailers.book.tables import BookEntry, BookOrder
from replenish_server.retailers.cxml.messages import (
    Confirmation,
    LineConfirmation,
    Message,
    ProfileAsked,
    ShipNotice,
    Unreadable,
)
from replenish_server.retailers.feed import keys
from replenish_server.retailers.feed.tables import FeedAnswer
from replenish_server.retailers.kinds import RetailerKind
from replenish_server.retailers.tables import Retailer

_REJECTED = "reject"


@dataclass(frozen=True)
class CxmlReply:
    """A status to be sent back: its code and text, what to do about it, and whether our profile is added."""

    code: int
    text: str
    detail: str = ""
    with_profile: bool = False


class CxmlDesk:
    """Takes suppliers' messages.

    Args:
        database: where the book is.
        clock: the server's clock.
        on_act: called with the order's id after something was written into the book.
    """

    def __init__(self, database: Database, clock: Clock, on_act: Callable[[str], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_act = on_act

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def take(self, body: bytes) -> CxmlReply:
        """Carry out one message; the same payloadID again is answered as the first time."""
        from replenish_server.retailers.cxml.reading import read_message  # with lxml, where a document came

        try:
            message = read_message(body)
        except Unreadable as error:
            return CxmlReply(error.code, _TEXTS[error.code], str(error))
        touched: list[str] = []
        with self._database.write() as session:
            reply = self._carry_out(session, message, touched)
        for order_id in touched:
            self._on_act(order_id)
        return reply

    def _carry_out(self, session: Session, message: Message, touched: list[str]) -> CxmlReply:
        """Carry out a message that can be read; the orders that it changed are added to `touched`."""
        now = self.now()
        key = keys.find_key(session, message.secret)
        if key is None or session.get_one(Retailer, key.retailer_id).kind != RetailerKind.CXML:
            detail = "the Sender's SharedSecret is no valid key; see replenish retailer key create"
            return CxmlReply(401, "Unauthorized", detail)
        keys.note_use(session, key, now)
        if isinstance(message.content, ProfileAsked):
            return CxmlReply(200, "OK", with_profile=True)
        kept_as = "cxml-" + hashlib.sha256(message.payload_id.encode()).hexdigest()
        fingerprint = hashlib.sha256(repr(message.content).encode()).hexdigest()
        kept = session.get(FeedAnswer, (key.retailer_id, kept_as))
        if kept is not None:
            if kept.fingerprint != fingerprint:
                return CxmlReply(409, "Conflict", "this payloadID came with another content")
            return CxmlReply(kept.status, "OK", "taken before")
        try:
            if isinstance(message.content, Confirmation):
                touched.append(_confirm(session, key.retailer_id, message.content, now))
            else:
                touched += _ship(session, key.retailer_id, message.content, now)
        except (Unreadable, OutOfTurn) as error:
            session.rollback()
            code = error.code if isinstance(error, Unreadable) else 409
            return CxmlReply(code, _TEXTS[code], str(error))
        session.add(
            FeedAnswer(
                retailer_id=key.retailer_id,
                key=kept_as,
                fingerprint=fingerprint,
                status=200,
                body=b"",
                at=now,
            )
        )
        return CxmlReply(200, "OK")


_TEXTS = {
    400: "Bad Request",
    406: "Not Acceptable",
    409: "Conflict",
    417: "Expectation Failed",
    450: "Not Implemented",
}


def _order(session: Session, retailer_id: str, order_id: str) -> BookOrder:
    order = session.exec(
        select(BookOrder).where(BookOrder.key == order_id, BookOrder.retailer_id == retailer_id)
    ).first()
    if order is None:
        raise Unreadable(417, "this supplier has no such order here")
    return order


def _confirm(session: Session, retailer_id: str, said: Confirmation, now: datetime) -> str:
    """Accepted, rejected or backordered, as a whole or line by line."""
    order = _order(session, retailer_id, said.order_id)
    if said.kind == _REJECTED:
        step = Step(Act.CANCEL, said.comment or "rejected by the supplier", data={"reason": "other"})
        take_step(session, order, step, now)
        return order.id
    _check_lines(order, said.lines)
    packs = {number: line["packs"] for number, line in enumerate(order.lines, 1)}
    rejected = [
        number
        for number, wanted in packs.items()
        if sum(one.packs for one in said.lines if (one.line_number, one.kind) == (number, _REJECTED))
        >= wanted
    ]
    if len(rejected) == len(packs):
        note = said.comment or "every line was rejected by the supplier"
        take_step(session, order, Step(Act.CANCEL, note, data={"reason": "other"}), now)
        return order.id
    for number in rejected:
        item_id = order.lines[number - 1]["item_id"]
        take_out(session, order, item_id, now, by="supplier")
    backordered = said.kind == "backordered" or any(one.kind == "backordered" for one in said.lines)
    note = said.comment or ("some of it is back-ordered" if backordered else "")
    if may(BookState(order.state), Act.ACKNOWLEDGE):
        take_step(session, order, Step(Act.ACKNOWLEDGE, note, data={"type": said.kind}), now)
    else:
        write_entry(session, order, "confirmed", {"type": said.kind, "note": note}, now)
    return order.id


def _check_lines(order: BookOrder, lines: tuple[LineConfirmation, ...]) -> None:
    """Lines that exist, in no greater number and at no higher price than was ordered."""
    confirmed: dict[int, int] = {}
    for one in lines:
        if not 1 <= one.line_number <= len(order.lines):
            raise Unreadable(406, f"the order has no line {one.line_number}")
        ordered = order.lines[one.line_number - 1]
        confirmed[one.line_number] = confirmed.get(one.line_number, 0) + one.packs
        if confirmed[one.line_number] > ordered["packs"]:
            raise Unreadable(409, f"line {one.line_number}: only {ordered['packs']} were ordered")
        dearer = one.unit_minor is not None and (
            one.currency != order.currency or one.unit_minor > ordered["unit_minor"]
        )
        if dearer and one.kind != _REJECTED:
            raise Unreadable(
                409, f"line {one.line_number}: the price that was ordered stands; reject instead"
            )


def _ship(session: Session, retailer_id: str, said: ShipNotice, now: datetime) -> list[str]:
    """Goods are on their way: the first notice ships an order, a later one adds another parcel."""
    if said.operation == "delete":
        raise Unreadable(
            450, "a ship notice is not taken back here; cancel or correct the order by a message"
        )
    touched = []
    for order_id in dict.fromkeys(said.order_ids):
        order = _order(session, retailer_id, order_id)
        data = {"shipment_id": said.shipment_id}
        if _was_told(session, order, said.shipment_id) and said.operation != "update":
            continue
        parcel = Parcel(said.carrier, said.tracking_number)
        if order.state == BookState.SHIPPED:
            order.carrier, order.tracking_number = said.carrier, said.tracking_number
            write_entry(session, order, "shipped", {**data, "tracking_number": said.tracking_number}, now)
        else:
            take_step(session, order, Step(Act.SHIP, parcel=parcel, data=data), now)
        touched.append(order.id)
    return touched


def _was_told(session: Session, order: BookOrder, shipment_id: str) -> bool:
    entries = session.exec(select(BookEntry).where(BookEntry.order_id == order.id))
    return any(entry.data.get("shipment_id") == shipment_id for entry in entries)
