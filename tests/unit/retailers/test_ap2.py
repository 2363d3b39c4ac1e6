"""AP2 mandates: what the household signs, what the agent signs under it, what the shop must have signed."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from device_sim.retailer.sd_jwt import UnreadableError, read_chain
from replenish_server.retailers.instruments import Account
from replenish_server.retailers.port import Placed, Problem, Quote, Trouble, TryLater
from replenish_server.retailers.ucp import ap2
from replenish_server.retailers.ucp.ap2 import Terms
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.retailers.ucp.jcs import canonical
from replenish_server.retailers.ucp.mandates import (
    CLOSED_FOR,
    MOST_PACKS,
    BookedMandates,
    Keys,
    MandateBook,
    MandateRefused,
)
from replenish_server.retailers.ucp.signatures import SignatureRefused, Signer, base64url
from replenish_server.retailers.ucp.thumbprints import public_jwk
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House
from tests.fakes.retailer_journal import MemoryJournal
from tests.fakes.retailer_merchant import API, SESSION, SITE, Doc, checkout, profile, says
from tests.unit.retailers.conftest import HOME, Conversation


def signer(number: int) -> Signer:
    """A key, the same in every run."""
    bare = Signer("", ec.derive_private_key(number, ec.SECP256R1()))
    return Signer(str(public_jwk(bare)["kid"]), bare.key)


HOUSE, AGENT, SHOP, OTHER = (signer(number) for number in (21, 22, 23, 24))
AT = int(NOW.timestamp())
TERMS = Terms(
    merchant_id=SITE,
    merchant_name="Shop",
    items=(("det-1kg", "Detergent"),),
    currency="EUR",
    max_minor=3000,
    budget_minor=6000,
    max_occurrences=3,
    instrument_id="tok-secret",
    instrument_type="pay-1",
    issued_at=AT,
    expires_at=AT + 30 * 86400,
)


def authorized(document: Doc, key: Signer = SHOP, alg: str = "ES256") -> Doc:
    """A checkout as the shop signs it."""
    terms = {name: value for name, value in document.items() if name != "ap2"}
    head = base64url(canonical({"alg": alg, "kid": key.kid}))
    signature = base64url(key.sign(f"{head}.{base64url(canonical(terms))}".encode()))
    return terms | {"ap2": {"merchant_authorization": f"{head}..{signature}"}}


def keys() -> Keys:
    """The household's and the agent's."""
    return Keys(lambda: HOUSE, lambda: AGENT, lambda kid: AGENT if kid == AGENT.kid else None)


class Book:
    """A mandate book on a clock that stands still until it is moved."""

    def __init__(self, house: House) -> None:
        self.moment: datetime = NOW
        self.book = MandateBook(house.database, keys(), lambda: self.moment)

    def refusal(self, document: Doc, packs: int = 2, total: int = 2490) -> str:
        """Why nothing is signed."""
        with pytest.raises(MandateRefused) as refused:
            self.book.close(RETAILER, document, packs, total)
        return str(refused.value)


@pytest.fixture
def book(house: House) -> Book:
    """With one mandate signed."""
    made = Book(house)
    made.book.sign(HOUSEHOLD, RETAILER, TERMS, "Ada")
    return made


def session(number: int = 1, **more: Any) -> Doc:
    """A signed session."""
    return authorized(checkout(id=f"chk_{number}", **more))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": [True, None, "é\n"]}, '{"a":[true,null,"é\\n"],"b":1}'),
        ([1.0, 1.5, 1e21, 1e20, 1e-6, 1e-7, -0.0, 333333333.33333329, 4.50, 2e-3, 1e-27], None),
        ({"\ufb33": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ufb33":1}'),
    ],
)
def test_canonical_json_is_that_of_rfc_8785(value: Any, written: str | None) -> None:
    """The examples of the record."""
    expected = (
        written or "[1,1.5,1e+21,100000000000000000000,0.000001,1e-7,0,333333333.3333333,4.5,0.002,1e-27]"
    )
    assert canonical(value) == expected.encode()
    with pytest.raises(ValueError, match="no number"):
        canonical(float("nan"))


@pytest.mark.parametrize(
    ("minor", "currency", "major"),
    [(2999, "EUR", 29.99), (3000, "EUR", 30), (1, "USD", 0.01), (5000, "KRW", 5000), (1234, "KWD", 1.234)],
)
def test_amounts_become_decimals_exactly(minor: int, currency: str, major: float) -> None:
    """By the currency's own minor unit."""
    assert ap2.major_units(minor, currency) == major


