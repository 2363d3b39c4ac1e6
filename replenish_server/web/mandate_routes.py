"""The routes of the pages about the mandate: home, slot, pause, trial. Each calls its port and renders."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from replenish_server.web import language
from replenish_server.web import mandate_forms as forms
from replenish_server.web.errors import error_page
from replenish_server.web.gate import PageRoute, household_of, viewer_of
from replenish_server.web.mandate_views import MandatePages, MandateView
from replenish_server.web.rendering import page, refusal_text
from replenish_server.web.views import Lang, Mode, Refused

HOME, TRIAL = "/mandate", "/trial"
_TURNED_ON: tuple[Mode, ...] = ("auto", "ask")


async def _sent(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=100)


def build_mandate_router(pages: MandatePages) -> APIRouter:
    """The mandate's routes over their port."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    _add_mandate_routes(router, pages)
    _add_pause_routes(router, pages)
    _add_trial_routes(router, pages)
    return router


def _add_mandate_routes(router: APIRouter, pages: MandatePages) -> None:
    @router.get(HOME)
    def home_mandate(request: Request) -> Response:
        lang = language.pick(request)
        view = pages.home_mandate(household_of(request), lang)
        return error_page(request, 404) if view is None else _page(request, pages, view, lang)

    @router.get("/slots/{slot_id}/mandate")
    def slot_mandate(request: Request, slot_id: str) -> Response:
        lang = language.pick(request)
        view = pages.slot_mandate(slot_id, lang)
        return error_page(request, 404) if view is None else _page(request, pages, view, lang)

    @router.post(HOME)
    def set_home(request: Request, sent: Annotated[FormData, Depends(_sent)]) -> Response:
        lang, household = language.pick(request), household_of(request)
        view = pages.home_mandate(household, lang)
        if view is None or household is None:
            return error_page(request, 404)
        rules = forms.read_mandate(_typed(sent), view, lang)
        if isinstance(rules, forms.TypedMandate):
            return _page(request, pages, view, lang, rules, 422)
        pages.set_home(household, rules, viewer_of(request).name)
        return RedirectResponse(f"{HOME}?notice=mandate_saved", 303)

    @router.post("/slots/{slot_id}/mandate")
    def set_slot(request: Request, slot_id: str, sent: Annotated[FormData, Depends(_sent)]) -> Response:
        lang = language.pick(request)
        view = pages.slot_mandate(slot_id, lang)
        if view is None:
            return error_page(request, 404)
        rules = forms.read_mandate(_typed(sent), view, lang)
        if isinstance(rules, forms.TypedMandate):
            return _page(request, pages, view, lang, rules, 422)
        pages.set_slot(slot_id, rules, viewer_of(request).name)
        return RedirectResponse(f"{path_of(slot_id)}?notice=mandate_saved", 303)


def _add_pause_routes(router: APIRouter, pages: MandatePages) -> None:
    @router.post("/pause")
    def pause_home(request: Request, until: Annotated[str, Form()] = "") -> Response:
        view = pages.home_mandate(household_of(request), language.pick(request))
        return error_page(request, 404) if view is None else _pause(request, pages, view, until)

    @router.post("/slots/{slot_id}/pause")
    def pause_slot(request: Request, slot_id: str, until: Annotated[str, Form()] = "") -> Response:
        view = pages.slot_mandate(slot_id, language.pick(request))
        return error_page(request, 404) if view is None else _pause(request, pages, view, until)

    @router.get("/pause")
    def reload_of_home_pause() -> Response:
        return RedirectResponse(HOME, 303)

    @router.get("/slots/{slot_id}/pause")
    def reload_of_slot_pause(slot_id: str) -> Response:
        return RedirectResponse(path_of(slot_id), 303)


def _pause(request: Request, pages: MandatePages, view: MandateView, until: str) -> Response:
    lang, errors = language.pick(request), dict[str, str]()
    day = forms.read_pause(until, view.today, lang, errors)
    if errors:
        typed = forms.with_errors(forms.typed_from(view), errors)
        return _page(request, pages, view, lang, typed, 422)
    viewer = viewer_of(request)
    pages.pause(viewer.household_id, view.slot_id, day, viewer.name)
    notice = "resumed" if day is None else "paused"
    return RedirectResponse(f"{path_of(view.slot_id)}?notice={notice}", 303)


def _add_trial_routes(router: APIRouter, pages: MandatePages) -> None:
    @router.get(TRIAL)
    def trial(request: Request) -> Response:
        return _trial_page(request, pages)

    @router.post("/slots/{slot_id}/turn-on")
    def turn_on(request: Request, slot_id: str, mode: Annotated[str, Form()] = "") -> Response:
        chosen = next((choice for choice in _TURNED_ON if choice == mode), None)
        if chosen is None:
            return error_page(request, 400)
        try:
            pages.turn_on(slot_id, chosen, viewer_of(request).name)
        except Refused as refusal:
            said = refusal_text(refusal.message, language.pick(request))
            return _trial_page(request, pages, 409, said)
        return RedirectResponse(f"{TRIAL}?notice=turned_on", 303)

    @router.get("/slots/{slot_id}/turn-on")
    def reload_of_turn_on(slot_id: str) -> Response:
        return RedirectResponse(TRIAL, 303)


def path_of(slot_id: str | None) -> str:
    """The address of a mandate's page."""
    return HOME if slot_id is None else f"/slots/{slot_id}/mandate"


def _typed(sent: FormData) -> forms.TypedMandate:
    def text(name: str) -> str:
        value = sent.get(name, "")
        return value if isinstance(value, str) else ""

    rows = [
        (text(f"item-{n}"), text(f"name-{n}"), text(f"pack-{n}"), text(f"shop-{n}"))
        for n in range(forms.PRODUCT_ROWS)
    ]
    return forms.TypedMandate(
        mode=text("mode"),
        price_cap=text("price_cap"),
        over_percent=text("over_percent"),
        budget=text("budget"),
        substitution=text("substitution"),
        every_shop=text("every_shop"),
        shops=tuple(value for value in sent.getlist("shops") if isinstance(value, str)),
        quiet_from=text("quiet_from"),
        quiet_until=text("quiet_until"),
        valid_until=text("valid_until"),
        basket_days=text("basket_days"),
        products=tuple(rows),
    )


def _page(
    request: Request,
    pages: MandatePages,
    view: MandateView,
    lang: Lang,
    typed: forms.TypedMandate | None = None,
    status: int = 200,
) -> Response:
    values: Mapping[str, object] = {
        "mandate": view,
        "typed": typed or forms.typed_from(view),
        "substitutions": forms.SUBSTITUTIONS,
        "product_rows": forms.PRODUCT_ROWS,
    }
    return page(
        request,
        "mandate.html",
        lang=lang,
        here=path_of(view.slot_id),
        now=pages.now(),
        tz=view.tz,
        status=status,
        values=values,
    )


def _trial_page(
    request: Request, pages: MandatePages, status: int = 200, refused: str | None = None
) -> Response:
    lang = language.pick(request)
    view = pages.trial(household_of(request), lang)
    return page(
        request,
        "trial.html",
        lang=lang,
        here=TRIAL,
        now=pages.now(),
        tz=view.tz,
        status=status,
        values={"trial": view, "refused": refused},
    )
