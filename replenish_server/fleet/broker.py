"""The broker's files: configuration rendered from `broker_config/`, password files, access rules.

It writes files and never starts or signals a broker.
"""

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from replenish_server.fleet.registry import mosquitto_hash

SERVER_USER = "replenish-server"
TWIN_USER = "replenish-twin"


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
    def server_passwords(self) -> Path:
        """The server's own password file, for the inner listener."""
        return self.folder / "server.passwd"

    @property
    def pid_file(self) -> Path:
        """Where a running broker wrote its process id."""
        return self.folder / "mosquitto.pid"

    def render(
        self, device_port: int, server_port: int, run_as: str, device_address: str = "127.0.0.1"
    ) -> None:
        """Write the configuration and the access rules; keep password files that already exist.

        Args:
            device_port: TCP port of the devices' listener.
            server_port: TCP port of the server's listener, always on loopback.
            run_as: the account that Mosquitto drops to when root starts it.
            device_address: the address that the devices' listener binds.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        source = files("broker_config")
        values = {
            "@FOLDER@": str(self.folder),
            "@DEVICE_PORT@": str(device_port),
            "@DEVICE_ADDRESS@": device_address,
            "@SERVER_PORT@": str(server_port),
            "@RUN_AS@": run_as,
            "@SERVER_USER@": SERVER_USER,
            "@TWIN_USER@": TWIN_USER,
        }
        for name in ("mosquitto.conf", "devices.acl", "server.acl"):
            text = (source / name).read_text(encoding="utf-8")
            for mark, value in values.items():
                text = text.replace(mark, value)
            _replace(self.folder / name, text)
        for passwords in (self.device_passwords, self.server_passwords):
            if not passwords.exists():
                _replace(passwords, "")

    def set_device_password(self, user: str, password: str) -> None:
        """Let `user` log in on the devices' listener; the broker must be told to re-read (SIGHUP)."""
        _set_password(self.device_passwords, user, password)

    def set_server_password(self, user: str, password: str) -> None:
        """Let `user` log in on the server's listener."""
        _set_password(self.server_passwords, user, password)


def _set_password(path: Path, user: str, password: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.split(":", 1)[0] != user]
    _replace(path, "".join(f"{line}\n" for line in [*kept, f"{user}:{mosquitto_hash(password)}"]))


def _replace(path: Path, text: str) -> None:
    """Write atomically and readable by the owner only: a broker never reads half a password file."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
