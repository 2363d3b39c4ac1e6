"""Pages for what went wrong, each saying what to do next.

They must never need the database or the household: a page about a failure cannot fail for the same reason.
Programs that do not ask for HTML get problem details (RFC 9457).
"""

from collections.abc import Sequence
from typing import Final, Literal

from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response

from replenish_server.web import language
from replenish_server.web.rendering import page
from replenish_server.web.retail_problems import database_problem, problem_response
from replenish_server.web.security import HEADERS

Problem = Literal[400, 401, 403, 404, 405, 500, "host", "role"]
_STATUS: Final[dict[Problem, int]] = {
    400: 400,
    401: 401,
    403: 403,
    404: 404,
    405: 405,
    500: 500,
    "host": 400,
    "role": 403,
}
_BY_STATUS: Final[dict[int, Problem]] = {400: 400, 403: 403, 404: 404, 405: 405}
_CODES: Final = {404: "not_found", 405: "method_not_allowed"}


def error_page(
    request: HTTPConnection, problem: Problem, typed: Sequence[tuple[str, str]] = ()
) -> HTMLResponse:
    """The page for that problem, in the request's language, with what was typed in a form that may be sent
    again to the same address."""
    return page(
        request,
        "error.html",
        lang=language.pick(request),
        here="/",
        status=_STATUS[problem],
        values={"problem": problem, "typed": typed, "again": request.url.path},
    )


def install_error_pages(app: Starlette) -> None:
    """Answers browsers with pages where the application would answer JSON: unknown addresses and failures."""
    for kind in (HTTPException, OperationalError, Exception):
        app.add_exception_handler(kind, answer_to)


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer to a request that ended with an error."""
    if isinstance(error, HTTPException):
        return _on_http_exception(request, error)
    if isinstance(error, OperationalError):
        return _on_database(request, error)
    return _on_failure(request)


def _wants_page(request: HTTPConnection) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _on_http_exception(request: Request, error: HTTPException) -> Response:
    problem = _BY_STATUS.get(error.status_code)
    if problem is not None and _wants_page(request):
        response = error_page(request, problem)
        response.headers.update(error.headers or {})
        return response
    code = _CODES.get(error.status_code, "refused")
    return problem_response(error.status_code, code, str(error.detail), dict(error.headers or {}))


def _on_database(request: Request, error: OperationalError) -> Response:
    problem = database_problem(error)
    if not _wants_page(request):
        return problem
    response = error_page(request, 500)
    response.status_code = problem.status_code
    return response


def _on_failure(request: Request) -> Response:
    # This runs outside every middleware, so the headers are added here; Starlette raises the error again
    # afterwards, and the server logs it.
    if not _wants_page(request):
        return problem_response(500, "internal", "something broke here; send the same request again", HEADERS)
    response = error_page(request, 500)
    response.headers.update(HEADERS)
    return response
