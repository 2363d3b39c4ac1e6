"""Problem details (RFC 9457) for programs: one shape for all that is wrong, and what to do about it."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_CODES = {404: "not_found", 405: "method_not_allowed"}


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


def install_problems(app: FastAPI) -> None:
    """Everything that can be wrong with a request to this application is answered as a problem."""

    @app.exception_handler(Problem)
    def on_problem(_request: Request, error: Problem) -> Response:
        return problem_response(error.status, error.code, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    def on_invalid(_request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"field": ".".join(str(part) for part in item["loc"]), "what": str(item["msg"])[:200]}
            for item in error.errors()[:20]
        ]
        return problem_response(422, "invalid", "the request is not as described; see errors", errors=errors)

    @app.exception_handler(HTTPException)
    def on_http(_request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "refused")
        headers = dict(error.headers or {})
        return problem_response(error.status_code, code, str(error.detail), headers)

    @app.exception_handler(Exception)
    def on_failure(_request: Request, _error: Exception) -> Response:
        return problem_response(
            500, "internal", "something broke here; nothing was changed; send the same request again"
        )
