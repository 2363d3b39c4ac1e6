"""Publishes desired documents, retained, and commands, which expire; again what was not confirmed."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet import commands
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
_STABLE_S = 10.0  # more than all that a connection which fails takes to do so
_LOOK_EVERY_S = 0.2

Message = tuple[str, int, bytes]
"""(device, revision or number, payload)."""


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
        """Publish for ever; ends only by cancellation, perhaps a repeated one (see `process.ended`)."""
        tries = 0
        while True:
            moment = time.monotonic()
            try:
                if await asyncio.to_thread(self.may_speak):
                    await self._live()
            except* (aiomqtt.MqttError, SQLAlchemyError) as lost:
                tries = 1 if time.monotonic() - moment > _STABLE_S else tries + 1
                if tries & (tries - 1) == 0:  # 1, 2, 4, 8: a broker may be away for days
                    log.warning("action=twin_offline why=%s tries=%d", lost.exceptions[0], tries)
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
            page = await asyncio.to_thread(self._every_document, "")
            while page:
                await self._publish(client, page)
                page = await asyncio.to_thread(self._every_document, page[-1][0])
            while await asyncio.to_thread(self.may_speak):
                await asyncio.sleep(_LOOK_EVERY_S)
                due = await asyncio.to_thread(self._due)
                await self._publish(client, due.documents)
                await self._command(client, due.commands)
                await self._clear(client, due.departed)

    async def _clear(self, client: aiomqtt.Client, departed: list[str]) -> None:
        """Have the broker forget what it retains of devices that were wiped: an empty message does that."""
        for device_id in departed:
            for topic in ("down/desired", "up/st", "up/ev"):
                await client.publish(f"rp/1/{device_id}/{topic}", b"", qos=1, retain=True)
            await asyncio.to_thread(self._confirm_cleared, device_id)
            log.info("action=retained_cleared device_id=%s", device_id)

    async def _publish(self, client: aiomqtt.Client, documents: list[Message]) -> None:
        for device_id, rev, payload in documents:
            await client.publish(f"rp/1/{device_id}/down/desired", payload, qos=1, retain=True)
            log.info("action=desired_published device_id=%s rev=%d", device_id, rev)
        if documents:
            await asyncio.to_thread(self._confirm, documents)

    async def _command(self, client: aiomqtt.Client, waiting: list[Message]) -> None:
        """Published twice after a crash, a command is still done once: it keeps its number."""
        for device_id, number, payload in waiting:
            properties = Properties(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = int(commands.LASTS.total_seconds())
            await client.publish(f"rp/1/{device_id}/down/cmd", payload, qos=1, properties=properties)
            await asyncio.to_thread(self._confirm_command, device_id, number)
            log.info("action=command_published device_id=%s number=%d", device_id, number)

    def _confirm_command(self, device_id: str, number: int) -> None:
        with self.database.write() as session:
            commands.confirm_sent(session, device_id, number, self.clock.now())

    def _due(self) -> "_Due":
        """All that is to be said, of one moment."""
        now = self.clock.now()
        with self.database.read() as session:
            waiting = [
                (row.device_id, row.number, _compact(commands.document(row)))
                for row in commands.unsent(session, now)
            ]
            return _Due(_documents(session, False, now), waiting, to_clear(session))

    def _every_document(self, after: str) -> list[Message]:
        """The next page of all: a fleet does not have to be in memory at once."""
        with self.database.read() as session:
            return _documents(session, True, self.clock.now(), after)

    def _confirm_cleared(self, device_id: str) -> None:
        with self.database.write() as session:
            confirm_cleared(session, device_id)

    def _confirm(self, documents: list[Message]) -> None:
        """All in one transaction; if it is lost they are published again, which changes nothing."""
        with self.database.write() as session:
            for device_id, rev, _ in documents:
                confirm_published(session, DeviceId(device_id), rev)


class _Due(NamedTuple):
    """What is to be published: desired documents, commands, and whose retained messages are to go."""

    documents: list[Message]
    commands: list[Message]
    departed: list[str]


def _documents(session: Session, everything: bool, now: datetime, after: str = "") -> list[Message]:
    return [
        (twin.device_id, twin.desired_rev, _compact(desired_document(twin, now)))
        for twin in unpublished(session, everything, after)
    ]


def _compact(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


async def _notice_loss(client: aiomqtt.Client) -> None:
    """Fail when the connection breaks: with nothing to publish, nothing else would notice it."""
    async for _ in client.messages:
        pass
