"""HTTP message signatures: the base, signing what leaves, and verifying what platforms send.

It finds no keys and fetches nothing: who the signer is, is its caller's business.
Source: RFC 9421 (base and fields), RFC 9530 (Content-Digest), UCP 2026-04-08, signatures.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from device_sim.retailer.signing import AlgorithmUnsupportedError, SigningKey, verifies
from device_sim.retailer.wire import ProtocolError

LABEL = "sig1"
_KEY = r"[a-z*][a-z0-9_.*-]*"
_TEXT = r'"(?:[^"\\]|\\["\\])*"'
_PARAMETER = rf";\s*{_KEY}(?:=(?:{_TEXT}|[^;,\s\"]+))?"
INPUT = re.compile(rf"(?P<label>{_KEY})=(?P<value>\((?P<items>[^()]*)\)(?P<parameters>(?:{_PARAMETER})*))")
SIGNATURE = re.compile(rf"(?P<label>{_KEY})=:(?P<value>[A-Za-z0-9+/=]*):")
ITEM = re.compile(rf"{_TEXT}")
PARAMETER = re.compile(rf";\s*(?P<name>{_KEY})=(?:\"(?P<text>[^\"]*)\"|(?P<bare>[^;,\s\"]+))")
KeyOf = Callable[[str], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Message:
    """A request as its signature sees it; header names are in lower case."""

    method: str
    authority: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    scheme: str = "https"

    def component(self, name: str) -> str:
        """The value of one covered component. Raises KeyError when the message has it not."""
        authority, path = self.authority.lower(), self.path or "/"
        target = f"{path}?{self.query}" if self.query else path
        derived = {
            "@method": self.method,
            "@authority": authority,
            "@scheme": self.scheme,
            "@path": path,
            "@query": f"?{self.query}",
            "@request-target": target,
            "@target-uri": f"{self.scheme}://{authority}{target}",
        }
        return derived[name] if name.startswith("@") else self.headers[name].strip()

    def must_cover(self) -> list[str]:
        """The components without which a signature says too little about this message."""
        names = ["@method", "@authority", "@path"]
        names += ["@query"] if self.query else []
        names += [name for name in ("ucp-agent", "idempotency-key") if name in self.headers]
        return names + (["content-digest", "content-type"] if self.body else [])


def content_digest(body: bytes) -> str:
    """The Content-Digest of a body, sha-256 over its raw bytes."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_request(key: SigningKey, message: Message, also: list[str], created_s: int) -> dict[str, str]:
    """The signature headers of a request; `also` names headers to cover beyond what must be."""
    values = [(name, message.component(name)) for name in [*message.must_cover(), *also]]
    return _signed(key, values, created_s)


def sign_response(
    key: SigningKey, status: int, content_type: str, body: bytes, created_s: int
) -> dict[str, str]:
    """The signature headers of an answer with a body, Content-Digest included."""
    digest = content_digest(body)
    values = [("@status", str(status)), ("content-digest", digest), ("content-type", content_type)]
    return _signed(key, values, created_s) | {"Content-Digest": digest}


def _signed(key: SigningKey, values: list[tuple[str, str]], created_s: int) -> dict[str, str]:
    names = " ".join(f'"{name}"' for name, _ in values)
    parameters = f'({names});created={created_s};keyid="{key.kid}"'
    signature = base64.b64encode(key.sign(_base(values, parameters))).decode()
    return {"Signature-Input": f"{LABEL}={parameters}", "Signature": f"{LABEL}=:{signature}:"}


def _base(values: list[tuple[str, str]], parameters: str) -> bytes:
    lines = [f'"{name}": {value}' for name, value in values]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether a message carries a signature or half of one; header names in lower case."""
    return "signature" in headers or "signature-input" in headers


def verify_request(message: Message, key_of: KeyOf, now_s: float) -> str:
    """Verify a signed request; the kid of the key that signed it.

    Args:
        key_of: the signer's published key of a kid, None when it publishes none of that name.
        now_s: Unix time, for signatures that say when they expire.

    Raises:
        ProtocolError: 401 signature_missing, signature_invalid or key_not_found; 400 digest_mismatch or
            algorithm_unsupported.
    """
    label, items, raw, parameters = _read_input(message.headers)
    signature = _read_signature(message.headers, label)
    kid = parameters.get("keyid", "")
    jwk = key_of(kid)
    if jwk is None:
        raise ProtocolError(401, "key_not_found", f"Your profile publishes no key {kid!r}.")
    if message.body and message.headers.get("content-digest") is not None:
        _check_digest(message)
    if missing := [name for name in message.must_cover() if name not in items]:
        raise ProtocolError(401, "signature_missing", f"The signature must cover {', '.join(missing)}.")
    expires = parameters.get("expires", "")
    if expires.isdecimal() and int(expires) < now_s:
        raise ProtocolError(401, "signature_invalid", "The signature has expired.")
    try:
        base = _base([(name, message.component(name)) for name in items], raw)
    except KeyError as absent:
        raise ProtocolError(401, "signature_missing", f"The signed {absent} is not there.") from absent
    try:
        genuine = verifies(dict(jwk), base, signature)
    except AlgorithmUnsupportedError as problem:
        text = f"Sign with ES256; the key {kid!r} is {problem}."
        raise ProtocolError(400, "algorithm_unsupported", text) from problem
    if not genuine:
        raise ProtocolError(401, "signature_invalid", f"The signature of key {kid!r} does not verify.")
    return kid


def _read_input(headers: Mapping[str, str]) -> tuple[str, list[str], str, dict[str, str]]:
    if "signature-input" not in headers or "signature" not in headers:
        raise ProtocolError(401, "signature_missing", "Send Signature-Input and Signature.")
    found = INPUT.search(headers["signature-input"])
    if found is None:
        raise ProtocolError(401, "signature_invalid", "Signature-Input cannot be read.")
    items = [text[1:-1] for text in ITEM.findall(found["items"])]
    if ITEM.sub("", found["items"]).strip() or len(set(items)) != len(items):
        raise ProtocolError(401, "signature_invalid", "Components are plain names, each once.")
    parameters = {
        entry["name"]: entry["text"] if entry["text"] is not None else entry["bare"]
        for entry in PARAMETER.finditer(found["parameters"])
    }
    return found["label"], items, found["value"], parameters


def _read_signature(headers: Mapping[str, str], label: str) -> bytes:
    for found in SIGNATURE.finditer(headers["signature"]):
        if found["label"] == label:
            try:
                return base64.b64decode(found["value"], validate=True)
            except binascii.Error:
                break
    raise ProtocolError(401, "signature_missing", f"Signature has no value for {label}.")


def _check_digest(message: Message) -> None:
    given = dict(re.findall(r"([a-z0-9-]+)=(:[A-Za-z0-9+/=]*:)", message.headers["content-digest"]))
    expected = content_digest(message.body).removeprefix("sha-256=")
    if given.get("sha-256") != expected:
        raise ProtocolError(400, "digest_mismatch", "The body does not match its Content-Digest.")
