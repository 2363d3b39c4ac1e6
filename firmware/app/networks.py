"""The network in use, as it lies on flash. It decides nothing (firmware.core.network does)."""

from firmware.app.console import say
from firmware.core import network

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Files

_FILE = const("network.json")


class Networks:
    """One board's.

    Args:
        files: where the settings lie.
    """

    def __init__(self, files: "Files") -> None:
        self._files = files
        self._network = network.Network(files.read(_FILE))
        self._begun = dict(self._network.in_force())

    def in_force(self) -> dict[str, object]:
        """What replaces the keys of `device.json`."""
        return self._network.in_force()

    def changed(self) -> bool:
        """Whether other settings are in force than when this object was made."""
        return self._network.in_force() != self._begun

    def on_trial(self) -> bool:
        """Whether these settings still have to prove themselves."""
        return self._network.trial is not None

    def want(self, wish: object) -> bool:
        """Note `net` of a desired document; whether there is something to report. Raises OSError."""
        news = self._network.want(wish)
        if news:
            self._save()
        return news

    def attempt(self) -> bool:
        """A conversation begins; False when it must not, because the settings in hand have failed."""
        if not self.on_trial():
            return True
        goes = self._network.attempt()
        self._save()  # before the try: a crash in it counts
        return goes

    def heard(self) -> bool:
        """The server acknowledged something; whether that is news to report."""
        news = self._network.heard()
        if news:
            self._save()
        return news

    def report(self) -> dict[str, object] | None:
        """`net` of the report; None before the first wish."""
        return self._network.report()

    def _save(self) -> None:
        self._files.write(_FILE, self._network.encode())
        say("network", state=self._network.state, why=self._network.why, left=self._network.left)
