"""The levers of a sandbox: what was really ordered, and prices, stock, parcels and faults moved by hand.

No shop has these. They answer only callers on this machine, whatever the shop is bound to.
"""

import ipaddress
import json
from dataclasses import replace
from typing import Any

from fastapi import FastAPI, Request, Response

from device_sim.retailer.edge import served_release
from device_sim.retailer.identity import SCOPES, Client
from device_sim.retailer.shop import FIRST_CLIENT, Shop
from device_sim.retailer.wire import Doc, ProtocolError, encode, iso
from device_sim.retailer.wish import invalid, read_body


def add_testing_routes(app: FastAPI, shop: Shop) -> None:
    """Add everything under /testing."""

    @app.get("/testing/orders")
    async def orders(request: Request) -> Response:
        _only_from_here(request)
        rows = shop.store.rows("SELECT * FROM orders ORDER BY created_s, id")
        return _answer([_order(row) for row in rows])

    @app.get("/testing/webhooks")
    async def webhooks(request: Request) -> Response:
        _only_from_here(request)
        columns = "webhook_id, order_id, profile_url, occurred_s, tries, state, last_outcome"
        return _answer(
            [dict(row) for row in shop.store.rows(f"SELECT {columns} FROM deliveries ORDER BY number")]
        )

    @app.post("/testing/faults")
    async def faults(request: Request) -> Response:
        settings = await _settings(request)
        try:
            shop.faults.set(settings)
        except (TypeError, ValueError) as problem:
            raise invalid(str(problem)) from problem
        return _answer(settings)

    @app.post("/testing/price")
    async def price(request: Request) -> Response:
        item_id, price_minor = _item_and_number(await _settings(request), "price_minor")
        with shop.store.transaction():
            known = shop.catalogue.set_price(item_id, price_minor)
        return _item(shop, item_id, known=known)

    @app.post("/testing/stock")
    async def stock(request: Request) -> Response:
        body = await _settings(request)
        item_id, packs = _item_and_number(body, "stock")
        with shop.store.transaction():
            if body.get("location_id") is None:
                known = shop.catalogue.set_stock(item_id, packs)
            else:
                known = shop.stock.stores.set_stock(str(body["location_id"]), item_id, packs)
        return _item(shop, item_id, known=known)

    _add_order_levers(app, shop)
    _add_message_levers(app, shop)


def _add_order_levers(app: FastAPI, shop: Shop) -> None:
    @app.post("/testing/ship/{order_id}")
    async def ship(request: Request, order_id: str) -> Response:
        _only_from_here(request)
        return _advance(shop, order_id, "shipped")

    @app.post("/testing/ready/{order_id}")
    async def ready(request: Request, order_id: str) -> Response:
        _only_from_here(request)
        return _advance(shop, order_id, "ready")

    @app.post("/testing/orders/{order_id}/adjust")
    async def adjust(request: Request, order_id: str) -> Response:
        body = await _settings(request)
        line_id, packs, kind = body.get("line_item_id"), body.get("quantity"), body.get("type", "refund")
        if not isinstance(line_id, str) or type(packs) is not int or not isinstance(kind, str):
            raise invalid(
                "Send line_item_id, quantity and, if you like, type (refund, return, cancellation)."
            )
        with shop.store.transaction():
            done = shop.orders.take_out(order_id, line_id, packs, kind, f"A {kind} made by hand")
        if not done:
            raise ProtocolError(404, "not_found", "No such order, line, or not so many packs.")
        return _answer(served_release(request).order(shop.orders.snapshot(order_id)))

    @app.post("/testing/orders/{order_id}/fulfill")
    async def fulfill(request: Request, order_id: str) -> Response:
        _only_from_here(request)
        _advance(shop, order_id, "delivered")
        return _answer(served_release(request).order(shop.orders.snapshot(order_id)))

    @app.post("/testing/deliver/{order_id}")
    async def deliver(request: Request, order_id: str) -> Response:
        _only_from_here(request)
        return _advance(shop, order_id, "delivered")