def test_the_shop_signed_every_member() -> None:
    """All but its own signature."""
    good = session()
    ap2.verify_authorization(good, [public_jwk(SHOP)])
    for changed in (
        good | {"currency": "USD"},
        good | {"more": 1},
        {name: value for name, value in good.items() if name != "links"},
        authorized(checkout(), OTHER),
        authorized(checkout(), alg="none"),
        authorized(checkout(), alg="HS256"),
        good | {"ap2": {"merchant_authorization": "a.b.c"}},
        good | {"ap2": {}},
        checkout(),
    ):
        with pytest.raises(SignatureRefused):
            ap2.verify_authorization(changed, [public_jwk(SHOP)])


def test_a_closed_mandate_is_the_agents_word_under_the_households(book: Book) -> None:
    """As a reader that shares no code with us sees it."""
    document = session()
    closed = book.book.close(RETAILER, document, 2, 2490)
    opened, agreed = read_chain(closed.checkout_mandate, lambda kid: public_jwk(HOUSE))
    paying, paid = read_chain(closed.payment_mandate, lambda kid: public_jwk(HOUSE))
    assert opened.content["constraints"][0]["items"][0]["quantity"] == 2
    assert opened.content["constraints"][1]["allowed"][0]["website"] == SITE
    assert (agreed.content["checkout"], agreed.claims["aud"]) == (document, SITE)
    assert agreed.content["checkout_hash"] == paid.content["transaction_id"]
    assert paid.content["payment_amount"] == {"amount": 2490, "currency": "EUR"}
    assert paid.content["payment_instrument"] == {"id": "tok-secret", "type": "pay-1"}
    limits = {constraint["type"]: constraint for constraint in paying.content["constraints"]}
    assert limits["payment.amount_range"]["max"] == 3000
    assert limits["payment.budget"]["max"] == 60
    assert limits["payment.agent_recurrence"]["max_occurrences"] == 3
    assert agreed.content["exp"] == AT + int(CLOSED_FOR.total_seconds())
    for tampered in (closed.checkout_mandate.replace("~~", "~"), closed.checkout_mandate[:-3] + "AA~"):
        with pytest.raises(UnreadableError):
            read_chain(tampered, lambda kid: public_jwk(HOUSE))
    with pytest.raises(UnreadableError):
        read_chain(closed.checkout_mandate, lambda kid: public_jwk(OTHER))


def test_nothing_is_signed_beyond_what_was_agreed(book: Book) -> None:
    """Whatever is asked, and in whatever order."""
    line = checkout()["line_items"][0]
    other = line | {"item": line["item"] | {"id": "gold"}}
    assert "not among those" in book.refusal(session(line_items=[other]))
    assert "3001 is more" in book.refusal(session(), total=3001)
    assert "agreed to EUR" in book.refusal(session(currency="USD"))
    assert "1 to 12 packs" in book.refusal(session(), packs=MOST_PACKS + 1)
    for number, total in ((1, 2490), (2, 2490)):
        book.book.close(RETAILER, session(number), 2, total)
        book.book.settle(RETAILER, f"chk_{number}")
    assert "6001 is more than 6000" in book.refusal(session(3), total=1021)
    book.book.close(RETAILER, session(3), 2, 1020)
    book.book.settle(RETAILER, "chk_3")
    assert "more than 6000" in book.refusal(session(4), total=1)


def test_two_closed_mandates_are_never_out_at_once(book: Book) -> None:
    """The next waits until the first was used, or its time is over; the same checkout may be signed again."""
    first = book.book.close(RETAILER, session(), 2, 2490)
    with pytest.raises(TryLater, match="still out"):
        book.book.close(RETAILER, session(2), 2, 100)
    assert (
        book.book.close(RETAILER, session(), 2, 2490).checkout_mandate.split("~~")[0]
        == (first.checkout_mandate.split("~~")[0])
    )
    book.moment += CLOSED_FOR + timedelta(seconds=1)
    book.book.close(RETAILER, session(2), 2, 100)


