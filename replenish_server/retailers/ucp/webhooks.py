"""Whether an order event comes from the shop whose order it is about, and is whole and of today.

Source: UCP order events of every release; message signatures; docs/adr/0009 for what is then believed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import http_sf

from replenish_server.retailers.port import OrderSnapshot, TryLater
from replenish_server.retailers.ucp.connection import Connection
from replenish_server.retailers.ucp.documents import Unreadable, document_of, read_order
from replenish_server.retailers.ucp.profile import Jwk, ProfileUnusable
from replenish_server.retailers.ucp.signatures import (
    Message,
    SignatureRefused,
    base64url,
    digest,
    verify_detached,
    verify_message,
)

OLDEST = timedelta(hours=12)  # how late an event may come; what is older is learnt by asking
_AHEAD = timedelta(minutes=5)  # how far the shop's clock may be before ours
_DETACHED = "request-signature"


class DeliveryRefused(Exception):
    """An event that is not believed. `status` is the HTTP answer, `code` UCP's word for why."""

    def __init__(self, status: int, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Delivery:
    """A webhook call as it came.

    Args:
        url: the address that we published, with the query that came.
        headers: names in lower case; several fields of one name joined by ", ".
        body: the raw bytes.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_signed(self) -> bool:
        """Whether it claims to come from somebody."""
        return "signature-input" in self.headers or _DETACHED in self.headers

    @property
    def profile_url(self) -> str | None:
        """The business profile that it names, or None: the first releases name none."""
        try:
            agent = http_sf.parse(self.headers.get("ucp-agent", "").encode("latin-1"), tltype="dictionary")
        except (http_sf.StructuredFieldError, UnicodeEncodeError, ValueError):
            return None
        member = agent.get("profile") if isinstance(agent, dict) else None
        return member[0] if isinstance(member, tuple) and isinstance(member[0], str) else None


def order_id_of(body: bytes) -> str:
    """The shop's id of the order that an event is about.

    Raises:
        Unreadable: the body is no order.
    """
    order_id = _order(document_of(body)).get("id")
    if not isinstance(order_id, str) or not 0 < len(order_id) <= 200:
        raise Unreadable("the body is not an order")
    return order_id


def may_be_of(profile_url: str, shop_url: str) -> bool:
    """Whether a profile stands at a shop's own origin; its own profile says whether it is one of its."""
    try:
        named, ours = urlsplit(profile_url), urlsplit(shop_url)
        return (named.scheme, named.hostname, named.port) == (ours.scheme, ours.hostname, ours.port)
    except ValueError:
        return False


def delivery_id(delivery: Delivery, now: datetime) -> str:
    """The name under which an event is taken in once.

    Raises:
        DeliveryRefused: it names none, or comes from too long ago or from the future.
    """
    if _DETACHED in delivery.headers and "signature-input" not in delivery.headers:
        return f"body-{base64url(digest(delivery.body))}"  # the first releases name no events
    name = delivery.headers.get("webhook-id", "")
    if not 0 < len(name) <= 200:
        raise DeliveryRefused(400, "invalid", "Webhook-Id is missing")
    stamp = delivery.headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise DeliveryRefused(400, "invalid", "Webhook-Timestamp is missing or no number of seconds")
    age = now.timestamp() - int(stamp)
    if not -_AHEAD.total_seconds() <= age <= OLDEST.total_seconds():
        raise DeliveryRefused(400, "invalid", "Webhook-Timestamp is too far from now")
    return name


def verify_delivery(delivery: Delivery, shop: Connection, now: datetime) -> OrderSnapshot:
    """The order as the shop signed it.

    Args:
        delivery: what came.
        shop: the line to the shop that it must come from.
        now: the server's time.

    Raises:
        DeliveryRefused: the signature is not the shop's, does not cover all, or the body is no order.
        TryLater: the shop's keys cannot be had now.
    """
    try:
        if delivery.profile_url is not None and delivery.profile_url not in shop.business().names:
            raise DeliveryRefused(403, "unknown_business", "the shop does not know this profile as its own")
        try:
            _check(delivery, shop.keys(), now)
        except SignatureRefused as error:
            if error.code != "key_not_found":
                raise
            _check(delivery, shop.keys(again=True), now)
    except SignatureRefused as error:
        raise DeliveryRefused(400 if error.code in _BAD_REQUEST else 401, error.code) from error
    except ProfileUnusable as error:
        raise TryLater(str(error)) from error
    try:
        return read_order(_order(document_of(delivery.body)))
    except Unreadable as error:
        raise DeliveryRefused(400, "invalid", str(error)) from error


_BAD_REQUEST = frozenset({"digest_mismatch", "algorithm_unsupported"})


def _check(delivery: Delivery, keys: tuple[Jwk, ...], now: datetime) -> None:
    if "signature-input" in delivery.headers:
        message = Message(delivery.headers, delivery.body, "POST", delivery.url)
        if "ucp-agent" not in delivery.headers:
            raise SignatureRefused("signature_invalid", "UCP-Agent is missing")
        verify_message(message, keys, int(now.timestamp()))
    else:
        verify_detached(delivery.headers[_DETACHED], delivery.body, keys)


def _order(document: dict[str, Any]) -> dict[str, Any]:
    """The order itself; the first merchants wrap it beside the event's type."""
    inner = document.get("order")
    return inner if isinstance(inner, dict) and "line_items" not in document else document
