"""What the page about devices shows and asks for, and the port behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from replenish_server.web.people_views import Viewer

Presence = Literal["heard", "silent", "never", "revoked", "erasing", "gone"]


@dataclass(frozen=True)
class HomeDevice:
    """A device of the household; `why` it was revoked, or ""; it is heard by `expected_by` at the latest.

    `alarm` is what it warns of since `alarm_at`: "leak", "burst" or ""; `troubles` what it says is wrong
    with itself (see `fleet.troubles`), since when, and the number that belongs to it. `asked` is what was
    last asked of a device that `listens`, how far that is, and when it was asked or answered.
    """

    device_id: str
    name: str
    kind: str
    slots: Sequence[tuple[str, str]]
    presence: Presence
    last_seen_at: datetime | None
    expected_by: datetime | None
    firmware: str
    why: str
    alarm: str = ""
    alarm_at: datetime | None = None
    troubles: Sequence[tuple[str, datetime, int]] = ()
    listens: bool = False
    asked: tuple[str, str, datetime] | None = None


@dataclass(frozen=True)
class DevicesView:
    """All devices, and the shops (id, name) that a new one may buy from."""

    devices: Sequence[HomeDevice]
    shops: Sequence[tuple[str, str]]
    tz: str


class DevicePages(Protocol):
    """What the page needs. Each call is one use case; a wish not granted raises `views.Refused`."""

    def now(self) -> datetime:
        """The present moment, aware."""

    def devices(self, viewer: Viewer) -> DevicesView:
        """The household's devices, oldest first; those that left and were wiped are not among them."""

    def claim(self, viewer: Viewer, typed: Mapping[str, str]) -> str:
        """Makes the device with a code the household's; returns its name."""

    def revoke(self, viewer: Viewer, device_id: str) -> None:
        """Ends a device's credentials and connection; what it measured stays."""

    def ask(self, viewer: Viewer, device_id: str, verb: str) -> None:
        """Asks a device that is connected to show itself, to report, or to start anew."""

    def give_away(self, viewer: Viewer, device_id: str) -> None:
        """Lets a device go: revoked, and all that it measured is erased."""
