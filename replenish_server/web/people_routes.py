"""The routes of the pages about people: notices. Each reads one request, calls its port and renders."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from replenish_server.web import language
from replenish_server.web.errors import error_page
from replenish_server.web.people_views import PeoplePages
from replenish_server.web.rendering import page

ON_HOME = 3
_IN_INBOX = 100


def add_notice_routes(router: APIRouter, people: PeoplePages) -> None:
    """The inbox and its "seen"."""

    @router.get("/notices")
    def inbox(request: Request) -> Response:
        lang = language.pick(request)
        view = people.inbox(lang, _IN_INBOX)
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
        people.see_notices(moment)
        return RedirectResponse("/notices", 303)

    @router.get("/notices/seen")
    def reload_of_seen() -> Response:
        return RedirectResponse("/notices", 303)
