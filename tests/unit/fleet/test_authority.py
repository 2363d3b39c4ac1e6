"""The authority of a data folder: dates, names, and a list of what opens nothing any more."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from replenish_server.fleet.authority import Authority, NoAuthority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A fresh one."""
    made = Authority(tmp_path / "ca")
    assert made.init(["replenish.local", "192.168.1.5"])
    return made


def test_everything_is_valid_for_a_board_that_thinks_it_is_2000(authority: Authority) -> None:
    """And still in 2090; both the authority and what it signs, or mbedTLS refuses."""
    signed = [authority.ca_certificate.read_bytes(), authority.server_certificate.read_bytes()]
    signed.append(authority.issue("level-1").certificate.encode())
    for pem in signed:
        certificate = x509.load_pem_x509_certificate(pem)
        assert certificate.not_valid_before_utc < datetime(2000, 1, 1, tzinfo=UTC)
        assert certificate.not_valid_after_utc > datetime(2090, 1, 1, tzinfo=UTC)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(signed[0]))


def test_the_server_is_known_by_its_names_and_a_device_by_its_id(authority: Authority) -> None:
    """Addresses are addresses, names are names."""
    server = x509.load_pem_x509_certificate(authority.server_certificate.read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["replenish.local"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["192.168.1.5"]
    issued = authority.issue("level-1")
    device = x509.load_pem_x509_certificate(issued.certificate.encode())
    assert [each.value for each in device.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["level-1"]
    assert int(issued.serial, 16) == device.serial_number


def test_a_second_init_changes_nothing_and_renewing_keeps_the_authority(authority: Authority) -> None:
    """What devices trust must never change by accident."""
    ca, server = authority.ca_certificate.read_bytes(), authority.server_certificate.read_bytes()
    assert not authority.init(["other"])
    assert server == authority.server_certificate.read_bytes()
    authority.renew(["other"])
    assert (ca, True) == (
        authority.ca_certificate.read_bytes(),
        server != authority.server_certificate.read_bytes(),
    )


def test_each_list_is_newer_than_the_last_and_the_same_one_is_not_written_again(authority: Authority) -> None:
    """A broker that read both believes the newer."""

    def listed() -> tuple[datetime | None, set[int]]:
        crl = x509.load_pem_x509_crl(authority.revocation_list.read_bytes())
        return crl.last_update_utc, {row.serial_number for row in crl}

    empty = listed()
    authority.revoke(["1f"])
    first = listed()
    authority.revoke(["1f"])
    assert first == listed()
    authority.revoke(["1f", "a0"])
    assert empty[0] < first[0] < listed()[0]  # type: ignore[operator]
    assert [set(), {0x1F}, {0x1F, 0xA0}] == [empty[1], first[1], listed()[1]]


def test_without_an_authority_nothing_is_issued(tmp_path: Path) -> None:
    """The text says what to do."""
    with pytest.raises(NoAuthority, match="replenish ca init"):
        Authority(tmp_path).issue("level-1")


def test_a_renewal_that_is_killed_at_any_file_leaves_a_key_with_its_certificate(authority: Authority) -> None:
    """After each of its steps, settling leaves the old pair or the new one."""

    def fits() -> bool:
        key = serialization.load_pem_private_key(authority.server_key.read_bytes(), None)
        return (
            key.public_key()
            == x509.load_pem_x509_certificate(authority.server_certificate.read_bytes()).public_key()
        )

    def mortal(event: str, arguments: tuple[object, ...]) -> None:
        """Count what `renew` does to the folder, and die at the moment that is due."""
        if left and event in ("open", "os.rename") and str(authority.folder) in str(arguments[0]):
            left[0] -= 1
            if left[0] == 0:
                left.clear()
                raise Killed

    class Killed(Exception):
        """What ends the process."""

    left: list[int] = []
    sys.addaudithook(mortal)
    moments = 0
    for moments in range(1, 20):
        left[:] = [moments]
        try:
            authority.renew(["localhost"])
        except Killed:
            authority.settle()
            assert fits()
        else:
            break
    left.clear()
    assert moments > 5
    assert fits()
