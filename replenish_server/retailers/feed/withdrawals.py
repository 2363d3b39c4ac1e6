"""A household's withdrawal on its way to the retailer: what a machine can tell is stored with the statement.

The feed carries it as an entry and a message; a cXML supplier is told by its own document while the goods
have not left. UCP has no operation for it in any release that is spoken (its order is read only, and
`permalink_url` is named as the place for returns), and no other kind has a way: then a person sends it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from replenish_server.retailers.book.acts import write_entry
from replenish_server.retailers.book.states import BookState
from replenish_server.retailers.book.tables import BookOrder
from replenish_server.retailers.feed.documents import rfc3339
from replenish_server.retailers.feed.messages import call_off, is_on_its_way, tell
from replenish_server.retailers.kinds import RetailerKind
from replenish_server.retailers.tables import Retailer

REQUESTED = "withdrawal_requested"
KIND = f"order.{REQUESTED}"


class Channel(StrEnum):
    """How a retailer learns of a withdrawal."""

    FEED = "feed"
    CXML = "cxml"
    HAND = "hand"


@dataclass(frozen=True)
class Declaration:
    """Who withdraws from the contract of which article, when, and what they added."""

    item_id: str
    packs: int
    name: str
    email: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class OnItsWay:
    """The way that a withdrawal takes; `message_id` is what is sent, None where nothing has to be."""

    channel: Channel
    message_id: str | None = None


def send_withdrawal(
    session: Session, retailer_id: str, retailer_order_id: str | None, said: Declaration
) -> OnItsWay:
    """Store what the retailer is told, in the transaction that keeps the statement.

    Goods that have not left are taken out of the order as well.
    """
    order = None if retailer_order_id is None else session.get(BookOrder, retailer_order_id)
    if order is None or order.retailer_id != retailer_id:
        return OnItsWay(Channel.HAND)
    taken_out = None
    if not is_on_its_way(order) and order.state != BookState.CANCELED:
        taken_out = call_off(session, retailer_id, order.id, said.item_id, said.at)
    if session.get_one(Retailer, retailer_id).kind != RetailerKind.FEED:
        return OnItsWay(Channel.HAND) if taken_out is None else OnItsWay(Channel.CXML, taken_out)
    statement = {
        "item_id": said.item_id,
        "packs": said.packs,
        "name": said.name,
        "email": said.email,
        "reason": said.reason,
        "declared_at": rfc3339(said.at),
    }
    marked = {"withdrawal_requested_at": rfc3339(said.at)}
    order.lines = [{**line, **marked} if line["item_id"] == said.item_id else line for line in order.lines]
    write_entry(session, order, REQUESTED, statement, said.at)
    return OnItsWay(Channel.FEED, tell(session, order, KIND, said.at, {"withdrawal": statement}))
