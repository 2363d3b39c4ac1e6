"""The shop's edge: who sent a request, whether it is signed well, and how an answer leaves.

It decides nothing of trade. Whatever comes through here is identified, negotiated and, when it is signed or
has to be, verified; whatever leaves as JSON is in the caller's release and signed.
Source: UCP 2026-04-08, overview "Identity & Authentication"; signatures "REST Response Signing".
"""

from dataclasses import dataclass

from fastapi import Request, Response

from device_sim.retailer.identity import MANAGE, IdentityError
from device_sim.retailer.platforms import Platform
from device_sim.retailer.releases import PRIMARY, RELEASES, Release
from device_sim.retailer.shop import Shop
from device_sim.retailer.signatures import Message, is_signed, sign_response, verify_request
from device_sim.retailer.wire import Doc, ProtocolError, encode, error, refusal

BODY_MAX_BYTES = 1024 * 1024
JSON = "application/json"
RELEASE_KEY = "device_sim.release"
RAW_PATH_KEY = "device_sim.raw_path"


@dataclass(frozen=True)
class Call:
    """One request of a platform, as far as the edge is concerned.

    Args:
        for_buyer: a valid token says that it is made for the linked buyer.
    """

    platform: Platform
    body: bytes
    for_buyer: bool = False


def served_release(request: Request) -> Release:
    """The release of the endpoint that was called."""
    return RELEASES.get(request.scope.get(RELEASE_KEY, PRIMARY.version), PRIMARY)


async def receive(
    shop: Shop,
    request: Request,
    *,
    reads_order: bool = False,
    agent: str | None = None,
    body: bytes | None = None,
    scopes: tuple[str, ...] = (),
) -> Call:
    """Identify the caller and verify its signature, when there is one or has to be.

    Args:
        agent: what stands for the UCP-Agent header where a binding carries it in the body.
        body: the body, if it was read already.
        scopes: what a buyer's token has to allow; none is needed when it is empty.

    Raises:
        ProtocolError: as `Platforms.identify`, `signatures.verify_request` and `Identity.check`; 413 for a
            giant body.
    """
    named = agent or request.headers.get("UCP-Agent")
    platform = await shop.platforms.identify(named, served_release(request))
    body = await read_bytes(request) if body is None else body
    headers = {name.lower(): value for name, value in request.headers.items()}
    rule = shop.faults.levers.signatures
    demanded = rule == "all" or (rule == "orders" and reads_order)
    if is_signed(headers) or demanded:
        await _verify(shop, platform, request, headers, body)
    for_buyer = shop.identity.check(headers.get("authorization"), platform.profile_url, scopes)
    return Call(platform, body, for_buyer)


def sign_in_scopes(shop: Shop) -> tuple[str, ...]:
    """What a checkout operation needs of a buyer's token now."""
    return (MANAGE,) if shop.faults.levers.requires_sign_in else ()


async def _verify(
    shop: Shop, platform: Platform, request: Request, headers: dict[str, str], body: bytes
) -> None:
    path = request.scope.get(RAW_PATH_KEY) or request.scope.get("raw_path") or request.url.path.encode()
    message = Message(
        request.method,
        headers.get("host", ""),
        path.decode("ascii", "replace").partition("?")[0],
        request.scope.get("query_string", b"").decode("ascii", "replace"),
        headers,
        body,
        request.url.scheme,
    )
    # The key is looked up before, because looking it up may ask the network.
    kid = _kid_of(headers.get("signature-input", ""))
    key = await shop.platforms.key(platform, kid) if kid else None
    verify_request(message, lambda name: key if name == kid else None, shop.clock.now_s())


def _kid_of(signature_input: str) -> str:
    _, found, rest = signature_input.partition('keyid="')
    return rest.partition('"')[0] if found else ""


def lacks(shop: Shop, platform: Platform, capability: str) -> Response | None:
    """The answer to a caller that does not share a capability; None when it does."""
    if capability in platform.active:
        return None
    status, doc = platform.release.answer(200, _incompatible(shop, platform, capability), "browse")
    return sealed(shop, status, encode(doc))


def capability_refusal(shop: Shop, platform: Platform, capability: str) -> Doc:
    """What a binding without statuses says to a caller that does not share a capability."""
    return platform.release.dated(_incompatible(shop, platform, capability))


def _incompatible(shop: Shop, platform: Platform, capability: str) -> Doc:
    content = f"Your profile does not share {capability} in release {platform.release.version}."
    message = error("capabilities_incompatible", content, severity="unrecoverable")
    return refusal([], [message], f"{shop.config.base_url}/")


def answer(shop: Shop, platform: Platform, status: int, doc: Doc, operation: str) -> Response:
    """An answer about a checkout or the catalogue in the caller's release, signed."""
    status, shaped = platform.release.answer(status, doc, operation)
    return sealed(shop, status, encode(shaped))


def sealed(shop: Shop, status: int, body: bytes) -> Response:
    """The bytes of an answer with the shop's signature over them."""
    headers = sign_response(shop.key_ring.current(), status, JSON, body, int(shop.clock.now_s()))
    return Response(body, status, headers, media_type=JSON)


def refused(shop: Shop, request: Request, problem: ProtocolError) -> Response:
    """The answer to a request that did not get through."""
    release = served_release(request)
    status, doc = release.problem(problem, f"{shop.config.base_url}/")
    if request.url.path.startswith("/catalog/") and status in (400, 413):
        # The catalogue's binding says its refusals as messages, whatever the status.
        message = error(problem.code, problem.content, severity="unrecoverable")
        doc = release.dated(refusal([], [message]))
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    if isinstance(problem, IdentityError):
        message = error(problem.code, problem.content, severity="requires_buyer_review")
        doc = {"messages": [message], "continue_url": f"{shop.config.base_url}/account/new"}
        headers = {"WWW-Authenticate": _challenge(shop.config.base_url, problem)}
    return Response(encode(doc), status, headers, media_type=JSON)


def _challenge(base_url: str, problem: IdentityError) -> str:
    """The Bearer challenge of RFC 6750 that tells a platform which account to link, and for what."""
    parts = [f'realm="{base_url}"']
    if problem.error is not None:
        parts.append(f'error="{problem.error}"')
    if problem.scopes:
        parts.append(f'scope="{" ".join(problem.scopes)}"')
    parts.append(f'resource_metadata="{base_url}/.well-known/oauth-protected-resource"')
    return f"Bearer {', '.join(parts)}"


async def read_bytes(request: Request) -> bytes:
    """The body, at most 1 MiB. Raises ProtocolError 413."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > BODY_MAX_BYTES:
            raise ProtocolError(413, "request_too_large", "A body is at most 1 MiB.")
    return bytes(raw)
