"""Signatures that a careless verifier takes: short padding, garbage behind, wrong hash; with the real key."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from firmware.core import manifest

INFO = bytes.fromhex("3031300d060960864801650304020105000420")
LINES = (
    b"replenish-firmware/1\nkind=level\nseq=12\nver=0.2.0\nsize=9\nblock=4096\nsha256=" + b"a" * 64 + b"\n"
)
DIGEST = hashlib.sha256(LINES).digest()
WHOLE = b"\0\1" + b"\xff" * 330 + b"\0" + INFO + DIGEST


@pytest.fixture(scope="module")
def secret(signing_key: Path) -> rsa.RSAPrivateNumbers:
    key = load_pem_private_key(signing_key.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.private_numbers()


def refused(secret: rsa.RSAPrivateNumbers, text: bytes, beyond: bool = False) -> str:
    """Why an offer is refused whose signature opens to `text`."""
    modulus = secret.public_numbers.n
    signature = pow(int.from_bytes(text, "big"), secret.d, modulus) + (modulus if beyond else 0)
    if signature >= 1 << 3072:
        return "signature"  # cannot even be written
    fields: dict[str, Any] = {"kind": "level", "seq": 12, "ver": "0.2.0", "size": 9, "block": 4096}
    fields |= {"sha256": "a" * 64, "key": "0badc0de", "port": 1, "path": "/x"}
    fields["sig"] = b64encode(signature.to_bytes(384, "big")).decode()
    try:
        manifest.check(manifest.Manifest(fields), "level", 11, {"0badc0de": f"{modulus:x}"})
    except manifest.RefusedManifest as error:
        return error.why
    return ""


def test_the_whole_text_is_compared(secret: rsa.RSAPrivateNumbers) -> None:
    assert refused(secret, WHOLE) == ""
    assert refused(secret, WHOLE, beyond=True) == "signature"  # s + n opens to the same text
    short = b"\0\1" + b"\xff" * 8 + b"\0" + INFO + DIGEST
    for text in (
        short + bytes(384 - len(short)),  # Bleichenbacher's garbage behind the hash
        b"\0\2" + WHOLE[2:],
        b"\0\1" + b"\xff" * 329 + b"\0\0" + INFO + DIGEST,
        WHOLE[:-32] + hashlib.sha256(LINES + b"\n").digest(),
        WHOLE[:333] + hashlib.sha1(LINES).digest() + WHOLE[353:],
        bytes(383) + b"\1",
    ):
        assert len(text) == 384
        assert refused(secret, text) == "signature"
