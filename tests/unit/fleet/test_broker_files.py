"""The broker's folder: rendered whole, readable by its owner only, replaced in one step."""

import re
import stat
from pathlib import Path

import pytest

from replenish_server.fleet.broker import GATE_USER, SERVER_USER, TWIN_USER, BrokerFiles, Listeners
from replenish_server.fleet.registry import mosquitto_hash

MARK = re.compile(r"@[A-Z_]+@")


@pytest.fixture
def files(tmp_path: Path) -> BrokerFiles:
    """A rendered folder."""
    made = BrokerFiles(tmp_path / "broker")
    made.render(Listeners(1883, 1884), "mosquitto")
    return made


def settings(path: Path) -> list[str]:
    """The lines that a broker reads."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("name", ["mosquitto.conf", "devices.acl", "server.acl"])
def test_no_mark_is_left(files: BrokerFiles, name: str) -> None:
    """Every value is filled in."""
    assert [] == [line for line in settings(files.folder / name) if MARK.search(line)]


def test_listeners_passwords_and_rules_are_those_of_the_folder(files: BrokerFiles) -> None:
    """Devices outside, the server on loopback, each with its own files."""
    lines = settings(files.conf)
    assert ["listener 1883 127.0.0.1", "listener 1884 127.0.0.1"] == [
        line for line in lines if line.startswith("listener")
    ]
    for wanted in (
        f"password_file {files.device_passwords}",
        f"password_file {files.server_passwords}",
        f"acl_file {files.folder}/devices.acl",
        f"acl_file {files.folder}/server.acl",
        f"pid_file {files.pid_file}",
        "user mosquitto",
        "use_username_as_clientid true",
    ):
        assert wanted in lines
    assert 2 == lines.count("allow_anonymous false")
    assert [f"user {SERVER_USER}", f"user {GATE_USER}", f"user {TWIN_USER}"] == [
        line for line in settings(files.folder / "server.acl") if line.startswith("user")
    ]


def test_every_file_is_the_owners_only(files: BrokerFiles) -> None:
    """Password hashes are nobody else's business."""
    files.write_devices({"level-1": mosquitto_hash("secret")}, {}, {"level-1"})
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in files.folder.iterdir() if path.is_file()
    }
    assert {
        "mosquitto.conf": 0o600,
        "devices.acl": 0o600,
        "server.acl": 0o600,
        "devices.passwd": 0o600,
        "devices.psk": 0o600,
        "server.passwd": 0o600,
    } == modes


def test_passwords_survive_a_new_rendering_and_are_replaced_by_user(files: BrokerFiles) -> None:
    """One line for each user, no password in clear."""
    files.write_devices({"level-1": mosquitto_hash("first")}, {}, {"level-1"})
    files.write_devices({"level-10": mosquitto_hash("other")}, {}, {"level-10"})
    old = files.device_passwords.read_text()
    files.render(Listeners(2883, 2884), "mosquitto")
    assert old == files.device_passwords.read_text()
    files.write_devices({"level-1": mosquitto_hash("second")}, {}, {"level-1"})
    new = files.device_passwords.read_text()
    assert ["level-10", "level-1"] == [line.split(":")[0] for line in new.splitlines()]
    assert old.splitlines()[1] == new.splitlines()[0]
    assert all(
        re.fullmatch(r"[a-z0-9-]+:\$7\$\d+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+", x) for x in new.splitlines()
    )
    assert "second" not in new


def test_the_servers_passwords_are_not_the_devices(files: BrokerFiles) -> None:
    """A device cannot log in inside."""
    files.set_server_password(SERVER_USER, "inner")
    assert files.device_passwords.read_text() == ""
    assert files.server_passwords.read_text().startswith(f"{SERVER_USER}:$7$")
