"""Who stands before a page, and whether they may: asked once for every request, before its route runs.

Fail closed: a form that is not listed needs the right to change settings, an id in a path that is not listed
belongs to nobody.
"""

from typing import Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from replenish_server.web.errors import error_page
from replenish_server.web.form_route import FormRoute
from replenish_server.web.people_views import PeoplePages, Viewer

COOKIE: Final = "replenish_session"
COOKIE_MAX_AGE_S: Final = 180 * 24 * 3600

# What a form needs; any other form needs "settings".
FORM_ACTS: Final[dict[str, str]] = {
    "/orders/{order_id}/approve": "approve",
    "/orders/{order_id}/cancel": "cancel",
    "/orders/{order_id}/leave": "approve",
    "/orders/{order_id}/skip": "cancel",
    "/orders/{order_id}/take-up": "approve",
    "/orders/{order_id}/in-box": "stock",
    "/orders/{order_id}/received": "stock",
    "/orders/{order_id}/never-arrived": "stock",
    "/orders/{order_id}/at-retailer": "approve",
    "/orders/{order_id}/withdraw": "cancel",
    "/stop": "cancel",
    "/go": "approve",
    "/orders/{order_id}/bought": "spend",
    "/orders/{order_id}/arrived": "stock",
    "/slots/{slot_id}/order": "ask",
    "/slots/{slot_id}/fitted": "stock",
    "/slots/{slot_id}/spare": "stock",
    "/notices/seen": "approve",  # a child must not hide from an adult what it asked for
    "/people": "people",
    "/people/{person_id}/remove": "people",
    "/people/{person_id}/link": "people",
    "/people/{person_id}/pin": "see",  # one's own; the use case refuses another's but to an owner
    "/sessions/{session_id}/end": "see",  # the same
    "/devices/{device_id}/person": "people",
}
# Pages for somebody who may only ask; any other page needs "see".
PAGE_ACTS: Final[dict[str, str]] = {"/": "ask"}
# For whoever comes: a way in, and out.
FOR_ALL: Final = frozenset({"/sign-in", "/sign-in/{token}", "/sign-out", "/language/{lang}"})
# Fields that no page repeats.
_SECRETS: Final = frozenset({"pin", "token"})
# Parts of a path that name nothing of a household.
NAMES_NOTHING: Final = frozenset({"lang", "token", "action"})


class PageRoute(FormRoute):
    """A route of a household's page: besides, who may not is told so, and what is another household's is
    not there."""

    async def refusal(self, request: Request) -> Response | None:
        """Why this request goes no further, or None."""
        return await _refusal(request, self.path_format)


async def _refusal(request: Request, path: str) -> Response | None:
    """Why this request goes no further, or None; notes who it is for the route and the page."""
    people: PeoplePages = request.app.state.people
    viewer = await run_in_threadpool(people.viewer, request.cookies.get(COOKIE))
    request.state.viewer = viewer
    if path in FOR_ALL:
        return None
    if viewer is None:
        if request.method == "GET":
            return RedirectResponse(f"/sign-in?to={quote(request.url.path, safe='/')}", 303)
        return await _signed_out(request)
    act = needed(request.method, path)
    # "ask" alone opens the home page; who may see may also look there.
    if not viewer.may(act) and not (act == "ask" and request.method == "GET" and viewer.may("see")):
        return error_page(request, "role")
    named = {key: str(value) for key, value in request.path_params.items() if key not in NAMES_NOTHING}
    if named and not await run_in_threadpool(people.owns, viewer.household_id, named):
        return error_page(request, 404)
    return None


async def _signed_out(request: Request) -> Response:
    """Nothing was changed, and what was typed comes back: it is sent again once somebody has signed in."""
    async with request.form(max_files=0) as form:
        typed = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    secret = any(name in _SECRETS for name, _ in typed)
    return error_page(request, 401, () if secret else typed)


def needed(method: str, path: str) -> str:
    """The right that a request needs."""
    if method in ("GET", "HEAD"):
        return PAGE_ACTS.get(path, "see")
    return FORM_ACTS.get(path, "settings")


def viewer_of(request: Request) -> Viewer:
    """Who asks; known for every request that reached a route not in `FOR_ALL`.

    Raises:
        LookupError: nobody is known; the gate lets no such request through.
    """
    viewer: Viewer | None = request.state.viewer
    if viewer is None:
        raise LookupError("a page was reached without a viewer")
    return viewer


def household_of(request: Request) -> str | None:
    """The household of who asks, None while there is none on this server."""
    return viewer_of(request).household_id or None


def keep_signed_in(response: Response, token: str, *, secure: bool) -> None:
    """Keeps a session's token where no script and no other site can use it."""
    response.set_cookie(
        COOKIE, token, max_age=COOKIE_MAX_AGE_S, httponly=True, samesite="lax", secure=secure, path="/"
    )


def forget(response: Response, *, secure: bool) -> None:
    """Takes the session's token away again."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=secure, path="/")
