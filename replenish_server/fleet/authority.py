"""The private certificate authority of a data folder: its own key, the broker's certificate, devices' ones.

It never decides who may have a certificate, and keeps no device's private key. What makes certificates is
loaded where one is made (`certificates`): most servers never make any.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class NoAuthority(Exception):
    """There is no usable authority in this folder; the text says how to make one."""


@dataclass(frozen=True)
class Issued:
    """A device's certificate.

    Args:
        certificate: PEM.
        key: its private key, PEM; given out once and kept nowhere.
        serial: serial number in hex.
    """

    certificate: str
    key: str
    serial: str


@dataclass(frozen=True)
class Authority:
    """Where the authority's files lie.

    Args:
        folder: holds `ca.pem`, `ca.key`, `server.pem`, `server.key` and `revoked.pem`.
    """

    folder: Path

    @property
    def ca_certificate(self) -> Path:
        """What a device must know in order to believe the broker."""
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """What signs; it never leaves the folder."""
        return self.folder / "ca.key"

    @property
    def server_certificate(self) -> Path:
        """The broker's and the device edge's certificate."""
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        """Its private key."""
        return self.folder / "server.key"

    @property
    def revocation_list(self) -> Path:
        """Serial numbers that open nothing any more."""
        return self.folder / "revoked.pem"

    @property
    def exists(self) -> bool:
        """Whether TLS listeners can be opened."""
        return self.server_certificate.exists() and self.revocation_list.exists()

    def init(self, names: Sequence[str]) -> bool:
        """Make the authority and a server certificate; returns False, and changes nothing, where it exists.

        Args:
            names: host names and addresses under which devices reach this machine.
        """
        if self.exists:
            return False
        from replenish_server.fleet import certificates

        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.ca_key.exists():
            certificate, key = certificates.make_authority()
            write_private(self.ca_certificate, certificate)
            write_private(self.ca_key, key)
        self.revoke([])
        self.renew(names)
        return True

    def server_names(self) -> list[str]:
        """Names and addresses under which devices believe the broker and the edge."""
        from replenish_server.fleet import certificates

        return certificates.names_in(self.server_certificate.read_bytes())

    def renew(self, names: Sequence[str]) -> None:
        """A fresh key and certificate for the server; devices trust it as before, through the authority.

        Raises:
            NoAuthority: `init` comes first.
        """
        from replenish_server.fleet import certificates

        made = certificates.for_server(*self._own(), names)
        key = _stage(self.server_key, made.key)
        _stage(self.server_certificate, made.certificate)
        key.replace(self.server_key)
        self.settle()

    def settle(self) -> None:
        """End a renewal that was killed between its two files; without one, nothing is changed.

        A certificate beside a key that is not its own lets no broker start. A certificate is staged after its
        key and moved after it: one that is still staged while its key no longer is belongs to the key in use.
        """
        staged = _staged(self.server_certificate)
        if staged.exists() and not _staged(self.server_key).exists():
            staged.replace(self.server_certificate)

    def issue(self, device_id: str) -> Issued:
        """A certificate by which a device logs in; its common name is the device id.

        Raises:
            NoAuthority: `init` comes first.
        """
        from replenish_server.fleet import certificates

        return certificates.for_device(*self._own(), device_id)

    def revoke(self, serials: Iterable[str]) -> None:
        """Write the list of all certificates (serial numbers in hex) that open nothing any more."""
        from replenish_server.fleet import certificates

        before = self.revocation_list.read_bytes() if self.revocation_list.exists() else None
        text = certificates.next_list(*self._own(), serials, before)
        if text is not None:
            write_private(self.revocation_list, text)

    def _own(self) -> tuple[bytes, bytes]:
        """The authority's own key and certificate, PEM."""
        try:
            return self.ca_key.read_bytes(), self.ca_certificate.read_bytes()
        except FileNotFoundError as missing:
            raise NoAuthority("there is no certificate authority yet; run: replenish ca init") from missing


def write_private(path: Path, text: str) -> None:
    """Write atomically and readable by the owner only: nobody reads half a file, nobody else any of it."""
    _stage(path, text).replace(path)


def _staged(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _stage(path: Path, text: str) -> Path:
    """Put the text on the disk beside where it belongs."""
    temporary = _staged(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return temporary
