"""The retailers' API under /retail/v1: read orders, and say what becomes of them.

It reads requests and words answers; what a retailer may do is decided in `retailers.feed.desk`.
"""

import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, Header, Path, Query, Request
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse, Response

from replenish_server.retailers.book.acts import Parcel, Step
from replenish_server.retailers.book.states import Act, BookState
from replenish_server.retailers.feed.desk import (
    Caller,
    CursorRefused,
    Desk,
    InFlight,
    KeyReused,
    NotFound,
    Refund,
    Reply,
)
from replenish_server.web import retail_models as models
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.retail_problems import MEDIA_TYPE, Problem, install_problems, problem_response
from replenish_server.web.rfc3339 import Moment

MAX_BODY_BYTES = 16 * 1024
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_DESCRIPTION = """Read your orders and say what becomes of them.

Every request carries `Authorization: Bearer rk_...`. Every POST carries an `Idempotency-Key`: the same key
with the same request is answered as the first time (`Idempotent-Replayed: true`), with another request it is
refused (422). An order never moves back: an act that does not fit answers 409 and says what is possible.
Answers 429 carry `Retry-After`. Follow the list with `next_cursor`: an order comes again when it changes."""


OrderIdText = Annotated[str, Path(max_length=60)]
KeyText = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        examples=["0b7c6c5e-5a0c-4a4e-9f0e-2c1d7f1f1a11"],
        json_schema_extra={"pattern": "^[!-~]+$", "minLength": 1},
    ),
]


def build_retail_api(desk: Desk, per_key: RateLimit, per_stranger: RateLimit) -> FastAPI:
    """The application to be mounted at /retail/v1.

    Args:
        desk: what retailers can do.
        per_key: how often one key may ask.
        per_stranger: how often one address may ask with a wrong key.
    """
    app = FastAPI(
        title="Replenish: retailers",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": "/retail/v1"}],
    )
    install_problems(app, MAX_BODY_BYTES)

    def caller(request: Request, authorization: Annotated[str, Header()] = "") -> Caller:
        scheme, _, key = authorization.partition(" ")
        who = desk.authenticate(key.strip()) if scheme.lower() == "bearer" else None
        if who is None:
            address = request.client.host if request.client is not None else "?"
            _within(per_stranger, address)
            detail = "send Authorization: Bearer with a key of this retailer"
            raise Problem(401, "unauthorized", detail, {"www-authenticate": "Bearer"})
        _within(per_key, who.key_id)
        return who

    reading = APIRouter(responses=_problems(401, 404, 422, 429, 503))
    acting = APIRouter(responses=_problems(400, 401, 404, 409, 411, 413, 415, 422, 429, 503))
    _add_reading(reading, desk, caller)
    for operation in _OPERATIONS:
        _add_act(acting, desk, caller, operation)
    app.include_router(reading)
    app.include_router(acting)
    return app


def retail_limits() -> tuple[RateLimit, RateLimit]:
    """Ten requests a second for a key, in bursts of fifty; six wrong keys a minute for an address."""
    return RateLimit(10.0, 50, time.monotonic), RateLimit(0.1, 20, time.monotonic)


def _within(buckets: RateLimit, who: str) -> None:
    wait_s = buckets.take(who)
    if wait_s > 0:
        headers = {"retry-after": str(math.ceil(wait_s))}
        raise Problem(429, "too_many_requests", "ask again after the seconds in Retry-After", headers)


