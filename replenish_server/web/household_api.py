"""The household's API under /api/v1: tokens, problem details, cursors, keys. `api_desk` does the work."""

import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from replenish_server.households.idempotency import Call, InFlight, KeyReused
from replenish_server.households.people import Act, Actor
from replenish_server.ordering.orders import NotAllowed
from replenish_server.ordering.states import State
from replenish_server.replenishment.pausing import PauseRefused
from replenish_server.replenishment.thresholds import ThresholdRefused
from replenish_server.web import api_models as models
from replenish_server.web.api_desk import ApiDesk, MayNot, NotHere, Stale
from replenish_server.web.api_reading import CursorRefused
from replenish_server.web.language import from_header
from replenish_server.web.retail_problems import MEDIA_TYPE, Problem, install_problems, problem_response
from replenish_server.web.views import Lang

MAX_BODY_BYTES = 16 * 1024
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_DESCRIPTION = """See what runs out and why, order, approve, cancel, pause.

Every request carries `Authorization: Bearer rpt_...`, made with `replenish token create`; it may what its
person may, within its scopes. Sentences come in the language of `Accept-Language` (English or Korean). Every
POST that orders carries an `Idempotency-Key`: the same key with the same request is answered as the first
time (`Idempotent-Replayed: true`), with another request it is refused (422), while the first one runs it is
refused (409). What belongs to another household is not there (404)."""

_PROBLEM: dict[str, Any] = {
    "model": models.ProblemDetails,
    "content": {MEDIA_TYPE: {}},
}


_BODY = (411, 413, 415)


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    said = {
        400: "the cursor or the key is not one, or the key is missing",
        401: "no token, or one that does not work",
        403: "the role or the scopes do not allow it",
        404: "there is nothing here",
        409: "not possible now, or the first request with this key still runs",
        411: "the length of the body is missing",
        412: "somebody changed it since; get it again",
        413: "the body is too large",
        415: "the body is said not to be JSON",
        428: "If-Match is missing",
        503: "nothing can be kept now; send it again after Retry-After",
        422: "the request is not as described, or its key was used for another one",
    }
    return {status: {**_PROBLEM, "description": said[status]} for status in statuses}


def _caller(request: Request) -> Actor:
    """For whom the request acts.

    Raises:
        Problem: 401, there is no token or it does not work.
    """
    desk: ApiDesk = request.app.state.desk
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    actor = desk.actor(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
    if actor is None:
        raise Problem(
            401,
            "unauthorized",
            "send Authorization: Bearer with a token from `replenish token create`",
            {"www-authenticate": 'Bearer realm="replenish"'},
        )
    return actor


def _language(request: Request) -> Lang:
    return from_header(request.headers.get("accept-language", "")) or "en"


Who = Annotated[Actor, Depends(_caller)]
Speech = Annotated[Lang, Depends(_language)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=300)]
SlotIdText = Annotated[str, Path(max_length=60)]
Seen = Annotated[str | None, Header(alias="If-Match", max_length=300)]
OrderIdText = Annotated[str, Path(max_length=60)]
KeyText = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        examples=["0b7c6c5e-5a0c-4a4e-9f0e-2c1d7f1f1a11"],
        max_length=255,
        json_schema_extra={"pattern": "^[!-~]+$"},
    ),
]


def build_household_api(desk: ApiDesk) -> FastAPI:
    """The application to be mounted at /api/v1."""
    app = FastAPI(
        title="Replenish: household",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": "/api/v1"}],
    )
    app.state.desk = desk
    install_problems(app, MAX_BODY_BYTES)
    _install_refusals(app)
    router = APIRouter(responses=_problems(401, 422, 503))
    _add_reading_routes(router, desk)
    _add_order_routes(router, desk)
    app.include_router(router)
    return app


