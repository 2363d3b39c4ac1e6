"""The authorization server's addresses, the consent page, and what a linked buyer can see of the account."""

import base64
import binascii
import hmac
from html import escape
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from device_sim.retailer.edge import read_bytes, receive, sealed
from device_sim.retailer.identity import (
    BUYER,
    HISTORY,
    SAVED,
    SAVED_ADDRESS,
    SCOPES,
    Client,
    GrantError,
)
from device_sim.retailer.pages import page
from device_sim.retailer.shop import Shop
from device_sim.retailer.wire import Doc, encode, envelope
from device_sim.retailer.wish import invalid

PKCE_FIELDS = ("code_challenge", "code_challenge_method")
WORDS = {
    HISTORY: "see your past orders",
    SAVED: "use your saved address",
    "dev.ucp.shopping.checkout:manage": "prepare and place orders for you",
    "dev.ucp.shopping.order:read": "follow your orders",
    "dev.ucp.shopping.order:manage": "cancel and return your orders",
}


def add_identity_routes(app: FastAPI, shop: Shop) -> None:
    """Add discovery, the OAuth endpoints and the account."""
    _add_metadata(app, shop)
    _add_endpoints(app, shop)
    _add_account(app, shop)


def _add_metadata(app: FastAPI, shop: Shop) -> None:
    @app.get("/.well-known/oauth-authorization-server")
    async def server() -> Response:
        return _json(200, shop.identity.metadata())

    @app.get("/.well-known/oauth-protected-resource")
    async def resource() -> Response:
        url = shop.config.base_url
        doc = {"resource": url, "authorization_servers": [url], "scopes_supported": list(SCOPES)}
        return _json(200, doc)


def _add_endpoints(app: FastAPI, shop: Shop) -> None:
    @app.get("/oauth2/authorize")
    async def ask(request: Request) -> Response:
        return _authorization(shop, dict(request.query_params), agreed=shop.faults.levers.consents_at_once)

    @app.post("/oauth2/authorize")
    async def agree(request: Request) -> Response:
        fields = await _form(request)
        if fields.get("answer") != "yes":
            return _sent_back(shop, fields, {"error": "access_denied"})
        return _authorization(shop, fields, agreed=True)

    @app.post("/oauth2/token")
    async def token(request: Request) -> Response:
        fields = await _form(request)
        try:
            with shop.store.transaction():
                client = _authenticated(shop, request, fields)
            # On its own, so that a code which was tried once is gone whatever comes of it.
            return _json(200, _granted(shop, client, fields), {"Cache-Control": "no-store"})
        except GrantError as problem:
            return _refused(problem)

    @app.post("/oauth2/revoke")
    async def revoke(request: Request) -> Response:
        fields = await _form(request)
        try:
            with shop.store.transaction():
                client = _authenticated(shop, request, fields)
                shop.identity.revoke(client, fields.get("token", ""))
        except GrantError as problem:
            return _refused(problem)
        return Response(status_code=200)


async def _form(request: Request) -> dict[str, str]:
    """What a form says; where it says something twice, the last."""
    try:
        return dict(parse_qsl((await read_bytes(request)).decode()))
    except ValueError as problem:
        raise invalid(f"The form is not UTF-8: {problem}") from problem


def _add_account(app: FastAPI, shop: Shop) -> None:
    @app.get("/account/orders")
    async def orders(request: Request) -> Response:
        call = await receive(shop, request, scopes=(HISTORY,))
        rows = shop.store.rows(
            "SELECT orders.id FROM orders JOIN sessions ON sessions.id = orders.checkout_id"
            " WHERE sessions.buyer IS NOT NULL ORDER BY orders.created_s"
        )
        found = [call.platform.release.order(shop.orders.snapshot(row["id"])) for row in rows]
        return sealed(shop, 200, encode({"ucp": envelope([]), "orders": found}))

    @app.get("/account")
    async def account(request: Request) -> Response:
        await receive(shop, request, scopes=(HISTORY, SAVED))
        doc = {"ucp": envelope([]), "buyer": BUYER, "addresses": [SAVED_ADDRESS]}
        return sealed(shop, 200, encode(doc))

    @app.get("/account/new")
    async def onboarding() -> Response:
        return HTMLResponse(page("An account", "<p>Everybody is Ada Park here; just link the account.</p>"))