def _add_reading(router: APIRouter, desk: Desk, caller: Callable[..., Caller]) -> None:
    @router.get(
        "/orders",
        operation_id="listOrders",
        summary="List orders, the one that changed longest ago first",
        response_model=models.OrderPage,
        responses={
            200: _example({"orders": [models.ORDER_EXAMPLE], "next_cursor": "YzQx", "more": False}),
            **_problems(400),
        },
    )
    def list_orders(
        who: Annotated[Caller, Depends(caller)],
        cursor: Annotated[
            str | None, Query(max_length=60, description="next_cursor of the last answer")
        ] = None,
        since: Annotated[Moment | None, Query(description="changed at or after, RFC 3339")] = None,
        status: Annotated[list[BookState] | None, Query(description="only these")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        try:
            orders, following, more = desk.orders(who, cursor, since, status or (), limit)
        except CursorRefused as error:
            raise Problem(400, "bad_cursor", f"{error}; start without one") from error
        return JSONResponse({"orders": orders, "next_cursor": following, "more": more})

    @router.get(
        "/orders/{order_id}",
        operation_id="getOrder",
        summary="One order with its history",
        response_model=models.OrderDocument,
        responses={
            200: _example(
                {**models.ORDER_EXAMPLE, "history": [{"at": "2026-05-04T12:00:00Z", "what": "placed"}]}
            )
        },
    )
    def get_order(who: Annotated[Caller, Depends(caller)], order_id: OrderIdText) -> Response:
        try:
            return JSONResponse(desk.order(who, order_id))
        except NotFound:
            raise _not_found() from None


@dataclass(frozen=True)
class _Operation:
    """One thing that a retailer can do to an order; `then` is what its example answer differs in."""

    path: str
    name: str
    summary: str
    model: type[models.Body]
    wish: Callable[[Any], Step | Refund]
    example: dict[str, Any]
    then: dict[str, Any]


def _add_act(router: APIRouter, desk: Desk, caller: Callable[..., Caller], operation: _Operation) -> None:
    def act(
        who: Annotated[Caller, Depends(caller)], order_id: OrderIdText, body: Any, key: KeyText
    ) -> Response:
        return _do(desk, who, order_id, operation.path, operation.wish(body), body, key)

    example: dict[str, Example] = {"example": {"value": operation.example}}
    act.__annotations__["body"] = Annotated[operation.model, Body(openapi_examples=example)]
    router.post(
        f"/orders/{{order_id}}/{operation.path}",
        operation_id=operation.name,
        summary=operation.summary,
        response_model=models.OrderDocument,
        responses={200: _example({**models.ORDER_EXAMPLE, **operation.then})},
    )(act)


def _do(
    desk: Desk, who: Caller, order_id: str, path: str, wish: Step | Refund, body: models.Body, key: str
) -> Response:
    if not _KEY.fullmatch(key):
        detail = "send an Idempotency-Key header of 1 to 255 visible characters, new for each request"
        raise Problem(400, "idempotency_key_required", detail)
    canonical = json.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True)
    try:
        reply = desk.act(who, order_id, wish, key, f"{order_id}/{path} {canonical}".encode())
    except NotFound:
        raise _not_found() from None
    except KeyReused:
        detail = "this Idempotency-Key came with another request; use a new one for this"
        raise Problem(422, "idempotency_conflict", detail) from None
    except InFlight:
        detail = "the first request with this Idempotency-Key is still at work"
        raise Problem(409, "idempotency_in_flight", detail, {"retry-after": "1"}) from None
    return _reply(reply)


def _reply(reply: Reply) -> Response:
    headers = {"idempotent-replayed": "true"} if reply.replayed else {}
    if reply.status == 200:
        return Response(reply.body, 200, headers, "application/json")
    said = json.loads(reply.body)
    return problem_response(reply.status, said["code"], said["detail"], headers)


def _acknowledge(body: models.Acknowledgement) -> Step:
    return Step(Act.ACKNOWLEDGE, body.note or "")


def _ship(body: models.Shipment) -> Step:
    parcel = Parcel(body.carrier, body.tracking_number, body.tracking_url, body.expected_at)
    return Step(Act.SHIP, body.note or "", parcel)


def _ready(body: models.Readiness) -> Step:
    return Step(Act.READY, body.note or "")


def _deliver(body: models.Delivery) -> Step:
    return Step(Act.DELIVER, body.note or "")


def _cancel(body: models.Cancellation) -> Step:
    return Step(Act.CANCEL, body.note or body.reason.value, data={"reason": body.reason.value})


def _refund(body: models.RefundBody) -> Refund:
    return Refund(body.amount_minor, body.currency, body.reason)


_OPERATIONS = (
    _Operation(
        "acknowledge",
        "acknowledgeOrder",
        "Say that the order was seen",
        models.Acknowledgement,
        _acknowledge,
        {},
        {"status": "acknowledged", "possible": ["ship", "ready_for_pickup", "cancel", "refund"]},
    ),
    _Operation(
        "ship",
        "shipOrder",
        "Say that the goods are on their way",
        models.Shipment,
        _ship,
        {"carrier": "DHL", "tracking_number": "00340434161094042557"},
        {"status": "shipped", "possible": ["ready_for_pickup", "deliver", "cancel", "refund"]},
    ),
    _Operation(
        "ready-for-pickup",
        "readyOrder",
        "Say that the goods can be picked up",
        models.Readiness,
        _ready,
        {"note": "At the counter until Saturday"},
        {"status": "ready_for_pickup", "possible": ["deliver", "cancel", "refund"]},
    ),
    _Operation(
        "deliver",
        "deliverOrder",
        "Say that the goods were handed over",
        models.Delivery,
        _deliver,
        {},
        {"status": "delivered", "possible": ["refund"]},
    ),
    _Operation(
        "cancel",
        "cancelOrder",
        "Say that the order will not be delivered",
        models.Cancellation,
        _cancel,
        {"reason": "out_of_stock"},
        {"status": "canceled", "note": "out_of_stock", "possible": ["refund"]},
    ),
    _Operation(
        "refund",
        "refundOrder",
        "Say that money goes back to the buyer",
        models.RefundBody,
        _refund,
        {"amount_minor": 1290, "currency": "EUR", "reason": "one pack was broken"},
        {"refunded_minor": 1290},
    ),
)


def _not_found() -> Problem:
    return Problem(404, "not_found", "this retailer has no such order")


def _example(value: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"examples": {"example": {"value": value}}}}}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {
            "model": models.ProblemDocument,
            "content": {
                MEDIA_TYPE: {
                    "examples": {
                        "example": {
                            "value": {
                                "type": "about:blank",
                                "title": str(status),
                                "status": status,
                                **models.PROBLEM_EXAMPLES[status],
                            }
                        }
                    }
                }
            },
        }
        for status in statuses
    }
