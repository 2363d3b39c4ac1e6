"""The household's signing keys: kept in a file that only the owner reads, rotated with an overlap.

A new key is published before it signs, because shops keep our profile for a while; an old one stays
published after it signed last, because what it signed may still be on its way. Source: UCP key rotation.
"""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from replenish_server.retailers.ucp.signatures import Signer
from replenish_server.retailers.ucp.thumbprints import public_jwk

SIGNS_AFTER_S = 600.0  # twice as long as our profile may be kept
STAYS_FOR_S = 7 * 86400.0


@dataclass(frozen=True)
class _Kept:
    made_at: float
    signer: Signer


class KeyRing:
    """The keys in one file; made at the first look.

    Args:
        path: of the file.
        now: seconds since the epoch, real ones: what shops remember of us follows no simulated clock.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path, self._now = path, now
        self._read: tuple[int, list[_Kept]] | None = None

    def signer(self) -> Signer:
        """The key that signs now."""
        kept = self._keys()
        return kept[_signing(kept, self._now())].signer

    def find(self, kid: str) -> Signer | None:
        """The key of this name, as long as it is published."""
        if kid not in {key["kid"] for key in self.public()}:
            return None
        return next(entry.signer for entry in self._keys() if entry.signer.kid == kid)

    def public(self) -> list[dict[str, Any]]:
        """What the profile lists: the key that signs, those that will, and those that did until lately."""
        kept, now = self._keys(), self._now()
        first = 0
        while first < _signing(kept, now) and now - kept[first + 1].made_at > SIGNS_AFTER_S + STAYS_FOR_S:
            first += 1
        return [public_jwk(entry.signer) for entry in kept[first:]]

    def rotate(self) -> str:
        """Add a key that will take over; returns its name."""
        kept = self._keys()
        made = _Kept(self._now(), _new_signer())
        self._write([*kept, made])
        return made.signer.kid

    def _keys(self) -> list[_Kept]:
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            self._write([_Kept(self._now() - SIGNS_AFTER_S, _new_signer())], first=True)
            stamp = self._path.stat().st_mtime_ns
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, _load(self._path.read_text(encoding="utf-8")))
        return self._read[1]

    def _write(self, kept: list[_Kept], first: bool = False) -> None:
        """Put a whole new file in place of the old; whoever made the first one wins."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own (0600) for each writer: two threads of one process meet here as well, and after
        # `link` the half and the whole are one file.
        descriptor, name = tempfile.mkstemp(
            suffix=".part", prefix=f"{self._path.name}.", dir=self._path.parent
        )
        half = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump([{"made_at": entry.made_at, "pem": _pem(entry.signer)} for entry in kept], file)
                file.flush()
                os.fsync(file.fileno())
            if first:
                with contextlib.suppress(FileExistsError):
                    os.link(half, self._path)
            else:
                half.rename(self._path)
        finally:
            half.unlink(missing_ok=True)


def _signing(kept: list[_Kept], now: float) -> int:
    """The newest key that has been published long enough; the first where none has."""
    ready = [n for n, entry in enumerate(kept) if now - entry.made_at >= SIGNS_AFTER_S]
    return ready[-1] if ready else 0


def _new_signer() -> Signer:
    return _named(ec.generate_private_key(ec.SECP256R1()))


def _named(key: ec.EllipticCurvePrivateKey) -> Signer:
    unnamed = Signer("", key)
    return Signer(str(public_jwk(unnamed)["kid"]), key)


def _pem(signer: Signer) -> str:
    return signer.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _load(text: str) -> list[_Kept]:
    kept = []
    for entry in json.loads(text):
        key = serialization.load_pem_private_key(str(entry["pem"]).encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the key file holds a key of another kind; move it away to have new keys made")
        kept.append(_Kept(float(entry["made_at"]), _named(key)))
    return kept
