"""The Dash Replenishment Service's calls under /drs, so that a cloud written for it can point here.

Paths, headers and shapes follow the service's public description; errors carry a code besides, and say what
to do. What we chose where it is silent stands in docs/drs.md.
"""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy.exc import OperationalError

from replenish_server.replenishment.dash import DashDesk, DashRefused, SlotStatus, Speaker
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.retail_problems import database_trouble

_PREFIX = "com.amazon.dash.replenishment.Drs"
_MAX_BODY_BYTES = 16 * 1024
_TOKEN_LASTS_S = 3600  # what clients expect to have to renew after; the token itself stays the same
_Number = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


def _utc(moment: datetime) -> datetime:
    """In UTC, as which a moment without a zone is read.

    Raises:
        ValueError: it lies outside of the years 1 to 9999 there.
    """
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies outside the years 1 to 9999") from error


class DashProblem(Exception):
    """Ends a call with an error of the service's shape."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


class SlotStatusBody(BaseModel):
    """What a slot reports; fields that we do not know are ignored, as the service does."""

    model_config = ConfigDict(extra="ignore")

    expectedReplenishmentDate: datetime | None = None  # noqa: N815 - the service's own names
    remainingQuantityInUnit: _Number | None = None  # noqa: N815
    originalQuantityInUnit: _Number | None = None  # noqa: N815
    totalQuantityOnHand: _Number | None = None  # noqa: N815
    lastUseDate: datetime | None = None  # noqa: N815


class DeviceStatusBody(BaseModel):
    """When the device was active last."""

    model_config = ConfigDict(extra="ignore")

    mostRecentlyActiveDate: Annotated[datetime, AfterValidator(_utc)]  # noqa: N815


def dash_limits() -> tuple[RateLimit, RateLimit]:
    """Two calls a second for a device, in bursts of twenty; six wrong tokens a minute for an address."""
    return RateLimit(2.0, 20, time.monotonic), RateLimit(0.1, 20, time.monotonic)


def build_dash_api(desk: DashDesk, per_device: RateLimit, per_stranger: RateLimit) -> FastAPI:
    """The application to be mounted at /drs."""
    app = FastAPI(title="Replenish: DRS", docs_url=None, redoc_url=None, openapi_url=None)
    _install_errors(app)

    def within(buckets: RateLimit, who: str) -> None:
        wait_s = buckets.take(who)
        if wait_s > 0:
            headers = {"retry-after": str(math.ceil(wait_s))}
            raise DashProblem(429, "TOO_MANY_REQUESTS", "ask again after Retry-After", headers)

    def speaker(request: Request, authorization: Annotated[str, Header()] = "") -> Speaker:
        scheme, _, token = authorization.partition(" ")
        who = desk.authenticate(token.strip()) if scheme.lower() == "bearer" else None
        if who is None:
            within(per_stranger, request.client.host if request.client is not None else "?")
            # The service answers a bad token with 400, and clients look for that.
            raise DashProblem(400, "INVALID_TOKEN", "send Authorization: Bearer with this device's token")
        within(per_device, who.device_id)
        return who

    _add_calls(app, desk, speaker)
    _add_registration(app, desk, speaker)
    return app


def _add_calls(app: FastAPI, desk: DashDesk, speaker: Callable[..., Speaker]) -> None:
    Who = Annotated[Speaker, Depends(speaker)]  # noqa: N806 - a type

    @app.post("/replenish/{slot_id}")
    def replenish(request: Request, who: Who, slot_id: str) -> Response:
        answer_type = _versions(request, "Replenish")
        event, code = desk.replenish(who, slot_id, _sent_at(request))
        return _answer(answer_type, {"eventInstanceId": event, "detailCode": code.value})

    @app.post("/slotStatus/{slot_id}")
    def slot_status(request: Request, who: Who, slot_id: str, body: SlotStatusBody) -> Response:
        answer_type = _versions(request, "SlotStatus")
        status = SlotStatus(
            body.remainingQuantityInUnit, body.originalQuantityInUnit, body.totalQuantityOnHand
        )
        desk.report_slot(who, slot_id, status)
        return _answer(answer_type, {})

    @app.post("/deviceStatus")
    def device_status(request: Request, who: Who, body: DeviceStatusBody) -> Response:
        answer_type = _versions(request, "DeviceStatus")
        desk.report_device(who, body.mostRecentlyActiveDate)
        return _answer(answer_type, {})

    @app.get("/subscriptionInfo")
    def subscription_info(request: Request, who: Who) -> Response:
        answer_type = _versions(request, "SubscriptionInfo", ("1.0", "2.0"))
        slots: dict[str, Any] = {}
        for key, (subscribed, products) in desk.subscriptions(who).items():
            whole = {"subscribed": subscribed, "productInfoList": products}
            slots[key] = whole if answer_type.endswith("@2.0") else subscribed
        return _answer(answer_type, {"slotsSubscriptionStatus": slots})

    @app.get("/getOrderInfo/{event_id}")
    def order_info(request: Request, who: Who, event_id: str) -> Response:
        answer_type = _versions(request, "OrderInfo")
        return _answer(answer_type, {"orderInfoData": desk.order_info(who, event_id)})

    @app.delete("/testOrders")
    def cancel_tests(request: Request, who: Who) -> Response:
        answer_type = _versions(request, "CancelTestOrders")
        return _freed(answer_type, desk.cancel_tests(who, None))

    @app.delete("/testOrders/slots/{slot_id}")
    def cancel_test(request: Request, who: Who, slot_id: str) -> Response:
        answer_type = _versions(request, "CancelTestOrders")
        return _freed(answer_type, desk.cancel_tests(who, slot_id))


def _add_registration(app: FastAPI, desk: DashDesk, speaker: Callable[..., Speaker]) -> None:
    @app.delete("/registration")
    def deregister(request: Request, who: Annotated[Speaker, Depends(speaker)]) -> Response:
        answer_type = _versions(request, "Deregister")
        desk.deregister(who)
        return _answer(answer_type, {})

    @app.post("/auth/o2/token")
    def renew(
        grant_type: Annotated[str, Form()] = "", refresh_token: Annotated[str, Form(max_length=200)] = ""
    ) -> Response:
        if grant_type != "refresh_token":
            return _oauth_error("unsupported_grant_type", "renew with the token of `replenish drs token`")
        if desk.authenticate(refresh_token) is None:
            return _oauth_error("invalid_grant", "this token is not valid here (any more)")
        return JSONResponse(
            {
                "access_token": refresh_token,
                "refresh_token": refresh_token,
                "token_type": "bearer",
                "expires_in": _TOKEN_LASTS_S,
            },
            headers={"cache-control": "no-store"},
        )


def _versions(request: Request, name: str, answers: tuple[str, ...] = ("1.0",)) -> str:
    """The type that the answer has; both headers must name one that this call knows."""
    sent, wanted = request.headers.get("x-amzn-type-version"), request.headers.get("x-amzn-accept-type")
    known = [f"{_PREFIX}{name}Result@{version}" for version in answers]
    if sent != f"{_PREFIX}{name}Input@1.0" or wanted not in known:
        detail = (
            f"send x-amzn-type-version: {_PREFIX}{name}Input@1.0 and x-amzn-accept-type: {' or '.join(known)}"
        )
        raise DashProblem(400, "UNSUPPORTED_VERSION", detail)
    return wanted


def _sent_at(request: Request) -> datetime | None:
    """When the request was made, where it says so."""
    try:
        return _utc(parsedate_to_datetime(request.headers["date"])) if "date" in request.headers else None
    except ValueError:
        return None


def _answer(answer_type: str, document: dict[str, Any]) -> Response:
    return JSONResponse(document, headers={"x-amzn-type-version": answer_type, "cache-control": "no-store"})


def _freed(answer_type: str, keys: list[str]) -> Response:
    statuses = [{"orderStatus": "NO_ORDER_IN_PROGRESS", "slotId": key} for key in keys]
    return _answer(answer_type, {"slotOrderStatuses": statuses})


def _oauth_error(code: str, detail: str) -> Response:
    return JSONResponse({"error": code, "error_description": detail}, 400)


def _install_errors(app: FastAPI) -> None:
    @app.exception_handler(DashProblem)
    def on_problem(_request: Request, error: DashProblem) -> Response:
        return _error(error.status, error.code, error.detail, error.headers)

    @app.exception_handler(DashRefused)
    def on_refused(_request: Request, error: DashRefused) -> Response:
        return _error(400, error.code, str(error))

    @app.exception_handler(RequestValidationError)
    def on_invalid(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _error(400, "INVALID_BODY", f"{where}: {first['msg']}"[:300])

    @app.exception_handler(OperationalError)
    def on_database(_request: Request, error: OperationalError) -> Response:
        said, headers = database_trouble(error)
        return _error(503, "UNAVAILABLE", said, headers)

    @app.middleware("http")
    async def bounded(request: Request, call_next: Callable[[Request], Any]) -> Response:
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _MAX_BODY_BYTES or "transfer-encoding" in request.headers:
            return _error(413, "TOO_LARGE", f"send at most {_MAX_BODY_BYTES} bytes with Content-Length")
        response: Response = await call_next(request)
        return response


def _error(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"code": code, "message": detail}, status, headers=headers)