def _authorization(shop: Shop, fields: dict[str, str], *, agreed: bool) -> Response:
    """The consent page, or the way back with a code or an error."""
    client = shop.identity.client(fields.get("client_id", ""))
    redirect_uri = fields.get("redirect_uri", "")
    if client is None or not client.takes(redirect_uri):
        # Nobody is sent to an address that was not registered.
        text = "<p>This platform, or the address it wants you sent back to, is not known here.</p>"
        return HTMLResponse(page("Not linked", text), 400)
    scopes = fields.get("scope", "").split()
    if fields.get("response_type") != "code":
        return _sent_back(shop, fields, {"error": "unsupported_response_type"})
    if fields.get("code_challenge_method") != "S256" or not fields.get("code_challenge"):
        return _sent_back(shop, fields, {"error": "invalid_request"})
    if not scopes or not set(scopes) <= set(SCOPES):
        return _sent_back(shop, fields, {"error": "invalid_scope"})
    if not agreed:
        return HTMLResponse(_consent_page(client, fields, scopes))
    with shop.store.transaction():
        code = shop.identity.authorize(client, redirect_uri, " ".join(scopes), fields["code_challenge"])
    return _sent_back(shop, fields, {"code": code})


def _sent_back(shop: Shop, fields: dict[str, str], answer: dict[str, str]) -> Response:
    client = shop.identity.client(fields.get("client_id", ""))
    redirect_uri = fields.get("redirect_uri", "")
    if client is None or not client.takes(redirect_uri):
        return HTMLResponse(page("Not linked", ""), 400)
    answer = answer | {"iss": shop.config.base_url}
    if "state" in fields:
        answer["state"] = fields["state"]
    mark = "&" if "?" in redirect_uri else "?"
    return RedirectResponse(f"{redirect_uri}{mark}{urlencode(answer)}", 302)


def _consent_page(client: Client, fields: dict[str, str], scopes: list[str]) -> str:
    kept = ("response_type", "client_id", "redirect_uri", "scope", "state", *PKCE_FIELDS)
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(fields[name])}">'
        for name in kept
        if name in fields
    )
    wishes = "".join(f"<li>{escape(WORDS[scope])}</li>" for scope in scopes)
    body = (
        f"<p>{escape(client.client_id)} asks to</p><ul>{wishes}</ul>"
        f'<form method="post" action="/oauth2/authorize">{hidden}'
        '<button name="answer" value="yes">Allow</button> '
        '<button name="answer" value="no">Refuse</button></form>'
    )
    return page("Link your account", body)


def _authenticated(shop: Shop, request: Request, fields: dict[str, str]) -> Client:
    """The client of a token or revocation request. Raises GrantError invalid_client."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    client_id, secret = fields.get("client_id", ""), None
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as problem:
            raise GrantError("invalid_client", "Basic credentials cannot be read.") from problem
    client = shop.identity.client(client_id)
    if client is None or not hmac.compare_digest(client.secret or "", secret or ""):
        raise GrantError("invalid_client", "The client is not known, or its secret is another.")
    return client


def _granted(shop: Shop, client: Client, fields: dict[str, str]) -> Doc:
    kind = fields.get("grant_type")
    if kind not in ("authorization_code", "refresh_token"):
        raise GrantError("unsupported_grant_type", "Send an authorization_code or a refresh_token.")
    problem: GrantError | None = None
    with shop.store.transaction():
        try:
            if kind == "refresh_token":
                return shop.identity.refresh(client, fields.get("refresh_token", ""))
            given = (fields.get(name, "") for name in ("code", "redirect_uri", "code_verifier"))
            return shop.identity.redeem(client, *given)
        except GrantError as found:
            problem = found
    raise problem


def _refused(problem: GrantError) -> Response:
    status = 401 if problem.error == "invalid_client" else 400
    headers = {"WWW-Authenticate": 'Basic realm="oauth2"'} if status == 401 else None
    return _json(status, {"error": problem.error, "error_description": str(problem)}, headers)


def _json(status: int, doc: Doc, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(doc), status, headers, media_type="application/json")
