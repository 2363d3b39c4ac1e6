"""The Mosquitto that we ship, with its TLS listeners, and devices that may log in on them."""

import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

from device_sim.process import free_ports
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import SERVER_USER, TWIN_USER, BrokerFiles, Listeners, find_mosquitto
from replenish_server.fleet.registry import mosquitto_hash
from tests.support.vm_board import PASSWORD, Server, listens, until

WAYS = ("password", "certificate", "psk")


class ShippedBroker:
    """One broker on loopback, rendered as `replenish broker` renders it.

    Args:
        folder: for its files; made when missing.
        device_ids: who may log in, in every way.
    """

    def __init__(self, folder: Path, device_ids: list[str]) -> None:
        binary = find_mosquitto()
        assert binary, "no Mosquitto"
        plain, self.inner, tls, certificate, psk = free_ports(5)
        self.ports = {"plain": plain, "password": tls, "certificate": certificate, "psk": psk}
        self.authority = Authority(folder / "authority")
        self.authority.init(["localhost", "127.0.0.1"])
        self.files = BrokerFiles(folder / "broker")
        self.keys = {device_id: secrets.token_hex(32) for device_id in device_ids}
        listeners = Listeners(plain, self.inner, tls, certificate, psk)
        self.files.render(listeners, "root" if os.getuid() == 0 else "mosquitto", self.authority)
        passwords = {device_id: mosquitto_hash(PASSWORD) for device_id in device_ids}
        self.files.write_devices(passwords, self.keys, set(device_ids))
        for user in (SERVER_USER, TWIN_USER):
            self.files.set_server_password(user, PASSWORD)
        self._command = [binary, "-c", str(self.files.conf)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it until all listeners answer."""
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        until(lambda: all(listens(port) for port in (*self.ports.values(), self.inner)))

    def kill(self) -> None:
        """`kill -9`; it may be started again."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def server(self) -> Server:
        """What plays the server, on the inner listener; not started."""
        return Server(self.inner, SERVER_USER, PASSWORD)

    def board_config(self, device_id: str, way: str, host: str = "localhost") -> dict[str, Any]:
        """Keys of `data/device.json` for a device that logs in this way."""
        known: dict[str, Any] = {"host": host, "port": self.ports[way], "password": ""}
        if way == "psk":
            return known | {"psk": self.keys[device_id]}
        known["ca"] = self.authority.ca_certificate.read_text()
        if way == "password":
            return known | {"password": PASSWORD}
        issued = self.authority.issue(device_id)
        return known | {"certificate": issued.certificate, "private_key": issued.key}
