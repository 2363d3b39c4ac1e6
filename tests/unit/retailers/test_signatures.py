"""Signed messages: what is covered, what is refused, and keys that come and go."""

import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.retailers.ucp.keys import SIGNS_AFTER_S, STAYS_FOR_S, KeyRing
from replenish_server.retailers.ucp.signatures import (
    Message,
    SignatureRefused,
    Signer,
    base64url,
    content_digest,
    sign_request,
    verify_detached,
    verify_message,
)
from replenish_server.retailers.ucp.thumbprints import public_jwk

NOW = 1_790_000_000
URL = "https://home.test:8443/webhooks/ucp?x=1"
BODY = b'{"id":"ord_9"}'
HEADERS = {
    "UCP-Agent": 'profile="https://shop.test/.well-known/ucp"',
    "Idempotency-Key": "k-1",
    "Content-Type": "application/json",
}
SIGNER = Signer("shop-1", ec.derive_private_key(7, ec.SECP256R1()))
KEY = public_jwk(SIGNER) | {"kid": "shop-1"}


def signed(**change: Any) -> Message:
    """A valid message, with members replaced."""
    headers = HEADERS | sign_request(SIGNER, "POST", URL, HEADERS, BODY, NOW)
    given = {
        "headers": {n.lower(): v for n, v in headers.items()},
        "body": BODY,
        "method": "POST",
        "url": URL,
    }
    return Message(**(given | change))


def with_header(name: str, value: str) -> Message:
    """A valid message with one header replaced."""
    message = signed()
    return signed(headers={**message.headers, name: value})


def refusal(message: Message, *keys: dict[str, Any], now: int = NOW) -> str:
    """Why a message is refused."""
    with pytest.raises(SignatureRefused) as refused:
        verify_message(message, keys or (KEY,), now)
    return refused.value.code


def test_what_we_sign_verifies_and_covers_all_that_it_must() -> None:
    """Target, body, and the headers that say who and which."""
    message = signed()
    assert verify_message(message, [KEY], NOW) == "shop-1"
    covered = message.headers["signature-input"]
    for name in ("@method", "@authority", "@path", "@query", "content-digest", "content-type", "ucp-agent"):
        assert f'"{name}"' in covered
    assert "alg" not in covered


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (signed(body=BODY + b" "), "digest_mismatch"),
        (signed(method="PUT"), "signature_invalid"),
        (signed(url=URL.replace("home", "evil")), "signature_invalid"),
        (signed(url=URL.replace("webhooks", "other")), "signature_invalid"),
        (signed(url=URL.replace("x=1", "x=2")), "signature_invalid"),
        (with_header("ucp-agent", 'profile="https://evil.test/.well-known/ucp"'), "signature_invalid"),
        (with_header("idempotency-key", "k-2"), "signature_invalid"),
        (with_header("content-type", "text/plain"), "signature_invalid"),
        (with_header("signature", "sig1=:AAAA:"), "signature_invalid"),
        (with_header("signature", "sig2=:AAAA:"), "signature_invalid"),
        (with_header("signature-input", "gar bage"), "signature_missing"),
        (with_header("content-digest", "sha-512=:AAAA:"), "digest_mismatch"),
        (with_header("signature-agent", '"https://x.test"'), "coverage_insufficient"),
        (signed(headers={}), "digest_mismatch"),
    ],
)
def test_any_change_is_noticed(message: Message, code: str) -> None:
    """With UCP's own word."""
    assert refusal(message) == code


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (KEY | {"kid": "other"}, "key_not_found"),
        (KEY | {"use": "enc"}, "key_not_found"),
        (KEY | {"key_ops": ["sign"]}, "key_not_found"),
        (KEY | {"crv": "P-521"}, "algorithm_unsupported"),
        (KEY | {"kty": "RSA"}, "algorithm_unsupported"),
        (KEY | {"alg": "ES384"}, "algorithm_unsupported"),
        (KEY | {"x": KEY["y"]}, "signature_invalid"),
        (KEY | {"x": None}, "signature_invalid"),
    ],
)
def test_a_key_that_is_not_for_this_is_not_used(key: dict[str, Any], code: str) -> None:
    """The algorithm is the key's own."""
    assert refusal(signed(), key) == code


