"""Tells platforms of their orders: every delivery is stored first, sent in order and tried again.

It never changes an order. Deliveries are not signed in this release (docs/sandbox-retailer.md).
Source: UCP 2026-04-08, order, "Order Event Webhook" and "Events / Guidelines".
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from sqlite3 import Row

import httpx

from device_sim.retailer.config import RetailerConfig
from device_sim.retailer.store import Store
from device_sim.retailer.wire import Doc, encode

SEND_TIMEOUT_S = 5.0
AT_ONCE = 16


class Outbox:
    """The deliveries still to be made, in SQLite. Waits are real: the network has no model clock."""

    def __init__(self, store: Store, config: RetailerConfig, http: httpx.AsyncClient) -> None:
        self._store = store
        self._config = config
        self._http = http

    def add(self, order_id: str, profile_url: str, occurred_s: float, snapshot: Doc) -> None:
        """Put down a delivery, inside the transaction of the change it tells of.

        Args:
            profile_url: whose webhook it is; the address itself is looked up when it is sent.
            occurred_s: when it happened, Unix seconds of the clock; sent as Webhook-Timestamp.
            snapshot: the full order, never a delta; its bytes are the same at every try.
        """
        self._store.run(
            "INSERT INTO deliveries (webhook_id, order_id, profile_url, occurred_s, body)"
            " VALUES (?, ?, ?, ?, ?)",
            str(uuid.uuid4()),
            order_id,
            profile_url,
            occurred_s,
            encode(snapshot),
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

    async def _send(self, row: Row, url: str | None) -> bool:
        if url is None:
            self._note(row, "unwanted", "the platform's profile names no webhook_url")
            return False
        headers = {
            "Content-Type": "application/json",
            "UCP-Agent": f'profile="{self._config.profile_url}"',
            "Webhook-Id": row["webhook_id"],
            "Webhook-Timestamp": str(int(row["occurred_s"])),
        }
        try:
            answer = await self._http.post(url, content=row["body"], headers=headers, timeout=SEND_TIMEOUT_S)
            arrived, outcome = answer.is_success, f"HTTP {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            arrived, outcome = False, repr(problem)
        if arrived:
            self._note(row, "delivered", outcome)
        elif row["tries"] + 1 >= self._config.webhook_tries:
            self._note(row, "given_up", outcome)
        else:
            self._note(row, "waiting", outcome)
        return arrived

    def _note(self, row: Row, state: str, outcome: str) -> None:
        first_s, longest_s = self._config.webhook_backoff_s
        wait_s = min(first_s * 2 ** min(row["tries"], 20), longest_s)
        with self._store.transaction():
            self._store.run(
                "UPDATE deliveries SET state = ?, tries = tries + 1, next_wall_s = ?, last_outcome = ?"
                " WHERE number = ?",
                state,
                time.time() + wait_s,
                outcome,
                row["number"],
            )