def _add_message_levers(app: FastAPI, shop: Shop) -> None:
    @app.post("/testing/keys/rotate")
    async def rotate(request: Request) -> Response:
        body = await _settings(request)
        return _answer({"kid": shop.key_ring.rotate(compromised=bool(body.get("compromised")))})

    @app.post("/testing/oauth/clients")
    async def client(request: Request) -> Response:
        body = await _settings(request)
        texts = [body.get("redirect_uris"), body.get("profiles", [])]
        lists = all(isinstance(part, list) and all(isinstance(t, str) for t in part) for part in texts)
        if not isinstance(body.get("client_id"), str) or not lists:
            raise invalid("Send client_id, redirect_uris and, if you like, client_secret and profiles.")
        if not isinstance(body.get("client_secret"), str | None):
            raise invalid("client_secret is a text.")
        known = Client(body["client_id"], tuple(texts[0]), body.get("client_secret"), tuple(texts[1]))
        with shop.store.transaction():
            shop.identity.register(known)
        return _answer(body)

    @app.post("/testing/oauth/mint")
    async def mint(request: Request) -> Response:
        body = await _settings(request)
        kind, scope = body.get("kind", "valid"), body.get("scope", " ".join(SCOPES))
        if not isinstance(scope, str):
            raise invalid("scope is a text.")
        owner = "nobody-registered" if kind == "foreign_client" else FIRST_CLIENT.client_id
        with shop.store.transaction():
            token = shop.identity.mint(owner, scope, -1.0 if kind == "expired" else 3600.0)
            if kind == "revoked":
                shop.identity.revoke(FIRST_CLIENT, token)
        return _answer({"access_token": token})

    @app.post("/testing/webhooks/{webhook_id}/replay")
    async def replay(request: Request, webhook_id: str) -> Response:
        _only_from_here(request)
        if not shop.outbox.replay(webhook_id):
            raise ProtocolError(404, "not_found", "No delivery of that id has arrived.")
        return _answer({"webhook_id": webhook_id})

    @app.post("/testing/idempotency/age")
    async def age(request: Request) -> Response:
        body = await _settings(request)
        hours = body.get("hours", 0)
        if type(hours) not in (int, float):
            raise invalid("hours is a number.")
        with shop.store.transaction():
            known = shop.keys.age(str(body.get("key")), float(hours))
        if not known:
            raise ProtocolError(404, "not_found", "No such key.")
        return _answer(body)

    @app.post("/testing/idempotency/outage")
    async def outage(request: Request) -> Response:
        body = await _settings(request)
        shop.faults.levers = replace(shop.faults.levers, keys_unavailable=bool(body.get("enabled")))
        return _answer(body)


def _order(row: Any) -> Doc:
    doc = json.loads(row["doc"])
    return {
        "id": row["id"],
        "checkout_id": row["checkout_id"],
        "items": [{"item_id": line["item"]["id"], "quantity": line["original"]} for line in doc["lines"]],
        "total_minor": next(entry["amount"] for entry in doc["totals"] if entry["type"] == "total"),
        "created_at": iso(row["created_s"]),
        "state": row["state"],
        "idempotency_key": row["complete_key"],
        "profile_url": row["profile_url"],
    }


def _advance(shop: Shop, order_id: str, goal: str) -> Response:
    """Take steps until the order is at `goal`; an order already past it stays where it is."""
    if shop.orders.state(order_id) is None:
        raise ProtocolError(404, "not_found", "No such order.")
    early = ("created", "processing")
    before = {"shipped": early, "ready": early, "delivered": (*early, "shipped", "ready_for_pickup")}[goal]
    while shop.orders.state(order_id) in before:
        with shop.store.transaction():
            shop.orders.advance(order_id, now=True)
    return _answer({"id": order_id, "state": shop.orders.state(order_id)})


async def _settings(request: Request) -> Doc:
    _only_from_here(request)
    return read_body(await request.body())


def _item_and_number(body: Doc, name: str) -> tuple[str, int]:
    item_id, number = body.get("item_id"), body.get(name)
    if not isinstance(item_id, str) or type(number) is not int or number < 0:
        raise invalid(f"Send item_id and {name}, an integer of 0 or more.")
    return item_id, number


def _item(shop: Shop, item_id: str, *, known: bool) -> Response:
    if not known:
        raise ProtocolError(404, "not_found", f"No item {item_id}.")
    return _answer(shop.catalogue.items()[item_id].as_doc())


def _only_from_here(request: Request) -> None:
    host = request.client.host if request.client else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ProtocolError(403, "forbidden", "Testing is for callers on this machine.")


def _answer(doc: Any) -> Response:
    return Response(encode(doc), media_type="application/json")
