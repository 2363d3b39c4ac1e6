"""Retailers where a person finishes: templates, links, and the way down from a checkout that failed."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.ordering.sentences import handed_over_sentence
from replenish_server.retailers.handoff.adapter import HandingOver, HandOffRetailer
from replenish_server.retailers.handoff.template import TemplateRefused, cart_link, check_template
from replenish_server.retailers.kinds import NewRetailer, RetailerKind, RetailerRefused, check_retailer
from replenish_server.retailers.port import HandOff, Line, Need, Problem, Quote, ShipTo, Tier, Trouble
from tests.fakes.retailer_house import NOW
from tests.fakes.retailer_journal import MemoryJournal

ONE = "https://shop.example/?add-to-cart={id}&quantity={qty}"
MANY = "https://shop.example/cart/{lines:id:qty}"
JOURNAL = MemoryJournal(lambda: NOW)


def need(*lines: tuple[str, int]) -> Need:
    """Lines to an address."""
    return Need(tuple(Line(*line) for line in lines), "Ada", "a@example.org", ShipTo("1", "B", "5", "DE"))


@pytest.mark.parametrize(
    ("template", "lines", "link"),
    [
        (ONE, [("41", 2)], "https://shop.example/?add-to-cart=41&quantity=2"),
        (MANY, [("41", 2), ("57", 1)], "https://shop.example/cart/41:2,57:1"),
        (MANY, [("a/b ?,c", 1)], "https://shop.example/cart/a%2Fb%20%3F%2Cc:1"),
        (ONE, [("41", 2), ("57", 1)], None),
        (ONE, [], None),
        (MANY, [(f"{n:040d}", 1) for n in range(60)], None),
    ],
)
def test_links(template: str, lines: list[tuple[str, int]], link: str | None) -> None:
    """As WooCommerce and Shopify document theirs; None where a link cannot hold it."""
    check_template(template)
    assert link == cart_link(template, lines)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "shop.example/{id}/{qty}",
        "javascript:alert({id},{qty})",
        "https://{id}.example/{qty}",
        "https://shop.example/{id}",
        "https://shop.example/{id}/{qty}/{price}",
        "https://shop.example/{id}/{qty}{",
        "https://shop.example/{lines:id}",
        "https://shop.example/{lines:id:qty}{id}",
        "https://u:p@shop.example/{id}/{qty}",
        "https://shop.example/{id} {qty}",
        "https://[/{id}{qty}",
        "https://shop.example/" + "x" * 500 + "{id}{qty}",
    ],
)
def test_a_template_that_cannot_work_is_refused(template: str) -> None:
    """With what to change."""
    with pytest.raises(TemplateRefused):
        check_template(template)


@given(st.text(min_size=1, max_size=60), st.integers(1, 99))
def test_whatever_the_item_is_called_the_link_stays_at_the_shop(item: str, packs: int) -> None:
    """And carries the very id."""
    for template in (ONE, MANY):
        try:
            item.encode()
        except UnicodeEncodeError:
            return
        link = cart_link(template, [(item, packs)])
        assert link is not None
        assert urlsplit(link).hostname == "shop.example"
        assert item in unquote(link)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (NewRetailer(RetailerKind.CART, "S", "https://s.example"), "--cart-template"),
        (
            NewRetailer(RetailerKind.CART, "S", "ftp://s.example", options={"cart_template": ONE}),
            "full address",
        ),
        (
            NewRetailer(RetailerKind.LIST, "S", options={"cart_template": ONE}),
            "for retailers of kind ucp, cart",
        ),
        (NewRetailer(RetailerKind.UCP, "S", "https://s.example"), "--handler and --token-env"),
        (NewRetailer(RetailerKind.LIST, "S", handler="h"), "--handler is for UCP"),
        (NewRetailer(RetailerKind.LIST, " "), "a name"),
        (NewRetailer(RetailerKind.UCP, "S", "https://u:p@s.example", "h", "t"), "user name and password"),
        (NewRetailer(RetailerKind.UCP, "S", "https://s.example:x", "h", "t"), "full address"),
    ],
)
def test_a_retailer_that_could_never_be_ordered_from_is_refused(new: NewRetailer, says: str) -> None:
    """With the argument to change."""
    with pytest.raises(RetailerRefused, match=says):
        check_retailer(new)


def test_a_cart_shop_and_a_list_shop_hand_over() -> None:
    """The first with a link, the second with an entry on the list."""
    assert HandOff(Tier.CART, "https://shop.example/cart/41:2", "only_cart") == HandOffRetailer(
        MANY, ""
    ).quote(need(("41", 2)), JOURNAL)
    assert HandOff(Tier.LIST, None, "only_list") == HandOffRetailer(None, "").quote(need(("41", 2)), JOURNAL)


class Refusing(HandOffRetailer):
    """A checkout with one kind of trouble."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(None, "")
        self.trouble = trouble

    def quote(self, need: Need, journal: object) -> Trouble:  # type: ignore[override]
        """Always the same."""
        return self.trouble


