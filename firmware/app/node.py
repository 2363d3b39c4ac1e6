"""One device as its programs see it: identity, what it keeps, its settings and its spool of records.

It owns the rule that nothing is sent before it is saved, and that a sequence number is used once.
It never talks to the network (`firmware.app.delivery` does).
"""

import json

from firmware.app.console import say
from firmware.app.guard import Guard
from firmware.app.spool import Spool
from firmware.core import ages, config, event, policy, queue, ring, state

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.networks import Networks
    from firmware.app.ports import Board, Clock, Commands, Files, Offers
    from firmware.app.slot import Slot


_DESIRED = const("desired.json")
_PROVING = const("proving.json")
"""The claim code, kept until the server has acknowledged something under the credential that it opened."""

_SAID_AGAIN = const(("level", "hello"))
"""What the next wake says anew, if a power cut takes it: kept in RTC memory until this wake ends."""


class Device:
    """What the provisioner wrote into `data/device.json`.

    Args:
        id: device id, which is the MQTT user name and client id.
        kind: "button", "level", "flow" or "pages".
        password: MQTT password; never printed.
        capacity_g: what a full container holds, in grams (level).
        zero: load-cell counts of the empty container (level).
        counts_per_kg: load-cell slope (level).
        slots: by key (flow, pages).
        factors: what calibration found, by name below `cfg` (flow, pages).
    """

    def __init__(
        self,
        id: str,
        kind: str,
        password: str,
        capacity_g: int,
        zero: int,
        counts_per_kg: int,
        slots: "dict[str, Slot] | None" = None,
        factors: dict[str, int] | None = None,
    ) -> None:
        self.id = id
        self.kind = kind
        self.password = password
        self.capacity_g = capacity_g
        self.zero = zero
        self.counts_per_kg = counts_per_kg
        self.slots = slots or {}
        self.factors = factors

    def capacities(self) -> dict[str, int] | None:
        """Capacity of each slot; None for a device that counts nothing."""
        return {key: slot.capacity for key, slot in self.slots.items()} or None


