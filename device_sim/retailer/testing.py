"""The levers of a sandbox: what was really ordered, and prices, stock, parcels and faults moved by hand.

No shop has these. They answer only callers on this machine, whatever the shop is bound to.
"""

import ipaddress
import json
from typing import Any

from fastapi import FastAPI, Request, Response

from device_sim.retailer.shop import Shop
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
        item_id, packs = _item_and_number(await _settings(request), "stock")
        with shop.store.transaction():
            known = shop.catalogue.set_stock(item_id, packs)
        return _item(shop, item_id, known=known)

    @app.post("/testing/ship/{order_id}")
    async def ship(request: Request, order_id: str) -> Response:
        _only_from_here(request)
        return _advance(shop, order_id, "shipped")

    @app.post("/testing/deliver/{order_id}")
    async def deliver(request: Request, order_id: str) -> Response:
        _only_from_here(request)
        return _advance(shop, order_id, "delivered")


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
    before = {"shipped": ("created", "processing"), "delivered": ("created", "processing", "shipped")}[goal]
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
