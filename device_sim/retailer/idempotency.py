"""Remembers what was answered to which key, in the same transaction as the effect it answers for.

Source: UCP 2026-04-08, checkout REST binding, "Idempotency-Key": keep for 24 hours at least, replay the
stored answer, 409 when the key comes with anything else; signatures, "Idempotency Key Requirements": unique
per client and per operation type, 503 when keys cannot be stored.
"""

import hashlib
from collections.abc import Callable

from device_sim.retailer.config import Clock
from device_sim.retailer.faults import FaultPlan
from device_sim.retailer.store import Store
from device_sim.retailer.wire import ProtocolError

KEY_LIFETIME_S = 48 * 3600.0
KEY_MAX_CHARS = 255


class Keys:
    """The shop's memory of keys; the fault plan can make it forget, at once or too soon."""

    def __init__(self, store: Store, clock: Clock, plan: FaultPlan) -> None:
        self._store = store
        self._clock = clock
        self._plan = plan

    def answer(
        self, scope: str, key: str | None, target: str, body: bytes, act: Callable[[str], tuple[int, bytes]]
    ) -> tuple[int, bytes]:
        """The stored answer of `key`, or what `act` answers now, stored with its effect.

        Args:
            scope: whose key it is and for which kind of operation; in another scope it is another key.
            key: the Idempotency-Key header.
            target: method and path of the request; a key belongs to one target.
            body: the raw bytes of the request, compared by SHA-256.
            act: does the work and gives HTTP status and the bytes of the answer. Whatever it raises undoes
                the work and stores nothing.

        Raises:
            ProtocolError: 400 without a usable key, 409 when the key was used for something else.
        """
        if not key or len(key) > KEY_MAX_CHARS:
            raise ProtocolError(
                400, "missing_idempotency_key", "Send an Idempotency-Key header of 1 to 255 characters."
            )
        if self._plan.levers.keys_unavailable:
            # Without the memory a repetition could not be told from a new request: fail closed.
            raise ProtocolError(503, "idempotency_unavailable", "Keys cannot be stored now; try again later.")
        kept = f"{scope} {key}"
        digest = hashlib.sha256(body).hexdigest()
        now_s = self._clock.now_s()
        lifetime_s = self._plan.levers.key_lifetime_s
        if lifetime_s is None:
            lifetime_s = KEY_LIFETIME_S
        with self._store.transaction():
            self._store.run("DELETE FROM idempotency_keys WHERE created_s <= ?", now_s - lifetime_s)
            known = self._store.row("SELECT * FROM idempotency_keys WHERE key = ?", kept)
            if known is not None and self._plan.levers.honours_keys:
                if (known["target"], known["body_sha256"]) != (target, digest):
                    raise ProtocolError(
                        409,
                        "idempotency_key_reused",
                        "This Idempotency-Key was used for a different request.",
                    )
                return known["status"], known["answer"]
            status, answer = act(key)
            self._store.run(
                "INSERT OR REPLACE INTO idempotency_keys VALUES (?, ?, ?, ?, ?, ?)",
                kept,
                target,
                digest,
                status,
                answer,
                now_s,
            )
        return status, answer

    def age(self, key: str, hours: float) -> bool:
        """Make a stored key older by hand; False if it is not known. Inside the caller's transaction."""
        changed = self._store.run(
            "UPDATE idempotency_keys SET created_s = created_s - ?"
            " WHERE substr(key, -length(?) - 1) = ' ' || ?",
            hours * 3600,
            key,
            key,
        )
        return changed > 0
