"""Many devices without firmware: each keeps its records until the server says "stored", as a board does.

For numbers and faults that would be slow in the VM. The firmware itself runs in `device_sim.vm`.
"""

import asyncio
import contextlib
import json
import random
import ssl
from dataclasses import dataclass, field

import aiomqtt

from device_sim.clock import SimClock
from device_sim.updates import SimFirmware

_ACK_WAIT_S = 1.5
_RETRY_S = (0.1, 1.0)
_WINDOW = 50  # records sent per round; the broker takes more, a board would not


@dataclass(frozen=True)
class Access:
    """How a device reaches the broker; `ca` is the certificate that it believes, PEM, or "" without TLS."""

    host: str
    port: int
    device_id: str
    password: str
    ca: str = ""


@dataclass
class Record:
    """One thing that a device noted, and when by the simulated clock."""

    boot: str
    seq: int
    body: dict[str, object]
    at_s: float


@dataclass
class SimDevice:
    """A device that records at any time and sends whenever it can.

    Args:
        access: how it connects.
        clock: simulated time, for the ages it sends.
        rng: its boot id and back-off come from here.
        mains: whether it has the broker say when it is gone (its will).
        firmware: what it runs, where it can be updated.
    """

    access: Access
    clock: SimClock
    rng: random.Random
    mains: bool = False
    firmware: SimFirmware | None = None
    recorded: list[tuple[str, int, str]] = field(default_factory=list)
    pending: dict[tuple[str, int], Record] = field(default_factory=dict)
    answers: dict[int, list[str]] = field(default_factory=dict)
    desired: dict[str, object] | None = None
    sent: int = 0

    def __post_init__(self) -> None:
        self.boot = f"{self.rng.getrandbits(32):08x}"
        self._seq = 0
        self._changed = asyncio.Event()
        self._reported = asyncio.Event()

    def record(self, kind: str, **body: object) -> int:
        """Note an event; it stays pending until the server has acknowledged it. Returns its sequence."""
        self._seq += 1
        record = Record(self.boot, self._seq, {"t": kind, **body}, self.clock.now_s())
        self.pending[self.boot, self._seq] = record
        self.recorded.append((self.boot, self._seq, kind))
        self._changed.set()
        return self._seq

    async def run(self) -> None:
        """Connect, send what is pending, hear acknowledgements; for ever, through every outage."""
        while True:
            # The broker is away: what is pending stays pending.
            with contextlib.suppress(aiomqtt.MqttError, TimeoutError, OSError):
                await self._live()
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # a connection that broke at that moment had hidden it
                raise asyncio.CancelledError
            await asyncio.sleep(self.rng.uniform(*_RETRY_S))

    async def _live(self) -> None:
        """One connection, until it breaks."""
        gone = aiomqtt.Will(f"rp/1/{self.access.device_id}/up/st", b'{"v":1,"gone":1}', qos=1)
        async with aiomqtt.Client(
            self.access.host,
            self.access.port,
            identifier=self.access.device_id,
            username=self.access.device_id,
            password=self.access.password,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=ssl.create_default_context(cadata=self.access.ca) if self.access.ca else None,
            will=gone if self.mains else None,
            timeout=3,
        ) as client:
            await client.subscribe(f"rp/1/{self.access.device_id}/down/#", qos=1)
            # No TaskGroup: on Python 3.11 one whose member fails leaves its parent counted as cancelled.
            tasks = [asyncio.create_task(self._hear(client)), asyncio.create_task(self._send(client))]
            if self.firmware is not None:
                self._reported.set()
            tasks.append(asyncio.create_task(self._state(client)))
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, client: aiomqtt.Client) -> None:
        """Send the oldest pending records, wait for acknowledgements, send again what got none."""
        while True:
            if not self.pending:
                self._changed.clear()
                await self._changed.wait()
            batch = list(self.pending)[:_WINDOW]
            for key in batch:
                record = self.pending.get(key)
                if record is not None:
                    await self._publish(client, record)
            deadline = asyncio.get_running_loop().time() + _ACK_WAIT_S
            while any(key in self.pending for key in batch) and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.01)

    async def _publish(self, client: aiomqtt.Client, record: Record) -> None:
        age_s = max(0, int(self.clock.now_s() - record.at_s))
        message = {"v": 1, "b": record.boot, "s": record.seq, "a": age_s, "c": 2, **record.body}
        payload = json.dumps(message, separators=(",", ":"))
        self.sent += 1
        await client.publish(f"rp/1/{self.access.device_id}/up/ev", payload, qos=1)

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            document = json.loads(bytes(message.payload))
            if message.topic.value.endswith("/down/desired"):
                self.desired = document
                if self.firmware is not None:
                    self.firmware.take(document.get("fw"), self._reported.set, self._start_anew)
                self._reported.set()
                continue
            for seq in document["s"]:
                self.pending.pop((document["b"], seq), None)
                if "r" in document:
                    self.answers.setdefault(seq, []).append(document["r"])

    async def _state(self, client: aiomqtt.Client) -> None:
        """Report what is in force whenever that changed."""
        while True:
            await self._reported.wait()
            self._reported.clear()
            desired = self.desired or {"v": 1, "rev": 0}
            report: dict[str, object] = {
                name: desired[name] for name in ("v", "rev", "cfg", "slots") if name in desired
            }
            if self.firmware is not None:
                report |= {"h": {"fw": self.firmware.ver}, "fw": self.firmware.said}
            topic = f"rp/1/{self.access.device_id}/up/st"
            await client.publish(topic, json.dumps(report, separators=(",", ":")), qos=1, retain=True)

    async def _start_anew(self) -> None:
        """Power on with other firmware: a new boot, whose first record is a hello; until that is stored."""
        self.boot, self._seq = f"{self.rng.getrandbits(32):08x}", -1
        seq = self.record("hello", h={"fw": self.firmware.ver if self.firmware else ""})
        while (self.boot, seq) in self.pending:
            await asyncio.sleep(0.02)
