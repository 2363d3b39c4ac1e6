"""The routes of the page about devices. Each calls its port and renders."""

from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from replenish_server.web import language
from replenish_server.web.devices_views import DevicePages
from replenish_server.web.gate import PageRoute, viewer_of
from replenish_server.web.rendering import page, refusal_text
from replenish_server.web.views import Refused

_FIELDS: Final = ("code", "name", "slot", "shop", "item", "product", "pack", "capacity", "threshold")
_LONGEST: Final = 120


def build_devices_router(devices: DevicePages) -> APIRouter:
    """The page's routes over its port."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/devices")
    def all_devices(request: Request) -> Response:
        return _page(request, devices, dict.fromkeys(_FIELDS, ""))

    @router.post("/devices")
    async def claim(request: Request) -> Response:
        form = await request.form()
        typed = {name: str(form.get(name, "")).strip()[:_LONGEST] for name in _FIELDS}
        try:
            devices.claim(viewer_of(request), typed)
        except Refused as refusal:
            return _page(request, devices, typed, refusal.message)
        return RedirectResponse("/devices?notice=claimed", 303)

    @router.post("/devices/{device_id}/revoke")
    def revoke(request: Request, device_id: str) -> Response:
        devices.revoke(viewer_of(request), device_id)
        return RedirectResponse("/devices?notice=device_revoked", 303)

    @router.post("/devices/{device_id}/part")
    def part(request: Request, device_id: str) -> Response:
        devices.give_away(viewer_of(request), device_id)
        return RedirectResponse("/devices?notice=device_gone", 303)

    @router.post("/devices/{device_id}/ask")
    async def ask(request: Request, device_id: str) -> Response:
        form = await request.form()
        try:
            devices.ask(viewer_of(request), device_id, str(form.get("do", ""))[:_LONGEST])
        except Refused as refusal:
            return _page(request, devices, dict.fromkeys(_FIELDS, ""), refusal.message)
        return RedirectResponse(f"/devices?notice=device_asked#gear-{quote(device_id)}", 303)

    @router.get("/devices/{device_id}/ask")
    @router.get("/devices/{device_id}/revoke")
    @router.get("/devices/{device_id}/part")
    def reload_of_a_form(device_id: str) -> Response:
        del device_id
        return RedirectResponse("/devices", 303)

    return router


def _page(
    request: Request, devices: DevicePages, typed: dict[str, str], refused: str | None = None
) -> Response:
    lang = language.pick(request)
    view = devices.devices(viewer_of(request))
    return page(
        request,
        "devices.html",
        lang=lang,
        here="/devices",
        now=devices.now(),
        tz=view.tz,
        status=409 if refused else 200,
        values={
            "view": view,
            "typed": typed,
            "refused": None if refused is None else refusal_text(refused, lang),
        },
    )