def test_revoked_expired_replaced_or_doubtful_mandates_sign_nothing(house: House) -> None:
    """Nor one whose agent's key is gone."""
    made = Book(house)
    assert "no mandate" in made.refusal(session())
    first = made.book.sign(HOUSEHOLD, RETAILER, TERMS, "Ada")
    second = made.book.sign(HOUSEHOLD, RETAILER, TERMS, "Ada")
    assert not made.book.revoke(first, HOUSEHOLD)
    assert not made.book.revoke(second, "another home")
    assert made.book.is_signed(RETAILER)
    assert made.book.revoke(second, HOUSEHOLD)
    assert "no mandate" in made.refusal(session())
    made.book.sign(HOUSEHOLD, RETAILER, TERMS, "Ada")
    gone = MandateBook(house.database, replace(keys(), agent_named=lambda kid: None), lambda: NOW)
    assert not gone.is_signed(RETAILER)
    made.moment += timedelta(days=31)
    assert not made.book.is_signed(RETAILER)


# --- the session lock --------------------------------------------------------------------------------------


@pytest.fixture
def locked(talk: Conversation, book: Book) -> UcpRetailer:
    """A shop that offers AP2, and a household that signed for it."""
    names = profile()["ucp"]["capabilities"] | {"dev.ucp.shopping.ap2_mandate": [{"version": "2026-04-08"}]}
    document = profile(capabilities=names) | {"signing_keys": [public_jwk(SHOP)]}
    talk.merchant.on(f"GET {SITE}/.well-known/ucp", says(document))
    account = Account(SITE, "pay-1", "tok-secret")
    booked = BookedMandates(book.book, RETAILER)
    return UcpRetailer(account, talk.client, lambda: book.moment, Identity(HOME), booked)


def test_a_locked_session_is_completed_with_mandates(talk: Conversation, locked: UcpRetailer) -> None:
    """Our profile that offers them is named, and the token is only inside the payment's."""
    done = authorized(checkout("completed"))
    talk.merchant.on(f"POST {API}/checkout-sessions", says(session(), 201))
    talk.merchant.on(f"GET {SESSION}", says(session())).on(f"POST {SESSION}/complete", says(done))
    journal = MemoryJournal(lambda: NOW)
    quote = locked.quote(talk.need, journal)
    assert isinstance(quote, Quote)
    assert quote.permitted
    assert isinstance(locked.place(quote, journal), Placed)
    (sent,) = talk.merchant.sent(f"POST {SESSION}/complete")
    assert sent.headers["UCP-Agent"] == f'profile="{HOME}/.well-known/ucp/2026-04-08/ap2"'
    assert b"checkout_mandate" in sent.content
    assert b"tok-secret" not in sent.content


@pytest.mark.parametrize("bad", [checkout(), authorized(checkout(), OTHER), session() | {"currency": "USD"}])
def test_an_answer_that_the_shop_did_not_sign_ends_a_locked_session(
    talk: Conversation, locked: UcpRetailer, bad: Doc
) -> None:
    """At its beginning, or just before the complete."""
    talk.merchant.on(f"POST {API}/checkout-sessions", says(bad, 201))
    found = locked.quote(talk.need, MemoryJournal(lambda: NOW))
    assert isinstance(found, Trouble)
    assert found.problem is Problem.UNREADABLE
    talk.merchant.on(f"POST {API}/checkout-sessions", says(session(), 201)).on(f"GET {SESSION}", says(bad))
    journal = MemoryJournal(lambda: NOW)
    quote = locked.quote(talk.need, journal)
    assert isinstance(quote, Quote)
    refused = locked.place(quote, journal)
    assert isinstance(refused, Trouble)
    assert talk.merchant.sent(f"POST {SESSION}/complete") == []


def test_what_was_not_agreed_is_left_to_a_person(talk: Conversation, locked: UcpRetailer) -> None:
    """With the shop's page to go on."""
    dear = authorized(checkout(total=3001))
    talk.merchant.on(f"POST {API}/checkout-sessions", says(dear, 201)).on(f"GET {SESSION}", says(dear))
    journal = MemoryJournal(lambda: NOW)
    quote = locked.quote(talk.need, journal)
    assert isinstance(quote, Quote)
    found = locked.place(quote, journal)
    assert isinstance(found, Trouble)
    assert (found.problem, found.continue_url) == (Problem.NO_AGREEMENT, f"{SITE}/c/chk_1")
    assert journal.find("complete") is None
