"""Orders by cXML: written by the rules, sent once whatever happens, and told of by the supplier."""

import os
import random
from collections.abc import Iterator
from datetime import UTC
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from lxml import etree
from sqlmodel import col, select

from replenish_server.fleet.tables import Slot
from replenish_server.households.notice_texts import notice_text
from replenish_server.households.tables import HouseholdNotice
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.follow import Follower
from replenish_server.ordering.refused_changes import tell_refused_change
from replenish_server.ordering.withdrawals import withdraw
from replenish_server.retailers.book.acts import ACKNOWLEDGE_WITHIN
from replenish_server.retailers.book.prices import import_prices
from replenish_server.retailers.book.quotes import PriceListQuotes
from replenish_server.retailers.book.tables import BookEntry
from replenish_server.retailers.cxml.account import CxmlAccount
from replenish_server.retailers.cxml.adapter import CxmlRetailer
from replenish_server.retailers.cxml.documents import money_text
from replenish_server.retailers.cxml.inbound import CxmlDesk
from replenish_server.retailers.cxml.messages import Unreadable
from replenish_server.retailers.cxml.reading import parse, read_message, read_status
from replenish_server.retailers.cxml.rules import violations
from replenish_server.retailers.feed.keys import make_key
from replenish_server.retailers.feed.messages import Messenger
from replenish_server.retailers.http import Answer, ShopClient
from replenish_server.retailers.kinds import NewRetailer, RetailerKind, RetailerRefused, check_retailer
from replenish_server.retailers.registry import add_retailer
from replenish_server.retailers.tables import Retailer
from replenish_server.web.cxml_edge import build_cxml_edge
from replenish_server.web.rate_limit import RateLimit
from tests.fakes.cxml_supplier import CxmlSupplier, confirmation, line, ship_notice
from tests.fakes.market import PRICES, Market
from tests.fakes.retailer_house import NOW, House

pytestmark = pytest.mark.timeout(60)
OPTIONS = {"cxml_from": "NetworkId:AN01", "cxml_to": "NetworkId:AN02", "shipping_minor": "390"}


class Office(Market):
    """A house that buys from a cXML supplier.

    Args:
        house: whose slots are moved to the supplier.
    """

    def __init__(self, house: House) -> None:
        super().__init__(house)
        new = NewRetailer(
            RetailerKind.CXML, "Office", "https://s.test/cxml", "", "s3cret", "contract 7", OPTIONS
        )
        with self.database.write() as session:
            self.corner = add_retailer(session, new, NOW)
            session.flush()
            import_prices(session, self.corner, PRICES, NOW)
            self.secret = make_key(session, self.corner, "", NOW)
            for slot in session.exec(select(Slot)):
                slot.retailer_id = self.corner
                session.add(slot)
        self.supplier = CxmlSupplier()
        self.wire = ShopClient({}, httpx.MockTransport(self.supplier))
        self.cxml = CxmlDesk(self.database, self.clock, self.acted)
        self.dispatcher = Dispatcher(house.database, self.shop, self.clock)
        self.follower = Follower(house.database, self.shop, self.clock)

    def shop(self, retailer: Retailer) -> CxmlRetailer:
        """The adapter, as the directory makes it, on the supplier's wire."""
        account = CxmlAccount(
            ("NetworkId", "AN01"), ("NetworkId", "AN02"), ("NetworkId", "AN01"), "s3cret", "CC7"
        )
        quotes = PriceListQuotes(self.database, retailer.id, 390, self.clock.now)
        return CxmlRetailer(
            self.database,
            retailer.id,
            retailer.url,
            account,
            quotes,
            ACKNOWLEDGE_WITHIN,
            self.wire,
            self.clock.now,
        )

    def entries(self) -> list[str]:
        """What was written into the book, oldest first."""
        with self.database.read() as session:
            return list(session.exec(select(BookEntry.what).order_by(col(BookEntry.id))))

    def work(self, times: int = 1) -> None:
        """The dispatcher, with time for its retries."""
        for _ in range(times):
            self.dispatcher.run()
            self.later(minutes=2)


@pytest.fixture
def office(house: House) -> Iterator[Office]:
    """The house and its supplier."""
    made = Office(house)
    yield made
    made.wire.close()
    made.shops.close()


def key_of(office: Office) -> str:
    """What the supplier calls the one order."""
    (order,) = office.booked()
    return order.key


