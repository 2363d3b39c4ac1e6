"""The routes of an order's life: acts, receipt, withdrawal, and the household's stop switch."""

from typing import Annotated, Final, get_args

from fastapi import APIRouter, Form, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from replenish_server.web import language
from replenish_server.web.errors import error_page
from replenish_server.web.gate import PageRoute, household_of, viewer_of
from replenish_server.web.life_views import LifeAct, LifePages, WithdrawForm
from replenish_server.web.phrases import translate
from replenish_server.web.rendering import page, refusal_text
from replenish_server.web.views import Refused

_LONGEST: Final = 300


def build_life_router(life: LifePages) -> APIRouter:
    """The routes over their port; taken in before the orders' own, which end with a route for any word."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    for act in get_args(LifeAct):
        _add_act(router, life, act)
    _add_withdrawal(router, life)
    _add_stop(router, life)

    @router.get("/orders/{order_id}/receipt.txt")
    def receipt(request: Request, order_id: str) -> Response:
        return _text(request, life.receipt_text(order_id, language.pick(request)), f"receipt-{order_id}.txt")

    return router


def _add_act(router: APIRouter, life: LifePages, act: LifeAct) -> None:
    @router.post(f"/orders/{{order_id}}/{act}", name=act)
    def do(request: Request, order_id: str) -> Response:
        try:
            life.act(act, order_id, viewer_of(request).name)
        except Refused as refusal:
            return _refused(request, order_id, refusal)
        return RedirectResponse(f"/orders/{order_id}?notice={act}", 303)

    @router.get(f"/orders/{{order_id}}/{act}", name=f"reload-{act}")
    def reload_of_an_act(order_id: str) -> Response:
        return RedirectResponse(f"/orders/{order_id}", 303)


def _add_withdrawal(router: APIRouter, life: LifePages) -> None:
    @router.get("/orders/{order_id}/withdraw")
    def step_one(request: Request, order_id: str) -> Response:
        form = life.withdraw_form(order_id)
        if form is None:
            return RedirectResponse(f"/orders/{order_id}", 303)
        return _withdraw_page(request, life, order_id, form)

    @router.post("/orders/{order_id}/withdraw")
    def step_two(
        request: Request,
        order_id: str,
        name: Annotated[str, Form()] = "",
        email: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
    ) -> Response:
        form = life.withdraw_form(order_id)
        if form is None and life.withdrawal_text(order_id, language.pick(request)) is not None:
            return RedirectResponse(f"/orders/{order_id}?notice=withdrawn", 303)  # the same form, sent twice
        if form is None:
            return _refused(request, order_id, Refused("no_withdrawal"))
        name, email, reason = (text.strip()[:_LONGEST] for text in (name, email, reason))
        errors = {}
        if not name:
            errors["name"] = translate(language.pick(request), "withdraw.name_missing")
        if "@" not in email.strip("@") or " " in email:
            errors["email"] = translate(language.pick(request), "withdraw.email_wrong")
        if errors:
            typed = {"name": name, "email": email, "reason": reason}
            return _withdraw_page(request, life, order_id, form, typed, errors)
        try:
            life.withdraw(order_id, name, email, reason, viewer_of(request).name)
        except Refused as refusal:
            return _refused(request, order_id, refusal)
        return RedirectResponse(f"/orders/{order_id}?notice=withdrawn", 303)

    @router.get("/orders/{order_id}/withdrawal.txt")
    def acknowledgement(request: Request, order_id: str) -> Response:
        text = life.withdrawal_text(order_id, language.pick(request))
        return _text(request, text, f"withdrawal-{order_id}.txt")


def _add_stop(router: APIRouter, life: LifePages) -> None:
    @router.post("/stop")
    def stop(request: Request) -> Response:
        life.stop(household_of(request), viewer_of(request).name)
        return RedirectResponse("/?notice=stopped", 303)

    @router.post("/go")
    def go(request: Request) -> Response:
        life.go(household_of(request))
        return RedirectResponse("/?notice=going", 303)

    @router.get("/stop")
    @router.get("/go")
    def reload_of_a_switch() -> Response:
        return RedirectResponse("/", 303)


def _withdraw_page(
    request: Request,
    life: LifePages,
    order_id: str,
    form: WithdrawForm,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    return page(
        request,
        "withdraw.html",
        lang=language.pick(request),
        here=f"/orders/{order_id}/withdraw",
        now=None,
        status=422 if errors else 200,
        values={
            "order_id": order_id,
            "form": form,
            "typed": typed or {"name": form.name, "email": form.email, "reason": ""},
            "errors": errors or {},
        },
    )


def _refused(request: Request, order_id: str, refusal: Refused) -> Response:
    lang = language.pick(request)
    values = {"order_id": order_id, "refused": refusal_text(refusal.message, lang)}
    return page(request, "refused.html", lang=lang, here=f"/orders/{order_id}", status=409, values=values)


def _text(request: Request, text: str | None, name: str) -> Response:
    if text is None:
        return error_page(request, 404)
    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(text, headers=headers)
