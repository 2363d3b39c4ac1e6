"""The broker's files: configuration rendered from `broker_config/`, password files, access rules.

It writes files and never starts or signals a broker.
"""

import os
import shutil
from collections.abc import Mapping, Set
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from replenish_server.fleet.authority import Authority
from replenish_server.fleet.authority import write_private as _replace
from replenish_server.fleet.registry import mosquitto_hash

SERVER_USER = "replenish-server"
TWIN_USER = "replenish-twin"
GATE_USER = "replenish-gate"


@dataclass(frozen=True)
class Listeners:
    """TCP ports and addresses of the broker.

    Args:
        plain: devices without TLS, on loopback only.
        inner: the server itself, on loopback only.
        tls: devices that log in with a password over TLS.
        certificate: devices that log in with a certificate.
        psk: battery devices that log in with a pre-shared key.
        address: which address the three TLS listeners bind.
        most_devices: how many connections each of them takes.
    """

    plain: int
    inner: int
    tls: int = 8883
    certificate: int = 8884
    psk: int = 8885
    address: str = "127.0.0.1"
    most_devices: int = 10_000


@dataclass(frozen=True)
class BrokerFiles:
    """A folder that holds everything one Mosquitto needs.

    Args:
        folder: where `mosquitto.conf`, the access rules, password files and persistence lie.
    """

    folder: Path

    @property
    def conf(self) -> Path:
        """The rendered configuration."""
        return self.folder / "mosquitto.conf"

    @property
    def device_passwords(self) -> Path:
        """The devices' password file; the broker re-reads it on SIGHUP."""
        return self.folder / "devices.passwd"

    @property
    def device_keys(self) -> Path:
        """Pre-shared keys of battery devices."""
        return self.folder / "devices.psk"

    @property
    def server_passwords(self) -> Path:
        """The server's own password file, for the inner listener."""
        return self.folder / "server.passwd"

    @property
    def pid_file(self) -> Path:
        """Where a running broker wrote its process id."""
        return self.folder / "mosquitto.pid"

    def render(self, listeners: Listeners, run_as: str, authority: Authority | None = None) -> None:
        """Write the configuration and the access rules; keep password files that already exist.

        Args:
            listeners: where the broker listens.
            run_as: the account that Mosquitto drops to when root starts it.
            authority: whose certificate the TLS listeners show; without one there are none.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        source = files("broker_config")
        values = {
            "@FOLDER@": str(self.folder),
            "@DEVICE_PORT@": str(listeners.plain),
            "@SERVER_PORT@": str(listeners.inner),
            "@TLS_PORT@": str(listeners.tls),
            "@CERTIFICATE_PORT@": str(listeners.certificate),
            "@PSK_PORT@": str(listeners.psk),
            "@DEVICE_ADDRESS@": listeners.address,
            "@MOST_DEVICES@": str(listeners.most_devices),
            "@RUN_AS@": run_as,
            "@SERVER_USER@": SERVER_USER,
            "@TWIN_USER@": TWIN_USER,
            "@GATE_USER@": GATE_USER,
        }
        parts = {name: [name] for name in ("mosquitto.conf", "devices.acl", "server.acl")}
        if authority is not None and authority.exists:
            values["@AUTHORITY@"] = str(authority.folder.resolve())
            parts["mosquitto.conf"].append("tls.conf")
        for name, sources in parts.items():
            text = "".join((source / part).read_text(encoding="utf-8") for part in sources)
            for mark, value in values.items():
                text = text.replace(mark, value)
            _replace(self.folder / name, text)
        for passwords in (self.device_passwords, self.device_keys, self.server_passwords):
            if not passwords.exists():
                _replace(passwords, "")

    def write_devices(self, passwords: Mapping[str, str], keys: Mapping[str, str], known: Set[str]) -> None:
        """Write who may log in on the devices' listeners; the broker must be told to re-read (SIGHUP).

        Args:
            passwords: password hash by device.
            keys: pre-shared key in hex by device.
            known: devices whose lines are ours to write or to leave out; lines of others stay.
        """
        for path, accounts in ((self.device_passwords, passwords), (self.device_keys, keys)):
            kept = [line for line in _lines(path) if line.split(":", 1)[0] not in known]
            kept += [f"{user}:{verifier}" for user, verifier in accounts.items()]
            _replace(path, "".join(f"{line}\n" for line in kept))

    def set_server_password(self, user: str, password: str) -> None:
        """Let `user` log in on the server's listener."""
        path = self.server_passwords
        kept = [line for line in _lines(path) if line.split(":", 1)[0] != user]
        _replace(path, "".join(f"{line}\n" for line in [*kept, f"{user}:{mosquitto_hash(password)}"]))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def find_mosquitto() -> str | None:
    """The path of the broker's binary, None without one; Debian keeps it outside of ordinary users' PATH."""
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("mosquitto", path=search)
    return None if found is None else str(Path(found))