def _install_refusals(app: FastAPI) -> None:
    @app.exception_handler(NotHere)
    def on_not_here(_request: Request, _error: NotHere) -> Response:
        return problem_response(404, "not_found", "there is nothing here")

    @app.exception_handler(MayNot)
    def on_may_not(_request: Request, error: MayNot) -> Response:
        return problem_response(403, "forbidden", f"this token may not {error}; ask an adult or the owner")

    @app.exception_handler(CursorRefused)
    def on_cursor(_request: Request, _error: CursorRefused) -> Response:
        return problem_response(400, "cursor", "send next_cursor as it was given, or none to begin anew")

    @app.exception_handler(NotAllowed)
    def on_not_allowed(_request: Request, error: NotAllowed) -> Response:
        return problem_response(409, "not_possible", str(error))

    @app.exception_handler(PauseRefused)
    def on_pause(_request: Request, error: PauseRefused) -> Response:
        return problem_response(422, "invalid", str(error))

    @app.exception_handler(ThresholdRefused)
    def on_threshold(_request: Request, error: ThresholdRefused) -> Response:
        return problem_response(422, error.code, str(error))

    @app.exception_handler(Stale)
    def on_stale(_request: Request, error: Stale) -> Response:
        if error.unsaid:
            return problem_response(428, "if_match", "send the ETag of what you saw as If-Match")
        return problem_response(412, "changed", "somebody changed it meanwhile; get it again, then decide")

    @app.exception_handler(KeyReused)
    def on_reused(_request: Request, _error: KeyReused) -> Response:
        return problem_response(
            422, "idempotency_key_reused", "this Idempotency-Key was used for another request; send a new one"
        )

    @app.exception_handler(InFlight)
    def on_in_flight(_request: Request, _error: InFlight) -> Response:
        return problem_response(
            409,
            "idempotency_in_flight",
            "the first request with this Idempotency-Key still runs; ask again in a moment",
            {"retry-after": "1"},
        )


def _add_reading_routes(router: APIRouter, desk: ApiDesk) -> None:
    @router.get("/me", responses=_problems(401))
    def me(who: Who) -> models.Caller:
        """For whom this token acts, and what it may."""
        return models.Caller(
            person_id=who.person_id,
            name=who.name,
            role=who.role.value,
            may=sorted(act.value for act in Act if who.may(act)),
            household_id=who.household_id,
        )

    @router.get("/households", responses=_problems(401, 403))
    def households(who: Who) -> models.PageOf[models.Household]:
        """The household of this token."""
        return models.PageOf(items=[desk.household(who)], next_cursor=None)

    @router.get("/households/{household_id}", responses=_problems(401, 403, 404))
    def household(who: Who, household_id: Annotated[str, Path(max_length=60)]) -> models.Household:
        """One household."""
        if household_id != who.household_id:
            raise NotHere(household_id)
        return desk.household(who)

    @router.get("/slots", responses=_problems(400, 401, 403, 422))
    def slots(who: Who, lang: Speech, limit: Limit = 50, cursor: Cursor = None) -> models.PageOf[models.Slot]:
        """Every slot: stock position, forecast, last decision."""
        items, following = desk.slots(who, limit, cursor, lang)
        return models.PageOf(items=items, next_cursor=following)

    @router.get("/slots/{slot_id}", responses=_problems(401, 403, 404))
    def slot(who: Who, lang: Speech, slot_id: SlotIdText) -> models.Slot:
        """One slot."""
        return desk.slot(who, slot_id, lang)

    @router.post("/households/{household_id}/pause", responses=_problems(401, 403, 404, 422, *_BODY))
    def pause_household(
        who: Who, household_id: Annotated[str, Path(max_length=60)], pause: models.Pause
    ) -> models.Paused:
        """Let nothing leave before a day, or everything again (null)."""
        if household_id != who.household_id:
            raise NotHere(household_id)
        desk.pause(who, None, pause.until)
        return models.Paused(until=pause.until)

    @router.post("/slots/{slot_id}/pause", responses=_problems(401, 403, 404, 422, *_BODY))
    def pause_slot(who: Who, slot_id: SlotIdText, pause: models.Pause) -> models.Paused:
        """Let nothing leave for one slot before a day, or let it leave again (null)."""
        desk.pause(who, slot_id, pause.until)
        return models.Paused(until=pause.until)

    _add_threshold_routes(router, desk)

    @router.get("/slots/{slot_id}/readings", responses=_problems(400, 401, 403, 404, 422))
    def readings(
        who: Who, slot_id: SlotIdText, limit: Limit = 100, cursor: Cursor = None
    ) -> models.PageOf[models.Reading]:
        """What the slot's device said, newest first."""
        items, following = desk.readings(who, slot_id, limit, cursor)
        return models.PageOf(items=items, next_cursor=following)

    @router.get("/notices", responses=_problems(400, 401, 403, 422))
    def notices(
        who: Who, lang: Speech, limit: Limit = 50, cursor: Cursor = None
    ) -> models.PageOf[models.Notice]:
        """What the household was told, newest first."""
        items, following = desk.notices(who, limit, cursor, lang)
        return models.PageOf(items=items, next_cursor=following)

    @router.post("/notices/seen", responses=_problems(401, 403, 422, *_BODY))
    def see_notices(who: Who, seen: models.Seen) -> models.SeenCount:
        """Mark every notice until a moment as seen."""
        return models.SeenCount(marked=desk.see_notices(who, seen.until))


