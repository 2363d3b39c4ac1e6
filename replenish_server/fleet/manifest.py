"""PURE: a firmware manifest: what it says, which bytes are signed, and what is no manifest at all.

Source: docs/wire.md, Firmware.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MAX_SEQUENCE = 2**32 - 1
MAX_SIZE_BYTES = 4 * 1024 * 1024
BLOCKS = (512, 1024, 2048, 4096, 8192, 16384)

_KIND = re.compile(r"[a-z]{1,16}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-f]{8}")
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{512}")  # 384 bytes of base64 (RFC 4648) have no padding


class ManifestRefused(ValueError):
    """This is not a manifest that a device could use; the text says why."""


@dataclass(frozen=True)
class Manifest:
    """One image for one kind of device, signed.

    Args:
        kind: the kind of device.
        seq: rises with every image of this kind; a device never goes back.
        ver: version text, as the image says it in its health.
        size: of the image, in bytes.
        block: bytes that a device writes at once; it resumes at a multiple of it.
        sha256: of the image, in hex.
        key: which key signed it: the first 8 hex digits of SHA-256 over its modulus.
        sig: RSASSA-PKCS1-v1_5 over `signed_bytes`, base64.
    """

    kind: str
    seq: int
    ver: str
    size: int
    block: int
    sha256: str
    key: str
    sig: str

    def document(self) -> dict[str, Any]:
        """As it travels and lies in files."""
        return asdict(self)


def signed_bytes(kind: str, seq: int, ver: str, size: int, block: int, sha256: str) -> bytes:
    """What is signed: seven lines of ASCII, each ended by a line feed, the last one too."""
    lines = ("replenish-firmware/1", f"kind={kind}", f"seq={seq}", f"ver={ver}", f"size={size}")
    return "".join(f"{line}\n" for line in (*lines, f"block={block}", f"sha256={sha256}")).encode("ascii")


def bytes_of(manifest: Manifest) -> bytes:
    """What the signature of this manifest is over."""
    m = manifest
    return signed_bytes(m.kind, m.seq, m.ver, m.size, m.block, m.sha256)


def read_manifest(document: Mapping[str, Any]) -> Manifest:
    """A manifest from what a file or a message holds; unknown keys are ignored.

    Raises:
        ManifestRefused: a key is missing or beyond its limits.
    """
    texts = {"kind": _KIND, "ver": _VERSION, "sha256": _SHA256, "key": _KEY, "sig": _SIGNATURE}
    for name, pattern in texts.items():
        value = document.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ManifestRefused(f"the manifest's {name!r} is missing or not as docs/wire.md says")
    for name, highest in (("seq", MAX_SEQUENCE), ("size", MAX_SIZE_BYTES)):
        number = document.get(name)
        if type(number) is not int or not 1 <= number <= highest:
            raise ManifestRefused(f"the manifest's {name!r} is not a whole number from 1 to {highest}")
    if document.get("block") not in BLOCKS or type(document["block"]) is not int:
        raise ManifestRefused(f"the manifest's 'block' is none of {', '.join(map(str, BLOCKS))}")
    return Manifest(**{name: document[name] for name in Manifest.__dataclass_fields__})
