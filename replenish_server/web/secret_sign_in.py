"""Signing in with a secret that a program could have too: the operators' token, a retailer's key.

A cookie that no script and no other site can use keeps a browser signed in for twelve hours.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from replenish_server.web import language
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.rendering import page

_COOKIE_MAX_AGE_S: Final = 12 * 3600


class Sessions(Protocol):
    """Who knows the secrets. Each call is one use case."""

    def sign_in(self, secret: str) -> str | None:
        """A session's token, or None for a secret that opens nothing."""

    def sign_out(self, token: str) -> None:
        """End a session; an unknown token changes nothing."""


@dataclass(frozen=True)
class Words:
    """The phrases of the form."""

    title: str
    secret: str
    hint: str
    enter: str
    too_often: str
    wrong: str


@dataclass(frozen=True)
class SecretSignIn:
    """One area of pages behind such a secret.

    Args:
        area: path below which the pages lie, without slashes.
        field: name of the form's field.
        cookie: name of the cookie.
        words: its phrases.
        sessions: who knows the secrets.
        tries: how often one address may try.
    """

    area: str
    field: str
    cookie: str
    words: Words
    sessions: Sessions
    tries: RateLimit

    def token(self, request: Request) -> str:
        """The session's token that a request carries, or ""."""
        return request.cookies.get(self.cookie, "")

    def add_routes(self, router: APIRouter) -> None:
        """The two forms."""

        @router.post(f"/{self.area}/sign-in")
        def sign_in(
            request: Request, secret: Annotated[str, Form(alias=self.field, max_length=100)] = ""
        ) -> Response:
            address = request.client.host if request.client is not None else "?"
            if self.tries.take(address) > 0:
                return self.page(request, self.words.too_often, 429)
            token = self.sessions.sign_in(secret.strip())
            if token is None:
                return self.page(request, self.words.wrong, 401)
            response = self._home()
            response.set_cookie(
                self.cookie,
                token,
                _COOKIE_MAX_AGE_S,
                path=f"/{self.area}",
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="strict",
            )
            return response

        @router.post(f"/{self.area}/sign-out")
        def sign_out(request: Request) -> Response:
            self.sessions.sign_out(self.token(request))
            response = self._home()
            response.delete_cookie(self.cookie, path=f"/{self.area}")
            return response

        @router.get(f"/{self.area}/sign-in")
        @router.get(f"/{self.area}/sign-out")
        def reload_of_a_form() -> Response:
            return self._home()

    def page(self, request: Request, wrong: str | None = None, status: int = 200) -> Response:
        """The form; `wrong` is the phrase that says what was."""
        return page(
            request,
            "secret_sign_in.html",
            lang=language.pick(request),
            here=f"/{self.area}",
            status=status,
            values={"wrong": wrong, "home_link": f"/{self.area}", "asked": self},
        )

    def _home(self) -> Response:
        return RedirectResponse(f"/{self.area}", 303)
