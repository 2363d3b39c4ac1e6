"""Grades the sandbox shop with `spck-conformance`: a real process behind TLS, and a platform to talk to.

`python -m tests.support.grading [RELEASE | ap2 ...]` prints the grades, which
tests/contract/test_sandbox_grades.py holds. The certificate authority is made for one run and thrown away.
"""

import argparse
import base64
import ipaddress
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parents[2]
Doc = dict[str, Any]
OUT_OF_STOCK = "rinse-750"


@dataclass
class Grade:
    """What the checker said of one run."""

    release: str
    passed: list[str]
    deviated: dict[str, Any]
    inconclusive: list[str]
    untested: dict[str, str]
    musts: Doc = field(default_factory=dict)


def throwaway_certificate(folder: Path) -> tuple[Path, Path, Path]:
    """A certificate authority and a certificate of it for 127.0.0.1; paths of chain, key and authority."""
    now = datetime.now(UTC)

    def built(subject: str, key: Any, issuer: str, signer: Any, *, is_authority: bool) -> x509.Certificate:
        names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (subject, issuer)]
        builder = x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1])
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
        return builder.sign(signer, hashes.SHA256())

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = built("throw-away", authority_key, "throw-away", authority_key, is_authority=True)
    leaf = built("127.0.0.1", key, "throw-away", authority_key, is_authority=False)
    paths = folder / "shop.pem", folder / "shop.key", folder / "authority.pem"
    paths[0].write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8, plain = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    paths[1].write_bytes(key.private_bytes(pem, pkcs8, plain))
    paths[2].write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return paths


