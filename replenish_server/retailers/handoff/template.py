"""PURE: the address of a prefilled cart, from a template that the operator took from the shop's manual.

Two forms: `{id}` and `{qty}` for shops whose link takes one product, `{lines:ID:QTY}` for shops whose link
takes many. In the second, the text between `{lines:` and `}` is one line, with `id` and `qty` in it, and
lines are joined by a comma: `https://shop.example/cart/{lines:id:qty}` makes `/cart/41:2,57:1`.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

MAX_TEMPLATE = 500
MAX_LINK = 2000  # what every browser and shop takes
_FIELD = re.compile(r"\{([^{}]*)\}")
_LINES = re.compile(r"lines:(?P<line>[^{}]*)")
_WORD = re.compile(r"\b(id|qty)\b")


class TemplateRefused(ValueError):
    """The template cannot make a cart link; the text says what to change."""


def check_template(template: str) -> None:
    """Refuse a template that could not make a link to one shop.

    Raises:
        TemplateRefused: no absolute https address, a field that is not known, fields in the host, or no
            place for id and quantity.
    """
    if len(template) > MAX_TEMPLATE or not template.isprintable() or " " in template:
        raise TemplateRefused(f"use at most {MAX_TEMPLATE} characters, without spaces")
    try:
        parts = urlsplit(template)
        host = parts.hostname
    except ValueError:
        raise TemplateRefused("this is no address; start with https://") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise TemplateRefused("start with https:// and the shop's host")
    if "{" in parts.netloc or "}" in parts.netloc:
        raise TemplateRefused("the host must be fixed; put {id} and {qty} after it")
    fields = _FIELD.findall(template)
    if "{" in _FIELD.sub("", template) or "}" in _FIELD.sub("", template):
        raise TemplateRefused("a brace is open or closed without its pair")
    many = [match for field in fields if (match := _LINES.fullmatch(field))]
    if len(many) == 1 and len(fields) == 1:
        if set(_WORD.findall(many[0]["line"])) != {"id", "qty"}:
            raise TemplateRefused("inside {lines:...} name both id and qty, e.g. {lines:id:qty}")
    elif many or sorted(fields) != ["id", "qty"]:
        raise TemplateRefused(
            "use {id} and {qty} once each, or one {lines:id:qty}; no other fields are known"
        )


def takes_many(template: str) -> bool:
    """Whether one link can hold several products."""
    return "{lines:" in template


def cart_link(template: str, lines: Sequence[tuple[str, int]]) -> str | None:
    """The link that fills the cart.

    Args:
        template: one that `check_template` lets pass.
        lines: item ids with how many packs of each.

    Returns:
        None when the link cannot hold these lines: several products in a one-product link, or too long.
    """
    if not lines or (len(lines) > 1 and not takes_many(template)):
        return None

    def fill(match: re.Match[str]) -> str:
        many = _LINES.fullmatch(match[1])
        if many is None:
            return _value(match[1], *lines[0])
        return ",".join(_line(many["line"], item, packs) for item, packs in lines)

    link = _FIELD.sub(fill, template)
    return link if len(link) <= MAX_LINK else None


def _line(pattern: str, item: str, packs: int) -> str:
    return _WORD.sub(lambda word: _value(word[1], item, packs), pattern)


def _value(word: str, item: str, packs: int) -> str:
    return quote(item, safe="") if word == "id" else str(packs)
