"""The fake `network` module: Wi-Fi that is there or not, as the world says at every look, or the board's own.

An access point has no air here: the world is told of it (access_point.json), and the page that a board serves
in it is reached over loopback.
"""

import json

import sim_world


class WLAN:
    IF_STA, IF_AP = 0, 1
    SEC_WPA2 = 3

    def __init__(self, interface):
        self._interface = interface
        self._active = False
        self._wanted = None
        self._config = {}
        self._address = "dhcp"

    def active(self, on):
        self._active = on
        if not on:
            self._wanted = None
        if self._interface == self.IF_AP:
            if on and len(self._config.get("key", "")) < 8:
                raise OSError("Wifi Invalid Password")
            sim_world.save("access_point.json", json.dumps(self._config if on else {}).encode())

    def config(self, **values):
        self._config.update(values)

    def scan(self):
        if not self._active:
            raise OSError("Wifi Not Started")
        name = sim_world.read()["network"][0]
        return [(name.encode(), b"\0\0\0\0\0\0", 6, sim_world.read()["rssi"], 3, 0)]

    def ifconfig(self, values):
        if len(values) != 4 or [part for each in values for part in each.split(".") if int(part) > 255]:
            raise ValueError("invalid arguments")
        self._address = values[0]

    def connect(self, ssid, key):
        if not self._active:
            raise OSError("Wifi Not Started")
        sim_world.append("joined.log", self._address)
        self._wanted = [ssid, key]

    def disconnect(self):
        self._wanted = None

    def isconnected(self):
        world = sim_world.read()
        return world["wifi"] and self._wanted == world["network"]

    def status(self, what=None):
        if what == "rssi":
            return sim_world.read()["rssi"]
        return 1010 if self.isconnected() else 201