def test_an_order_is_written_by_the_rules_and_accepted(office: Office) -> None:
    """Credentials, addresses, lines, money and accounting, where they belong."""
    order_id, _ = office.placed()
    assert ("placed", 2370) == (office.ours(order_id).state, office.ours(order_id).total_minor)
    (body,) = office.supplier.bodies
    root = parse(body)
    assert [] == list(violations(root, strict=True))
    key = key_of(office)
    assert [key] == office.supplier.orders
    assert f"{key}@AN01" == root.get("payloadID")
    text = {path: root.findtext(path) for path in (
        "Header/Sender/Credential/SharedSecret", "Request/OrderRequest/OrderRequestHeader/Total/Money",
        "Request/OrderRequest/OrderRequestHeader/Shipping/Money",
        "Request/OrderRequest/OrderRequestHeader/ShipTo/Address/PostalAddress/Street",
        "Request/OrderRequest/ItemOut/ItemID/SupplierPartID",
        "Request/OrderRequest/ItemOut/ItemDetail/UnitPrice/Money",
        "Request/OrderRequest/ItemOut/Distribution/Charge/Money",
    )}  # fmt: skip
    assert ["s3cret", "19.80", "3.90", "1 Main Street", "det-1kg", "9.90", "19.80"] == list(text.values())
    dtd = os.environ.get("CXML_DTD")
    if dtd:  # the supplier's own document type, which is not ours to ship
        checked = etree.DTD(BytesIO(Path(dtd).read_bytes()))
        assert checked.validate(root), checked.error_log


@pytest.mark.parametrize(
    "script",
    [["silent"], ["deaf", "deaf"], ["silent", 503, 560, "silent"], [500], [b"<html>busy</html>"], [b""]],
)
def test_one_order_whatever_the_supplier_does(office: Office, script: list[str | int | bytes]) -> None:
    """The same bytes again, which it knows by their payloadID."""
    office.supplier.script = list(script)
    order_id = office.order()
    office.work(len(script) + 2)
    assert "placed" == office.ours(order_id).state
    assert 1 == len(office.supplier.orders)
    assert 1 == len(set(office.supplier.bodies))


def test_a_supplier_that_forgets_is_not_asked_twice_once_it_has_confirmed(office: Office) -> None:
    """The confirmation answers what the lost answer would have."""
    office.supplier.script, office.supplier.forgets = ["silent"], True
    order_id = office.order()
    office.work()
    assert "placing" == office.ours(order_id).state
    assert 200 == office.cxml.take(confirmation(office.secret, key_of(office), "accept")).code
    office.work()
    assert ("placed", 1) == (office.ours(order_id).state, len(office.supplier.orders))


@pytest.mark.parametrize(("code", "problem"), [(401, "retailer_refused"), (406, "retailer_refused")])
def test_a_no_is_a_no(office: Office, code: int, problem: str) -> None:
    """A person is asked with the supplier's words; nothing is sent again."""
    office.supplier.script = [code]
    order_id = office.order()
    office.work(3)
    assert ("needs_attention", problem) == (office.ours(order_id).state, office.ours(order_id).problem)
    assert str(code) in (office.ours(order_id).problem_detail or "")
    assert 1 == len(office.supplier.bodies)


def test_a_conflict_after_silence_is_not_called_refused(office: Office) -> None:
    """It may mean that the first one was taken: a person looks."""
    office.supplier.script = ["silent", 409]
    order_id = office.order()
    office.work(2)
    assert "unknown_outcome" == office.ours(order_id).problem


def test_a_day_of_silence_is_a_persons_question(office: Office) -> None:
    """And not an endless repetition."""
    office.supplier.script = ["deaf"] * 50
    order_id = office.order()
    office.work(2)
    office.later(hours=25)
    office.work(2)
    assert "unknown_outcome" == office.ours(order_id).problem


def test_confirmed_shipped_and_told_once(office: Office) -> None:
    """With tracking; a repeated message changes nothing, another content under its id is refused."""
    order_id, _ = office.placed()
    key = key_of(office)
    said = confirmation(office.secret, key, "detail", line(1, 2, (2, "accept", "9.90")))
    assert [200, 200] == [office.cxml.take(said).code for _ in range(2)]
    assert 409 == office.cxml.take(confirmation(office.secret, key, "reject")).code
    notice = ship_notice(office.secret, key)
    assert [200, 200] == [office.cxml.take(notice).code for _ in range(2)]
    assert "shipped" == office.ours(order_id).state
    (order,) = office.booked()
    assert ("shipped", "UPS", "1Z999") == (order.state, order.carrier, order.tracking_number)
    more = ship_notice(office.secret, key, shipment="S2", payload="s2")
    assert 200 == office.cxml.take(more).code
    assert 2 == len([entry for entry in office.entries() if entry == "shipped"])


