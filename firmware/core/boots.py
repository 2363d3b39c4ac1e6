"""What a board remembers of its own starts, and which kind of wake follows. It never touches the flash.

A boot fails when it does not end in deep sleep or in a reset that was meant. Five in a row lead to safe mode.
An update is on trial until the server has acknowledged something (docs/firmware.md, Updates).
"""

import json

if __debug__:
    from firmware.const import const

_SAFE_AFTER = const(5)
"""Failed boots in a row before a wake leaves out everything but connecting, reporting and updating."""

TRIES = 3
"""Boots that a new image has to prove itself."""

NORMAL = "normal"
SAFE = "safe"
SWITCH = "switch"
BACK = "back"

LAST_SEQUENCE = 0xFFFFFFFF

_NUMBERS = const(("failed", "floor", "trial", "tries", "goes", "seq", "mark"))
_TEXTS = const(("slot", "home", "state", "why", "fault"))


class Life:
    """All that outlasts a power cut and a lost file system."""

    def __init__(self) -> None:
        self.failed = 0
        """Boots in a row, this one included, that have not ended well; 0 while all is well."""
        self.floor = 0
        """Highest update sequence that was proven here; nothing at or below it is taken again."""
        self.trial = 0
        """Sequence of the update that is being switched to or is on trial; 0 for none."""
        self.tries = 0
        """Boots of the image on trial."""
        self.goes = 0
        """Switches to the image on trial; more than its boots when it never reached this module."""
        self.slot = ""
        """Label of the slot of the image on trial."""
        self.home = ""
        """Label of the slot to go back to."""
        self.seq = 0
        """The update that `state` and `why` speak of."""
        self.state = ""
        """As `fw.state` of docs/wire.md; "" before the first update."""
        self.why = ""
        """As `fw.why` of docs/wire.md, or ""."""
        self.mark = 0
        """CRC-32 of the offer that `state` speaks of (firmware.core.manifest)."""
        self.fault = ""
        """As `h.fault` of docs/wire.md, until the server has heard it."""

    def encode(self) -> bytes:
        """Compact JSON."""
        document: dict[str, object] = {}
        for name in _NUMBERS + _TEXTS:
            if getattr(self, name):
                document[name] = getattr(self, name)
        return json.dumps(document, separators=(",", ":")).encode()


def decode(content: bytes | None) -> Life:
    """Read what `encode` wrote; a life that begins now when there is nothing, or nothing readable."""
    life = Life()
    try:
        document = json.loads(content or b"{}")
    except ValueError:
        return life
    if not isinstance(document, dict):
        return life
    for name in _NUMBERS:
        if type(document.get(name)) is int:
            setattr(life, name, document[name])
    for name in _TEXTS:
        if type(document.get(name)) is str:
            setattr(life, name, document[name])
    return life


def begin(life: Life, cold: bool, running: str) -> str:
    """Count this boot; the kind of wake that follows.

    Args:
        life: changed in place; the caller saves it when it changed.
        cold: whether anything else than the end of deep sleep started the chip.
        running: label of the slot that runs.

    Returns:
        NORMAL; SAFE; SWITCH: set the boot slot to `life.slot` and reset; BACK: to `life.home` and reset.
    """
    if life.trial:
        verdict = _try(life, running)
        if verdict:
            return verdict
    if cold or life.failed:
        life.failed += 1
    return SAFE if life.failed > _SAFE_AFTER else NORMAL


def _try(life: Life, running: str) -> str:
    """BACK or SWITCH, or "" to carry on in this slot."""
    if running == life.slot:
        if life.tries >= TRIES:
            return BACK
        life.tries += 1
        return ""
    # The bootloader went back by itself, or never left: either way the new image is not proven.
    if life.tries >= TRIES or life.goes >= TRIES:
        end_trial(life, "rolled_back", "boots")
        return ""
    return SWITCH


def start_trial(life: Life, seq: int, slot: str, home: str) -> None:
    """An image lies verified in its slot; saved before the switch, so that a cut in between is no riddle."""
    life.trial, life.slot, life.home = seq, slot, home
    life.tries = life.goes = 0
    report(life, seq, "installed", "")


def end_trial(life: Life, state: str, why: str) -> None:
    """The trial is over: "proven", or "rolled_back" with the reason."""
    if state == "proven":
        life.floor = max(life.floor, life.trial)
    report(life, life.trial, state, why)
    life.trial = life.tries = life.goes = 0
    life.slot = life.home = ""
    life.failed = 0


def report(life: Life, seq: int, state: str, why: str) -> None:
    """What the server is told of an update."""
    life.seq, life.state, life.why = seq, state, why


def failed(life: Life) -> None:
    """This wake ended with an error that the program did not expect."""
    life.failed = max(life.failed, 1)  # the next boot counts on from here, even out of deep sleep


def ended_well(life: Life, kind: str) -> None:
    """This wake did what it should. After safe mode a normal one is tried; if it fails, safe mode is back."""
    life.failed = _SAFE_AFTER - 1 if kind == SAFE else 0
