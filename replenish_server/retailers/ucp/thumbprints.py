"""PURE: public keys as JWK, named by their thumbprint (RFC 7517, RFC 7638)."""

import hashlib
import json
from typing import Any

from replenish_server.retailers.ucp.signatures import Signer, base64url


def public_jwk(signer: Signer) -> dict[str, Any]:
    """The public half of a P-256 key, as profiles list it; its name is its own thumbprint."""
    numbers = signer.key.public_key().public_numbers()
    key = {
        "crv": "P-256",
        "kty": "EC",
        "x": base64url(numbers.x.to_bytes(32, "big")),
        "y": base64url(numbers.y.to_bytes(32, "big")),
    }
    canonical = json.dumps(key, separators=(",", ":"), sort_keys=True).encode()
    return {"kid": base64url(hashlib.sha256(canonical).digest()), **key, "use": "sig", "alg": "ES256"}