def test_rejected_backordered_and_dearer(office: Office) -> None:
    """A rejected order frees the slot; a higher price is not taken; too many packs are not, either."""
    order_id, _ = office.placed()
    key = key_of(office)
    wrong = [
        (line(1, 2, (2, "detail", "10.90")), 409),
        (line(1, 2, (2, "accept", ""), (1, "accept", "")), 409),
        (line(2, 1, (1, "accept", "")), 406),
        (line(1, 2, (2, "maybe", "")), 406),
        (line(1, 2, (2, "accept", "1e999999999")), 406),
        (line(1, 2, (2, "accept", "NaN")), 406),
    ]
    for number, (items, code) in enumerate(wrong):
        reply = office.cxml.take(confirmation(office.secret, key, "detail", items, f"w{number}"))
        assert (code, True) == (reply.code, bool(reply.detail)), items
    assert "placed" == office.booked()[0].state
    later = line(1, 2, (2, "backordered", ""))
    assert 200 == office.cxml.take(confirmation(office.secret, key, "detail", later, "b")).code
    assert ("acknowledged", "some of it is back-ordered") == (
        office.booked()[0].state,
        office.booked()[0].note,
    )
    gone = line(1, 2, (2, "reject", ""))
    assert 200 == office.cxml.take(confirmation(office.secret, key, "detail", gone, "r")).code
    assert "canceled" == office.ours(order_id).state


def test_another_suppliers_key_moves_nothing(office: Office) -> None:
    """Nor does a wrong secret, or an order that is not there."""
    office.placed()
    key = key_of(office)
    with office.database.write() as session:
        new = NewRetailer(RetailerKind.CXML, "Rival", "https://r.test", "", "x", "contract", OPTIONS)
        rival = add_retailer(session, new, NOW)
        session.flush()
        rivals = make_key(session, rival, "", NOW)
    assert 417 == office.cxml.take(confirmation(rivals, key, "reject")).code
    assert 401 == office.cxml.take(confirmation("wrong", key, "reject")).code
    assert 401 == office.cxml.take(confirmation(office.other_key, key, "reject")).code  # a key of the feed
    assert 417 == office.cxml.take(ship_notice(office.secret, key, "nobody")).code  # the whole of it
    assert "shipped" not in office.entries()
    assert "placed" == office.booked()[0].state


BOMB = b'<?xml version="1.0"?><!DOCTYPE cXML [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><cXML payloadID="&b;"/>'
FILE = b'<?xml version="1.0"?><!DOCTYPE cXML [<!ENTITY a SYSTEM "file:///etc/hostname">]><cXML>&a;</cXML>'


WIDE = FILE.decode().replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")
BARE = b'<cXML payloadID="p" timestamp="t"/>'
DEEP = b"<a>" * 5000
LARGE = b" " * (1 << 20) + b"<cXML/>"


@pytest.mark.parametrize("body", [b"", b"{}", b"<cXML>", b"<html/>", BOMB, FILE, WIDE, BARE, DEEP, LARGE])
def test_hostile_documents_are_refused_and_read_nothing(office: Office, body: bytes) -> None:
    """No entity, no file, no depth, no size; each is answered with a status."""
    with pytest.raises(Unreadable):
        read_message(body)
    assert office.cxml.take(body).code in (400, 406, 450)


