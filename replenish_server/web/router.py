"""The routes of the household's pages, and how an application takes them in.

Each route reads one request, calls the port `HouseholdPages` once or twice and renders. It must never open a
transaction, hold state between requests, or change anything on GET (but the language cookie).
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from replenish_server.web import forms, language
from replenish_server.web.errors import error_page, install_error_pages
from replenish_server.web.formats import quantity
from replenish_server.web.gate import PageRoute, household_of, viewer_of
from replenish_server.web.people_routes import ON_HOME, add_people_routes
from replenish_server.web.people_views import PeoplePages
from replenish_server.web.phrases import translate
from replenish_server.web.rendering import STATIC_DIR, own_path, page, refusal_text, remember
from replenish_server.web.security import (
    LOOPBACK_HOSTS,
    HostAllowList,
    SecurityHeaders,
)
from replenish_server.web.views import HouseholdPages, Lang, OrderView, Refused, SlotView


def build_router(pages: HouseholdPages, people: PeoplePages, public_url: str | None = None) -> APIRouter:
    """The pages' routes over their two ports. They are no part of the JSON API: OpenAPI leaves them out."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/")
    def home(request: Request) -> Response:
        lang = language.pick(request)
        viewer = viewer_of(request)
        view = pages.home(lang, household_of(request))
        return page(
            request,
            "home.html" if viewer.may("see") else "guest.html",
            lang=lang,
            here="/",
            now=pages.now(),
            tz=view.tz,
            values={
                "home": view,
                "inbox": people.inbox(viewer, lang, ON_HOME),
            },
        )

    @router.get("/language/{lang}")
    def choose_language(request: Request, lang: str, to: str = "/") -> Response:
        chosen = language.known(lang)
        if chosen is None:
            return error_page(request, 404)
        response = RedirectResponse(own_path(to), 303)
        remember(response, chosen, secure=request.url.scheme == "https")
        return response

    _add_slot_routes(router, pages)
    _add_order_routes(router, pages)
    add_people_routes(router, people, public_url)
    return router


def _add_slot_routes(router: APIRouter, pages: HouseholdPages) -> None:
    @router.get("/slots/{slot_id}")
    def slot(request: Request, slot_id: str) -> Response:
        lang = language.pick(request)
        view = pages.slot(slot_id, lang)
        if view is None:
            return error_page(request, 404)
        return _slot_page(pages, request, lang, view, forms.typed_from(view))

    @router.post("/slots/{slot_id}/rules")
    def set_rules(
        request: Request,
        slot_id: str,
        threshold: Annotated[str, Form()] = "",
        mode: Annotated[str, Form()] = "",
        price_cap: Annotated[str, Form()] = "",
        timing: Annotated[str, Form()] = "balanced",
        version: Annotated[str, Form()] = "",
    ) -> Response:
        lang = language.pick(request)
        view = pages.slot(slot_id, lang)
        if view is None:
            return error_page(request, 404)
        typed = forms.TypedRules(threshold, mode, price_cap, timing=timing)
        rules = forms.read_rules(typed, view, lang)
        if isinstance(rules, forms.TypedRules):
            return _slot_page(pages, request, lang, view, rules, status=422)
        try:
            pages.set_rules(slot_id, replace(rules, version=version), viewer_of(request).name)
        except Refused as refusal:
            said, changed = refusal_text(refusal.message, lang), refusal.message == "rules_changed"
            now = pages.slot(slot_id, lang) or view
            return _slot_page(pages, request, lang, now, typed, status=412 if changed else 409, refused=said)
        return _see(slot_path(slot_id), "rules_saved")

    @router.post("/slots/{slot_id}/spare")
    def correct_spare(request: Request, slot_id: str, spare: Annotated[str, Form()] = "") -> Response:
        lang = language.pick(request)
        view = pages.slot(slot_id, lang)
        if view is None:
            return error_page(request, 404)
        packs = forms.read_packs(spare)
        if packs is None:
            typed = replace(forms.typed_from(view), errors={"spare": translate(lang, "error.spare")})
            return _slot_page(pages, request, lang, view, typed, status=422)
        return _change(
            pages, request, lang, view, partial(pages.correct_spare, slot_id, packs), "spare_saved"
        )

    @router.post("/slots/{slot_id}/fitted")
    def fitted(
        request: Request,
        slot_id: str,
        what: Annotated[str, Form()] = "",
        remaining: Annotated[str, Form()] = "",
    ) -> Response:
        lang = language.pick(request)
        view = pages.slot(slot_id, lang)
        if view is None:
            return error_page(request, 404)
        left = None if what == "new" else forms.read_remaining(remaining, view)
        if what != "new" and left is None:
            most = quantity(view.capacity or 0, view.unit, lang)
            errors = {"remaining": translate(lang, "error.remaining", capacity=most)}
            typed = replace(forms.typed_from(view), errors=errors)
            return _slot_page(pages, request, lang, view, typed, status=422)
        return _change(pages, request, lang, view, partial(pages.fit_unit, slot_id, left), "fitted_saved")

    @router.get("/slots/{slot_id}/fitted")
    @router.get("/slots/{slot_id}/spare")
    @router.get("/slots/{slot_id}/rules")
    def reload_of_a_refused_form(slot_id: str) -> Response:
        return RedirectResponse(slot_path(slot_id), 303)


