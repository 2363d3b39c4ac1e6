"""Making X.509 certificates, and the list of those that open nothing any more.

Dates: everything is valid from 1999 to 2099, because a board without a clock starts in 2000 and mbedTLS on it
checks dates; a device is shut out by revocation, not by waiting. Source: RFC 5280.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from replenish_server.fleet.authority import Issued, NoAuthority

_FROM = datetime(1999, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2099, 1, 1, tzinfo=UTC)
_LISTS_FROM = datetime(2000, 1, 1, tzinfo=UTC)  # list number n is dated n seconds later: always past, rising


def make_authority() -> tuple[str, str]:
    """An authority's certificate and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Replenish device authority")
    certificate = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_others=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate), _key_pem(key)


def for_server(own_key: bytes, own: bytes, names: Sequence[str]) -> Issued:
    """The broker's and the device edge's certificate, signed by the authority of this key and certificate."""
    return _issued(own_key, own, names[0], ExtendedKeyUsageOID.SERVER_AUTH, names)


def for_device(own_key: bytes, own: bytes, device_id: str) -> Issued:
    """A device's certificate; its common name is the device id."""
    return _issued(own_key, own, device_id, ExtendedKeyUsageOID.CLIENT_AUTH, [])


def names_in(certificate: bytes) -> list[str]:
    """The names and addresses that a server's certificate, PEM, is for."""
    read = x509.load_pem_x509_certificate(certificate)
    known = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in known]


def next_list(own_key: bytes, own: bytes, serials: Iterable[str], before: bytes | None) -> str | None:
    """The list that follows the one before, PEM; None where that one says the same."""
    key, ca = _loaded(own_key, own)
    number, wanted = 1, {int(serial, 16) for serial in serials}
    if before is not None:
        listed = x509.load_pem_x509_crl(before)
        if {row.serial_number for row in listed} == wanted:
            return None
        number += listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
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
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _issued(
    own_key: bytes, own: bytes, name: str, use: x509.ObjectIdentifier, names: Sequence[str]
) -> Issued:
    key, ca = _loaded(own_key, own)
    private = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name(name), ca.subject, private.public_key())
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
    certificate = builder.sign(key, hashes.SHA256())
    return Issued(_pem(certificate), _key_pem(private), f"{certificate.serial_number:x}")


def _loaded(own_key: bytes, own: bytes) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = serialization.load_pem_private_key(own_key, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NoAuthority("the authority's ca.key is not the key that `replenish ca init` made")
    return key, x509.load_pem_x509_certificate(own)


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