async def test_the_edge_answers_with_a_status(office: Office) -> None:
    """Also to too much, and to too often."""
    office.placed()
    app, at = FastAPI(), 0.0
    app.include_router(build_cxml_edge(office.cxml, RateLimit(1.0, 3, lambda: at), "http://home.test"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://home.test"
    ) as client:
        said = confirmation(office.secret, key_of(office), "accept")
        answer = await client.post("/cxml", content=said)
        assert ("text/xml; charset=utf-8", 200) == (
            answer.headers["content-type"],
            read_status(answer.content).code,
        )
        assert [] == list(violations(parse(answer.content), strict=True))
        large = await client.post("/cxml", content=b"x" * (2 << 20))
        assert (413, 400) == (large.status_code, read_status(large.content).code)
        await client.post("/cxml", content=b"")
        often = await client.post("/cxml", content=said)
        assert (429, 560) == (often.status_code, read_status(often.content).code)
    assert "acknowledged" == office.booked()[0].state


def test_what_a_supplier_needs_is_asked_for() -> None:
    """By the argument that gives it."""
    whole = NewRetailer(RetailerKind.CXML, "S", "https://s.test", "", "secret", "contract", OPTIONS)
    check_retailer(whole)
    for change, says in (
        ({"secret": ""}, "--token-env"),
        ({"agreement": None}, "--agreement"),
        ({"options": {**OPTIONS, "cxml_from": "AN01"}}, "--from"),
        ({"options": {"cxml_from": "a:b"}}, "--to"),
        ({"options": {**OPTIONS, "deployment_mode": "live"}}, "--deployment-mode"),
        ({"options": {**OPTIONS, "shipping_minor": "-1"}}, "--shipping"),
        ({"url": ""}, "full address"),
    ):
        with pytest.raises(RetailerRefused, match=says):
            check_retailer(NewRetailer(**{**whole.__dict__, **change}))  # type: ignore[arg-type]
    assert ["12.90", "0.05", "1200", "1.250"] == [
        money_text(1290, "EUR"), money_text(5, "EUR"), money_text(1200, "KRW"), money_text(1250, "KWD"),
    ]  # fmt: skip


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("heard", [True, False])
def test_a_worker_that_dies_before_the_answer_leaves_one_order(office: Office, heard: bool) -> None:
    """Whether or not the supplier got it: the next worker sends the stored document, and no other."""
    order_id = office.order()
    supplier = office.supplier

    def die(request: httpx.Request) -> httpx.Response:
        if heard:
            supplier(request)
        raise Died

    wire, office.wire = office.wire, ShopClient({}, httpx.MockTransport(die))
    with pytest.raises(Died):
        office.dispatcher.run()
    office.wire.close()
    office.wire = wire
    office.dispatcher.release_leases()
    office.work(2)
    assert ("placed", 1) == (office.ours(order_id).state, len(supplier.orders))
    assert office.ours(order_id).retailer_order_id == office.booked()[0].id
    assert 1 == len(set(supplier.bodies))


def test_what_is_called_off_is_deleted_at_the_supplier(office: Office) -> None:
    """With a reference to the order's first document, and again until it is answered."""
    order_id, _ = office.placed()
    key = key_of(office)
    with office.database.write() as session:
        withdraw(session, order_id, "Ada", "a@example.org", "", office.clock.now())
    assert "canceled" == office.booked()[0].state
    office.supplier.script = ["deaf", 503, "accept"]

    def send(url: str, body: bytes, headers: dict[str, str]) -> Answer:
        return office.wire.send("POST", url, body, headers)

    messenger = Messenger(office.database, send, office.clock, random.Random(1))
    for _ in range(3):
        assert 1 == messenger.run()
        office.later(hours=1)
    assert 0 == messenger.run()
    said = [parse(body) for body in office.supplier.bodies[1:]]
    assert 1 == len({root.get("payloadID") for root in said})
    assert [] == list(violations(said[0], strict=True))
    header = said[0].find("Request/OrderRequest/OrderRequestHeader")
    assert header is not None
    assert ("delete", key) == (header.get("type"), header.get("orderID"))
    reference = header.find("DocumentReference")
    assert reference is not None
    assert f"{key}@AN01" == reference.get("payloadID")


def test_a_household_is_told_once_that_its_cancellation_was_refused(office: Office) -> None:
    """In both languages, with the number that the supplier knows; a busy supplier is no refusal."""
    order_id, _ = office.placed()
    with office.database.write() as session:
        withdraw(session, order_id, "Ada", "a@example.org", "", office.clock.now())
    office.supplier.script = [503, 406, 406]

    def send(url: str, body: bytes, headers: dict[str, str]) -> Answer:
        return office.wire.send("POST", url, body, headers)

    messenger = Messenger(office.database, send, office.clock, random.Random(1), tell_refused_change)
    told = []
    for _ in range(3):
        messenger.run()
        office.later(hours=1)
        with office.database.read() as session:
            query = select(HouseholdNotice).where(HouseholdNotice.kind == "supplier_refused_delete")
            told.append([row.data for row in session.exec(query)])
    data = {"order_id": order_id, "shop": "Office", "number": key_of(office), "status": "406"}
    assert [[], [data], [data]] == told
    english, korean = (
        notice_text("supplier_refused_delete", data, lang, UTC, office.clock.now()) for lang in ("en", "ko")
    )
    assert "Cancel it there" in english
    assert key_of(office) in korean
