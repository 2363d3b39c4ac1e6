"""The line to one shop: which release and binding both speak, and every request signed as ours.

It keeps the shop's profile for a while, and looks again at most once a minute when a key is not in it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from replenish_server.ids import new_idempotency_key
from replenish_server.retailers.http import Answer, Forbidden, NoAnswer, ShopClient
from replenish_server.retailers.port import StoredCall, TryLater
from replenish_server.retailers.ucp import NEWEST, RELEASES
from replenish_server.retailers.ucp.bindings import (
    Binding,
    McpBinding,
    Operation,
    Reply,
    Request,
    RestBinding,
    is_answered,
    is_mcp,
)
from replenish_server.retailers.ucp.bodies import Body
from replenish_server.retailers.ucp.mcp_session import McpSession
from replenish_server.retailers.ucp.profile import (
    PROFILE_PATH,
    Business,
    Jwk,
    ProfileUnusable,
    offers,
    own_profile_path,
    profile_urls,
    read_business,
)
from replenish_server.retailers.ucp.release import Release
from replenish_server.retailers.ucp.signatures import (
    Message,
    SignatureRefused,
    Signer,
    sign_detached,
    sign_request,
    verify_message,
)

_PROFILE_TTL_S = 300.0
_REFRESH_AT_MOST_EVERY_S = 60.0
_KEY_NOT_FOUND = b'"key_not_found"'
_FORGERY = frozenset({"signature_invalid", "digest_mismatch", "key_not_found"})


@dataclass(frozen=True)
class Identity:
    """Who we are to every shop.

    Args:
        base_url: how shops reach us, without a slash at the end.
        signer: the key that signs now; None leaves requests unsigned.
        releases: those that we speak, the newest first.
    """

    base_url: str
    signer: Callable[[], Signer] | None = None
    releases: tuple[Release, ...] = RELEASES

    def profile_url(self, release: Release, mandates: bool) -> str:
        """Where our profile of a release is."""
        return f"{self.base_url}{own_profile_path(release, mandates)}"


class Connection:
    """Discovery, signing and sending for one shop.

    Args:
        url: the shop's origin.
        client: bounded HTTP.
        identity: who we are.
        offers_mandates: whether the household has signed AP2 mandates for this shop, so that we offer them.
    """

    def __init__(
        self,
        url: str,
        client: ShopClient,
        identity: Identity,
        offers_mandates: Callable[[], bool] = lambda: False,
    ) -> None:
        self._url = url.rstrip("/")
        self._client, self._identity, self._offers_mandates = client, identity, offers_mandates
        self._known: tuple[float, Business] | None = None
        self._looked_at = float("-inf")
        self._mcp = McpSession()

    def business(self) -> Business:
        """The shop's profile in the newest release that both speak, kept for five minutes.

        Raises:
            ProfileUnusable: there is none that lets us order.
            TryLater: it did not come.
        """
        if self._known is None or time.monotonic() >= self._known[0]:
            self._known = (time.monotonic() + _PROFILE_TTL_S, self._discover())
        return self._known[1]

    def known_business(self) -> Business | None:
        """The shop's profile, where it is known and young enough; nobody is asked."""
        known = self._known
        return None if known is None or time.monotonic() >= known[0] else known[1]

    def keys(self, again: bool = False) -> tuple[Jwk, ...]:
        """The shop's public keys; `again` looks anew, at most once a minute.

        Raises:
            ProfileUnusable, TryLater: see `business`.
        """
        if again and time.monotonic() - self._looked_at >= _REFRESH_AT_MOST_EVERY_S:
            self._known = None
        return self.business().keys

    def is_locked(self) -> bool:
        """Whether sessions with this shop are bound to AP2 mandates: both sides offer them.

        Raises:
            ProfileUnusable, TryLater: see `business`.
        """
        return self._locks(self.business())

    def _locks(self, business: Business) -> bool:
        return business.release.ap2.name in business.capabilities and self._offers_mandates()

    def request(
        self,
        operation: Operation,
        resource_id: str | None,
        body: Body | None,
        business: Business | None = None,
    ) -> Request:
        """An operation as this shop's binding sends it; with its profile given, nobody is asked for it."""
        return self._binding(business or self.business()).request(operation, resource_id, body)

    def ask(self, operation: Operation, resource_id: str | None, body: Body | None = None) -> Reply:
        """Send an operation that changes nothing.

        Raises:
            NoAnswer: see `ShopClient.send`; also when the answer's signature is not the shop's.
        """
        request = self.request(operation, resource_id, body)
        if not isinstance(request.body, bytes):
            raise TypeError(f"{operation} changes something: it has to be stored first")
        answer = self._exchange(request.method, request.url, request.body, {})
        return self._binding(self.business()).reply(answer)

    def send(self, call: StoredCall) -> Reply:
        """Send a stored call, its very bytes under its very key.

        Raises:
            NoAnswer: as `ask`.
        """
        answer = self._exchange(call.method, call.url, call.body, {"Idempotency-Key": call.key})
        binding: Binding = McpBinding(call.url, "") if is_mcp(call.body) else RestBinding("")
        return binding.reply(answer)

    def _binding(self, business: Business) -> Binding:
        if business.transport == "mcp":
            ours = self._identity.profile_url(business.release, self._locks(business))
            return McpBinding(business.endpoint, ours, business.release.key_is_argument)
        return RestBinding(business.endpoint)

    def _exchange(self, method: str, url: str, body: bytes, more: dict[str, str]) -> Answer:
        if not is_mcp(body):
            return self._send(method, url, body, more)
        answer = self._send(method, url, body, more | self._mcp.headers)
        if self._mcp.is_wanted(answer) and self._mcp.begin(lambda b, h: self._send("POST", url, b, h)):
            answer = self._send(method, url, body, more | self._mcp.headers)
        return answer

    def _send(self, method: str, url: str, body: bytes, more: dict[str, str]) -> Answer:
        release = self.business().release
        headers = {
            "Accept": "application/json, text/event-stream" if is_mcp(body) else "application/json",
            "UCP-Agent": f'profile="{self._identity.profile_url(release, self.is_locked())}"',
            "Request-Id": new_idempotency_key(),
            **more,
        }
        if body or "Idempotency-Key" in more:
            headers["Content-Type"] = "application/json"
        signature = self._signature(release, method, url, headers, body)
        enough = is_answered if is_mcp(body) else None
        answer = self._client.send(method, url, body or None, headers | signature, enough)
        if signature and answer.status == 401 and _KEY_NOT_FOUND in answer.body[:2000]:
            # A shop that knows keys only by hand, or cannot see our profile: it has done nothing yet, and no
            # release demands a signature, so the very same bytes may go without one.
            answer = self._client.send(method, url, body or None, headers, enough)
        self._check(answer, release)
        return answer

    def _signature(
        self, release: Release, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> dict[str, str]:
        """The headers that sign a request as the release has it; none where we have no key."""
        if self._identity.signer is None:
            return {}
        signer = self._identity.signer()
        if release.signs_http:
            return sign_request(signer, method, url, headers, body, int(time.time()))
        return {"Request-Signature": sign_detached(signer, body)}

    def _check(self, answer: Answer, release: Release) -> None:
        """Refuse an answer that bears a signature which is not the shop's; unsigned ones rest on TLS."""
        if not release.signs_http or "signature-input" not in answer.headers or not self.keys():
            return
        message = Message(
            {k.lower(): v for k, v in answer.headers.items()}, answer.body, status=answer.status
        )
        try:
            try:
                verify_message(message, self.keys(), int(time.time()))
            except SignatureRefused as error:
                if error.code != "key_not_found":
                    raise
                verify_message(message, self.keys(again=True), int(time.time()))
        except SignatureRefused as error:
            if error.code in _FORGERY:
                raise NoAnswer(f"the answer is not signed by the shop: {error}") from error

    def _discover(self) -> Business:
        self._looked_at = time.monotonic()
        root = self._fetch(f"{self._url}{PROFILE_PATH}")
        refusals = []
        for offer in offers(root, self._url, self._identity.releases):
            try:
                document = root if offer.url is None else self._fetch(offer.url)
                business = read_business(document, offer.release)
            except ProfileUnusable as error:
                refusals.append(str(error))
                continue
            if self._url.startswith("https://") and not business.endpoint.startswith("https://"):
                raise ProfileUnusable(f"the shop's endpoint {business.endpoint!r} would leave TLS")
            return replace(business, names=profile_urls(root, self._url))
        raise ProfileUnusable("; ".join(refusals))

    def _fetch(self, url: str) -> bytes:
        agent = f'profile="{self._identity.profile_url(NEWEST, False)}"'
        try:
            answer = self._client.send("GET", url, headers={"Accept": "application/json", "UCP-Agent": agent})
        except Forbidden as error:
            raise ProfileUnusable(str(error)) from error
        except NoAnswer as error:
            raise TryLater(str(error)) from error
        if answer.status != 200:
            raise TryLater(f"the shop's profile answered {answer.status}", answer.wait_s)
        return answer.body
