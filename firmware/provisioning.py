"""Composition root of a board's setup, read only when there is something to set up (`firmware.provision`)."""

from firmware.core import state
from firmware.hal.access_point import AccessPoint
from firmware.hal.board import Chip, ChipClock
from firmware.hal.console import SerialConsole
from firmware.hal.panel import Lamp, PushButton
from firmware.hal.wifi import Wifi
from firmware.net.broker import wire_to
from firmware.net.wire import WireLink
from firmware.provision.identity_files import IdentityFiles
from firmware.provision.portal import Alive
from firmware.provision.setup import Setup, Surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Files, Link, Radio


def run(chip: Chip, files: "Files", spool: "Files") -> int | None:
    """Set up what is to be set up. None: the board is somebody, go on; otherwise seconds to sleep."""
    kept = state.decode(chip.memory())
    identity = IdentityFiles(files, spool, chip)
    around = _Board(chip, str(identity.factory().get("ca", "")))
    return Setup(identity, around, kept.failures if kept else 0).run(chip.powered_on())


class _Watchdog(Alive):
    def __init__(self, chip: Chip) -> None:
        self._chip = chip

    def feed(self) -> None:
        self._chip.beat()


class _Board(Surroundings):
    def __init__(self, chip: Chip, authority: str) -> None:
        super().__init__(
            chip, ChipClock(), _Watchdog(chip), PushButton(), Lamp(), SerialConsole(), AccessPoint()
        )
        self._authority = authority

    def radio(self, ssid: str, key: str) -> "Radio":
        return Wifi(ssid, key)

    def edge(self, host: str, port: int) -> "Link":
        if not self._authority:
            raise ValueError("data/factory.json has no ca: flash the board anew")
        return WireLink(wire_to({"host": host, "id": "", "ca": self._authority}, port), self.clock)
