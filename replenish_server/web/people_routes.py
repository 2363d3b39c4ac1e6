"""The routes of the pages about people: signing in, people, sessions, devices, notices."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from replenish_server.web import language
from replenish_server.web.errors import error_page
from replenish_server.web.gate import forget, keep_signed_in, viewer_of
from replenish_server.web.people_views import PeoplePages
from replenish_server.web.phrases import translate
from replenish_server.web.rendering import own_path, page, refusal_text
from replenish_server.web.views import Refused

ON_HOME: Final = 3
ROLES: Final = ("adult", "child", "guest", "helper", "owner")
_IN_INBOX: Final = 100
_PEOPLE: Final = "/people"


def add_people_routes(router: APIRouter, people: PeoplePages, public_url: str | None) -> None:
    """Everything about people.

    Args:
        router: takes the routes.
        people: the port.
        public_url: how other devices reach this server; None means as this browser does.
    """
    _add_sign_in_routes(router, people)
    _add_person_routes(router, people, public_url)
    _add_session_routes(router, people)
    _add_notice_routes(router, people)
    _add_wish_routes(router, people)


def _browser(request: Request) -> str:
    return request.headers.get("user-agent", "")


def _signed_in(request: Request, token: str, to: str) -> Response:
    response = RedirectResponse(own_path(to), 303)
    keep_signed_in(response, token, secure=request.url.scheme == "https")
    return response


def _add_sign_in_routes(router: APIRouter, people: PeoplePages) -> None:
    @router.get("/sign-in")
    def sign_in(request: Request, to: str = "/") -> Response:
        return _sign_in_page(request, people, to)

    @router.post("/sign-in")
    def sign_in_by_pin(
        request: Request,
        person_id: Annotated[str, Form()] = "",
        pin: Annotated[str, Form()] = "",
        to: Annotated[str, Form()] = "/",
    ) -> Response:
        answer = people.try_pin(person_id, pin.strip(), _browser(request))
        if answer.token is not None:
            return _signed_in(request, answer.token, to)
        lang = language.pick(request)
        if answer.locked_until is None:
            return _sign_in_page(request, people, to, translate(lang, "sign_in.wrong"), 403, person_id)
        minutes = max(1, -(-int((answer.locked_until - people.now()).total_seconds()) // 60))
        said = translate(lang, "sign_in.locked", n=minutes)
        response = _sign_in_page(request, people, to, said, 429, person_id)
        response.headers["retry-after"] = str(60 * minutes)
        return response

    @router.get("/sign-in/{token}")
    def invited(request: Request, token: str) -> Response:
        return _invited_page(request, people, token)

    @router.post("/sign-in/{token}")
    def sign_in_by_link(request: Request, token: str) -> Response:
        started = people.use_link(token, _browser(request))
        if started is None:
            return _invited_page(request, people, token)
        return _signed_in(request, started, "/")

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        if request.state.viewer is not None:
            people.sign_out(request.state.viewer)
        response = RedirectResponse("/", 303)
        forget(response, secure=request.url.scheme == "https")
        return response

    @router.get("/sign-out")
    def reload_of_sign_out() -> Response:
        return RedirectResponse("/", 303)


def _sign_in_page(
    request: Request,
    people: PeoplePages,
    to: str,
    wrong: str | None = None,
    status: int = 200,
    chosen: str = "",
) -> HTMLResponse:
    return page(
        request,
        "sign_in.html",
        lang=language.pick(request),
        here="/sign-in",
        status=status,
        values={"people": people.with_pin(), "to": own_path(to), "wrong": wrong, "chosen": chosen},
    )


def _invited_page(request: Request, people: PeoplePages, token: str) -> HTMLResponse:
    """Asks before it signs in: a preview of the link must not use it up."""
    name = people.invited(token)
    return page(
        request,
        "invited.html",
        lang=language.pick(request),
        here="/sign-in",
        status=200 if name is not None else 410,
        values={"name": name, "token": token},
    )


def _add_person_routes(router: APIRouter, people: PeoplePages, public_url: str | None) -> None:
    @router.get(_PEOPLE)
    def all_people(request: Request) -> Response:
        return _people_page(request, people)

    @router.post(_PEOPLE)
    def add_person(
        request: Request, name: Annotated[str, Form()] = "", role: Annotated[str, Form()] = ""
    ) -> Response:
        return _do(
            request,
            people,
            lambda: people.add_person(viewer_of(request), name, role, _browser(request)),
            "person_added",
        )

    @router.post("/people/{person_id}/remove")
    def remove_person(request: Request, person_id: str) -> Response:
        return _do(
            request, people, lambda: people.remove_person(viewer_of(request), person_id), "person_removed"
        )

    @router.post("/people/{person_id}/link")
    def create_link(request: Request, person_id: str) -> Response:
        lang = language.pick(request)
        try:
            name, token = people.create_link(viewer_of(request), person_id)
        except Refused as refusal:
            return _people_page(request, people, refusal_text(refusal.message, lang), 409)
        base = public_url or f"{request.url.scheme}://{request.headers['host']}"
        link = f"{base}/sign-in/{token}"
        import segno  # a link is made now and then

        code = segno.make_qr(link, error="m").svg_inline(scale=6, border=3, light="#fff", dark="#000")
        return page(
            request,
            "sign_in_link.html",
            lang=lang,
            here=_PEOPLE,
            values={"name": name, "link": link, "code": Markup(code)},  # noqa: S704 - drawn here, from a URL
        )

    @router.post("/people/{person_id}/pin")
    def set_pin(request: Request, person_id: str, pin: Annotated[str, Form()] = "") -> Response:
        return _do(
            request,
            people,
            lambda: people.set_pin(viewer_of(request), person_id, pin.strip(), _browser(request)),
            "pin_set" if pin.strip() else "pin_removed",
        )

    @router.get("/people/{person_id}/{action}")
    def reload_of_a_person(request: Request, person_id: str, action: str) -> Response:
        if action not in ("remove", "link", "pin"):
            return error_page(request, 404)
        return RedirectResponse(_PEOPLE, 303)


def _add_session_routes(router: APIRouter, people: PeoplePages) -> None:
    @router.post("/sessions/{session_id}/end")
    def end_session(request: Request, session_id: str) -> Response:
        return _do(
            request, people, lambda: people.end_session(viewer_of(request), session_id), "session_ended"
        )

    @router.post("/devices/{device_id}/person")
    def give_device(request: Request, device_id: str, person_id: Annotated[str, Form()] = "") -> Response:
        return _do(
            request,
            people,
            lambda: people.give_device(viewer_of(request), device_id, person_id),
            "device_given",
        )

    @router.get("/sessions/{session_id}/end")
    @router.get("/devices/{device_id}/person")
    def reload_of_a_session() -> Response:
        return RedirectResponse(_PEOPLE, 303)


def _people_page(
    request: Request, people: PeoplePages, refused: str | None = None, status: int = 200
) -> HTMLResponse:
    view = people.people(viewer_of(request))
    return page(
        request,
        "people.html",
        lang=language.pick(request),
        here=_PEOPLE,
        now=people.now(),
        tz=view.tz,
        status=status,
        values={"view": view, "refused": refused, "roles": ROLES},
    )


def _do(request: Request, people: PeoplePages, act: Callable[[], str | None], notice: str) -> Response:
    """Does one thing; refused, it shows the page with the reason. A token signs this browser in."""
    try:
        token = act()
    except Refused as refusal:
        said = refusal_text(refusal.message, language.pick(request))
        return _people_page(request, people, said, 409)
    response = RedirectResponse(f"{_PEOPLE}?notice={notice}", 303)
    if token is not None:
        keep_signed_in(response, token, secure=request.url.scheme == "https")
    return response


def _add_notice_routes(router: APIRouter, people: PeoplePages) -> None:
    @router.get("/notices")
    def inbox(request: Request) -> Response:
        lang = language.pick(request)
        view = people.inbox(viewer_of(request), lang, _IN_INBOX)
        return page(
            request,
            "notices.html",
            lang=lang,
            here="/notices",
            now=people.now(),
            tz=view.tz,
            values={"inbox": view},
        )

    @router.post("/notices/seen")
    def see_notices(request: Request, until: Annotated[str, Form()] = "") -> Response:
        try:
            moment = datetime.fromisoformat(until)
        except ValueError:
            return error_page(request, 400)
        if moment.tzinfo is None:
            return error_page(request, 400)
        people.see_notices(viewer_of(request), moment)
        return RedirectResponse("/notices", 303)

    @router.get("/notices/seen")
    def reload_of_seen() -> Response:
        return RedirectResponse("/notices", 303)


def _add_wish_routes(router: APIRouter, people: PeoplePages) -> None:
    @router.post("/slots/{slot_id}/order")
    def order_now(request: Request, slot_id: str, wish: Annotated[str, Form(max_length=60)] = "") -> Response:
        viewer = viewer_of(request)
        if not wish:
            return error_page(request, 400)
        try:
            order_id, outcome = people.order_now(viewer, slot_id, f"{viewer.person_id or 'home'}:{wish}")
        except Refused:
            return error_page(request, 404)
        if not viewer.may("see"):
            return RedirectResponse(f"/?notice=wish_{outcome}", 303)
        path = f"/slots/{quote(slot_id, safe='')}" if order_id is None else f"/orders/{order_id}"
        return RedirectResponse(f"{path}?notice=wish_{outcome}", 303)

    @router.get("/slots/{slot_id}/order")
    def reload_of_a_wish(slot_id: str) -> Response:
        return RedirectResponse(f"/slots/{quote(slot_id, safe='')}", 303)
