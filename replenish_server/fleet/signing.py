"""Keys that sign firmware: made once, kept by whoever builds images; the server needs only their public half.

RSA with 3072 bits, because a board verifies it with `pow` alone. Source: RFC 8017, section 8.2 (PKCS#1 v1.5).
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from replenish_server.fleet.authority import write_private
from replenish_server.fleet.manifest import Manifest, ManifestRefused, bytes_of, read_manifest

_BITS = 3072
_EXPONENT = 65537


class NoSigningKey(Exception):
    """There is no usable key; the text says what to do."""


@dataclass(frozen=True)
class PublicKey:
    """What verifies a manifest, here and on a board.

    Args:
        key: the first 8 hex digits of SHA-256 over the modulus, 384 bytes, big end first.
        modulus: the RSA modulus; the exponent is 65537.
    """

    key: str
    modulus: int

    def verify(self, manifest: Manifest) -> bool:
        """Whether this key signed this manifest."""
        public = rsa.RSAPublicNumbers(_EXPONENT, self.modulus).public_key()
        try:
            public.verify(b64decode(manifest.sig), bytes_of(manifest), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKeys:
    """The keys of a data folder.

    Args:
        folder: holds `signing.pem` (private, if it is kept here) and `trusted/<key>.pem`.
    """

    folder: Path

    @property
    def private(self) -> Path:
        """The key that `firmware sign` uses; it may be carried away to where images are built."""
        return self.folder / "signing.pem"

    def create(self) -> PublicKey:
        """Make a key; from now on the server takes images that it signed. Keys before it stay trusted.

        Raises:
            NoSigningKey: one is here already; it is never overwritten.
        """
        if self.private.exists():
            raise NoSigningKey(
                f"{self.private} is there already; move it away first, it cannot be made again"
            )
        secret = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
        public = _public(secret.public_key())
        (self.folder / "trusted").mkdir(parents=True, exist_ok=True)
        text = secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(self.private, text.decode())
        self.trust(secret.public_key())
        return public

    def trust(self, public: rsa.RSAPublicKey) -> PublicKey:
        """Take images that this key signed."""
        known = _public(public)
        (self.folder / "trusted").mkdir(parents=True, exist_ok=True)
        pem = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
        write_private(self.folder / "trusted" / f"{known.key}.pem", pem)
        return known

    def trusted(self) -> dict[str, PublicKey]:
        """By key name, every key whose images are taken."""
        found = {}
        for path in sorted((self.folder / "trusted").glob("*.pem")):
            public = _public(load_public(path))
            found[public.key] = public
        return found


def sign_image(private: Path, image: bytes, kind: str, seq: int, ver: str, block: int) -> Manifest:
    """The signed manifest of an image.

    Raises:
        NoSigningKey: no such key, or not one of RSA with 3072 bits.
        ManifestRefused: something is beyond its limits.
    """
    try:
        secret = serialization.load_pem_private_key(private.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise NoSigningKey(f"no key in {private}; run: replenish firmware key create") from error
    if not isinstance(secret, rsa.RSAPrivateKey) or secret.key_size != _BITS:
        raise NoSigningKey(f"{private} is not a key of RSA with {_BITS} bits")
    digest = hashlib.sha256(image).hexdigest()
    fields = {"kind": kind, "seq": seq, "ver": ver, "size": len(image), "block": block, "sha256": digest}
    unsigned = read_manifest(fields | {"key": _public(secret.public_key()).key, "sig": "A" * 512})
    signature = secret.sign(bytes_of(unsigned), padding.PKCS1v15(), hashes.SHA256())
    return read_manifest(unsigned.document() | {"sig": b64encode(signature).decode()})


def check_image(manifest: Manifest, image: bytes, trusted: Mapping[str, PublicKey]) -> None:
    """That this is the image, and that somebody whom we trust signed it.

    Raises:
        ManifestRefused: it is not, or nobody did.
    """
    if len(image) != manifest.size or hashlib.sha256(image).hexdigest() != manifest.sha256:
        raise ManifestRefused("the image is not the one that was signed: its size or its SHA-256 differs")
    check_signature(manifest, trusted)


def check_signature(manifest: Manifest, trusted: Mapping[str, PublicKey]) -> None:
    """That somebody whom we trust signed a manifest; boards hold the same keys, and refuse every other.

    Raises:
        ManifestRefused: nobody did.
    """
    key = trusted.get(manifest.key)
    if key is None:
        raise ManifestRefused(
            f"signed with the key {manifest.key}, which is not trusted here. Sign it with one that boards "
            "hold (replenish firmware key list), or, if they hold this one: replenish firmware key trust FILE"
        )
    if not key.verify(manifest):
        raise ManifestRefused("the signature does not fit; sign the image again")


def load_public(path: Path) -> rsa.RSAPublicKey:
    """A public key from PEM, or the public half of a private one.

    Raises:
        NoSigningKey: it is none of RSA with 3072 bits and the exponent 65537.
    """
    text = path.read_bytes()
    try:
        if b"PRIVATE" in text:
            loaded = serialization.load_pem_private_key(text, None)
            public = loaded.public_key()
        else:
            public = serialization.load_pem_public_key(text)
    except ValueError as error:
        raise NoSigningKey(f"{path} is not a key in PEM") from error
    if (
        not isinstance(public, rsa.RSAPublicKey)
        or public.key_size != _BITS
        or public.public_numbers().e != _EXPONENT
    ):
        raise NoSigningKey(f"{path} is not a key of RSA with {_BITS} bits and the exponent {_EXPONENT}")
    return public


def _public(key: rsa.RSAPublicKey) -> PublicKey:
    modulus = key.public_numbers().n
    return PublicKey(hashlib.sha256(modulus.to_bytes(_BITS // 8, "big")).hexdigest()[:8], modulus)
