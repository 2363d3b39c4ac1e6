"""Taking an update: what was offered is verified, waits its turn, is fetched block by block and read back.

It ends where the image lies proven whole in the idle slot; the switch and all after it are the guard's.
Nothing here touches the slot that runs, so a cut at any moment leaves the old image in force. How far a
download came is saved after each block, apart from the file system.
"""

import hashlib
import struct

from firmware.app.console import say, say_error
from firmware.app.delivery import deliver
from firmware.app.node import Node
from firmware.core import boots, manifest, policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Heartbeat, Link, Radio, Slots, Source, Store

SECTOR = 4096
LONGEST_MS = 300_000
"""Fetching in one wake; the rest waits for the next."""

_RADIO_MS = 3000
_PROGRESS = "progress"
_ENTRY = "<II"
_TRIES = 10
"""Failed fetches in a row, without one new block, before it is given up."""


class Updates:
    """One board's updates.

    Args:
        node: whose.
        store: keeps how far a download came.
        slots: where an image goes.
        source: where it comes from.
        keys: modulus of each key that is believed, in hex, by its name.
        spread_s: seconds over which the fleet spreads its downloads.
    """

    def __init__(
        self,
        node: Node,
        store: "Store",
        slots: "Slots",
        source: "Source",
        keys: dict[str, str],
        spread_s: int,
    ) -> None:
        self._node = node
        self._store = store
        self._slots = slots
        self._source = source
        self._keys = keys
        self._spread_s = spread_s
        self._mains = policy.is_mains(node.device.kind)
        self._asked = False
        self._offered: manifest.Manifest | None = None
        self._started_ms = 0
        node.guard.updatable = bool(slots.idle() and keys)

    # --- what is offered --------------------------------------------------------------------------------

    def take_offer(self, offer: object) -> bool:
        """Note what a desired document offers, None for nothing; whether there is something new to report."""
        guard = self._node.guard
        if guard.on_trial() or not guard.updatable:
            return False
        if offer is None:
            return self._drop()
        try:
            offered = manifest.Manifest(offer)
            if offered.seq == guard.life.floor or guard.is_spent(offered.mark(), offered.mark_of_place()):
                return False
            if guard.life.mark == offered.mark() and guard.life.state in ("waiting", "downloading"):
                self._offered, self._asked = offered, False
                return False
            manifest.check(offered, self._node.device.kind, guard.life.floor, self._keys)
        except manifest.RefusedManifest as error:
            return self._refuse(offer, error.why)
        return self._accept(offered)

    def _accept(self, offered: manifest.Manifest) -> bool:
        node, mark = self._node, offered.mark()
        if offered.size > self._slots.size():
            return self._tell(offered.seq, "failed", "space", offered.mark_of_place())
        node.state.update_at_s = node.clock.now_s() + node.board.random() % (self._spread_s + 1)
        node.state.update_failures = 0
        self._offered, self._asked = offered, False
        say("offer", seq=offered.seq, ver=offered.version, at=node.state.update_at_s)
        return self._tell(offered.seq, "waiting", "jitter", mark)

    def _refuse(self, offer: object, why: str) -> bool:
        self._offered = None
        seq, mark = 0, 0
        try:
            offered = manifest.Manifest(offer)
            seq, mark = offered.seq, offered.mark()
        except manifest.RefusedManifest:
            if isinstance(offer, dict) and type(offer.get("seq")) is int:
                seq = offer["seq"] & boots.LAST_SEQUENCE
        say("error", at="update", why="offer " + str(seq) + " refused: " + why)
        return self._tell(seq, "refused", why, mark)

    def _tell(self, seq: int, state: str, why: str, mark: int) -> bool:
        """Remember what to tell; whether that is new, and so to be told with the next conversation."""
        news = self._node.guard.report_update(seq, state, why, mark)
        if news:
            self._node.state.stated = 0
        return news

    def _drop(self) -> bool:
        self._offered = None
        if self._node.guard.life.state not in ("waiting", "downloading"):
            return False
        return self._tell(0, "", "", 0)

    # --- when -------------------------------------------------------------------------------------------

    def next_s(self, otherwise_s: int) -> int:
        """Seconds until the next wake: `otherwise_s`, or sooner where an update is waiting."""
        if not self._is_pending():
            return otherwise_s
        return min(otherwise_s, max(1, self._node.state.update_at_s - self._node.clock.now_s()))

    def prepare(self, busy: bool = False) -> None:
        """Before a conversation: have one where an update is due, to hear of it, or where there is news."""
        node = self._node
        if self._asked or node.guard.on_trial():
            return
        due = self._offered is None and self._is_due(busy)
        news = bool(node.guard.updatable and node.state.stated and node.state.update_told != node.guard.crc())
        if news:  # such as a new image that the bootloader left
            node.state.stated = 0
        if news or due:
            self._asked = True
            node.record_hello()

    def step(self, radio: "Radio", link: "Link", heart: "Heartbeat", busy: bool = False) -> bool:
        """After a conversation: fetch what is due, tell what became of it. Never raises.

        Args:
            radio: the way onto the network.
            link: to the broker.
            heart: beats with every block.
            busy: something is being measured that an update would disturb.

        Returns:
            Whether the new image lies whole in its slot and the guard shall switch to it now.
        """
        if not self._is_due(busy):
            return False
        node = self._node
        if self._offered is None:
            if not self._mains:  # nobody could be asked: later
                node.state.update_at_s = node.clock.now_s() + policy.UPDATE_LOOK_S
            return False
        try:
            radio.up(_RADIO_MS)
            whole = self._fetch(self._offered, heart)
        except OSError as error:
            say_error("update", error)
            whole = False
            self._note(self._offered, "again")
        radio.down()
        if not node.state.stated and not self._mains:  # whose lasting conversation tells it
            deliver(node, radio, link)
        node.keep()
        return whole

    def _is_pending(self) -> bool:
        return self._node.guard.life.state in ("waiting", "downloading")

    def _is_due(self, busy: bool) -> bool:
        """Whether to fetch now; a reason not to is told with the next conversation."""
        node, life = self._node, self._node.guard.life
        if not self._is_pending() or node.clock.now_s() < node.state.update_at_s:
            return False
        reason = "busy" if busy else ""
        if not self._mains and policy.is_low(node.board.battery_mv()):
            reason = "battery"
        if reason:
            self._tell(life.seq, "waiting", reason, life.mark)
            node.state.update_at_s = node.clock.now_s() + policy.UPDATE_LOOK_S
        else:
            self._tell(life.seq, "downloading", "", life.mark)
        return not reason

    # --- fetching ---------------------------------------------------------------------------------------

    def _fetch(self, offered: manifest.Manifest, heart: "Heartbeat") -> bool:
        """Fetch; whether the image lies whole in the idle slot and is on trial from the next reset on."""
        node = self._node
        self._started_ms = node.clock.ticks_ms()
        try:
            manifest.check(offered, node.device.kind, node.guard.life.floor, self._keys)
            outcome = self._fill(offered, heart)
        except manifest.RefusedManifest as error:
            outcome = error.why
        except OSError as error:
            say_error("update", error)
            outcome = "again"
        self._source.close()
        say("update", seq=offered.seq, r=outcome or "whole", at=self._progress(offered) * SECTOR)
        if outcome:
            self._note(offered, outcome)
            return False
        node.guard.start_trial(offered.seq, self._slots.idle())
        node.state.stated = 0
        return True

    def _note(self, offered: manifest.Manifest, outcome: str) -> None:
        node, state = self._node, self._node.state
        if outcome == "again":
            state.update_failures += 1
            state.update_at_s = node.clock.now_s() + policy.backoff_s(
                state.update_failures, node.board.random()
            )
            if state.update_failures < _TRIES:
                return
            outcome = "network"
        if outcome == "later":
            return
        self._offered = None
        if outcome in ("network", "flash"):
            self._tell(offered.seq, "failed", outcome, offered.mark_of_place())
        elif outcome == "gone":
            self._drop()
        else:
            self._tell(offered.seq, "refused", outcome, offered.mark())

    def _fill(self, offered: manifest.Manifest, heart: "Heartbeat") -> str:
        """Why it ended: "again", "later", "gone" or a word of `fw.why`; "" when it lies whole in the slot."""
        begun = self._progress(offered)
        outcome = self._stream(offered, begun, heart)
        if outcome == "restart":  # the server has another file, or none from there on
            outcome = self._stream(offered, 0, heart)
        if outcome == "hash" and begun:
            self._save(offered, 0)  # what lay there already may be to blame: once more from the start
            return "again"
        if outcome:
            return "again" if outcome == "restart" else outcome
        hashed = hashlib.sha256()
        for sector in range((offered.size + SECTOR - 1) // SECTOR):
            hashed.update(self._sector(offered, sector, heart))
        if hashed.digest() != _hash(offered):
            self._save(offered, 0)
            return "flash"
        return ""

    def _stream(self, offered: manifest.Manifest, begun: int, heart: "Heartbeat") -> str:
        unit = max(offered.block, SECTOR)
        begun -= begun % (unit // SECTOR)
        total = (offered.size + SECTOR - 1) // SECTOR
        hashed = hashlib.sha256()
        for sector in range(begun):
            hashed.update(self._sector(offered, sector, heart))
        at = begun
        if at < total:
            outcome = self._ask(offered, at * SECTOR)
            if outcome:
                return outcome
        while at < total:
            wanted = min(unit, offered.size - at * SECTOR)
            content = self._source.read(wanted)
            if len(content) != wanted:
                return "again"
            self._slots.write(at, content)
            hashed.update(content)
            at += (len(content) + SECTOR - 1) // SECTOR
            self._save(offered, at)
            self._node.state.update_failures = 0
            heart.beat()
            if self._node.clock.since_ms(self._started_ms) > LONGEST_MS and at < total and not self._mains:
                self._node.state.update_at_s = self._node.clock.now_s() + policy.UPDATE_LOOK_S
                return "later"
        return "" if hashed.digest() == _hash(offered) else "hash"

    def _ask(self, offered: manifest.Manifest, offset: int) -> str:
        answer = self._source.open(offered.port, offered.path, offset, offered.sha256)
        if answer.status in (429, 503):
            self._node.state.update_at_s = self._node.clock.now_s() + max(30, answer.retry_s)
            return "later"
        if answer.status == 404:
            return "gone"
        if offset and (answer.status in (200, 416) or answer.start != offset):
            return "restart"
        if answer.status not in (200, 206):
            return "again"
        if answer.size != offered.size:
            return "size"
        return ""

    def _sector(self, offered: manifest.Manifest, sector: int, heart: "Heartbeat") -> bytearray:
        """A sector of the image as it is on flash."""
        buffer = bytearray(min(SECTOR, offered.size - sector * SECTOR))
        self._slots.read(sector, buffer)
        heart.beat()
        return buffer

    def _progress(self, offered: manifest.Manifest) -> int:
        """Sectors of this image that are on flash."""
        content = self._store.load(_PROGRESS)
        self._node.guard.at_bytes = 0
        if content is None or len(content) != struct.calcsize(_ENTRY):
            return 0
        mark, sectors = struct.unpack(_ENTRY, content)
        if mark != offered.mark() or sectors * SECTOR >= offered.size + SECTOR:
            return 0
        self._node.guard.at_bytes = int(sectors) * SECTOR
        return int(sectors)

    def _save(self, offered: manifest.Manifest, sectors: int) -> None:
        self._store.save(_PROGRESS, struct.pack(_ENTRY, offered.mark(), sectors))
        self._node.guard.at_bytes = sectors * SECTOR


def _hash(offered: manifest.Manifest) -> bytes:
    return bytes.fromhex(offered.sha256)