def _add_order_routes(router: APIRouter, pages: HouseholdPages) -> None:
    @router.get("/orders/{order_id}")
    def order(request: Request, order_id: str) -> Response:
        lang = language.pick(request)
        view = pages.order(order_id, lang)
        return error_page(request, 404) if view is None else _order_page(pages, request, lang, view)

    @router.post("/orders/{order_id}/approve")
    def approve(request: Request, order_id: str, offer: Annotated[str, Form()] = "") -> Response:
        lang = language.pick(request)
        view = pages.order(order_id, lang)
        if view is None:
            return error_page(request, 404)
        shown = forms.offer_of(view)
        if view.can_approve and (shown is None or shown.tag != offer):
            return _see(order_path(order_id), "offer_changed")
        ceiling_minor = 0 if shown is None else shown.amount_minor

        def agree(order_id: str) -> None:
            pages.approve(order_id, ceiling_minor, viewer_of(request).name)

        return _act(pages, request, lang, view, action=agree, notice="approved")

    @router.post("/orders/{order_id}/cancel")
    def cancel(request: Request, order_id: str) -> Response:
        lang = language.pick(request)
        view = pages.order(order_id, lang)
        if view is None:
            return error_page(request, 404)

        def stop(order_id: str) -> None:
            pages.cancel(order_id, viewer_of(request).name)

        return _act(pages, request, lang, view, action=stop, notice="canceled")

    @router.get("/orders/{order_id}/{action}")
    def reload_of_a_refused_order(request: Request, order_id: str, action: str) -> Response:
        if action not in ("approve", "cancel"):
            return error_page(request, 404)
        return RedirectResponse(order_path(order_id), 303)


def _slot_page(
    pages: HouseholdPages,
    request: Request,
    lang: Lang,
    view: SlotView,
    typed: forms.TypedRules,
    *,
    status: int = 200,
    refused: str | None = None,
) -> HTMLResponse:
    return page(
        request,
        "slot.html",
        lang=lang,
        here=slot_path(view.slot_id),
        now=pages.now(),
        tz=view.tz,
        status=status,
        values={"slot": view, "typed": typed, "refused": refused},
    )


def _change(
    pages: HouseholdPages,
    request: Request,
    lang: Lang,
    view: SlotView,
    wish: Callable[[], None],
    notice: str,
) -> Response:
    """Does one thing to a slot; refused, it shows the slot with the reason, as 409."""
    try:
        wish()
    except Refused as refusal:
        said = refusal_text(refusal.message, lang)
        return _slot_page(pages, request, lang, view, forms.typed_from(view), status=409, refused=said)
    return _see(slot_path(view.slot_id), notice)


def _order_page(
    pages: HouseholdPages,
    request: Request,
    lang: Lang,
    view: OrderView,
    *,
    status: int = 200,
    refused: str | None = None,
) -> HTMLResponse:
    return page(
        request,
        "order.html",
        lang=lang,
        here=order_path(view.order_id),
        now=pages.now(),
        tz=view.tz,
        status=status,
        values={"order": view, "refused": refused},
    )


def _act(
    pages: HouseholdPages,
    request: Request,
    lang: Lang,
    view: OrderView,
    *,
    action: Callable[[str], None],
    notice: str,
) -> Response:
    """Does one thing to an order; refused, it shows the order as it is now, with the reason, as 409."""
    try:
        action(view.order_id)
    except Refused as refusal:
        current = pages.order(view.order_id, lang) or view
        said = refusal_text(refusal.message, lang)
        return _order_page(pages, request, lang, current, status=409, refused=said)
    return _see(order_path(view.order_id), notice)


def _see(path: str, notice: str) -> Response:
    return RedirectResponse(f"{path}?notice={notice}", 303)


def slot_path(slot_id: str) -> str:
    """The address of a slot's page."""
    return f"/slots/{quote(slot_id, safe='')}"


def order_path(order_id: str) -> str:
    """The address of an order's page."""
    return f"/orders/{quote(order_id, safe='')}"


def install_pages(
    app: FastAPI,
    pages: HouseholdPages,
    people: PeoplePages,
    *,
    allowed_hosts: Collection[str] = LOOPBACK_HOSTS,
    public_url: str | None = None,
) -> None:
    """Puts the pages on an application that listens by itself, with host allow-list and headers.

    Args:
        app: the application; call this before it starts.
        pages: the port behind the pages.
        people: the port behind the pages about people.
        public_url: how other devices reach this server; None means as the asking browser does.
        allowed_hosts: names the server answers under, without port; IPv6 addresses in brackets.
    """
    app.include_router(build_router(pages, people, public_url))
    settle_pages(app, people)
    app.add_middleware(HostAllowList, allowed=allowed_hosts, refuse=lambda c: error_page(c, "host"))
    app.add_middleware(SecurityHeaders)


def settle_pages(app: FastAPI, people: PeoplePages) -> None:
    """Gives an application that has the pages' routes what they need: gate, static files, error pages."""
    app.state.people = people  # the gate of every page asks it, see `gate.PageRoute`
    app.mount("/static", StaticFiles(directory=STATIC_DIR), name="static")
    install_error_pages(app)
