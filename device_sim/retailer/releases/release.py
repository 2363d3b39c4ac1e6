"""What a release of the protocol has to say about its own shapes; by itself it changes nothing."""

from collections.abc import Mapping
from typing import Any

from device_sim.retailer.signing import SigningKey
from device_sim.retailer.wire import CAPABILITIES, Doc, ProtocolError


class Release:
    """One release. The shop's own documents have the shape of 2026-04-08; a subclass says what differs.

    Attributes:
        version: the release's date.
        names: the capabilities that the release has, each with its name on the wire.
        webhook_style: "rfc9421", or "detached_jws" for the Request-Signature of the first releases.
    """

    version: str
    names: Mapping[str, str] = {name: name for name in CAPABILITIES}
    webhook_style = "rfc9421"

    def shared(
        self, ucp: Mapping[str, Any], offered: Mapping[str, Any], parents: Mapping[str, str]
    ) -> tuple[str, ...]:
        """The capabilities (in our names) that a platform's `ucp` member shares with those `offered`.

        An extension whose parent is not shared is left out.
        """
        theirs = {
            name
            for name, wire in self.names.items()
            if name in offered
            and any(
                isinstance(entry, dict) and entry.get("version") == self.version
                for entry in ucp.get("capabilities", {}).get(wire, [])
            )
        }
        return tuple(name for name in offered if name in theirs and parents.get(name, name) in theirs)

    def keys(self, document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The signing keys of a platform's profile."""
        found = document.get("signing_keys")
        return [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []

    def profile(self, ucp: Doc, keys: list[dict[str, str]]) -> Doc:
        """The shop's profile document around its `ucp` member."""
        return {"ucp": ucp, "signing_keys": keys}

    def request(self, body: Doc, operation: str) -> Doc:
        """A checkout body of this release in the shop's shape."""
        return body

    def answer(self, status: int, doc: Doc, operation: str) -> tuple[int, Doc]:
        """An answer about a checkout or the catalogue in the shape of this release.

        Args:
            operation: create, read, update, complete, cancel or browse.
        """
        return status, self.dated(doc)

    def order(self, doc: Doc) -> Doc:
        """An order entity in the shape of this release; webhooks carry it too."""
        return self.dated(doc)

    def problem(self, problem: ProtocolError, continue_url: str) -> tuple[int, Doc]:
        """A request that was refused before the shop's business rules."""
        doc: Doc = {"code": problem.code, "content": problem.content}
        if problem.status in (422, 424):
            doc["continue_url"] = continue_url
        return problem.status, doc

    def webhook_signature(self, key: SigningKey, body: bytes) -> dict[str, str]:
        """The header that a "detached_jws" release puts on its webhooks."""
        raise NotImplementedError(f"release {self.version} signs with RFC 9421")

    def dated(self, doc: Doc) -> Doc:
        """`doc` with this release's date, and its names for capabilities, in the `ucp` member."""
        ucp = doc.get("ucp")
        if not isinstance(ucp, dict):
            return doc
        named = {
            self.names[name]: [
                entry
                | {"version": self.version}
                | (
                    {"extends": self.names.get(entry["extends"], entry["extends"])}
                    if "extends" in entry
                    else {}
                )
                for entry in entries
            ]
            for name, entries in ucp.get("capabilities", {}).items()
            if name in self.names
        }
        handlers = {
            name: [entry | {"version": self.version} for entry in entries]
            for name, entries in ucp.get("payment_handlers", {}).items()
        }
        changed = ucp | {"version": self.version, "capabilities": named}
        return doc | {"ucp": changed | ({"payment_handlers": handlers} if handlers else {})}
