"""What of a supplier's cXML is refused, and with which words; and that it may ask what is taken."""

import re

import httpx
import pytest
from fastapi import FastAPI

from replenish_server.clock import SystemClock
from replenish_server.retailers.cxml.inbound import CxmlDesk
from replenish_server.retailers.cxml.messages import Unreadable
from replenish_server.retailers.cxml.reading import parse, read_message, read_status
from replenish_server.retailers.cxml.rules import violations
from replenish_server.retailers.feed.keys import make_key
from replenish_server.retailers.kinds import NewRetailer, RetailerKind
from replenish_server.retailers.registry import add_retailer
from replenish_server.web.cxml_edge import build_cxml_edge
from replenish_server.web.rate_limit import RateLimit
from tests.fakes.cxml_supplier import confirmation
from tests.fakes.retailer_house import NOW, House

OPTIONS = {"cxml_from": "NetworkId:AN01", "cxml_to": "NetworkId:AN02"}


def asking(for_what: str, secret: str = "SECRET") -> bytes:
    """A request as suppliers write it, of another kind."""
    said = confirmation(secret, "o", "accept").decode()
    return re.sub("<ConfirmationRequest>.*</ConfirmationRequest>", for_what, said).encode()


async def test_every_server_says_what_it_takes(house: House) -> None:
    """The Profile transaction, which the standard demands of all; only to those who have a key."""
    office = NewRetailer(
        RetailerKind.CXML, "Office", "https://s.test/cxml", "", "s3cret", "contract 7", OPTIONS
    )
    with house.database.write() as session:
        retailer_id = add_retailer(session, office, NOW)
        session.flush()
        secret = make_key(session, retailer_id, "", NOW)
    desk, app = CxmlDesk(house.database, SystemClock(), lambda _: None), FastAPI()
    app.include_router(build_cxml_edge(desk, RateLimit(9.0, 9, lambda: 0.0), "https://home.example"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://h.test") as client:
        stranger = await client.post("/cxml", content=asking("<ProfileRequest/>"))
        known = await client.post("/cxml", content=asking("<ProfileRequest/>", secret))
    assert read_status(stranger.content).code == 401
    root = parse(known.content)
    assert list(violations(root, strict=True)) == []
    taken = {each.get("requestName"): each.findtext("URL") for each in root.iter("Transaction")}
    assert taken == dict.fromkeys(("ConfirmationRequest", "ShipNoticeRequest"), "https://home.example/cxml")


def test_what_is_not_taken_is_said_before_its_own_rules_are_read() -> None:
    """A supplier that mended an invoice's empty amounts would only hear then that invoices are not for us."""
    with pytest.raises(Unreadable) as refused:
        read_message(asking("<InvoiceDetailRequest><Money/></InvoiceDetailRequest>"))
    assert (refused.value.code, "ProfileRequest" in str(refused.value)) == (450, True)


@pytest.mark.parametrize("said", ["", "<UserAgent/>", "<UserAgent>x</UserAgent>"])
def test_a_supplier_that_names_no_program_is_heard(said: str) -> None:
    """Nothing rests on UserAgent; a confirmation that is refused for it leaves a household without one."""
    document = confirmation("SECRET", "o", "accept").replace(b"<UserAgent>ERP</UserAgent>", said.encode())
    assert read_message(document).secret == "SECRET"
