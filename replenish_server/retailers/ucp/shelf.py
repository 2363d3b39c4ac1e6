"""Looking round in a shop: what it sells, and where goods can be fetched. Nothing is bought here."""

from collections.abc import Callable
from datetime import datetime

from replenish_server.ids import new_idempotency_key
from replenish_server.retailers.http import NoAnswer
from replenish_server.retailers.port import Article, Location, Need, StoredCall, TryLater
from replenish_server.retailers.ucp import bodies, catalog, documents, messages
from replenish_server.retailers.ucp.bindings import Operation, Reply
from replenish_server.retailers.ucp.bodies import Body
from replenish_server.retailers.ucp.connection import Connection
from replenish_server.retailers.ucp.documents import Destination, Unreadable
from replenish_server.retailers.ucp.profile import ProfileUnusable
from replenish_server.retailers.ucp.release import CATALOG_LOOKUP, CATALOG_SEARCH

_PAGE = 20
_MOST_PAGES = 3
_MOST_LOCATIONS = 50


class NotOffered(Exception):
    """The shop has no such thing to look at; the text says what."""


class UcpShelf:
    """What one shop shows to somebody who has not decided yet.

    Args:
        connection: the line to it.
        now: the server's clock.
    """

    def __init__(self, connection: Connection, now: Callable[[], datetime]) -> None:
        self._connection, self._now = connection, now

    def search(self, query: str, country: str) -> list[Article]:
        """Packs that fit some words, in the shop's order.

        Raises:
            NotOffered: the shop has no catalogue that we can read.
            TryLater: no usable answer.
        """
        self._require(CATALOG_SEARCH)
        found: list[Article] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            body = catalog.search_body(query, country, _PAGE, cursor)
            page, cursor = self._articles(Operation.SEARCH, body)
            found += page
            if cursor is None:
                break
        return list({article.item_id: article for article in found}.values())

    def find(self, item_id: str, country: str) -> Article | None:
        """One pack as it is now; None where the shop does not know it.

        Raises:
            NotOffered, TryLater: as `search`.
        """
        self._require(CATALOG_LOOKUP)
        page, _ = self._articles(Operation.LOOKUP, catalog.lookup_body(item_id, country))
        return next((article for article in page if article.item_id == item_id), None)

    def locations(self, need: Need) -> list[Location]:
        """Where the goods could be fetched, in the shop's order.

        The protocol shows them only inside a session, so one is opened and closed again. It is stored
        nowhere: a session that is lost ends by itself, and none is ever completed from here.

        Raises:
            NotOffered: nowhere.
            TryLater: no usable answer.
        """
        body = bodies.create_body(need, need.fulfilment) | {"fulfillment": {"methods": [{"type": "pickup"}]}}
        document = self._read(self._change(Operation.CREATE, None, body))
        try:
            if messages.is_failure(document):
                raise NotOffered(messages.trouble_of(document).detail or "pickup")
            checkout = documents.read_checkout(document)
        except Unreadable as error:
            raise TryLater(str(error)) from error
        found = [
            Location(place.id, place.name or place.id, _address(place))
            for method in checkout.methods
            if method.type == "pickup"
            for place in method.destinations or []
        ]
        self._change(Operation.CANCEL, checkout.id, None)
        if not found:
            raise NotOffered("pickup")
        return found[:_MOST_LOCATIONS]

    def _require(self, capability: str) -> None:
        try:
            offered = self._connection.business().capabilities
        except ProfileUnusable as error:
            raise NotOffered(str(error)) from error
        if capability not in offered:
            raise NotOffered(capability)

    def _articles(self, operation: Operation, body: Body) -> tuple[list[Article], str | None]:
        try:
            return catalog.read_articles(self._read(self._connection.ask(operation, None, body)))
        except (NoAnswer, Unreadable) as error:
            raise TryLater(str(error)) from error

    def _change(self, operation: Operation, session_id: str | None, body: Body | None) -> Reply:
        try:
            request = self._connection.request(operation, session_id, body)
            key = new_idempotency_key()
            content = request.body if isinstance(request.body, bytes) else request.body(key)
            call = StoredCall(key, request.method, request.url, content, self._now(), None, None)
            return self._connection.send(call)
        except NoAnswer as error:
            raise TryLater(str(error)) from error
        except ProfileUnusable as error:
            raise NotOffered(str(error)) from error

    def _read(self, reply: Reply) -> Body:
        if reply.status >= 300:
            raise TryLater(f"the shop answered {reply.status}", reply.wait_s)
        try:
            return documents.document_of(reply.body)
        except Unreadable as error:
            raise TryLater(str(error)) from error


def _address(place: Destination) -> str:
    """On one line; a shop writes the parts beside the name or in an object of their own."""
    names = ("street_address", "postal_code", "address_locality")
    flat = (place.street_address, place.postal_code, place.address_locality)
    parts = [(place.address or {}).get(name) or value for name, value in zip(names, flat, strict=True)]
    return ", ".join(str(part) for part in parts if part)