def _b64u(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def private_jwk(kid: str) -> Doc:
    """A new ES256 key with its private half."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.private_numbers()
    return {
        "kid": kid,
        "kty": "EC",
        "crv": "P-256",
        "x": _b64u(numbers.public_numbers.x),
        "y": _b64u(numbers.public_numbers.y),
        "d": _b64u(numbers.private_value),
    }


class PlatformHost:
    """Profiles on 127.0.0.1 that a checker names in UCP-Agent: a good one and each kind of bad one."""

    def __init__(self, release: str, keys_field: str = "signing_keys") -> None:
        self.key, self.retired = private_jwk("platform-now"), private_jwk("platform-before")
        names = ("checkout", "order", "fulfillment", "discount", "catalog.search", "catalog.lookup")
        good = {f"dev.ucp.shopping.{name}": [{"version": release}] for name in names}
        foreign = {"kid": "platform-ed25519", "kty": "OKP", "crv": "Ed25519", "x": _b64u(1)}
        public = [{k: v for k, v in jwk.items() if k != "d"} for jwk in (self.key, self.retired)]
        with_ap2 = good | {"dev.ucp.shopping.ap2_mandate": [{"version": release}]}
        self.documents: dict[str, bytes] = {
            "/good": _profile(release, good, {keys_field: [*public, foreign]}),
            "/keyless": _profile(release, with_ap2, {}),
            "/another-age": _profile("2099-01-01", good, {}),
            "/nothing-in-common": _profile(release, {"com.example.nothing": [{"version": release}]}, {}),
            "/malformed": b"this is not JSON",
        }
        documents = self.documents

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = documents.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _profile(release: str, capabilities: Doc, more: Doc) -> bytes:
    ucp = {"version": release, "capabilities": capabilities, "payment_handlers": {}}
    return json.dumps({"ucp": ucp} | more).encode()


@contextmanager
def running_shop(folder: Path, *options: str) -> Iterator[tuple[str, Path]]:
    """The shop behind TLS; its URL and the authority's certificate."""
    chain, key, authority = throwaway_certificate(folder)
    ready = folder / "ready"
    command = [sys.executable, "-m", "device_sim.retailer", "--db", str(folder / "shop.db")]
    command += ["--ready-file", str(ready), "--tls-cert", str(chain), "--tls-key", str(key)]
    command += ["--trust", "https://spck.dev/agent", "--any-address", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the shop did not open")
            time.sleep(0.05)
        yield json.loads(ready.read_text())["url"], authority
    finally:
        process.terminate()
        process.wait(10)


def _payment(token: str) -> Doc:
    instrument = {"id": "instr_1", "handler_id": "sandbox_pay", "type": "token"}
    return {"payment": {"instruments": [instrument | {"credential": {"type": "token", "token": token}}]}}


def config_for(host: PlatformHost) -> Doc:
    """What the checker has to know to exercise the shop: ids, tokens, codes, and the platform's addresses."""
    return {
        "product_id": "gift-25",
        "currency": "EUR",
        "out_of_stock_id": OUT_OF_STOCK,
        "fulfillment_option_id": "std",
        "complete_payment": _payment("success_token"),
        "fail_payment": _payment("fail_token"),
        "payment": {"escalation_payment": _payment("challenge_token")},
        "discount": {
            "valid_code": "WELCOME10",
            "second_valid_code": "THANKS5",
            "invalid_code": "NOT_A_CODE",
            "case_insensitive": True,
            "rejected_messages": True,
            "item": {"code": "FILTER50", "product_id": "filter-3", "quantity": 2},
            "automatic": {"product_id": "coffee-500", "quantity": 3},
        },
        "catalog": {
            "variant_id": "gift-25",
            "max_batch": 50,
            "configurable_product_id": "detergent",
        },
        "unavailable": {"business_outcome": True},
        "totals": {"sublines": True},
        "order": {"simulate_adjustment": True, "simulate_fulfillment": True, "second_product_id": "gift-25"},
        "discovery": {"supported_versions": True},
        "identity": _identity(host),
        "negotiation": {
            "validates_profile_url": True,
            "harness": True,
            "unsupported_version_profile_url": f"{host.url}/another-age",
            "incompatible_caps_profile_url": f"{host.url}/nothing-in-common",
            "unreachable_profile_url": f"{host.url}/nowhere",
            "malformed_profile_url": f"{host.url}/malformed",
        },
        "webhooks": {"simulate": True, "signed": True, "retries": True},
        "signature": {
            "responses": True,
            "platform_profile_url": f"{host.url}/good",
            "request_private_jwk": host.key,
            "rotated_private_jwk": host.retired,
            "unsupported_alg_kid": "platform-ed25519",
        },
        "idempotency": {"age_hook": True, "outage_hook": True},
    }


CALLBACK = "https://platform.spck.dev/oauth/callback"
LOOPBACK = "http://127.0.0.1/oauth/callback"
HISTORY, SAVED = "dev.ucp.shopping.order:history", "dev.ucp.shopping.checkout:saved"


def _identity(host: PlatformHost) -> Doc:
    return {
        "client_id": "household-platform",
        "redirect_uri": CALLBACK,
        "loopback_redirect": LOOPBACK,
        "scopes": [HISTORY],
        "serves_public_clients": True,
        "public_none": True,
        "confidential": {"client_id": "graded-platform", "client_secret": "not-a-secret-in-a-sandbox"},
        "gated": {"method": "GET", "path": "/account/orders", "scopes": [HISTORY]},
        "gated_multi": {
            "method": "GET",
            "path": "/account",
            "scopes": [HISTORY, SAVED],
            "have_scopes": [HISTORY],
        },
        "token_mint": True,
        "continue_url": True,
        "resource_metadata": True,
        "profile_binding": {"registered": f"{host.url}/good", "mismatched": f"{host.url}/keyless"},
    }


def _furnish(shop: httpx.Client, host: PlatformHost) -> None:
    """Empty a shelf, register the platforms, and let the shop agree where a person would have to click."""
    profiles = ["https://spck.dev/agent", f"{host.url}/good"]
    public = {"client_id": "household-platform", "redirect_uris": [CALLBACK, LOOPBACK], "profiles": profiles}
    known = public | {"client_id": "graded-platform", "client_secret": "not-a-secret-in-a-sandbox"}
    for path, body in (
        ("stock", {"item_id": OUT_OF_STOCK, "stock": 0}),
        ("oauth/clients", public),
        ("oauth/clients", known),
        ("faults", {"consents_at_once": True}),
    ):
        shop.post(f"/testing/{path}", json=body).raise_for_status()


def run_checker(server: str, config: Doc, authority: Path, folder: Path) -> Grade:
    """Run the checker as its users do, and read its report."""
    path = folder / "merchant.json"
    path.write_text(json.dumps(config))
    checker = Path(sys.executable).with_name("spck-conformance")
    command = [str(checker), "--server", server, "--config", str(path), "--insecure", "--json"]
    environment = os.environ | {"SSL_CERT_FILE": str(authority)}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    if not answer.stdout.startswith("{"):
        raise RuntimeError(f"the checker did not report: {answer.stdout}{answer.stderr}")
    return read_report(json.loads(answer.stdout))


def read_report(report: Doc) -> Grade:
    """The checker's report as a grade."""
    grade = Grade(report["spec_version"], [], {}, [], {}, report.get("verdict", {}))
    for check in report["checks"]:
        status = str(check["status"])
        if status == "deviation":
            grade.deviated[check["id"]] = check.get("observed") or check
        elif status == "clean-pass" and check.get("kill_safe", True):
            grade.passed.append(check["id"])
        elif status.startswith("not-tested"):
            grade.untested[check["id"]] = status
        elif not status.startswith("not-applicable"):
            grade.inconclusive.append(f"{check['id']}: {status}")
    return grade


WITHOUT_AP2 = ("--without", "dev.ucp.shopping.ap2_mandate")
# Where AP2 is offered, no order comes about without a mandate, so nothing that completes can be tried.
WITH_AP2: Doc = {"complete_payment": None, "fail_payment": None, "payment": None, "webhooks": None}


def grade_ap2() -> Grade:
    """Grade 2026-04-08 of a shop that offers AP2, which locks every session to a mandate."""
    return grade("2026-04-08", changes=WITH_AP2)


def grade(release: str, *options: str, changes: Doc | None = None) -> Grade:
    """Open the shop, grade one release of it, close it."""
    keys_field = "keys" if release >= "2026-08-25" else "signing_keys"
    host = PlatformHost(release, keys_field)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with running_shop(folder, *options) as (url, authority):
                with httpx.Client(base_url=url, verify=False) as shop:
                    _furnish(shop, host)
                server = url if release == "2026-04-08" else f"{url}/{release}"
                config = config_for(host) | (changes or {})
                config["ap2_mandates"] = {"platform_profile_no_keys_url": f"{host.url}/keyless"}
                config = {name: value for name, value in config.items() if value is not None}
                return run_checker(server, config, authority, folder)
    finally:
        host.close()


def main() -> None:
    """Print the grades of the releases that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", nargs="*", default=["2026-04-08", "ap2", "2026-01-23", "2026-08-25"])
    for release in parser.parse_args().release:
        found = grade_ap2() if release == "ap2" else grade(release, *WITHOUT_AP2)
        print(
            f"{release}: {len(found.passed)} passed, {len(found.deviated)} deviated,"
            f" {len(found.inconclusive)} inconclusive, {len(found.untested)} not tested"
        )
        for check, seen in found.deviated.items():
            print(f"  deviated {check}: {json.dumps(seen)[:600]}")
        for line in found.inconclusive:
            print(f"  inconclusive {line}")
        for check, why in found.untested.items():
            print(f"  {why}: {check}")


if __name__ == "__main__":
    main()
