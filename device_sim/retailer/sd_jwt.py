"""Reads SD-JWTs and chains of them: signatures, disclosures, key binding. It knows no mandate. PURE.

A chain is written link after link with "~~" between; each later link is signed by the key that the one before
confirms (`cnf`), and is bound to it by `sd_hash`.
Source: RFC 9901 (SD-JWT), RFC 7800 (`cnf`), AP2 "Agent Authorization" (delegated chains).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from device_sim.retailer.signing import AlgorithmUnsupportedError, b64u, unb64u, verifies

Doc = dict[str, Any]
KeyOf = Callable[[str], Mapping[str, Any] | None]
LINKS_MAX = 4
DEPTH_MAX = 16


class UnreadableError(Exception):
    """The text is no SD-JWT, or its signatures, disclosures or bindings do not hold."""


@dataclass(frozen=True)
class Link:
    """One verified SD-JWT: its header and its claims with the disclosures put in their places."""

    header: Doc
    claims: Doc

    @property
    def content(self) -> Doc:
        """What was delegated: the first of `delegate_payload`, or the claims themselves."""
        delegated = self.claims.get("delegate_payload")
        if isinstance(delegated, list) and delegated and isinstance(delegated[0], dict):
            first: Doc = delegated[0]
            return first
        return self.claims


def read_chain(text: str, key_of: KeyOf) -> list[Link]:
    """Verify a chain, the first link with a key of `key_of`, each later one with the one before.

    Raises:
        UnreadableError: anything does not hold.
    """
    parts = text.split("~~")
    if not 1 <= len(parts) <= LINKS_MAX:
        raise UnreadableError("a chain has one to four links")
    links: list[Link] = []
    for number, part in enumerate(parts):
        jwt, *disclosures = [piece for piece in part.split("~") if piece]
        bound = disclosures.pop() if disclosures and "." in disclosures[-1] else None
        header, claims = _jws_parts(jwt)
        key: Any = key_of(str(header.get("kid"))) if number == 0 else _confirmed(links[-1])
        _check(jwt, header, key)
        if number:
            # Where the separator is "~~", the link before ends with its own "~".
            _check_bound(claims, f"{parts[number - 1].rstrip('~')}~")
        links.append(Link(header, _disclosed(claims, disclosures)))
        if bound is not None:
            holder, proof = _jws_parts(bound)
            _check(bound, holder, _confirmed(links[-1]))
            _check_bound(proof, part[: part.rindex(bound)])
            links.append(Link(holder, proof | {"key_binding": True}))
    return links


def jws_payload(jws: str, key_of: KeyOf) -> Doc:
    """The verified payload of a compact JWS. Raises UnreadableError."""
    header, payload = _jws_parts(jws)
    _check(jws, header, key_of(str(header.get("kid"))))
    return payload


def _check(jws: str, header: Doc, key: Mapping[str, Any] | None) -> None:
    if header.get("alg") != "ES256" or key is None:
        raise UnreadableError("not signed with ES256 by a key that is known")
    signed, _, signature = jws.rpartition(".")
    try:
        genuine = verifies(dict(key), signed.encode(), unb64u(signature))
    except (AlgorithmUnsupportedError, ValueError) as problem:
        raise UnreadableError(f"the signature cannot be read: {problem}") from problem
    if not genuine:
        raise UnreadableError("the signature does not verify")


def _check_bound(claims: Doc, before: str) -> None:
    expected = b64u(hashlib.sha256(before.encode()).digest())
    if claims.get("sd_hash") != expected:
        raise UnreadableError("a link is not bound to the one before it")


def _confirmed(link: Link) -> Mapping[str, Any] | None:
    confirmed = link.content.get("cnf", link.claims.get("cnf"))
    jwk = confirmed.get("jwk") if isinstance(confirmed, dict) else None
    return jwk if isinstance(jwk, dict) else None


def _jws_parts(jws: str) -> tuple[Doc, Doc]:
    pieces = jws.split(".")
    if len(pieces) != 3:
        raise UnreadableError("a JWS has three parts")
    try:
        header, payload = (json.loads(unb64u(piece)) for piece in pieces[:2])
    except ValueError as problem:
        raise UnreadableError("a part of the JWS is not JSON") from problem
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise UnreadableError("header and payload are objects")
    return header, payload


def _disclosed(claims: Doc, disclosures: list[str]) -> Doc:
    """The claims with every disclosed part in its place. Raises UnreadableError for one that has no place."""
    if claims.get("_sd_alg", "sha-256") != "sha-256":
        raise UnreadableError("disclosures are hashed with sha-256")
    known: dict[str, list[Any]] = {}
    for text in disclosures:
        try:
            entry = json.loads(unb64u(text))
        except ValueError as problem:
            raise UnreadableError("a disclosure is not JSON") from problem
        if not isinstance(entry, list) or len(entry) not in (2, 3):
            raise UnreadableError("a disclosure has two or three parts")
        known[b64u(hashlib.sha256(text.encode()).digest())] = entry
    used: set[str] = set()
    placed = _place(claims, known, used, 0)
    if used != set(known):
        raise UnreadableError("a disclosure belongs nowhere")
    return dict(placed)


def _place(value: Any, known: Mapping[str, list[Any]], used: set[str], depth: int) -> Any:
    if depth > DEPTH_MAX:
        raise UnreadableError("disclosures are nested too deep")
    if isinstance(value, list):
        kept = []
        for entry in value:
            digest = entry.get("...") if isinstance(entry, dict) and set(entry) == {"..."} else None
            if digest is None:
                kept.append(_place(entry, known, used, depth + 1))
            elif digest in known and len(known[digest]) == 2:
                used.add(digest)
                kept.append(_place(known[digest][1], known, used, depth + 1))
        return kept
    if not isinstance(value, dict):
        return value
    placed = {
        name: _place(entry, known, used, depth + 1)
        for name, entry in value.items()
        if name not in ("_sd", "_sd_alg")
    }
    for digest in value.get("_sd", []):
        if digest in known and len(known[digest]) == 3:
            used.add(digest)
            _, name, entry = known[digest]
            if name in placed:
                raise UnreadableError(f"{name} is disclosed twice")
            placed[name] = _place(entry, known, used, depth + 1)
    return placed
