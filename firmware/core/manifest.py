"""What an offer of firmware says, which bytes of it are signed, and why one is refused. It fetches nothing.

Source: docs/wire.md, Firmware. The signature is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2), 3072 bits,
exponent 65537. Nothing of it is parsed: what it must say is built anew and compared whole.
"""

import binascii
import hashlib

BLOCKS = (512, 1024, 2048, 4096, 8192, 16384)
_LARGEST = 4_194_304
_LAST_SEQUENCE = 0xFFFFFFFF
_BYTES = 384
_HEX = "0123456789abcdef"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_VERSION = _LETTERS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-"
_DIGEST_INFO = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
_HEAD = b"\x00\x01" + b"\xff" * (_BYTES - 3 - len(_DIGEST_INFO) - 32) + b"\x00" + _DIGEST_INFO


class RefusedManifest(Exception):
    """This offer is not to be used.

    Args:
        why: as `fw.why` of docs/wire.md.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Manifest:
    """One image, as offered.

    Args:
        offer: the value of `fw`. Raises RefusedManifest when it is none.
    """

    def __init__(self, offer: object) -> None:
        if not isinstance(offer, dict):
            raise RefusedManifest("format")
        self.kind = _text(offer, "kind", 1, 16, _LETTERS)
        self.seq = _number(offer, "seq", 1, _LAST_SEQUENCE)
        self.version = _text(offer, "ver", 1, 32, _VERSION)
        self.size = _number(offer, "size", 1, _LARGEST)
        self.block = _number(offer, "block", BLOCKS[0], BLOCKS[-1])
        self.sha256 = _text(offer, "sha256", 64, 64, _HEX)
        self.key = _text(offer, "key", 8, 8, _HEX)
        self.signature = _text(offer, "sig", 512, 512, "")
        self.port = _number(offer, "port", 1, 65535)
        self.path = _text(offer, "path", 1, 200, "")
        if self.block not in BLOCKS or self.path[0] != "/" or " " in self.path:
            raise RefusedManifest("format")

    def signed(self) -> bytes:
        """The seven lines that the signature is over."""
        return (
            f"replenish-firmware/1\nkind={self.kind}\nseq={self.seq}\nver={self.version}\n"
            f"size={self.size}\nblock={self.block}\nsha256={self.sha256}\n"
        ).encode()

    def mark(self) -> int:
        """CRC-32 of all that was signed, of the signature and its key: the same offer again, most likely."""
        crc: int = binascii.crc32(self.signed() + self.key.encode() + self.signature.encode())
        return crc

    def mark_of_place(self) -> int:
        """CRC-32 of all of it: the same offer again, from the same place."""
        crc: int = binascii.crc32(self.path.encode(), self.mark())
        return crc


def check(offered: Manifest, kind: str, running: int, keys: dict[str, str]) -> None:
    """That this device may take it.

    Args:
        offered: what is offered.
        kind: kind of this device.
        running: sequence that runs and is marked valid.
        keys: modulus of each key that is believed, in hex, by its name.

    Raises:
        RefusedManifest: kind, old or signature.
    """
    if offered.kind != kind:
        raise RefusedManifest("kind")
    if offered.seq <= running:
        raise RefusedManifest("old")
    if offered.key not in keys or not _is_signed(offered, int(keys[offered.key], 16)):
        raise RefusedManifest("signature")


def _is_signed(offered: Manifest, modulus: int) -> bool:
    try:
        raw = binascii.a2b_base64(offered.signature)
    except ValueError:
        return False
    signature = int.from_bytes(raw, "big")
    if len(raw) != _BYTES or signature >= modulus:
        return False
    opened: bytes = pow(signature, 65537, modulus).to_bytes(_BYTES, "big")
    digest: bytes = hashlib.sha256(offered.signed()).digest()
    return opened == _HEAD + digest


def _text(offer: dict[str, object], key: str, shortest: int, longest: int, letters: str) -> str:
    value = offer.get(key)
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise RefusedManifest("format")
    for letter in value:
        if letter not in (letters or value) or not " " <= letter <= "~":
            raise RefusedManifest("format")
    return value


def _number(offer: dict[str, object], key: str, lowest: int, highest: int) -> int:
    value = offer.get(key)
    if type(value) is not int or not lowest <= value <= highest:
        raise RefusedManifest("format")
    return value
