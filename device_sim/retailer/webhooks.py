"""Tells platforms of their orders: every delivery is stored first, signed, sent in order and tried again.

It never changes an order. Levers make deliveries go wrong on purpose (`levers.WEBHOOK_KINDS`).
Source: UCP 2026-04-08, order, "Order Event Webhook" and "Events / Guidelines"; signatures.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from sqlite3 import Row
from urllib.parse import urlsplit

import httpx

from device_sim.retailer.config import RetailerConfig
from device_sim.retailer.faults import FaultPlan
from device_sim.retailer.platforms import Platforms
from device_sim.retailer.profile import profile_url
from device_sim.retailer.releases import Release
from device_sim.retailer.signatures import Message, content_digest, sign_request
from device_sim.retailer.signing import KeyRing, SigningKey
from device_sim.retailer.store import Store
from device_sim.retailer.wire import Doc, encode

SEND_TIMEOUT_S = 5.0
AT_ONCE = 16
STALE_S = 24 * 3600


class Outbox:
    """The deliveries still to be made, in SQLite. Waits are real: the network has no model clock."""

    def __init__(
        self,
        store: Store,
        config: RetailerConfig,
        http: httpx.AsyncClient,
        platforms: Platforms,
        keys: KeyRing,
        plan: FaultPlan,
    ) -> None:
        self._store = store
        self._config = config
        self._http = http
        self._platforms = platforms
        self._keys = keys
        self._plan = plan
        self._strangers_key = SigningKey.generate("not-published")

    def add(self, order_id: str, platform_url: str, occurred_s: float, snapshot: Doc) -> None:
        """Put down a delivery, inside the transaction of the change it tells of.

        Args:
            platform_url: the profile URL of the platform whose webhook it is; the address itself is looked up
                when it is sent.
            occurred_s: when it happened, Unix seconds of the clock; sent as Webhook-Timestamp.
            snapshot: the full order, never a delta; its bytes are the same at every try.
        """
        fault = self._plan.draw_webhook()
        self._store.run(
            "INSERT INTO deliveries (webhook_id, order_id, profile_url, occurred_s, body, fault, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            str(uuid.uuid4()),
            order_id,
            platform_url,
            occurred_s,
            encode(self._platforms.release_of(platform_url).order(snapshot)),
            fault,
            "lost" if fault == "lost" else "held" if fault == "reordered" else "waiting",
        )

    async def send_due(self, webhook_url: Callable[[str], str | None]) -> int:
        """Try the oldest waiting delivery of every order, if its back-off is over.

        Args:
            webhook_url: the address that belongs to a profile URL, None if the platform has named none.

        Returns how many arrived.
        """
        rows = self._store.rows(
            "SELECT * FROM deliveries WHERE number IN"
            " (SELECT MIN(number) FROM deliveries WHERE state = 'waiting' GROUP BY order_id)"
            " AND next_wall_s <= ? ORDER BY number LIMIT ?",
            time.time(),
            AT_ONCE,
        )
        outcomes = await asyncio.gather(*(self._send(row, webhook_url(row["profile_url"])) for row in rows))
        return sum(outcomes)

    def replay(self, webhook_id: str) -> bool:
        """Send a delivery that arrived once more, byte for byte; False if there is none of that id."""
        with self._store.transaction():
            return self._again(webhook_id)

    def _again(self, webhook_id: str) -> bool:
        changed = self._store.run(
            "UPDATE deliveries SET state = 'waiting', fault = NULL, next_wall_s = 0"
            " WHERE webhook_id = ? AND state = 'delivered'",
            webhook_id,
        )
        return changed > 0

    async def _send(self, row: Row, url: str | None) -> bool:
        if url is None:
            self._note(row, "unwanted", "the platform's profile names no webhook_url")
            return False
        headers, body = self._message(row, url)
        try:
            answer = await self._http.post(url, content=body, headers=headers, timeout=SEND_TIMEOUT_S)
            arrived, outcome = answer.is_success, f"HTTP {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            arrived, outcome = False, repr(problem)
        if row["fault"] in ("unsigned", "forged", "wrong_key", "stale", "tampered"):
            # The bad copy came first; whatever became of it, the true one follows.
            self._note(row, "waiting", outcome, cured=True)
        elif arrived:
            self._note(row, "delivered", outcome)
        elif row["tries"] + 1 >= self._config.webhook_tries:
            self._note(row, "given_up", outcome)
        else:
            self._note(row, "waiting", outcome)
        return arrived

    def _message(self, row: Row, url: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of one try, bad in the way that the delivery's fault says."""
        release = self._platforms.release_of(row["profile_url"])
        fault, body = row["fault"], bytes(row["body"])
        occurred_s = int(row["occurred_s"]) - (STALE_S if fault == "stale" else 0)
        headers = {
            "Content-Type": "application/json",
            "UCP-Agent": f'profile="{profile_url(self._config, release)}"',
            "Idempotency-Key": row["webhook_id"],
            "Webhook-Id": row["webhook_id"],
            "Webhook-Timestamp": str(occurred_s),
        }
        key = self._keys.current()
        if fault == "wrong_key":
            key = self._strangers_key
        elif fault == "forged":
            # The name of the shop's key on a signature that another key made.
            key = SigningKey(key.kid, self._strangers_key.private)
        if fault != "unsigned":
            headers |= self._signature(release, key, url, headers, body, occurred_s)
        if fault == "tampered":
            body = encode(json.loads(body) | {"id": f"{row['order_id']}-of-somebody-else"})
        return headers, body

    def _signature(
        self,
        release: Release,
        key: SigningKey,
        url: str,
        headers: dict[str, str],
        body: bytes,
        created_s: int,
    ) -> dict[str, str]:
        if release.webhook_style == "detached_jws":
            return release.webhook_signature(key, body)
        parts = urlsplit(url)
        digest = {"Content-Digest": content_digest(body)}
        lower = {name.lower(): value for name, value in (headers | digest).items()}
        message = Message("POST", parts.netloc, parts.path or "/", parts.query, lower, body)
        return digest | sign_request(key, message, ["webhook-id", "webhook-timestamp"], created_s)

    def _note(self, row: Row, state: str, outcome: str, *, cured: bool = False) -> None:
        first_s, longest_s = self._config.webhook_backoff_s
        wait_s = 0.0 if cured else min(first_s * 2 ** min(row["tries"], 20), longest_s)
        with self._store.transaction():
            self._store.run(
                "UPDATE deliveries SET state = ?, tries = tries + 1, next_wall_s = ?, last_outcome = ?,"
                " fault = ? WHERE number = ?",
                state,
                time.time() + wait_s,
                outcome,
                None if cured else row["fault"],
                row["number"],
            )
            if state == "delivered":
                # What was held back so that a later event overtakes it may go now.
                self._store.run(
                    "UPDATE deliveries SET state = 'waiting'"
                    " WHERE order_id = ? AND state = 'held' AND number < ?",
                    row["order_id"],
                    row["number"],
                )
                if row["fault"] == "replayed":
                    self._again(row["webhook_id"])
