"""The routes of what a household signs for shops. Each calls its port and renders."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from replenish_server.web import language
from replenish_server.web.consents_views import ConsentForm, ConsentPages, WayToPay
from replenish_server.web.errors import error_page
from replenish_server.web.forms import read_money
from replenish_server.web.gate import PageRoute, household_of, viewer_of
from replenish_server.web.rendering import page, refusal_text
from replenish_server.web.views import Refused

_HERE = "/shops"


def build_consents_router(consents: ConsentPages) -> APIRouter:
    """The page's routes over its port."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get(_HERE)
    def shops(request: Request) -> Response:
        return _page(request, consents)

    @router.post(f"{_HERE}/sign")
    def sign(
        request: Request,
        shop: Annotated[str, Form()] = "",
        most: Annotated[str, Form()] = "",
        budget: Annotated[str, Form()] = "",
        orders: Annotated[str, Form()] = "",
        days: Annotated[str, Form()] = "",
        agree: Annotated[str, Form()] = "",
    ) -> Response:
        household_id = household_of(request)
        view = consents.consents(household_id)
        lang = language.pick(request)
        if view is None:
            return error_page(request, 404)
        amounts = [read_money(text, view.currency, lang, {}) or 0 for text in (most, budget)]
        form = ConsentForm(shop[:60], amounts[0], amounts[1], _whole(orders), _whole(days))
        if not agree:
            return _page(request, consents, "consent_unread")
        try:
            consents.sign(household_id, form, viewer_of(request).name)
        except Refused as refusal:
            return _page(request, consents, refusal.message)
        return RedirectResponse(f"{_HERE}?notice=consent_signed", 303)

    @router.post(f"{_HERE}/revoke")
    def revoke(request: Request, mandate: Annotated[str, Form()] = "") -> Response:
        try:
            consents.revoke(household_of(request), mandate[:60])
        except Refused as refusal:
            return _page(request, consents, refusal.message)
        return RedirectResponse(f"{_HERE}?notice=consent_revoked", 303)

    @router.post(f"{_HERE}/pay/add")
    def add_way_to_pay(
        request: Request,
        shop: Annotated[str, Form()] = "",
        name: Annotated[str, Form()] = "",
        handler: Annotated[str, Form()] = "",
        token: Annotated[str, Form()] = "",
    ) -> Response:
        way = WayToPay(name[:100], handler[:300], token[:5000])
        return _changed(request, lambda home: consents.add_way_to_pay(home, shop[:60], way))

    @router.post(f"{_HERE}/pay/first")
    def pay_first(
        request: Request, shop: Annotated[str, Form()] = "", name: Annotated[str, Form()] = ""
    ) -> Response:
        return _changed(request, lambda home: consents.use_first(home, shop[:60], name[:100]))

    @router.post(f"{_HERE}/pay/remove")
    def pay_remove(
        request: Request, shop: Annotated[str, Form()] = "", name: Annotated[str, Form()] = ""
    ) -> Response:
        return _changed(request, lambda home: consents.remove_way_to_pay(home, shop[:60], name[:100]))

    def _changed(request: Request, change: Callable[[str | None], None]) -> Response:
        try:
            change(household_of(request))
        except Refused as refusal:
            return _page(request, consents, refusal.message)
        return RedirectResponse(f"{_HERE}?notice=ways_to_pay_changed", 303)

    @router.get(f"{_HERE}/sign")
    @router.get(f"{_HERE}/revoke")
    @router.get(f"{_HERE}/pay/add")
    @router.get(f"{_HERE}/pay/first")
    @router.get(f"{_HERE}/pay/remove")
    def reload_of_a_refused_form() -> Response:
        return RedirectResponse(_HERE, 303)

    return router


def _whole(text: str) -> int:
    """A whole number of up to four digits, or 0 for anything else."""
    bare = text.strip()
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) <= 4 else 0


def _page(request: Request, consents: ConsentPages, refused: str | None = None) -> Response:
    lang = language.pick(request)
    view = consents.consents(household_of(request))
    if view is None:
        return error_page(request, 404)
    return page(
        request,
        "shops.html",
        lang=lang,
        here=_HERE,
        now=consents.now(),
        tz=view.tz,
        status=409 if refused else 200,
        values={"consents": view, "refused": None if refused is None else refusal_text(refused, lang)},
    )
