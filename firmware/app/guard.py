"""The guard of a board's life: counts boots, goes back from a bad update, declares a good one proven.

It owns `firmware.core.boots.Life` and when it is saved. It decides nothing about what a program does.
"""

import binascii

from firmware.app.console import say, say_error
from firmware.core import boots

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Slots, Store


_LIFE = const("life")
_IDENTITY = const("device")


class Guard:
    """One board's life. Making one reads it; `begin` comes first.

    Args:
        store: what outlasts a lost file system.
        slots: the two places for an image.
    """

    def __init__(self, store: "Store", slots: "Slots") -> None:
        self._store = store
        self._slots = slots
        self._saved = store.load(_LIFE)
        self.life = boots.decode(self._saved)
        self.safe = False
        """Whether this wake is one in safe mode."""
        self.updatable = False
        """Whether this board can take an update: it has two slots and believes somebody's signature."""
        self.at_bytes = 0
        """How much of an update is on flash."""

    def begin(self, cold: bool) -> str:
        """Count this boot; "normal", "safe", or "reset" when the other slot has to be started now.

        Args:
            cold: whether anything else than the end of deep sleep started the chip.
        """
        life = self.life
        mode = boots.begin(life, cold, self._slots.running())
        if mode == boots.BACK:
            return self._switch(life.home)
        if mode == boots.SWITCH:
            return self.switch()
        self._save()
        if mode == boots.SAFE:
            self.safe = True
            say("safe", failed=life.failed - 1)
        return mode

    def switch(self) -> str:
        """Start the image on trial: "reset", or "normal" when the chip refuses the image."""
        self.life.goes += 1
        return self._switch(self.life.slot)

    def _switch(self, label: str) -> str:
        self._save()  # before the switch: whoever runs next has to know
        try:
            self._slots.boot(label)
        except OSError as error:
            say("error", at="slots", why=f"slot {label} cannot be started: {error}")
            if label == self.life.slot:
                boots.end_trial(self.life, "refused", "format")
            self._save()
            return boots.NORMAL
        say("switch", slot=label)
        return "reset"

    def start_trial(self, seq: int, slot: str) -> None:
        """An image lies verified in the idle slot."""
        boots.start_trial(self.life, seq, slot, self._slots.running())
        self._save()

    def report_update(self, seq: int, state: str, why: str, mark: int) -> bool:
        """Remember what to tell of an update; False when that is nothing new.

        Args:
            seq: its sequence.
            state: as `fw.state` of docs/wire.md; "" for nothing.
            why: as `fw.why`, or "".
            mark: CRC-32 of the offer; of a failed one with its place, so that another place is tried.
        """
        life = self.life
        if (life.seq, life.state, life.why, life.mark) == (seq, state, why, mark):
            return False
        boots.report(life, seq, state, why)
        life.mark = mark
        self._save()
        return True

    def is_spent(self, mark: int, mark_of_place: int) -> bool:
        """Whether this offer came to its end before and is not tried again."""
        life = self.life
        if life.state == "failed":
            return life.mark == mark_of_place
        return life.state in ("refused", "rolled_back") and life.mark == mark

    def report(self) -> dict[str, object] | None:
        """`fw` of the report; None on a board that cannot be updated."""
        life = self.life
        if not self.updatable:
            return None
        document: dict[str, object] = {"run": life.floor}
        if life.state:
            document["seq"], document["state"] = life.seq, life.state
        if life.state == "downloading":
            document["at"] = self.at_bytes
        if life.why:
            document["why"] = life.why
        return document

    def keep_identity(self, content: bytes) -> None:
        """Keep a copy of `device.json`; written only when it changed."""
        if self._store.load(_IDENTITY) != content:
            try:
                self._store.save(_IDENTITY, content)
            except OSError as error:
                say_error("nvs", error)

    def identity(self) -> bytes | None:
        """The kept copy of `device.json`, or None."""
        return self._store.load(_IDENTITY)

    def crc(self) -> int:
        """CRC-32 of what is to be told of updates."""
        life = self.life
        crc: int = binascii.crc32(f"{life.floor} {life.seq} {life.state} {life.why}".encode())
        return crc

    def note_fault(self, fault: str) -> None:
        """Something the server has to hear of once: "flash"."""
        self.life.fault = fault
        self._save()

    def on_trial(self) -> bool:
        """Whether the image that runs is not proven yet."""
        return bool(self.life.trial)

    def is_installed(self) -> bool:
        """Whether a new image lies verified in the idle slot, and is to be switched to."""
        return self.on_trial() and self._slots.running() != self.life.slot

    def heard(self) -> bool:
        """The server acknowledged something: this image works. Whether that is news to report."""
        life = self.life
        life.fault = ""
        news = self.on_trial() and not self.is_installed()
        if news:
            self._slots.keep()
            boots.end_trial(life, "proven", "")
            say("proven", seq=life.seq)
        self._save()
        return news

    def failed(self) -> None:
        """This wake ends with an unexpected error."""
        boots.failed(self.life)
        self._save()

    def ended_well(self, mode: str) -> None:
        """This wake did what it should."""
        boots.ended_well(self.life, mode)
        self._save()

    def _save(self) -> None:
        content = self.life.encode()
        if content != (self._saved or b"{}"):
            try:
                self._store.save(_LIFE, content)
            except OSError as error:
                say_error("nvs", error)  # a board that cannot count its boots can still work
                return
            self._saved = content
