"""Turns views into HTML: the template environment and the values every page gets.

It must never fetch anything and never mark text from outside as safe: autoescape is on for every template.
"""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from replenish_server.fleet.units import BY_BASE
from replenish_server.web import chart, language, timing_chart
from replenish_server.web.formats import Formatter, zone
from replenish_server.web.forms import MODES, TIMINGS, offer_of
from replenish_server.web.phrases import PHRASES, translate
from replenish_server.web.views import Lang

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE: Final = Path(__file__).parent
STATIC_DIR: Final = _HERE / "static"
NOTICES: Final = frozenset(key.removeprefix("notice.") for key in PHRASES if key.startswith("notice."))
_QUANTITY: Final = re.compile(r"(?<=\d) (?=(?:g|l|ml|%)(?![a-z]))")
_WARNINGS: Final = frozenset({"offer_changed"})


@cache
def static_url(name: str) -> str:
    """The address of a static file, with its content's hash so that a browser never keeps an old one."""
    digest = hashlib.sha256((STATIC_DIR / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def web_link(address: str | None) -> str | None:
    """The address when it is http or https, else None: a "javascript:" link would run as our page."""
    try:
        parts = urlsplit((address or "").strip())
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.netloc else None


def percent(level: int, capacity: int) -> int:
    """How full, 0 to 100, rounded down so that "100 %" means full."""
    return max(0, min(100, level * 100 // capacity)) if capacity > 0 else 0


def form_token() -> str:
    """A fresh name for one form, so that sending it twice is one wish."""
    return secrets.token_urlsafe(12)


def tied(sentence: str) -> str:
    """A sentence whose quantities stay with their units at the end of a line: "250 g", "4.2 %"."""
    return _QUANTITY.sub("\u00a0", sentence)


def _path_part(text: str) -> str:
    return quote(text, safe="")


def _compiled_templates() -> Path | None:
    """Where compiled templates are kept, as Python keeps bytecode: beside their source. None where nothing
    may be written. To compile those of the home page takes a tenth of a second.
    """
    folder = _HERE / "templates" / "__pycache__"
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


@cache
def _environment() -> "Environment":
    """The templates; whoever draws the first page loads what draws them."""
    from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined

    compiled = _compiled_templates()
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        bytecode_cache=FileSystemBytecodeCache(str(compiled)) if compiled is not None else None,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        static_url=static_url,
        percent=percent,
        form_token=form_token,
        offer_of=offer_of,
        draw_chart=chart.draw,
        draw_timings=timing_chart.draw,
        timings=TIMINGS,
        modes=MODES,
        counted_units=[unit.shown for unit in BY_BASE.values() if unit.counted],
        chart_table=chart.table,
        chart_has_gap=chart.has_gap,
        chart_sizes=(chart.WIDE, chart.NARROW),
        languages=(("en", "English"), ("ko", "한국어")),
    )
    environment.filters.update(web_link=web_link, path=_path_part, tied=tied)
    environment.tests["phrase"] = PHRASES.__contains__
    return environment


def compile_templates() -> int:
    """Compile all templates, so that the first page need not; returns how many."""
    environment = _environment()
    names = environment.list_templates(extensions=["html"])
    for name in names:
        environment.get_template(name)
    return len(names)


def _nobody_may(_act: str) -> bool:
    return False


def own_path(to: str) -> str:
    """The path when it stays on this site, else the home page: "//host" and "/\\host" would leave it."""
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() and "\\" not in to
    return quote(to, safe="/%") if inside else "/"


def refusal_text(message: str, lang: Lang) -> str:
    """The sentence for a `Refused`: from the catalogue when it is a key of it, else as it came."""
    key = f"refused.{message}"
    return translate(lang, key) if key in PHRASES else message


def page(
    request: HTTPConnection,
    template: str,
    *,
    lang: Lang,
    here: str,
    now: datetime | None = None,
    tz: str = "UTC",
    status: int = 200,
    values: Mapping[str, object] | None = None,
) -> HTMLResponse:
    """One page.

    Args:
        request: the request it answers; only who asks, the notice's key and `?lang=` are read from it.
        template: file name below `templates/`.
        lang: the language.
        here: the page's own address for GET, without query: what refresh and language switch load.
        now: the present moment, None on pages that show no times.
        tz: the household's IANA zone.
        status: HTTP status.
        values: what the template shows.
    """
    notice = request.query_params.get("notice", "")
    shown = notice if notice in NOTICES and status == 200 else None
    formatter = None if now is None else Formatter(lang, zone(tz), now)
    viewer = getattr(request.state, "viewer", None)
    html = (
        _environment()
        .get_template(template)
        .render(
            {
                "lang": lang,
                "t": partial(translate, lang),
                "fmt": formatter,
                "tz": tz,
                "here": here,
                "viewer": viewer,
                "may": _nobody_may if viewer is None else viewer.may,
                "live": now is not None,
                "notice": shown,
                "notice_is_warning": shown in _WARNINGS,
                **(values or {}),
            }
        )
    )
    response = HTMLResponse(
        html, status_code=status, headers={"cache-control": "no-store", "vary": "Cookie, Accept-Language"}
    )
    response.headers["content-language"] = lang
    if language.known(request.query_params.get("lang")) is not None:
        remember(response, lang, secure=request.url.scheme == "https")
    return response


def remember(response: Response, lang: Lang, *, secure: bool) -> None:
    """Keeps the chosen language in a cookie that scripts cannot read."""
    response.set_cookie(
        language.COOKIE,
        lang,
        max_age=language.COOKIE_MAX_AGE_S,
        httponly=True,
        samesite="lax",
        secure=secure,
    )
