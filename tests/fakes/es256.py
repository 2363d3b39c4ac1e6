"""A second reading of RFC 9421 with ES256, for tests: it signs requests and verifies what the shop signed."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest_of(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


class Signer:
    """A key with a name."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        x, y = (b64u(part.to_bytes(32, "big")) for part in (numbers.x, numbers.y))
        return {"kid": self.kid, "kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256"}

    def sign(self, data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def headers(self, values: Mapping[str, str], parameters: str = "") -> dict[str, str]:
        """Signature-Input and Signature over `values`, in their order."""
        names = " ".join(f'"{name}"' for name in values)
        parameters = f'({names});keyid="{self.kid}"{parameters}'
        signature = base64.b64encode(self.sign(base_of(values, parameters))).decode()
        return {"Signature-Input": f"s={parameters}", "Signature": f"s=:{signature}:"}


def base_of(values: Mapping[str, str], parameters: str) -> bytes:
    lines = [f'"{name}": {value}' for name, value in values.items()]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def is_signed_by(jwk: Mapping[str, Any], data: bytes, signature: bytes) -> bool:
    x, y = (int.from_bytes(unb64u(jwk[name]), "big") for name in ("x", "y"))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    try:
        key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return len(signature) == 64


def covered(headers: Mapping[str, str]) -> list[str]:
    return re.findall(r'"([^"]+)"', headers["Signature-Input"].partition(")")[0])


def verifies(jwk: Mapping[str, Any], derived: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether the one signature in `headers` is over `derived` (@method, ..) and the headers it names."""
    parameters = headers["Signature-Input"].partition("=")[2]
    values = {n: derived[n] if n.startswith("@") else headers[n] for n in covered(headers)}
    signature = base64.b64decode(headers["Signature"].partition("=:")[2].rstrip(":"))
    return is_signed_by(jwk, base_of(values, parameters), signature)
