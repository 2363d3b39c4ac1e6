"""Tokens and PINs: how they are made, and the hashes that are all we keep of them."""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode

_PIN = re.compile(r"[0-9]{4,12}", re.ASCII)
# 16 MiB and some 50 ms a try (RFC 7914): a PIN is short, so each guess must cost; the lock does the rest.
_COST, _BLOCK, _LANES = 2**14, 8, 1


def new_token(prefix: str) -> str:
    """A fresh secret such as "rpt_..." of 256 random bits; the prefix tells what was found if one leaks."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """The form in which a token is kept: its SHA-256; it is too random to need stretching."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_pin(text: str) -> bool:
    """Whether this can be a PIN: 4 to 12 digits."""
    return _PIN.fullmatch(text) is not None


def hash_pin(pin: str) -> str:
    """A PIN in the form in which it is kept: scrypt with its own salt."""
    salt = secrets.token_bytes(16)
    return f"scrypt${b64encode(salt).decode()}${b64encode(_scrypt(pin, salt)).decode()}"


def pin_matches(pin: str, kept: str) -> bool:
    """Whether this is the PIN that was kept."""
    _, salt, digest = kept.split("$")
    return hmac.compare_digest(_scrypt(pin, b64decode(salt)), b64decode(digest))


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES)
