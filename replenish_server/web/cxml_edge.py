"""Where suppliers send cXML: one address, answered with a cXML Status, whatever came."""

import asyncio
import time
from secrets import token_hex

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import OperationalError

from replenish_server.retailers.cxml.inbound import CxmlDesk, CxmlReply
from replenish_server.retailers.cxml.messages import MAX_BYTES
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.retail_problems import database_trouble

PATH = "/cxml"


def cxml_limits() -> RateLimit:
    """Five messages a second from one address, in bursts of fifty."""
    return RateLimit(5.0, 50, time.monotonic)


def build_cxml_edge(desk: CxmlDesk, per_address: RateLimit, base_url: str) -> APIRouter:
    """The route; suppliers reach it under `base_url`, which our profile says."""
    router = APIRouter(include_in_schema=False)

    @router.post(PATH)
    async def message(request: Request) -> Response:
        address = request.client.host if request.client is not None else "?"
        if per_address.take(address) > 0:
            reply = CxmlReply(560, "Temporary server error", "too many messages; send it again later")
            return _answer(desk, reply, 429, {"retry-after": "1"})
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                return _answer(desk, CxmlReply(400, "Bad Request", f"at most {MAX_BYTES} bytes"), 413)
        try:
            reply = await asyncio.to_thread(desk.take, bytes(body))
        except OperationalError as error:
            said, headers = database_trouble(error)
            return _answer(desk, CxmlReply(560, "Temporary server error", said), 503, headers)
        return _answer(desk, reply, profile_url=base_url + PATH if reply.with_profile else None)

    return router


def _answer(
    desk: CxmlDesk,
    reply: CxmlReply,
    http_status: int = 200,
    headers: dict[str, str] | None = None,
    profile_url: str | None = None,
) -> Response:
    from replenish_server.retailers.cxml.documents import response  # with lxml, where a document came

    payload_id = f"{token_hex(12)}@replenish"
    document = response(reply.code, reply.text, reply.detail, payload_id, desk.now(), profile_url)
    return Response(document, http_status, headers, "text/xml")
