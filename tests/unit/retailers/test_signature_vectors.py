"""Our reading of RFC 9421 against its own examples (appendix B), and what is easily read otherwise."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from replenish_server.retailers.ucp.signatures import (
    Message,
    SignatureRefused,
    Signer,
    check_signature,
    content_digest,
    verify_message,
)
from replenish_server.retailers.ucp.thumbprints import public_jwk

# Appendix B.1.3, B.2 and B.2.4.
ECC_P256 = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "test-key-ecc-p256",
    "x": "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA",
    "y": "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0",
}
GOOD_DOG_SHA512 = "mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ=="
B24 = "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw=="
B26_PARAMETERS = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
GOOD_DOG = Message(
    {
        "date": "Tue, 20 Apr 2021 02:07:56 GMT",
        "content-type": "application/json",
        "content-digest": f"sha-512=:{GOOD_DOG_SHA512}:",
        "content-length": "23",
        "signature-input": 'sig-b24=("@status" "content-type" "content-digest" "content-length")'
        ';created=1618884473;keyid="test-key-ecc-p256"',
        "signature": f"sig-b24=:{B24}:",
    },
    b'{"message": "good dog"}',
    status=200,
)
NOW = 1_618_884_480
SIGNER = Signer("shop-1", ec.derive_private_key(11, ec.SECP256R1()))
KEY = public_jwk(SIGNER) | {"kid": "shop-1"}
URL = "https://Home.test:8443/webhooks/ucp?var=a%20b&x=1&x=2&empty="


def test_the_answer_of_appendix_b_2_4_verifies() -> None:
    """ECDSA over P-256, with the digest that the RFC uses there."""
    assert verify_message(GOOD_DOG, [ECC_P256], NOW) == "test-key-ecc-p256"


@pytest.mark.parametrize(
    "change",
    [
        {"status": 201},
        {"body": b'{"message": "bad dog"}'},
        {"headers": {**GOOD_DOG.headers, "content-type": "text/plain"}},
        {"headers": {**GOOD_DOG.headers, "content-length": "24"}},
    ],
)
def test_a_change_of_that_answer_does_not(change: dict[str, Any]) -> None:
    """Each covered part counts."""
    with pytest.raises(SignatureRefused):
        verify_message(replace(GOOD_DOG, **change), [ECC_P256], NOW)


def test_the_signature_of_appendix_b_2_6_verifies() -> None:
    """Ed25519, over the base that is printed there."""
    base = "\n".join(
        [
            '"date": Tue, 20 Apr 2021 02:07:55 GMT',
            '"@method": POST',
            '"@path": /foo',
            '"@authority": example.com',
            '"content-type": application/json',
            '"content-length": 18',
            f'"@signature-params": {B26_PARAMETERS}',
        ]
    )
    key = {"kty": "OKP", "crv": "Ed25519", "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}
    signature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    check_signature(key, base.encode(), base64.b64decode(signature))


def signed(extra: list[tuple[str, str]], url: str = URL, headers: dict[str, str] | None = None) -> Message:
    """A request signed by hand: what must be covered, and these components with these values."""
    derived = {"@method": "POST", "@authority": "home.test:8443", "@path": "/webhooks/ucp"}
    lines = [(f'"{name}"', value) for name, value in derived.items()]
    lines.append(('"@query"', "?var=a%20b&x=1&x=2&empty="))
    lines += extra
    parameters = f'({" ".join(name for name, _ in lines)});created={NOW};keyid="shop-1"'
    base = "\n".join([*(f"{n}: {v}" for n, v in lines), f'"@signature-params": {parameters}'])
    signature = base64.b64encode(SIGNER.sign(base.encode())).decode()
    sent = {"signature-input": f"s={parameters}", "signature": f"s=:{signature}:"}
    return Message((headers or {}) | sent, b"", "POST", url)


@pytest.mark.parametrize(
    "component",
    [
        ('"@query-param";name="var"', "a%20b"),
        ('"@query-param";name="empty"', ""),
        ('"@target-uri"', URL),
        ('"@request-target"', "/webhooks/ucp?var=a%20b&x=1&x=2&empty="),
        ('"@scheme"', "https"),
    ],
)
def test_derived_components_are_those_of_the_rfc(component: tuple[str, str]) -> None:
    """With the query in the target and in its parameters."""
    assert verify_message(signed([component]), [KEY], NOW) == "shop-1"


@pytest.mark.parametrize(
    "component",
    [
        ('"@query-param";name="x"', "1"),
        ('"@query-param";name="missing"', ""),
        ('"@query-param"', "a%20b"),
        ('"@query-param";name="var"', "a b"),
        ('"@method";req', "POST"),
        ('"@moon"', "full"),
        ('"x-there";bs', ":eA==:"),
    ],
)
def test_what_cannot_be_derived_refuses_the_signature(component: tuple[str, str]) -> None:
    """A parameter that comes twice or never, a value that is not encoded, and what we do not speak."""
    with pytest.raises(SignatureRefused) as refused:
        verify_message(signed([component], headers={"x-there": "x"}), [KEY], NOW)
    assert refused.value.code == "signature_invalid"


@pytest.mark.parametrize(
    ("sent", "base"),
    [
        ("a, b", "a, b"),
        ("  a  ", "a"),
        ("a\r\n   b", "a b"),
        ("a \n\tb", "a b"),
        ("", ""),
    ],
    ids=["two fields joined", "white space around", "folded", "folded with a tab", "empty"],
)
def test_a_field_is_covered_by_its_canonical_value(sent: str, base: str) -> None:
    """RFC 9421, section 2.1."""
    message = signed([('"x-field"', base)], headers={"x-field": sent})
    assert verify_message(message, [KEY], NOW) == "shop-1"


@pytest.mark.parametrize("url", ["https://home.test:8443/webhooks/ucp?var=a%20b&x=1&x=2&empty=", URL])
def test_the_authority_is_in_lower_case_with_a_port_that_is_not_the_schemes_own(url: str) -> None:
    """However the address was written."""
    assert verify_message(signed([], url), [KEY], NOW) == "shop-1"


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://a.test:443/", "a.test"),
        ("http://a.test:80/", "a.test"),
        ("http://a.test:443/", "a.test:443"),
        ("https://[2001:DB8::1]:8443/", "[2001:db8::1]:8443"),
    ],
)
def test_authorities(url: str, authority: str) -> None:
    """RFC 9421, section 2.2.3."""
    assert Message({}, b"", "GET", url).component("@authority") == authority


@pytest.mark.parametrize(
    ("given", "good"),
    [
        ("{right}", True),
        ("{right}, md5=:AAAA:", True),
        ("md5=:AAAA:", False),
        ("sha-256=:AAAA:", False),
        ("{right}, sha-512=:AAAA:", False),
        ("sha-256=5", False),
        ("", False),
    ],
)
def test_one_good_digest_is_needed_and_no_wrong_one(given: str, good: bool) -> None:
    """Of those that are safe; others are read past (RFC 9530)."""
    value = given.format(right=content_digest(b"{}"))
    with pytest.raises(SignatureRefused) as refused:
        verify_message(Message({"content-digest": value}, b"{}", "POST", URL), [KEY], NOW)
    assert (refused.value.code == "signature_missing") is good