def _add_threshold_routes(router: APIRouter, desk: ApiDesk) -> None:
    @router.get("/slots/{slot_id}/threshold", responses=_problems(401, 403, 404))
    def threshold(who: Who, response: Response, slot_id: SlotIdText) -> models.Threshold:
        """At which stock is ordered at the latest, with its ETag."""
        shown, response.headers["etag"] = desk.threshold(who, slot_id)
        return shown

    @router.put("/slots/{slot_id}/threshold", responses=_problems(401, 403, 404, 412, 422, 428, *_BODY))
    def set_threshold(
        who: Who, response: Response, slot_id: SlotIdText, wish: models.ThresholdWish, seen: Seen = None
    ) -> models.Threshold:
        """Another threshold in place of the one whose ETag is sent as If-Match; the device is told."""
        shown, response.headers["etag"] = desk.set_threshold(who, slot_id, wish.threshold, seen)
        return shown


def _add_order_routes(router: APIRouter, desk: ApiDesk) -> None:
    @router.get("/orders", responses=_problems(400, 401, 403, 422))
    def orders(
        who: Who, lang: Speech, limit: Limit = 50, cursor: Cursor = None, state: State | None = None
    ) -> models.PageOf[models.Order]:
        """Orders, newest first, of one state if it is given."""
        items, following = desk.orders(who, limit, cursor, None if state is None else state.value, lang)
        return models.PageOf(items=items, next_cursor=following)

    @router.get("/orders/{order_id}", responses=_problems(401, 403, 404))
    def order(who: Who, lang: Speech, order_id: OrderIdText) -> models.Order:
        """One order with its history."""
        return desk.order(who, order_id, lang)

    @router.post(
        "/slots/{slot_id}/orders",
        response_model=models.Wish,
        responses=_problems(400, 401, 403, 404, 409, 422, *_BODY),
    )
    def order_now(request: Request, who: Who, lang: Speech, slot_id: SlotIdText, key: KeyText) -> Response:
        """Order a pack now; a token of somebody who may not spend asks an adult."""
        return _said(desk.order_now(who, slot_id, _call(request, who, key, None), lang))

    @router.post(
        "/orders/{order_id}/approve",
        response_model=models.Order,
        responses=_problems(400, 401, 403, 404, 409, 422, *_BODY),
    )
    def approve(
        request: Request, who: Who, lang: Speech, order_id: OrderIdText, key: KeyText, body: models.Approval
    ) -> Response:
        """Agree to pay at most what was shown."""
        call = _call(request, who, key, body.model_dump())
        return _said(desk.approve(who, order_id, body.ceiling_minor, call, lang))

    @router.post(
        "/orders/{order_id}/cancel",
        response_model=models.Order,
        responses=_problems(400, 401, 403, 404, 409, 422, *_BODY),
    )
    def cancel(request: Request, who: Who, lang: Speech, order_id: OrderIdText, key: KeyText) -> Response:
        """Stop an order while that is possible."""
        return _said(desk.cancel(who, order_id, _call(request, who, key, None), lang))

    @router.post(
        "/orders/{order_id}/skip",
        response_model=models.Order,
        responses=_problems(400, 401, 403, 404, 409, 422, *_BODY),
    )
    def skip(request: Request, who: Who, lang: Speech, order_id: OrderIdText, key: KeyText) -> Response:
        """Not this time: stop it, and for a week the level alone orders nothing."""
        return _said(desk.skip(who, order_id, _call(request, who, key, None), lang))


def _call(request: Request, who: Actor, key: str, body: dict[str, Any] | None) -> Call:
    """The request as one that has one effect.

    Raises:
        Problem: 400, the key is not one.
    """
    if not _KEY.fullmatch(key):
        raise Problem(400, "idempotency_key", "send 1 to 255 visible ASCII characters as Idempotency-Key")
    said = json.dumps([request.method, request.url.path, body], sort_keys=True).encode()
    return Call(who.person_id or who.household_id, key, said)


def _said(answer: tuple[dict[str, Any], bool]) -> Response:
    document, earlier = answer
    headers = {"idempotent-replayed": "true"} if earlier else None
    return JSONResponse(document, headers=headers)
