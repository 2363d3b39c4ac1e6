"""The operator's pages at /fleet: devices with filters, pages and CSV, one device, and rollouts to steer.

Operators sign in here with a token of their own; nobody's household session opens these pages, and theirs
opens no other (docs/adr on operators).
"""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from replenish_server.fleet.units import OF_KIND
from replenish_server.operations.fleet_report import SIGNS, STATES, FleetFilter
from replenish_server.web import language
from replenish_server.web.errors import error_page
from replenish_server.web.fleet import PAGE_ROWS, DatabaseFleet
from replenish_server.web.form_route import FormRoute
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.rendering import page
from replenish_server.web.secret_sign_in import SecretSignIn, Words

COOKIE: Final = "replenish_operator"
_FILTERS: Final = ("state", "kind", "firmware", "sign", "device")
_LONGEST: Final = 40
_MOST_PAGES: Final = 100_000

_WORDS: Final = Words(
    "fleet.sign_in", "fleet.token", "fleet.token_hint", "fleet.enter", "fleet.too_often", "fleet.wrong_token"
)


def build_fleet_pages(fleet: DatabaseFleet, tries: RateLimit) -> APIRouter:
    """The operator's routes.

    Args:
        fleet: what they read and do.
        tries: how often one address may try to sign in.
    """
    router = APIRouter(route_class=FormRoute, include_in_schema=False)
    door = SecretSignIn("fleet", "token", COOKIE, _WORDS, fleet, tries)
    door.add_routes(router)

    @router.get("/fleet")
    def home(request: Request) -> Response:
        name = _operator(fleet, request)
        return door.page(request) if name is None else _list_page(fleet, request, name)

    @router.get("/fleet/devices.csv")
    def as_csv(request: Request) -> Response:
        if _operator(fleet, request) is None:
            return door.page(request, status=401)
        headers = {"content-disposition": 'attachment; filename="fleet.csv"', "cache-control": "no-store"}
        return Response(fleet.csv(_filter(request)), media_type="text/csv; charset=utf-8", headers=headers)

    @router.get("/fleet/devices/{device_id}")
    def device(request: Request, device_id: str) -> Response:
        name = _operator(fleet, request)
        if name is None:
            return door.page(request, status=401)
        view = fleet.device(device_id)
        if view is None:
            return error_page(request, 404)
        here = f"/fleet/devices/{view.row.device_id}"
        return _page(fleet, request, "fleet_device.html", here, {"view": view, "operator": name})

    @router.post("/fleet/rollouts/{rollout_id}")
    def steer(request: Request, rollout_id: str, deed: Annotated[str, Form(max_length=10)] = "") -> Response:
        name = _operator(fleet, request)
        if name is None:
            return door.page(request, status=401)
        try:
            why = fleet.steer(rollout_id, deed)
        except KeyError:
            return error_page(request, 400)
        if why is not None:
            return _list_page(fleet, request, name, why)
        return RedirectResponse("/fleet?notice=rollout_steered", 303)

    @router.get("/fleet/rollouts/{rollout_id}")
    def reload_of_a_form() -> Response:
        return RedirectResponse("/fleet", 303)

    return router


def _operator(fleet: DatabaseFleet, request: Request) -> str | None:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    known = bearer.strip() if scheme.lower() == "bearer" and request.method == "GET" else ""
    return fleet.operator(request.cookies.get(COOKIE, ""), known)


def _filter(request: Request) -> FleetFilter:
    """What the query string asks for; what it cannot mean is as if it were not there."""
    asked = {name: request.query_params.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    for name, known in (("state", STATES), ("kind", tuple(OF_KIND)), ("sign", SIGNS)):
        if asked[name] not in known:
            asked[name] = ""
    return FleetFilter(**asked)


def _list_page(fleet: DatabaseFleet, request: Request, name: str, refused: str | None = None) -> Response:
    wanted = _filter(request)
    asked = request.query_params.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    number = min(max(1, number), _MOST_PAGES)
    view = fleet.fleet(wanted, number)
    query = urlencode({key: value for key in _FILTERS if (value := getattr(wanted, key))})
    pages = max(1, -(-view.found // PAGE_ROWS))
    values = {
        "view": view,
        "wanted": wanted,
        "query": query,
        "number": number,
        "pages": pages,
        "states": STATES,
        "kinds": tuple(OF_KIND),
        "signs": SIGNS,
        "operator": name,
        "refused": refused,
    }
    return _page(fleet, request, "fleet.html", "/fleet", values, 200 if refused is None else 409)


def _page(
    fleet: DatabaseFleet,
    request: Request,
    template: str,
    here: str,
    values: dict[str, Any],
    status: int = 200,
) -> Response:
    # Not live: a page over thousands of devices is read when somebody asks for it.
    return page(
        request,
        template,
        lang=language.pick(request),
        here=here,
        now=fleet.now(),
        status=status,
        values={"home_link": "/fleet", "live": False, **values},
    )
