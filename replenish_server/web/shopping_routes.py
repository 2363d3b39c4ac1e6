"""The routes of the shopping list: the page, its exports, and the ticks. Each calls its port and renders."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from replenish_server.web import language
from replenish_server.web.errors import error_page
from replenish_server.web.gate import PageRoute, household_of, viewer_of
from replenish_server.web.phrases import translate
from replenish_server.web.rendering import page, refusal_text
from replenish_server.web.shopping_views import EntryView, ShoppingPages
from replenish_server.web.views import Lang, Refused

_HERE = "/shopping-list"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def build_shopping_router(shopping: ShoppingPages) -> APIRouter:
    """The list's routes over its port."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get(_HERE)
    def shopping_list(request: Request) -> Response:
        return _list_page(request, shopping)

    @router.get(f"{_HERE}.txt")
    def as_text(request: Request) -> Response:
        lang = language.pick(request)
        lines = [_text_line(entry) for entry in shopping.shopping(lang, household_of(request)).to_buy]
        return PlainTextResponse(
            "".join(f"{line}\n" for line in lines), headers={"cache-control": "no-store"}
        )

    @router.get(f"{_HERE}.csv")
    def as_csv(request: Request) -> Response:
        lang = language.pick(request)
        headers = {
            "cache-control": "no-store",
            "content-disposition": 'attachment; filename="shopping-list.csv"',
        }
        table = _table(shopping.shopping(lang, household_of(request)).to_buy, lang)
        return Response(table, media_type="text/csv; charset=utf-8", headers=headers)

    @router.post("/orders/{order_id}/bought")
    def bought(request: Request, order_id: str, paid: Annotated[str, Form(max_length=20)] = "") -> Response:
        def buy(order_id: str, by: str) -> None:
            shopping.bought(order_id, by, paid)

        return _tick(request, shopping, buy, order_id, "bought")

    @router.post("/orders/{order_id}/arrived")
    def arrived(request: Request, order_id: str) -> Response:
        return _tick(request, shopping, shopping.arrived, order_id, "arrived")

    @router.get("/orders/{order_id}/bought")
    @router.get("/orders/{order_id}/arrived")
    def reload_of_a_tick(order_id: str) -> Response:
        return RedirectResponse(_HERE, 303)

    return router


def _tick(
    request: Request, shopping: ShoppingPages, act: Callable[[str, str], None], order_id: str, notice: str
) -> Response:
    if len(order_id) > 60:
        return error_page(request, 404)
    try:
        act(order_id, viewer_of(request).name)
    except Refused as refusal:
        said = refusal_text(refusal.message, language.pick(request))
        return _list_page(request, shopping, status=409, refused=said)
    return RedirectResponse(f"{_HERE}?notice={notice}", 303)


def _list_page(
    request: Request, shopping: ShoppingPages, status: int = 200, refused: str | None = None
) -> Response:
    lang = language.pick(request)
    view = shopping.shopping(lang, household_of(request))
    return page(
        request,
        "shopping.html",
        lang=lang,
        here=_HERE,
        now=shopping.now(),
        tz=view.tz,
        status=status,
        values={"shopping": view, "refused": refused},
    )


def _text_line(entry: EntryView) -> str:
    parts = [f"[ ] {entry.packs} x {entry.product_name} ({entry.slot_name}), {entry.retailer_name}"]
    return " ".join([*parts, *([entry.link] if entry.link else [])])


def _table(entries: Sequence[EntryView], lang: Lang) -> bytes:
    """CSV that a spreadsheet opens as text: with a mark of its encoding, and no cell that is a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    columns = ("product", "packs", "slot", "shop", "link")
    writer.writerow([translate(lang, f"shopping.column.{name}") for name in columns])
    for entry in entries:
        row = (entry.product_name, str(entry.packs), entry.slot_name, entry.retailer_name, entry.link or "")
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])
    return out.getvalue().encode("utf-8-sig")
