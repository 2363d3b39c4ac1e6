"""Which language a request is answered in: what was asked, what was chosen before, what the browser prefers.

It must never trust a value that is not in `LANGUAGES`.
"""

from typing import Final, get_args

from starlette.requests import HTTPConnection

from replenish_server.web.views import Lang

LANGUAGES: Final[tuple[Lang, ...]] = get_args(Lang)
COOKIE: Final = "replenish_lang"
COOKIE_MAX_AGE_S: Final = 365 * 24 * 3600


def known(text: str | None) -> Lang | None:
    """The language of that code ("ko", "ko-KR", "EN"), or None when there are no pages in it."""
    primary = (text or "").strip().lower().replace("_", "-").split("-")[0]
    return next((lang for lang in LANGUAGES if lang == primary), None)


def from_header(accept_language: str) -> Lang | None:
    """The best language of an Accept-Language header, or None when it names none of ours.

    Source: RFC 9110 section 12.5.4. Weights that cannot be read count as 0; equal weights keep their order.
    """
    best: tuple[float, Lang] | None = None
    for part in accept_language.split(",")[:20]:
        tag, _, rest = part.partition(";")
        lang = known(tag)
        weight = _weight(rest)
        if lang is not None and weight > 0 and (best is None or weight > best[0]):
            best = (weight, lang)
    return best[1] if best else None


def _weight(parameter: str) -> float:
    text = parameter.strip()
    if not text:
        return 1.0
    try:
        return float(text.removeprefix("q=")) if text.startswith("q=") else 0.0
    except ValueError:
        return 0.0


def pick(connection: HTTPConnection) -> Lang:
    """The language for this request: `?lang=`, then the cookie, then Accept-Language, then English."""
    return (
        known(connection.query_params.get("lang"))
        or known(connection.cookies.get(COOKIE))
        or from_header(connection.headers.get("accept-language", ""))
        or "en"
    )
