"""Wi-Fi as a station: join within a bound, or say why not. It knows nothing of the broker."""

import time

import network

_POLL_MS = 20


class Wifi:
    """One access point.

    Args:
        ssid: its name.
        key: its WPA2 key; never printed.
        stays: whether it is never switched off.
    """

    def __init__(self, ssid: str, key: str, stays: bool = False) -> None:
        self._ssid = ssid
        self._key = key
        self._stays = stays
        self.fixed: tuple[str, str, str, str] | None = None
        """Address, mask, gateway, name server that are reserved for this board; None: it asks (DHCP)."""
        self._station = network.WLAN(network.WLAN.IF_STA)

    def up(self, timeout_ms: int) -> int:
        started = time.ticks_ms()
        self.begin()
        while not self._station.isconnected():
            if time.ticks_diff(time.ticks_ms(), started) > timeout_ms:
                raise OSError(f"no Wi-Fi, status {self._station.status()}")
            time.sleep_ms(_POLL_MS)
        return int(self._station.status("rssi"))

    def down(self) -> None:
        if self._stays:
            return
        try:
            self._station.disconnect()
            self._station.active(False)
        except OSError:
            pass  # it was never up

    def begin(self) -> None:
        self._station.active(True)
        if not self._station.isconnected():
            if self.fixed:
                self._station.ifconfig(self.fixed)
            self._station.connect(self._ssid, self._key)

    def signal(self) -> int | None:
        return int(self._station.status("rssi")) if self._station.isconnected() else None
