"""The fake `network` module: Wi-Fi that is there or not, as the world says at every look."""

import sim_world


class WLAN:
    IF_STA = 0

    def __init__(self, interface):
        self._active = False
        self._wanted = False

    def active(self, on):
        self._active = on
        self._wanted = self._wanted and on

    def connect(self, ssid, key):
        if not self._active:
            raise OSError("Wifi Not Started")
        self._wanted = True

    def disconnect(self):
        self._wanted = False

    def isconnected(self):
        return self._wanted and sim_world.read()["wifi"]

    def status(self, what=None):
        if what == "rssi":
            return sim_world.read()["rssi"]
        return 1010 if self.isconnected() else 201