class Node:
    """Everything but the network.

    Args:
        device: who we are.
        board: memory, battery, randomness.
        clock: time.
        data: folder of settings.
        spool: folder of records.
        guard: hears when the server acknowledges something.
    """

    def __init__(
        self, device: Device, board: "Board", clock: "Clock", data: "Files", spool: "Files", guard: Guard
    ) -> None:
        self.device = device
        self.guard = guard
        self.offers: Offers | None = None
        """Told what firmware the server offers; None on a board that cannot be updated."""
        self.commands: Commands | None = None
        """Told what the server asks for once; None on a device that is seldom connected."""
        self.networks: Networks | None = None
        """Which network is in use; None where no other was ever wanted."""
        self.sparing = False
        """Whether the battery is low."""
        self.board = board
        self.clock = clock
        self.data = data
        """Small files, each replaced whole."""
        self._sleeps = device.kind in ("button", "level")
        memory = board.memory()
        kept = state.decode(memory)
        self.state = kept or state.State(f"{board.random():08x}")
        self._ring = ring.decode(memory[state.size(memory) :])
        self._spool = Spool(spool, self._ring, self.keep)
        self.state.seq = queue.next_seq(self.pending(), self.state.boot, self.state.seq)
        self.settings = self._load_settings()
        self.unproved = data.read(_PROVING) is not None
        """Whether the server was never heard under this credential; its claim code is still kept."""
        self.keep()
        if kept is None:
            say("boot", b=self.state.boot, id=device.id, kind=device.kind, fw=event.FIRMWARE)

    def keep(self) -> None:
        """Keep the state, and the records that are not on flash yet, over deep sleep and crashes."""
        self.board.keep(self.state.encode(self._ring.encode()))

    # --- records --------------------------------------------------------------------------------------

    def pending(self) -> list[str]:
        """Names of all records that the server has not yet acknowledged, oldest first."""
        return self._spool.names()

    def settle(self) -> None:
        """Before sleep: what is still in RTC memory only becomes a file, so that it outlives a power cut."""
        self._spool.spill()

    def record(self, kind: str, more: dict[str, object]) -> int:
        """Save a record, of what `event.record` takes; returns its sequence."""
        seq = self._next_seq()
        self._save(seq, kind, event.record(self.state.boot, seq, kind, more))
        return seq

    def record_hello_if_due(self) -> None:
        """Save the sign of life: once per power-on, then once a day, or once an hour on mains."""
        since_s = self.clock.now_s() - self.state.hello_at_s
        if self.state.hello_at_s == state.NEVER or since_s >= policy.hello_s(self.device.kind):
            self.record_hello()

    def record_hello(self) -> None:
        """Save a sign of life now."""
        self.state.hello_at_s = self.clock.now_s()
        self.record("hello", {"h": self.health()})

    def content(self, name: str) -> bytes:
        """What lies in the spool under this name; b"" for nothing."""
        return self._spool.read(name) or b""

    def message(self, name: str) -> bytes | None:
        """The event to send for a record, aged by now. A torn record is removed, counted and None."""
        content = self._spool.read(name)
        record = queue.decode(content) if content else None
        parsed = queue.parse_name(name)
        if record is None or parsed is None:
            self._spool.drop(name)
            self._drop(1, "torn record " + name)
            return None
        now_s, kept = self.clock.now_s(), self.state
        same = parsed[1] == kept.boot
        stamp_s, unix_s, body = record
        age_s = ages.age(now_s, kept.offset_s, same, stamp_s, unix_s)
        return event.with_age(body, age_s, ages.quality(now_s, kept.offset_s, kept.synced_s, same, unix_s))

    def forget(self, boot: str, seqs: list[int]) -> bool:
        """Let go of what the server says it has stored; nothing else ever does.

        Args:
            boot: boot id of the records.
            seqs: their sequences.

        Returns:
            Whether the report has to be told anew: the server's word proved a new image or network.
        """
        names = queue.acknowledged(self.pending(), boot, seqs)
        for name in names:
            self._spool.delivered(name)
        if names and self.unproved:
            self.data.remove(_PROVING)
            self.unproved = False
            say("claim", r="proved")
        if names:
            say("acked", b=boot, s=[_seq(name) for name in names])
        if not names:
            return False
        news = self.guard.heard()
        return bool(self.networks and self.networks.heard()) or news

    def _next_seq(self) -> int:
        # Raised and kept first: a gap is harmless, a number used twice would be taken for a repeat and lost.
        seq = self.state.seq
        self.state.seq = seq + 1
        self.keep()
        return seq

    def _save(self, seq: int, kind: str, body: str) -> None:
        names = self.pending()
        surplus = queue.overflow(names)
        for name in surplus:
            self._spool.drop(name)
        if surplus:
            self._drop(len(surplus), "spool full")
        now_s, offset_s = self.clock.now_s(), self.state.offset_s
        content = queue.encode(now_s, now_s + offset_s if offset_s else 0, body)
        name = queue.name(queue.next_order(names), self.state.boot, seq)
        self._spool.add(name, content, not self._sleeps or kind not in _SAID_AGAIN)

    def _drop(self, count: int, why: str) -> None:
        self.state.dropped += count
        self.keep()
        say("error", at="spool", why=why)

    # --- settings and reports -------------------------------------------------------------------------

    def promise_s(self) -> int:
        """Seconds until the server hears from us again at the latest."""
        promise_s = policy.promise_s(self.device.kind, self.state, self.settings.values, self.clock.now_s())
        return max(promise_s, policy.SPARING_SLEEP_S) if self.sparing else promise_s

    def health(self) -> dict[str, object]:
        """Health as events and reports carry it."""
        health = event.health(
            self.board.battery_mv(), self.state.rssi_dbm, self.state.dropped, self.promise_s()
        )
        if self.state.alarm:
            from firmware.core import counter  # only a meter's memory has to hold it

            health["alarm"] = counter.ALARMS[self.state.alarm]
        if self.state.refused:
            health["refused"] = self.state.refused
        if self.guard.safe or self.sparing:
            health["mode"] = "safe" if self.guard.safe else "sparing"
        if self.guard.life.fault:
            health["fault"] = self.guard.life.fault
        return health

    def report(self, problem: str) -> bytes:
        """The `up/st` document; `problem` says why a desired document was refused, or is ""."""
        document: dict[str, object] = {"v": 1, "h": self.health(), "next": self.promise_s()}
        document.update(self.settings.document())
        update = self.guard.report()
        if update:
            document["fw"] = update
            self.state.update_told = self.guard.crc()
        network = self.networks.report() if self.networks else None
        if network:
            document["net"] = network
        if self.commands and self.state.command_as:
            from firmware.core import command  # only a device on mains has to hold it

            document["cmd"] = {"n": self.state.command, "r": command.ANSWERS[self.state.command_as]}
        if problem:
            document["err"] = problem
        return event.compact(document).encode()

    def take(self, document: dict[str, object]) -> bool:
        """Take all of a desired document; whether there is something to report. Raises RefusedDocument."""
        news = self.apply(document)
        if self.offers and self.offers.take_offer(document.get("fw")):
            news = True
        wish = document.get("net")
        if wish is not None and self.networks is None and not self.guard.safe:
            from firmware.app.networks import Networks  # few boards ever need it

            self.networks = Networks(self.data)
        if self.networks and self.networks.want(wish):
            news = True
        return news

    def apply(self, document: dict[str, object]) -> bool:
        """Put a desired document into force: save, then use. False when its revision already is.

        Any other revision is taken, a lower one too: the server is the authority, and it repeats the newest
        document whenever it reconnects. Raises RefusedDocument.
        """
        if document["rev"] == self.settings.rev:
            return False
        device = self.device
        settings = config.resolve(
            device.kind, device.capacity_g, document, device.capacities(), device.factors
        )
        saved: dict[str, object] = {"v": 1}
        saved.update(settings.document())
        self.data.write(_DESIRED, event.compact(saved).encode())
        self.settings = settings
        say("desired", rev=settings.rev, lim=settings.limited)
        return True

    def synchronise(self, unix_s: int) -> None:
        """Learn the server's time."""
        self.state.synced_s = self.clock.now_s()
        self.state.offset_s = unix_s - self.state.synced_s

    def _load_settings(self) -> config.Settings:
        device = self.device
        content = self.data.read(_DESIRED)
        try:
            if content:
                document = json.loads(content)
                settings = config.resolve(
                    device.kind, device.capacity_g, config.parse(content), device.capacities(), device.factors
                )
                limited = document["lim"]
                settings.limited = limited if isinstance(limited, list) else []
                return settings
        except (config.RefusedDocument, ValueError, KeyError):
            self.data.remove(_DESIRED)
            say("error", at="settings", why="unreadable settings removed; defaults in force")
        return config.defaults(device.kind, device.capacity_g, device.capacities(), device.factors)


def _seq(name: str) -> int:
    parsed = queue.parse_name(name)
    return parsed[2] if parsed else -1