@pytest.mark.parametrize("problem", list(Problem))
def test_a_checkout_that_cannot_goes_on_as_a_cart_and_says_why(problem: Problem) -> None:
    """Only where a cart helps: it does not fill shelves or mend addresses."""
    shop = HandingOver(Refusing(Trouble(problem, "said so")), ONE, "https://shop.example", True)
    outcome = shop.quote(need(("41", 2)), JOURNAL)
    if isinstance(outcome, Trouble):
        assert problem not in (Problem.UNREADABLE, Problem.RETAILER_REFUSED, Problem.ESCALATION)
        return
    assert isinstance(outcome, HandOff)
    assert (Tier.CART, problem.value, "said so") == (outcome.tier, outcome.reason, outcome.detail)
    for language in ("en", "ko"):
        assert "said so" in handed_over_sentence(outcome.tier, outcome.reason, outcome.detail, language)
    too_many = shop.quote(need(("41", 2), ("42", 1)), JOURNAL)
    assert isinstance(too_many, HandOff)
    assert (Tier.LIST, "https://shop.example", "cart_too_small") == (
        too_many.tier,
        too_many.url,
        too_many.reason,
    )


def test_a_page_at_the_shop_comes_before_a_cart() -> None:
    """The checkout tier: what the shop prepared has the right price and address already."""
    trouble = Trouble(Problem.ESCALATION, "3-D Secure", "https://shop.example/continue/1")
    assert trouble is HandingOver(Refusing(trouble), ONE, "", True).quote(need(("41", 2)), JOURNAL)


class Quoting(HandOffRetailer):
    """A checkout that quotes, with or without a page of its own."""

    def __init__(self, page: str | None, permitted: bool = False) -> None:
        super().__init__(None, "")
        self.page, self.permitted = page, permitted

    def quote(self, need: Need, journal: object) -> Quote:  # type: ignore[override]
        """Always the same."""
        return Quote("c-1", 990, "EUR", None, self.page, permitted=self.permitted)


@pytest.mark.parametrize(
    ("unattended", "page", "reason"),
    [
        (True, None, None),
        (False, "https://shop.example/continue", None),
        (False, None, "no_agreement"),
    ],
)
def test_without_an_agreement_and_a_page_the_cart_is_what_is_left(
    unattended: bool, page: str | None, reason: str | None
) -> None:
    """From order to checkout to cart, one tier at a time."""
    outcome = HandingOver(Quoting(page), MANY, "", unattended).quote(need(("41", 2)), JOURNAL)
    assert reason == (outcome.reason if isinstance(outcome, HandOff) else None)
    if isinstance(outcome, HandOff):
        assert "agreed" in handed_over_sentence(outcome.tier, outcome.reason, None, "en")
    signed = HandingOver(Quoting(page, permitted=True), MANY, "", unattended)
    assert isinstance(signed.quote(need(("41", 2)), JOURNAL), Quote)
