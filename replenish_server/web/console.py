"""The retailer's console at /retail: the orders of one retailer, and what it does with them, on a phone.

It uses the same desk as the API, so it can do nothing that the API cannot. A key signs in.
"""

import secrets
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from replenish_server.households.money import money
from replenish_server.retailers.book.acts import Parcel, Step
from replenish_server.retailers.book.states import Act
from replenish_server.retailers.feed.desk import Caller, Desk, InFlight, KeyReused, NotFound, Refund
from replenish_server.web import language
from replenish_server.web.amounts import amount_example, read_amount
from replenish_server.web.errors import error_page
from replenish_server.web.form_route import FormRoute
from replenish_server.web.phrases import translate
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.rendering import page
from replenish_server.web.secret_sign_in import SecretSignIn, Words
from replenish_server.web.views import Lang

COOKIE: Final = "replenish_retailer"
_REASONS: Final = ("out_of_stock", "undeliverable", "price_changed", "other")
_ENDED_SHOWN: Final = 20

_WORDS: Final = Words(
    "console.sign_in",
    "console.key",
    "console.key_hint",
    "console.enter",
    "console.too_often",
    "console.wrong_key",
)


def build_console(desk: Desk, tries: RateLimit) -> APIRouter:
    """The console's routes.

    Args:
        desk: what retailers can do.
        tries: how often one address may try to sign in.
    """
    router = APIRouter(route_class=FormRoute, include_in_schema=False)
    door = SecretSignIn("retail", "key", COOKIE, _WORDS, desk, tries)
    door.add_routes(router)

    @router.get("/retail")
    def home(request: Request) -> Response:
        caller = desk.signed_in(door.token(request))
        return door.page(request) if caller is None else _list_page(desk, request, caller)

    @router.get("/retail/orders/{order_id}")
    def order(request: Request, order_id: str) -> Response:
        caller = desk.signed_in(door.token(request))
        if caller is None:
            return RedirectResponse("/retail", 303)
        return _order_page(desk, request, caller, order_id)

    _add_acts(router, desk, door)
    return router


def _add_acts(router: APIRouter, desk: Desk, door: SecretSignIn) -> None:
    @router.post("/retail/orders/{order_id}/{act}")
    def do(
        request: Request,
        order_id: str,
        act: str,
        key: Annotated[str, Form(max_length=100)] = "",
        carrier: Annotated[str, Form(max_length=100)] = "",
        tracking_number: Annotated[str, Form(max_length=100)] = "",
        reason: Annotated[str, Form(max_length=300)] = "",
        amount: Annotated[str, Form(max_length=20)] = "",
    ) -> Response:
        caller = desk.signed_in(door.token(request))
        if caller is None:
            return RedirectResponse("/retail", 303)
        lang = language.pick(request)
        typed = {"carrier": carrier, "tracking_number": tracking_number, "reason": reason, "amount": amount}
        try:
            currency = str(desk.order(caller, order_id)["currency"])
            wish = _wish(act, {name: text.strip() for name, text in typed.items()}, currency, lang)
            if isinstance(wish, str):
                return _order_page(desk, request, caller, order_id, wish, 422, typed)
            fingerprint = f"{order_id} {act} {sorted(typed.items())}".encode()
            reply = desk.act(caller, order_id, wish, f"console-{key}", fingerprint)
        except (NotFound, KeyError):
            return error_page(request, 404)
        except (KeyReused, InFlight):
            return _order_page(
                desk, request, caller, order_id, translate(lang, "console.moved_on"), 409, typed
            )
        if reply.status == 200:
            return RedirectResponse(f"/retail/orders/{order_id}?notice=act_noted", 303)
        said = _refusal(desk, caller, order_id, reply.status, lang)
        return _order_page(desk, request, caller, order_id, said, reply.status, typed)

    @router.get("/retail/orders/{order_id}/{act}")
    def reload_of_an_act(order_id: str, act: str) -> Response:
        return RedirectResponse("/retail", 303)


def _wish(act: str, typed: dict[str, str], currency: str, lang: Lang) -> Step | Refund | str:
    """What a form asks for, or the sentence that says what is missing.

    Raises:
        KeyError: there is no such act.
    """
    if act == "refund":
        return _refund(typed, currency, lang)
    step = {one.value: one for one in Act if one is not Act.WITHDRAW}[act]
    if step is Act.SHIP:
        if not typed["carrier"]:
            return translate(lang, "console.carrier_missing")
        return Step(step, parcel=Parcel(typed["carrier"], typed["tracking_number"] or None))
    if step is Act.CANCEL:
        reason = typed["reason"] if typed["reason"] in _REASONS else "other"
        return Step(step, reason, data={"reason": reason})
    return Step(step)


def _refund(typed: dict[str, str], currency: str, lang: Lang) -> Refund | str:
    minor = read_amount(typed["amount"], currency)
    if minor is None:
        return translate(lang, "console.amount_wrong", example=amount_example(currency))
    if not typed["reason"]:
        return translate(lang, "console.why_missing")
    return Refund(minor, currency, typed["reason"])


def _refusal(desk: Desk, caller: Caller, order_id: str, status: int, lang: Lang) -> str:
    if status != 422:
        return translate(lang, "console.moved_on")
    order = desk.order(caller, order_id)
    left = money(order["total_minor"] - order["refunded_minor"], order["currency"])
    return translate(lang, "console.refund_wrong", left=left)


def _list_page(desk: Desk, request: Request, caller: Caller) -> Response:
    return page(
        request,
        "console.html",
        lang=language.pick(request),
        here="/retail",
        now=desk.now(),
        values={
            "caller": caller,
            "home_link": "/retail",
            "todo": desk.open_orders(caller),
            "ended": desk.ended_orders(caller, _ENDED_SHOWN),
        },
    )


def _order_page(
    desk: Desk,
    request: Request,
    caller: Caller,
    order_id: str,
    wrong: str | None = None,
    status: int = 200,
    typed: dict[str, str] | None = None,
) -> Response:
    try:
        order = desk.order(caller, order_id)
    except NotFound:
        return error_page(request, 404)
    return page(
        request,
        "console_order.html",
        lang=language.pick(request),
        here=f"/retail/orders/{order_id}",
        now=desk.now(),
        status=status,
        values={
            "caller": caller,
            "home_link": "/retail",
            "order": order,
            "acknowledge_by": datetime.fromisoformat(order["acknowledge_by"]),
            "reasons": _REASONS,
            "key": secrets.token_hex(16),
            "wrong": wrong,
            "typed": typed or {},
        },
    )