def test_a_signature_past_its_end_is_refused() -> None:
    """Where it names one."""
    parameters = '("@method" "@authority" "@path" "@query" "content-digest" "content-type" "ucp-agent" '
    parameters += f'"idempotency-key");expires={NOW - 1};keyid="shop-1"'
    assert refusal(with_header("signature-input", f"sig1={parameters}")) == "signature_invalid"


def test_one_good_signature_among_several_is_enough() -> None:
    """The others may be for somebody else."""
    message = signed()
    inputs = 'other=("@method");keyid="x", ' + message.headers["signature-input"]
    values = "other=:AAAA:, " + message.headers["signature"]
    both = signed(headers={**message.headers, "signature-input": inputs, "signature": values})
    assert verify_message(both, [KEY], NOW) == "shop-1"


@pytest.mark.parametrize("encoded", [True, False])
def test_a_detached_token_speaks_for_the_raw_bytes(encoded: bool) -> None:
    """As the first releases sign, whether or not the payload is encoded."""
    header: dict[str, Any] = {"alg": "ES256", "kid": "shop-1"}
    if not encoded:
        header |= {"b64": False, "crit": ["b64"]}
    head = base64url(json.dumps(header).encode())
    payload = base64url(BODY).encode() if encoded else BODY
    token = f"{head}..{base64url(SIGNER.sign(head.encode() + b'.' + payload))}"
    assert verify_detached(token, BODY, [KEY]) == "shop-1"
    for bad, body in (
        (token, BODY + b" "),
        (token[:-1], BODY),
        (token.replace("..", ".e30."), BODY),
        ("", BODY),
    ):
        with pytest.raises(SignatureRefused):
            verify_detached(bad, body, [KEY])


@given(st.binary(max_size=60))
def test_nothing_that_is_said_breaks_the_reader(noise: bytes) -> None:
    """It is refused."""
    text = noise.decode("latin-1")
    for name in ("signature-input", "signature", "content-digest"):
        try:
            verify_message(with_header(name, text), [KEY], NOW)
        except SignatureRefused:
            continue
        assert signed().headers[name].strip() == text.strip()


def test_keys_are_made_once_for_the_owner_only_and_outlive_the_process(tmp_path: Path) -> None:
    """Named by their own thumbprint."""
    path = tmp_path / "keys.json"
    ring = KeyRing(path, lambda: NOW)
    kid = ring.signer().kid
    assert [key["kid"] for key in ring.public()] == [kid]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "d" not in ring.public()[0]
    assert KeyRing(path, lambda: NOW).signer().kid == kid


def test_threads_that_look_first_at_the_same_time_find_one_key(tmp_path: Path) -> None:
    """They wrote into one half of a file, and the one that came second emptied what the first had done."""
    for turn in range(5):
        ring, together = KeyRing(tmp_path / f"keys{turn}.json", lambda: NOW), threading.Barrier(8)

        def look(ring: KeyRing = ring, together: threading.Barrier = together) -> str:
            together.wait(30)
            return ring.signer().kid

        with ThreadPoolExecutor(8) as pool:
            found = {future.result() for future in [pool.submit(look) for _ in range(8)]}
        assert found == {KeyRing(tmp_path / f"keys{turn}.json", lambda: NOW).signer().kid}
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"keys{turn}.json" for turn in range(5)]


def test_a_new_key_is_shown_before_it_signs_and_the_old_one_after(tmp_path: Path) -> None:
    """Another process' rotation is noticed."""
    clock = [float(NOW)]
    ring = KeyRing(tmp_path / "keys.json", lambda: clock[0])
    old = ring.signer().kid
    new = KeyRing(tmp_path / "keys.json", lambda: clock[0]).rotate()
    assert (ring.signer().kid, {key["kid"] for key in ring.public()}) == (old, {old, new})
    clock[0] += SIGNS_AFTER_S
    assert (ring.signer().kid, {key["kid"] for key in ring.public()}) == (new, {old, new})
    clock[0] += STAYS_FOR_S + 1
    assert (ring.signer().kid, {key["kid"] for key in ring.public()}) == (new, {new})


def test_digests_are_over_raw_bytes() -> None:
    """The example of RFC 9530."""
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
