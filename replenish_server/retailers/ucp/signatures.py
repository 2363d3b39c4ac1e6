"""PURE: HTTP message signatures (RFC 9421, ECDSA), content digests (RFC 9530) and detached JWS (RFC 7797).

Source: UCP message signatures; what must be covered is its identity resolution algorithm, step 5.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

import http_sf
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

Jwk = Mapping[str, Any]
_CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm, int, str]] = {
    "P-256": (ec.SECP256R1(), hashes.SHA256(), 32, "ES256"),
    "P-384": (ec.SECP384R1(), hashes.SHA384(), 48, "ES384"),
}
_ALWAYS = ("@method", "@authority", "@path")
_WHEN_PRESENT = ("ucp-agent", "idempotency-key", "signature-agent")
_DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_FOLD = re.compile(
    r"[ \t]*\r?\n[ \t]+"
)  # obsolete, and one space where it still comes (RFC 9421, section 2.1)
_FORM_SAFE = "*-._"
_MOST_SIGNATURES = 5  # a message may carry several; nobody needs us to check hundreds


class SignatureRefused(Exception):
    """A message is not signed by who it says. `code` is UCP's own word for why."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


@dataclass(frozen=True)
class Signer:
    """A private key with the name under which its public half is published."""

    kid: str
    key: ec.EllipticCurvePrivateKey

    def sign(self, content: bytes) -> bytes:
        """ES256: r and s, 32 bytes each."""
        r, s = decode_dss_signature(self.key.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass(frozen=True)
class Message:
    """A request or an answer, as far as a signature can cover it.

    Args:
        headers: names in lower case; several fields of one name joined by ", ".
        body: the raw bytes; empty where there is none.
        method: of a request; empty for an answer.
        url: of a request, absolute.
        status: of an answer.
    """

    headers: Mapping[str, str]
    body: bytes
    method: str = ""
    url: str = ""
    status: int | None = None

    def component(self, name: str) -> str:
        """The value of a covered component.

        Raises:
            SignatureRefused: the message has none of that name.
        """
        if not name.startswith("@"):
            value = self.headers.get(name)
            if value is None:
                raise SignatureRefused("signature_invalid", f"there is no {name[:50]}")
            return _FOLD.sub(" ", value.strip())
        value = self._derived(name)
        if value is None:
            raise SignatureRefused("signature_invalid", f"there is no {name[:50]}")
        return value

    def _derived(self, name: str) -> str | None:
        if name == "@status":
            return None if self.status is None else str(self.status)
        if name == "@method":
            return self.method or None
        if not self.url:
            return None
        if name == "@authority":
            return _authority(self.url)
        parts = urlsplit(self.url)
        return {
            "@scheme": parts.scheme or None,
            "@target-uri": self.url,
            "@request-target": self._target(parts),
            "@path": parts.path or "/",
            "@query": f"?{parts.query}",
        }.get(name)

    def query_param(self, name: str) -> str:
        """The value of the one query parameter of this (percent-encoded) name (RFC 9421, section 2.2.8).

        Raises:
            SignatureRefused: there is none of that name, or several.
        """
        given = parse_qsl(urlsplit(self.url).query, keep_blank_values=True)
        values = [value for key, value in given if quote(key, safe=_FORM_SAFE) == name]
        if len(values) != 1:
            raise SignatureRefused("signature_invalid", f"not one parameter {name[:50]}")
        return quote(values[0], safe=_FORM_SAFE)

    @staticmethod
    def _target(parts: SplitResult) -> str:
        return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"

    def required(self) -> tuple[str, ...]:
        """What a signature has to cover to speak for all of the message."""
        body = ("content-digest", "content-type") if self.body else ()
        if self.status is not None:
            return ("@status", *body)
        query = ("@query",) if urlsplit(self.url).query else ()
        return (*_ALWAYS, *query, *body, *(name for name in _WHEN_PRESENT if name in self.headers))


def digest(content: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(content).digest()


def content_digest(body: bytes) -> str:
    """The `Content-Digest` of raw bytes."""
    return f"sha-256=:{base64.b64encode(digest(body)).decode()}:"


def sign_request(
    signer: Signer, method: str, url: str, headers: Mapping[str, str], body: bytes, created: int
) -> dict[str, str]:
    """The headers that make a signed request of one.

    Args:
        signer: ours.
        method: of the request.
        url: absolute.
        headers: everything else that will be sent.
        body: empty where there is none.
        created: seconds since the epoch.
    """
    added = {"Content-Digest": content_digest(body)} if body else {}
    lowered = {name.lower(): value for name, value in {**headers, **added}.items()}
    message = Message(lowered, body, method, url)
    names = message.required()
    covered = " ".join(f'"{name}"' for name in names)
    parameters = f'({covered});created={created};keyid="{signer.kid}"'
    lines = [f'"{name}": {message.component(name)}' for name in names]
    signature = signer.sign("\n".join([*lines, f'"@signature-params": {parameters}']).encode())
    return added | {
        "Signature-Input": f"sig1={parameters}",
        "Signature": f"sig1=:{base64.b64encode(signature).decode()}:",
    }


def sign_detached(signer: Signer, payload: bytes) -> str:
    """A JWS over raw bytes that does not carry them, unencoded (RFC 7797)."""
    header = {"alg": "ES256", "kid": signer.kid, "b64": False, "crit": ["b64"]}
    head = base64url(json.dumps(header, separators=(",", ":")).encode())
    return f"{head}..{base64url(signer.sign(head.encode() + b'.' + payload))}"


def verify_message(message: Message, keys: Sequence[Jwk], now: int) -> str:
    """Find one signature that covers the whole message and was made with one of these keys.

    Returns:
        The kid of the key.

    Raises:
        SignatureRefused: none does; the code says why the last was refused. `key_not_found` may mean that
            the keys are old.
    """
    if message.body:
        # Before anything is parsed: the bytes are what was signed, or nothing else about them matters.
        given = message.headers.get("content-digest", "")
        if not _digest_matches(given, message.body):
            raise SignatureRefused("digest_mismatch")
    inputs = _dictionary(message.headers.get("signature-input"))
    signatures = _dictionary(message.headers.get("signature"))
    refusal = SignatureRefused("signature_missing")
    for label, (components, parameters) in list(inputs.items())[:_MOST_SIGNATURES]:
        try:
            value = signatures.get(label, (None, {}))[0]
            return _verify_one(message, keys, now, components, parameters, value)
        except SignatureRefused as error:
            refusal = error
    raise refusal


def verify_detached(token: str, payload: bytes, keys: Sequence[Jwk]) -> str:
    """Check a detached JWS over raw bytes, encoded or not (RFC 7515 appendix F, RFC 7797).

    Returns:
        The kid of the key.

    Raises:
        SignatureRefused: see there.
    """
    head, middle, tail = [*token.split("."), "", ""][:3] if token.count(".") == 2 else ("", "x", "")
    try:
        header = json.loads(from_base64url(head))
        signature = from_base64url(tail)
    except (ValueError, RecursionError) as error:
        raise SignatureRefused("signature_invalid", "no detached JWS") from error
    if middle or not isinstance(header, dict):
        raise SignatureRefused("signature_invalid", "no detached JWS")
    plain = header.get("b64") is False
    if header.get("crit") not in (None, ["b64"]):
        raise SignatureRefused("signature_invalid", "an extension that is not known")
    key = find_key(keys, str(header.get("kid", "")))
    if header.get("alg") != _algorithm(key):
        raise SignatureRefused("algorithm_unsupported", "the key is for another algorithm")
    signed = head.encode() + b"." + (payload if plain else base64url(payload).encode())
    check_signature(key, signed, signature)
    return str(key["kid"])


def find_key(keys: Sequence[Jwk], kid: str) -> Jwk:
    """The key of this name that may verify signatures.

    Raises:
        SignatureRefused: there is none.
    """
    for key in keys:
        operations = key.get("key_ops")
        usable = key.get("use", "sig") != "enc" and (operations is None or "verify" in operations)
        if key.get("kid") == kid and usable:
            return key
    raise SignatureRefused("key_not_found", kid[:100])


def check_signature(key: Jwk, content: bytes, signature: bytes) -> None:
    """Whether a key made this signature; the algorithm is the key's own, whatever the message says.

    Raises:
        SignatureRefused: it did not, or its kind is not spoken.
    """
    _algorithm(key)
    try:
        if key.get("kty") == "OKP":
            ed25519.Ed25519PublicKey.from_public_bytes(from_base64url(str(key.get("x")))).verify(
                signature, content
            )
            return
        curve, hashed, size, _ = _CURVES[str(key["crv"])]
        if len(signature) != 2 * size:
            raise SignatureRefused("signature_invalid", "not r and s")
        numbers = ec.EllipticCurvePublicNumbers(_number(key.get("x")), _number(key.get("y")), curve)
        r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        numbers.public_key().verify(encode_dss_signature(r, s), content, ec.ECDSA(hashed))
    except (InvalidSignature, ValueError) as error:
        raise SignatureRefused("signature_invalid") from error


def base64url(content: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes of base64 for URLs.

    Raises:
        ValueError: it is none, or written in a second way of saying the same.
    """
    try:
        content = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("no base64url") from error
    if base64url(content) != text:
        raise ValueError("no canonical base64url")
    return content


def _verify_one(
    message: Message, keys: Sequence[Jwk], now: int, components: Any, parameters: Any, signature: Any
) -> str:
    if not isinstance(components, list) or not isinstance(signature, bytes):
        raise SignatureRefused("signature_invalid", "no signature of that label")
    if parameters.get("tag") not in (None, "web-bot-auth"):
        raise SignatureRefused("signature_invalid", "made for something else")
    for name in ("created", "expires"):
        if name in parameters and type(parameters[name]) is not int:
            raise SignatureRefused("signature_invalid", f"{name} is no number")
    if parameters.get("expires", now) < now:
        raise SignatureRefused("signature_invalid", "expired")
    lines, plain = [], set()
    for item in components:
        name, modifiers = item
        allowed = {"name"} if name == "@query-param" else {"key"}
        if not isinstance(name, str) or set(modifiers) - allowed:
            raise SignatureRefused("signature_invalid", "a component that is not known")
        identifier = http_sf.ser(item)
        if identifier in plain:
            raise SignatureRefused("signature_invalid", "a component is covered twice")
        plain.add(identifier)
        lines.append(f"{identifier}: {_member(message, name, modifiers)}")
    covered = {name for name, _ in components}
    missing = [name for name in message.required() if name not in covered]
    if missing:
        raise SignatureRefused("coverage_insufficient", missing[0])
    key = find_key(keys, str(parameters.get("keyid", "")))
    lines.append(f'"@signature-params": {http_sf.ser([(components, parameters)])}')
    check_signature(key, "\n".join(lines).encode(), signature)
    return str(key["kid"])


def _member(message: Message, name: str, modifiers: Mapping[str, Any]) -> str:
    if name == "@query-param":
        return message.query_param(str(modifiers.get("name", "")))
    if "key" not in modifiers:
        return message.component(name)
    members = _dictionary(message.headers.get(name))
    member = members.get(str(modifiers["key"]))
    if member is None:
        raise SignatureRefused("signature_invalid", f"there is no such member of {name[:50]}")
    return http_sf.ser(member)


def _digest_matches(given: str, body: bytes) -> bool:
    """Whether a `Content-Digest` (RFC 9530) holds a digest of these bytes that is safe, and no wrong one."""
    claimed = {name: value[0] for name, value in _dictionary(given).items() if name in _DIGESTS}
    return bool(claimed) and all(
        isinstance(value, bytes) and hmac.compare_digest(value, _DIGESTS[name](body).digest())
        for name, value in claimed.items()
    )


def _dictionary(value: str | None) -> dict[str, Any]:
    """A structured dictionary (RFC 8941); empty where it is none."""
    if not value:
        return {}
    try:
        found = http_sf.parse(value.encode("latin-1"), tltype="dictionary")
    except (http_sf.StructuredFieldError, UnicodeEncodeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _algorithm(key: Jwk) -> str:
    """The one algorithm that a key is for.

    Raises:
        SignatureRefused: none that we speak.
    """
    kind, curve = key.get("kty"), key.get("crv")
    if kind == "OKP" and curve == "Ed25519":
        name = "EdDSA"
    elif kind == "EC" and isinstance(curve, str) and curve in _CURVES:
        name = _CURVES[curve][3]
    else:
        raise SignatureRefused("algorithm_unsupported", f"{kind} {curve}"[:100])
    if key.get("alg", name) != name:
        raise SignatureRefused("algorithm_unsupported", str(key.get("alg"))[:100])
    return name


def _number(value: Any) -> int:
    return int.from_bytes(from_base64url(str(value)), "big")


@lru_cache(maxsize=128)
def _authority(url: str) -> str:
    """Host in lower case, with its port unless that is the scheme's own."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"
