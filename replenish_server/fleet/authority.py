"""The private certificate authority of a data folder: its own key, the broker's certificate, devices' ones.

It never decides who may have a certificate, and keeps no device's private key. Dates: everything is valid
from 1999 to 2099, because a board without a clock starts in 2000 and mbedTLS on it checks dates; a device is
shut out by revocation, not by waiting. Source: RFC 5280.
"""

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_FROM = datetime(1999, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2099, 1, 1, tzinfo=UTC)
_LISTS_FROM = datetime(2000, 1, 1, tzinfo=UTC)  # list number n is dated n seconds later: always past, rising


class NoAuthority(Exception):
    """There is no authority in this folder yet; the text says how to make one."""


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
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "ca.key").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = _name("Replenish device authority")
            certificate = (
                _builder(name, name, key.public_key())
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_usage(signs_others=True), critical=True)
                .sign(key, hashes.SHA256())
            )
            write_private(self.ca_certificate, _pem(certificate))
            write_private(self.folder / "ca.key", _key_pem(key))
        self.revoke([])
        self.renew(names)
        return True

    def server_names(self) -> list[str]:
        """Names and addresses under which devices believe the broker and the edge."""
        certificate = x509.load_pem_x509_certificate(self.server_certificate.read_bytes())
        known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [str(name.value) for name in known]

    def renew(self, names: Sequence[str]) -> None:
        """A fresh key and certificate for the server; devices trust it as before, through the authority.

        Raises:
            NoAuthority: `init` comes first.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(names[0], key.public_key(), ExtendedKeyUsageOID.SERVER_AUTH, names)
        write_private(self.server_key, _key_pem(key))
        write_private(self.server_certificate, _pem(certificate))

    def issue(self, device_id: str) -> Issued:
        """A certificate by which a device logs in; its common name is the device id.

        Raises:
            NoAuthority: `init` comes first.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(device_id, key.public_key(), ExtendedKeyUsageOID.CLIENT_AUTH, [])
        return Issued(_pem(certificate), _key_pem(key), f"{certificate.serial_number:x}")

    def revoke(self, serials: Iterable[str]) -> None:
        """Write the list of all certificates (serial numbers in hex) that open nothing any more."""
        key, ca = self._load()
        number, wanted = 1, {int(serial, 16) for serial in serials}
        if self.revocation_list.exists():
            before = x509.load_pem_x509_crl(self.revocation_list.read_bytes())
            if {row.serial_number for row in before} == wanted:
                return
            number += before.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        dated = _LISTS_FROM + timedelta(seconds=number)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(ca.subject)
            .last_update(dated)
            .next_update(_UNTIL)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for serial in sorted(wanted):
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(dated)
            builder = builder.add_revoked_certificate(revoked.build())
        signed = builder.sign(key, hashes.SHA256())
        write_private(self.revocation_list, signed.public_bytes(serialization.Encoding.PEM).decode())

    def _sign(
        self, name: str, public: ec.EllipticCurvePublicKey, use: x509.ObjectIdentifier, names: Sequence[str]
    ) -> x509.Certificate:
        key, ca = self._load()
        builder = (
            _builder(_name(name), ca.subject, public)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_others=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
        )
        if names:
            known = [_alternative(name) for name in dict.fromkeys(names)]
            builder = builder.add_extension(x509.SubjectAlternativeName(known), critical=False)
        return builder.sign(key, hashes.SHA256())

    def _load(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        try:
            secret = (self.folder / "ca.key").read_bytes()
            certificate = x509.load_pem_x509_certificate(self.ca_certificate.read_bytes())
        except FileNotFoundError as missing:
            raise NoAuthority("there is no certificate authority yet; run: replenish ca init") from missing
        key = serialization.load_pem_private_key(secret, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise NoAuthority(f"{self.folder / 'ca.key'} is not the key that `replenish ca init` made")
        return key, certificate


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def write_private(path: Path, text: str) -> None:
    """Write atomically and readable by the owner only: nobody reads half a file, nobody else any of it."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
