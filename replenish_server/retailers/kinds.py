"""PURE: the kinds of retailer, what each must be told when it is added, and how far each can go by itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from replenish_server.retailers.handoff.template import TemplateRefused, check_template


class RetailerKind(StrEnum):
    """How a retailer is ordered from."""

    UCP = "ucp"
    CART = "cart"
    LIST = "list"
    FEED = "feed"
    CXML = "cxml"


PRICED_KINDS = frozenset({RetailerKind.FEED, RetailerKind.CXML})
"""Kinds whose prices we keep ourselves, from a list that the retailer gave."""


class RetailerRefused(ValueError):
    """The retailer cannot be added as described; the text says what to change."""


@dataclass(frozen=True)
class NewRetailer:
    """What an operator says about a retailer.

    Args:
        kind: how it is ordered from.
        name: what people call it.
        url: its origin; empty only where nothing is ever fetched there.
        handler: id of the payment handler that issued the token; UCP only.
        secret: the payment token; never logged.
        agreement: where the permission for orders without a person is written, or None.
        options: what only this kind needs, by the names in `OPTIONS`.
    """

    kind: RetailerKind
    name: str
    url: str = ""
    handler: str = ""
    secret: str = ""
    agreement: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


OPTIONS: dict[str, str] = {
    "cart_template": "--cart-template",
    "payment_name": "--payment-name",
    "shipping_minor": "--shipping",
    "acknowledge_hours": "--acknowledge-within",
    "cxml_from": "--from",
    "cxml_to": "--to",
    "cxml_sender": "--sender",
    "cost_center": "--cost-center",
    "deployment_mode": "--deployment-mode",
}
"""Options of a retailer, and the argument of `replenish retailer add` that gives each."""

_TAKES: dict[RetailerKind, frozenset[str]] = {
    RetailerKind.UCP: frozenset({"cart_template", "payment_name"}),
    RetailerKind.CART: frozenset({"cart_template"}),
    RetailerKind.LIST: frozenset(),
    RetailerKind.FEED: frozenset({"shipping_minor", "acknowledge_hours"}),
    RetailerKind.CXML: frozenset(OPTIONS) - {"cart_template", "payment_name"},
}
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,120}")


def check_retailer(new: NewRetailer) -> None:
    """Refuse what could never be ordered from.

    Raises:
        RetailerRefused: see there.
    """
    if not _NAME.fullmatch(new.name.strip()):
        raise RetailerRefused("give the retailer a name of 1 to 120 characters")
    if new.url or new.kind not in (RetailerKind.LIST, RetailerKind.FEED):
        check_url(new.url, "the retailer's address")
    for name in new.options:
        if name not in _TAKES[new.kind]:
            kinds = ", ".join(kind.value for kind in RetailerKind if name in _TAKES[kind])
            raise RetailerRefused(f"{OPTIONS[name]} is for retailers of kind {kinds}, not {new.kind.value}")
    _check_payment(new)
    _check_options(new)


def _check_payment(new: NewRetailer) -> None:
    if new.kind is RetailerKind.UCP and not (new.handler and new.secret):
        raise RetailerRefused("a UCP retailer needs --handler and --token-env: how it is paid")
    if new.kind is not RetailerKind.UCP and new.handler:
        raise RetailerRefused(f"--handler is for UCP retailers, not for kind {new.kind.value}")
    if new.kind in PRICED_KINDS and not new.agreement:
        raise RetailerRefused(
            f"a retailer of kind {new.kind.value} needs --agreement: where it is written that it takes "
            "orders without a person"
        )


def _check_options(new: NewRetailer) -> None:
    if new.kind is RetailerKind.CXML:
        _check_cxml(new)
    if new.kind is RetailerKind.CART and "cart_template" not in new.options:
        raise RetailerRefused(
            "a cart retailer needs --cart-template, e.g. 'https://shop.example/cart/{lines:id:qty}' or "
            "'https://shop.example/?add-to-cart={id}&quantity={qty}'"
        )
    label = new.options.get("payment_name", "-")
    if not 0 < len(label) <= 60 or not label.isprintable():
        raise RetailerRefused("--payment-name is 1 to 60 characters, e.g. 'Visa 4711'")
    for name, least in (("shipping_minor", 0), ("acknowledge_hours", 1)):
        text = new.options.get(name)
        if text is not None and not (text.isascii() and text.isdigit() and least <= int(text) < 10**7):
            raise RetailerRefused(f"{OPTIONS[name]} is a whole number, {least} or more")
    if "cart_template" in new.options:
        try:
            check_template(new.options["cart_template"])
        except TemplateRefused as error:
            raise RetailerRefused(f"--cart-template: {error}") from error


def _check_cxml(new: NewRetailer) -> None:
    if not new.secret:
        raise RetailerRefused("a cXML supplier needs --token-env: the variable that holds the shared secret")
    for name in ("cxml_from", "cxml_to", "cxml_sender"):
        text = new.options.get(name)
        if name == "cxml_sender" and text is None:
            continue
        if text is None or not all(credential(text)):
            raise RetailerRefused(f"{OPTIONS[name]}: write domain and identity, e.g. NetworkId:AN01000000001")
    mode = new.options.get("deployment_mode", "production")
    if mode not in ("production", "test"):
        raise RetailerRefused(f"--deployment-mode {mode!r}: it is production or test")


def credential(text: str) -> tuple[str, str]:
    """Domain and identity of "domain:identity"; both are empty where it is none."""
    domain, colon, identity = text.partition(":")
    return (domain.strip(), identity.strip()) if colon and text.isprintable() else ("", "")


def check_url(url: str, what: str) -> None:
    """Refuse what is no web address of a host.

    Raises:
        RetailerRefused: it is none; the text names `what`.
    """
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits, parts = False, urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or not url.isprintable():
        raise RetailerRefused(f"{what} {url!r}: give a full address such as https://shop.example")
    if parts.username is not None or parts.password is not None:
        raise RetailerRefused(f"{what}: leave user name and password out of the address")
