"""Problem details (RFC 9457) for programs: one shape for all that is wrong, and what to do about it."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from replenish_server.failures import explain_failure, log_failure

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_JSON = "application/json"
_KEY = ("header", "Idempotency-Key")


class Problem(Exception):
    """Ends a request with a problem.

    Args:
        status: HTTP status.
        code: stable, for programs.
        detail: what to do, for people.
        headers: to be sent along.
    """

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


def problem_response(
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """The answer that says it."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        document["errors"] = errors
    return JSONResponse(document, status, headers=headers, media_type=MEDIA_TYPE)


def database_trouble(error: OperationalError) -> tuple[str, dict[str, str]]:
    """The database cannot be asked now: its disk is full, say. What was asked was not done. It is logged.

    Returns:
        A sentence for whoever asked, and the headers that say when to ask again; they go with a 503.
    """
    log_failure(log, error, "action=request_failed")
    said = explain_failure(error) or "the database does not answer; nothing was changed; send it again later"
    return said, {"retry-after": "5"}


def database_problem(error: OperationalError) -> Response:
    """The problem that says so; see `database_trouble`."""
    detail, headers = database_trouble(error)
    return problem_response(503, "unavailable", detail, headers)


def install_problems(app: FastAPI, most_bytes: int) -> None:
    """Everything that can be wrong with a request to this application is answered as a problem.

    Args:
        app: a whole application, mounted for programs only.
        most_bytes: of a body.
    """

    @app.exception_handler(Problem)
    def on_problem(_request: Request, error: Problem) -> Response:
        return problem_response(error.status, error.code, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    def on_invalid(_request: Request, error: RequestValidationError) -> Response:
        if any(item["loc"] == _KEY and item["type"] == "missing" for item in error.errors()):
            detail = "send an Idempotency-Key header of 1 to 255 visible characters, new for each request"
            return problem_response(400, "idempotency_key_required", detail)
        errors = [
            {"field": ".".join(str(part) for part in item["loc"]), "what": str(item["msg"])[:200]}
            for item in error.errors()[:20]
        ]
        return _invalid(errors)

    @app.exception_handler(HTTPException)
    def on_http(request: Request, error: HTTPException) -> Response:
        return _routing_problem(request, error)

    @app.exception_handler(OperationalError)
    def on_database(_request: Request, error: OperationalError) -> Response:
        return database_problem(error)

    @app.exception_handler(Exception)
    def on_failure(_request: Request, _error: Exception) -> Response:
        return problem_response(
            500, "internal", "something broke here; nothing was changed; send the same request again"
        )

    @app.middleware("http")
    async def bounded(request: Request, call_next: Callable[[Request], Any]) -> Response:
        refused = _body_problem(request, most_bytes)
        if refused is not None:
            return refused
        response: Response = await call_next(request)
        response.headers.setdefault("cache-control", "no-store")
        return response

    _describe_problems(app)


def _invalid(errors: list[dict[str, str]]) -> Response:
    return problem_response(422, "invalid", "the request is not as described; see errors", errors=errors)


def _routing_problem(request: Request, error: HTTPException) -> Response:
    """What the framework refuses before any of our routes is asked."""
    if error.status_code == 404:
        return problem_response(404, "not_found", "there is nothing here")
    if error.status_code == 405:
        takes = _methods(request)
        detail = f"this address takes {takes}"
        return problem_response(405, "method_not_allowed", detail, {"allow": takes})
    if error.status_code == 400:  # a body that is no UTF-8, or nested beyond all measure
        return _invalid([{"field": "body", "what": "it could not be read as JSON in UTF-8"}])
    return problem_response(error.status_code, "refused", str(error.detail), dict(error.headers or {}))


def _methods(request: Request) -> str:
    """Every method of this address; the framework names those of its first route only."""
    path = str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))
    described: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    here = [item for template, item in described.items() if compile_path(template)[0].match(path)]
    return ", ".join(sorted({method.upper() for item in here for method in item}))


def _body_problem(request: Request, most_bytes: int) -> Response | None:
    """Why this body is not read, None for one that is; without a length and not in chunks there is none."""
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not length.isdecimal():
        return problem_response(411, "length_required", "send the whole body with its Content-Length")
    if int(length) > most_bytes:
        return problem_response(413, "too_large", f"send at most {most_bytes} bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if int(length) > 0 and request.method in ("POST", "PUT") and kind != _JSON:
        return problem_response(415, "not_json", "send Content-Type: application/json")
    return None


def _describe_problems(app: FastAPI) -> None:
    """Lets the description name problems by their media type; the framework knows one type for a route."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for path in described()["paths"].values():
                for operation in path.values():
                    for answer in operation["responses"].values():
                        content = answer.get("content", {})
                        if MEDIA_TYPE in content:
                            content[MEDIA_TYPE] |= content.pop(_JSON, {})
        return described()

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's own way to change it
