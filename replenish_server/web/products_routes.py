"""The routes of a slot's product and delivery. Each calls its port and renders."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from replenish_server.web import language
from replenish_server.web.errors import error_page
from replenish_server.web.gate import PageRoute
from replenish_server.web.products_views import ProductPages, WayForm
from replenish_server.web.rendering import page, refusal_text
from replenish_server.web.router import slot_path
from replenish_server.web.views import Refused

_LONGEST_QUERY = 100
_LONGEST_ID = 200


def build_products_router(products: ProductPages) -> APIRouter:
    """The page's routes over its port."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/slots/{slot_id}/product")
    def product(request: Request, slot_id: str, q: str = "", places: str = "") -> Response:
        return _page(request, products, slot_id, q, places=bool(places))

    @router.post("/slots/{slot_id}/product")
    def choose(
        request: Request,
        slot_id: str,
        item: Annotated[str, Form()] = "",
        pack: Annotated[str, Form()] = "",
        q: Annotated[str, Form()] = "",
    ) -> Response:
        content = int(pack) if pack.isascii() and pack.isdigit() and len(pack) < 9 else 0
        try:
            products.choose(slot_id, item[:_LONGEST_ID], content if content > 0 else None)
        except Refused as refusal:
            return _page(request, products, slot_id, q, refused=refusal.message)
        return RedirectResponse(f"{slot_path(slot_id)}/product?notice=product_saved", 303)

    @router.post("/slots/{slot_id}/delivery")
    def set_way(
        request: Request,
        slot_id: str,
        way: Annotated[str, Form()] = "",
        place: Annotated[str, Form()] = "",
        fallback: Annotated[str, Form()] = "",
    ) -> Response:
        wanted = WayForm("pickup" if way == "pickup" else "ship", place[:_LONGEST_ID], bool(fallback))
        try:
            products.set_way(slot_id, wanted)
        except Refused as refusal:
            return _page(request, products, slot_id, "", places=True, refused=refusal.message)
        return RedirectResponse(f"{slot_path(slot_id)}/product?notice=way_saved", 303)

    @router.get("/slots/{slot_id}/delivery")
    def reload_of_a_refused_form(slot_id: str) -> Response:
        return RedirectResponse(f"{slot_path(slot_id)}/product", 303)

    return router


def _page(
    request: Request,
    products: ProductPages,
    slot_id: str,
    query: str,
    *,
    places: bool = False,
    refused: str | None = None,
) -> Response:
    lang = language.pick(request)
    view = products.product(slot_id, lang, query.strip()[:_LONGEST_QUERY], places)
    if view is None:
        return error_page(request, 404)
    return page(
        request,
        "product.html",
        lang=lang,
        here=f"{slot_path(slot_id)}/product",
        now=products.now(),
        tz=view.tz,
        status=409 if refused else 200,
        values={"product": view, "refused": None if refused is None else refusal_text(refused, lang)},
    )
