"""Publishes desired documents, retained, with aiomqtt. What is not confirmed is published again."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass

import aiomqtt
from sqlalchemy.exc import SQLAlchemyError

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.twin import (
    confirm_cleared,
    confirm_published,
    desired_document,
    to_clear,
    unpublished,
)
from replenish_server.ids import DeviceId

log = logging.getLogger(__name__)

_RECONNECT_S = 1.0
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class TwinPublisher:
    """Keeps the broker's retained desired documents in step with the database.

    Args:
        database: where twins are.
        clock: the server's clock; its time goes out with each document.
        host: the broker's inner listener.
        port: the broker's inner listener.
        user: our account there.
        password: its password.
        may_speak: whether it is on us to do it; another process may have the duty.
    """

    database: Database
    clock: Clock
    host: str
    port: int
    user: str
    password: str
    may_speak: Callable[[], bool] = lambda: True

    async def run(self) -> None:
        """Publish for ever; ends only by cancellation."""
        while True:
            try:
                if await asyncio.to_thread(self.may_speak):
                    await self._live()
            except* (aiomqtt.MqttError, SQLAlchemyError) as lost:
                log.warning("action=twin_offline why=%s", lost.exceptions[0])
            await asyncio.sleep(_RECONNECT_S)

    async def _live(self) -> None:
        """One connection, until it breaks."""
        async with (
            aiomqtt.Client(
                self.host,
                self.port,
                identifier=self.user,
                username=self.user,
                password=self.password,
                protocol=aiomqtt.ProtocolVersion.V5,
                timeout=5,
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(_notice_loss(client))
            # A broker that was killed may have forgotten retained documents: repeat them all.
            await self._publish(client, everything=True)
            while await asyncio.to_thread(self.may_speak):
                await asyncio.sleep(_LOOK_EVERY_S)
                await self._publish(client, everything=False)
                await self._clear(client)

    async def _clear(self, client: aiomqtt.Client) -> None:
        """Have the broker forget what it retains of devices that were wiped: an empty message does that."""
        for device_id in await asyncio.to_thread(self._departed):
            for topic in ("down/desired", "up/st"):
                await client.publish(f"rp/1/{device_id}/{topic}", b"", qos=1, retain=True)
            await asyncio.to_thread(self._confirm_cleared, device_id)
            log.info("action=retained_cleared device_id=%s", device_id)

    async def _publish(self, client: aiomqtt.Client, everything: bool) -> None:
        for device_id, rev, payload in await asyncio.to_thread(self._documents, everything):
            await client.publish(f"rp/1/{device_id}/down/desired", payload, qos=1, retain=True)
            await asyncio.to_thread(self._confirm, device_id, rev)
            log.info("action=desired_published device_id=%s rev=%d", device_id, rev)

    def _documents(self, everything: bool) -> list[tuple[str, int, bytes]]:
        now = self.clock.now()
        with self.database.read() as session:
            return [
                (
                    twin.device_id,
                    twin.desired_rev,
                    json.dumps(desired_document(twin, now), separators=(",", ":")).encode(),
                )
                for twin in unpublished(session, everything)
            ]

    def _departed(self) -> list[str]:
        with self.database.read() as session:
            return to_clear(session)

    def _confirm_cleared(self, device_id: str) -> None:
        with self.database.write() as session:
            confirm_cleared(session, device_id)

    def _confirm(self, device_id: str, rev: int) -> None:
        with self.database.write() as session:
            confirm_published(session, DeviceId(device_id), rev)


async def _notice_loss(client: aiomqtt.Client) -> None:
    """Fail when the connection breaks: with nothing to publish, nothing else would notice it."""
    async for _ in client.messages:
        pass
