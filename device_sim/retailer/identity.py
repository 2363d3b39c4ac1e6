"""The shop's authorization server: who may act for a buyer, and what a token allows.

Tokens are opaque and kept as hashes. There is one buyer, whose account stands below; a person says yes on the
shop's page (`identity_routes`), or the lever `consents_at_once` says it for them.
Source: UCP 2026-04-08, "Identity Linking"; RFC 6749, 6750, 7009, 7636, 8252, 8414, 9207.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.signing import b64u
from device_sim.retailer.store import Store
from device_sim.retailer.wire import Doc, ProtocolError

HISTORY = "dev.ucp.shopping.order:history"
SAVED = "dev.ucp.shopping.checkout:saved"
MANAGE = "dev.ucp.shopping.checkout:manage"
READ = "dev.ucp.shopping.order:read"
SCOPES = (HISTORY, SAVED, MANAGE, READ, "dev.ucp.shopping.order:manage")
CODE_LIFETIME_S, ACCESS_LIFETIME_S, REFRESH_LIFETIME_S = 600.0, 3600.0, 30 * 24 * 3600.0
BUYER: Doc = {"first_name": "Ada", "last_name": "Park", "email": "ada@example.org"}
SAVED_ADDRESS: Doc = {
    "id": "saved-home",
    "street_address": "Lindenstrasse 12",
    "address_locality": "Berlin",
    "postal_code": "10969",
    "address_country": "DE",
}


class IdentityError(ProtocolError):
    """A request that lacks a buyer's token, or whose token does not allow it.

    Args:
        error: the error of RFC 6750 for the challenge; None when no token came.
        scopes: the full set that the operation needs.
    """

    def __init__(
        self, status: int, code: str, content: str, error: str | None, scopes: tuple[str, ...]
    ) -> None:
        super().__init__(status, code, content)
        self.error = error
        self.scopes = scopes


class GrantError(Exception):
    """What the token or authorization endpoint refuses, with the error code of RFC 6749."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error = error


@dataclass(frozen=True)
class Client:
    """A registered platform; without a secret a public one. `profiles` are those it may act under."""

    client_id: str
    redirect_uris: tuple[str, ...]
    secret: str | None
    profiles: tuple[str, ...]

    def takes(self, redirect_uri: str) -> bool:
        """Whether the address was registered: exactly, or but for the port on this machine."""
        return any(same_address(redirect_uri, known) for known in self.redirect_uris)


def same_address(one: str, other: str) -> bool:
    """Exact comparison; of a loopback address the port does not count (RFC 8252 section 7.3)."""
    if one == other:
        return True
    parts = [urlsplit(url) for url in (one, other)]
    loopback = all(part.hostname in ("127.0.0.1", "::1") for part in parts)
    plain = [(part.scheme, part.hostname, part.path, part.query, part.fragment) for part in parts]
    return loopback and plain[0] == plain[1]


