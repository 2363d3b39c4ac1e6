"""The shop's signing keys and the ES256 operation itself. It knows no message format.

Source: UCP 2026-04-08, signatures "Signature Algorithms", "Key Format", "Key Rotation"; RFC 7518 section 3.4
(signatures are r and s side by side, 64 bytes, never DER).
"""

import base64
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from device_sim.retailer.config import Clock
from device_sim.retailer.store import Store

GRACE_S = 7 * 24 * 3600.0  # a retired key stays published at least this long
WIDTH = 32


class AlgorithmUnsupportedError(Exception):
    """A public key that is not an EC key on P-256."""


@dataclass(frozen=True)
class SigningKey:
    """One private key and its name."""

    kid: str
    private: ec.EllipticCurvePrivateKey

    @classmethod
    def generate(cls, kid: str) -> "SigningKey":
        """A new key on P-256."""
        return cls(kid, ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> dict[str, str]:
        """The public half as a profile publishes it."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kid": self.kid,
            "kty": "EC",
            "crv": "P-256",
            "x": b64u(numbers.x.to_bytes(WIDTH, "big")),
            "y": b64u(numbers.y.to_bytes(WIDTH, "big")),
            "use": "sig",
            "alg": "ES256",
        }

    def sign(self, data: bytes) -> bytes:
        """64 bytes, r and s."""
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(WIDTH, "big") + s.to_bytes(WIDTH, "big")


class KeyRing:
    """The shop's keys in its file: one that signs, and retired ones that are still published."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._current: SigningKey | None = None

    def current(self) -> SigningKey:
        """The key that signs now; the first call of a new shop makes it."""
        if self._current is None:
            row = self._store.row(
                "SELECT * FROM signing_keys WHERE retired_s IS NULL ORDER BY created_s DESC, kid LIMIT 1"
            )
            self._current = _load(row) if row else self._new()
        return self._current

    def published(self) -> list[dict[str, str]]:
        """The public keys for the profile, the signing one first."""
        kept = self._store.rows(
            "SELECT * FROM signing_keys WHERE retired_s > ? ORDER BY retired_s DESC",
            self._clock.now_s() - GRACE_S,
        )
        return [self.current().jwk, *(_load(row).jwk for row in kept)]

    def rotate(self, *, compromised: bool = False) -> str:
        """Sign with a new key from now on; its kid. A compromised old key is published no longer."""
        old = self.current()
        retired_s = 0.0 if compromised else self._clock.now_s()
        with self._store.transaction():
            self._store.run("UPDATE signing_keys SET retired_s = ? WHERE kid = ?", retired_s, old.kid)
        self._current = None
        return self.current().kid

    def _new(self) -> SigningKey:
        key = SigningKey.generate(f"sandbox-{secrets.token_hex(4)}")
        pem = key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with self._store.transaction():
            self._store.run(
                "INSERT INTO signing_keys VALUES (?, ?, ?, NULL)", key.kid, pem.decode(), self._clock.now_s()
            )
        return key


def _load(row: Any) -> SigningKey:
    private = serialization.load_pem_private_key(row["pem"].encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError("the shop signs with EC keys only")
    return SigningKey(row["kid"], private)


def verifies(jwk: dict[str, Any], data: bytes, signature: bytes) -> bool:
    """Whether `signature` was made over `data` with the private half of `jwk`.

    Raises:
        AlgorithmUnsupportedError: the key is of a kind that this shop cannot use.
    """
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or jwk.get("alg", "ES256") != "ES256":
        raise AlgorithmUnsupportedError(f"{jwk.get('kty')}/{jwk.get('crv')}")
    if len(signature) != 2 * WIDTH:
        return False
    try:
        x, y = (int.from_bytes(unb64u(str(jwk[name])), "big") for name in ("x", "y"))
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        r, s = (int.from_bytes(part, "big") for part in (signature[:WIDTH], signature[WIDTH:]))
        public.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, KeyError, ValueError):
        return False
    return True


def b64u(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    """Read what `b64u` wrote. Raises ValueError on anything else."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
