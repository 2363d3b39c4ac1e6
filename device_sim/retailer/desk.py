"""One change of a checkout from either binding: what may go wrong, the effect, and its stored answer.

REST and MCP bring the same five operations here; keys, faults, mandates and releases are looked after once.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from fastapi import Response

from device_sim.retailer.checkout import Answer
from device_sim.retailer.completion import Buyer
from device_sim.retailer.faults import Fault
from device_sim.retailer.identity import BUYER, SAVED_ADDRESS
from device_sim.retailer.lines import NoAnswer
from device_sim.retailer.payment_mandates import paid_with
from device_sim.retailer.platforms import Platform
from device_sim.retailer.shop import Shop
from device_sim.retailer.wire import AP2, Doc, encode
from device_sim.retailer.wish import read_body


@dataclass(frozen=True)
class Change:
    """A change that a platform asks for.

    Args:
        operation: create, update, complete or cancel.
        target: what the key belongs to: method and path, or the tool and the session.
        raw: the bytes that are compared when the key comes again.
        key: the Idempotency-Key.
        for_buyer: whether it is made for the linked buyer.
    """

    operation: str
    session_id: str
    target: str
    raw: bytes
    key: str | None
    for_buyer: bool = False


async def carry_out(shop: Shop, platform: Platform, change: Change) -> tuple[int, bytes] | Response:
    """HTTP status and bytes of the answer, or what a fault makes of it."""
    fault = shop.faults.draw(change.operation)
    if fault is not None and fault.strikes_before and (failed := await _strike(shop, fault)):
        return failed

    def effect(key: str) -> tuple[int, bytes]:
        body = platform.release.request(read_body(change.raw), change.operation)
        status, doc = _act(shop, platform, change, body, key)
        status, shaped = shaped_checkout(shop, platform, status, doc, change.operation)
        return status, encode(shaped)

    scope = f"{platform.profile_url} {change.operation}"
    answer = shop.keys.answer(scope, change.key, change.target, change.raw, effect)
    if fault is not None and not fault.strikes_before and (failed := await _strike(shop, fault)):
        return failed
    return answer


def read(shop: Shop, platform: Platform, session_id: str) -> tuple[int, Doc]:
    """The session as the platform sees it, settled if its completion was due."""
    with shop.store.transaction():
        shop.completions.settle(session_id)
        status, doc = shop.checkouts.get(session_id, platform.active)
    return shaped_checkout(shop, platform, status, doc, "read")


def shaped_checkout(shop: Shop, platform: Platform, status: int, doc: Doc, operation: str) -> Answer:
    """An answer about a checkout in the platform's release, authorized by the shop where AP2 is active."""
    status, shaped = platform.release.answer(status, doc, operation)
    if AP2 in platform.active and "line_items" in shaped:
        shaped = shop.mandates.authorize(shaped)
    return status, shaped


def _act(shop: Shop, platform: Platform, change: Change, body: Doc, key: str) -> Answer:
    session_id, active = change.session_id, platform.active
    if change.operation == "create":
        if change.for_buyer:
            body = _with_account(body)
        status, doc = shop.checkouts.create(body, active, platform.profile_url)
        if change.for_buyer and "id" in doc:
            shop.store.run("UPDATE sessions SET buyer = ? WHERE id = ?", BUYER["email"], doc["id"])
        return status, doc
    if change.operation == "update":
        return shop.checkouts.update(session_id, body, active)
    if change.operation == "cancel":
        return shop.checkouts.cancel(session_id, active)
    if AP2 in active:
        _, doc = shop.checkouts.get(session_id, active)
        _, seen = platform.release.answer(200, doc, "read")
        if "line_items" in seen:
            keys = shop.platforms.keys(platform)
            bill = shop.mandates.check(body, seen, keys)
            body = paid_with(body, bill, keys, shop.clock.now_s())
    return shop.completions.complete(session_id, body, active, Buyer(platform.profile_url, key))


def _with_account(body: Doc) -> Doc:
    """What the buyer's account adds to a checkout that leaves it out: the buyer and the saved address."""
    known = {"buyer": BUYER} | body
    if "fulfillment" not in body:
        known["fulfillment"] = {"methods": [{"type": "shipping", "destinations": [SAVED_ADDRESS]}]}
    return known


async def _strike(shop: Shop, fault: Fault) -> Response | None:
    """What the caller gets instead of an answer; None when it only has to wait."""
    if fault.kind.startswith("hang"):
        with suppress(TimeoutError):
            await asyncio.wait_for(shop.closing.wait(), fault.seconds)
        return None
    if fault.kind.endswith("500"):
        doc = {"code": "internal_error", "content": "Something went wrong. Or did it?"}
        return Response(encode(doc), 500, media_type="application/json")
    return NoAnswer()