class Identity:
    """Clients, codes and tokens in the shop's file. Every method runs inside the caller's transaction."""

    def __init__(self, store: Store, clock: Clock, config: RetailerConfig) -> None:
        self._store = store
        self._clock = clock
        self._config = config

    def register(self, client: Client) -> None:
        """Know a platform, or change what is known of it."""
        doc = {"redirect_uris": client.redirect_uris, "secret": client.secret, "profiles": client.profiles}
        self._store.run(
            "INSERT OR REPLACE INTO oauth_clients VALUES (?, ?)", client.client_id, json.dumps(doc)
        )

    def client(self, client_id: str) -> Client | None:
        """A registered platform, None for a stranger."""
        row = self._store.row("SELECT * FROM oauth_clients WHERE client_id = ?", client_id)
        if row is None:
            return None
        doc = json.loads(row["doc"])
        return Client(client_id, tuple(doc["redirect_uris"]), doc["secret"], tuple(doc["profiles"]))

    def authorize(self, client: Client, redirect_uri: str, scope: str, challenge: str) -> str:
        """An authorization code for one use within ten minutes of the clock."""
        code = secrets.token_urlsafe(24)
        self._store.run(
            "INSERT INTO oauth_codes VALUES (?, ?, ?, ?, ?, ?)",
            _hash(code),
            client.client_id,
            redirect_uri,
            scope,
            challenge,
            self._clock.now_s() + CODE_LIFETIME_S,
        )
        return code

    def redeem(self, client: Client, code: str, redirect_uri: str, verifier: str) -> Doc:
        """Tokens for a code. Raises GrantError invalid_grant; a code that was tried is gone."""
        row = self._store.row("SELECT * FROM oauth_codes WHERE code = ?", _hash(code))
        self._store.run("DELETE FROM oauth_codes WHERE code = ?", _hash(code))
        if row is None or row["client_id"] != client.client_id or row["expires_s"] <= self._clock.now_s():
            raise GrantError("invalid_grant", "This code is not known, used, or too old.")
        if not same_address(redirect_uri, row["redirect_uri"]):
            raise GrantError("invalid_grant", "The redirect_uri differs from the one of the authorization.")
        if b64u(hashlib.sha256(verifier.encode()).digest()) != row["challenge"]:
            raise GrantError("invalid_grant", "The code_verifier does not match the challenge.")
        return self._issue(client.client_id, row["scope"], secrets.token_urlsafe(12))

    def refresh(self, client: Client, token: str) -> Doc:
        """A new access token. Raises GrantError invalid_grant."""
        row = self._store.row("SELECT * FROM oauth_tokens WHERE token = ? AND kind = 'refresh'", _hash(token))
        if row is None or row["client_id"] != client.client_id or row["expires_s"] <= self._clock.now_s():
            raise GrantError("invalid_grant", "This refresh token is not known or was revoked.")
        return self._issue(client.client_id, row["scope"], row["grant_id"], refresh=False)

    def revoke(self, client: Client, token: str) -> None:
        """Forget a token; a refresh token takes its access tokens with it. An unknown one is no error."""
        row = self._store.row("SELECT * FROM oauth_tokens WHERE token = ?", _hash(token))
        if row is None or row["client_id"] != client.client_id:
            return
        if row["kind"] == "refresh":
            self._store.run("DELETE FROM oauth_tokens WHERE grant_id = ?", row["grant_id"])
        else:
            self._store.run("DELETE FROM oauth_tokens WHERE token = ?", _hash(token))

    def mint(self, client_id: str, scope: str, lifetime_s: float) -> str:
        """An access token by hand, for tests."""
        grant = secrets.token_urlsafe(12)
        return self._store_token("access", client_id, scope, grant, lifetime_s)

    def check(self, authorization: str | None, profile_url: str, scopes: tuple[str, ...]) -> bool:
        """Whether the request is made for the buyer; `scopes` are those that the operation needs.

        Returns False when no token came and none is needed.

        Raises:
            IdentityError: 401 identity_required, 403 insufficient_scope, or 403 when the token is of another
                platform than the one that the request names.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            if scopes:
                raise IdentityError(401, "identity_required", "Link the buyer's account first.", None, scopes)
            return False
        row = self._store.row("SELECT * FROM oauth_tokens WHERE token = ? AND kind = 'access'", _hash(token))
        client = self.client(row["client_id"]) if row else None
        if row is None or client is None or row["expires_s"] <= self._clock.now_s():
            text = "This token is not valid here."
            raise IdentityError(401, "identity_required", text, "invalid_token", scopes)
        if client.profiles and profile_url not in client.profiles:
            text = "This token was issued to another platform."
            raise IdentityError(403, "identity_required", text, "invalid_token", scopes)
        if missing := set(scopes) - set(row["scope"].split()):
            text = f"This needs {' '.join(scopes)}; {' '.join(sorted(missing))} was not granted."
            raise IdentityError(403, "insufficient_scope", text, "insufficient_scope", scopes)
        return True

    def metadata(self) -> Doc:
        """The authorization server's metadata (RFC 8414)."""
        url = self._config.base_url
        return {
            "issuer": url,
            "authorization_endpoint": f"{url}/oauth2/authorize",
            "token_endpoint": f"{url}/oauth2/token",
            "revocation_endpoint": f"{url}/oauth2/revoke",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _issue(self, client_id: str, scope: str, grant: str, *, refresh: bool = True) -> Doc:
        answer: Doc = {
            "access_token": self._store_token("access", client_id, scope, grant, ACCESS_LIFETIME_S),
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFETIME_S),
            "scope": scope,
        }
        if refresh:
            answer["refresh_token"] = self._store_token(
                "refresh", client_id, scope, grant, REFRESH_LIFETIME_S
            )
        return answer

    def _store_token(self, kind: str, client_id: str, scope: str, grant: str, lifetime_s: float) -> str:
        token = secrets.token_urlsafe(32)
        self._store.run(
            "INSERT INTO oauth_tokens VALUES (?, ?, ?, ?, ?, ?)",
            _hash(token),
            kind,
            client_id,
            scope,
            grant,
            self._clock.now_s() + lifetime_s,
        )
        return token


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
