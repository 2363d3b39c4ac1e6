"""What every request comes through: its host, the headers of its answer, and the few addresses that programs
ask all the time. Whatever else is asked for is loaded and built with its first request (`lazy_app`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Lifespan

from replenish_server.web.lazy_app import LazyApp
from replenish_server.web.security import HostAllowList, SecurityHeaders


def build_front(
    routes: Sequence[BaseRoute],
    apps: Mapping[str, Callable[[], ASGIApp]],
    others: Callable[[], ASGIApp],
    allowed_hosts: Collection[str],
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """The application that listens.

    Args:
        routes: what is there from the start.
        apps: under which path, what is built when it is asked for.
        others: builds what answers at all other addresses.
        allowed_hosts: names the server answers under, without port; IPv6 addresses in brackets.
        lifespan: what goes on while it serves.
    """
    mounts = [Mount(path, LazyApp(build)) for path, build in apps.items()]
    guards = [Middleware(SecurityHeaders), Middleware(HostAllowList, allowed=allowed_hosts, refuse=_refuse)]
    kinds: tuple[type[Exception], ...] = (HTTPException, OperationalError, Exception)
    front = Starlette(
        routes=[*routes, *mounts],
        middleware=guards,
        exception_handlers=dict.fromkeys(kinds, _answer_to),
        lifespan=lifespan,
    )
    front.router.default = LazyApp(others)  # after a look for routes that only take another method
    return front


def _refuse(connection: HTTPConnection) -> Response:
    from replenish_server.web.errors import error_page  # with the pages

    return error_page(connection, "host")


async def _answer_to(request: Request, error: Exception) -> Response:
    from replenish_server.web.errors import answer_to  # with the pages

    return await answer_to(request, error)
