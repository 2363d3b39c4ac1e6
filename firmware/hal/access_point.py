"""The board's own Wi-Fi, for the minutes in which it is told the home's. WPA2 only, one visitor."""

import network


class AccessPoint:
    """An access point; it is configured before it goes on the air, so it is never open."""

    def __init__(self) -> None:
        self._interface = network.WLAN(network.WLAN.IF_AP)

    def near(self) -> list[str]:
        station = network.WLAN(network.WLAN.IF_STA)
        found: list[str] = []
        try:
            station.active(True)
            for seen in sorted(station.scan(), key=lambda one: -one[3]):
                name = seen[0].decode()
                if name and name not in found:
                    found.append(name)
            station.active(False)
        except (OSError, ValueError):
            pass  # a list of names is a kindness; typing works without it
        return found[:8]

    def up(self, name: str, key: str) -> None:
        self._interface.config(ssid=name, security=network.WLAN.SEC_WPA2, key=key, max_clients=1)
        self._interface.active(True)

    def down(self) -> None:
        try:
            self._interface.active(False)
        except OSError:
            pass  # it was never up
