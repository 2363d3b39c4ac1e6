"""What goes wrong outside: a sentence with what to do, status 2, no traceback, and nothing made or lost."""

import logging
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from replenish_server.database import Database
from replenish_server.failures import Unusable, explain_failure, log_failure, require_free_ports
from replenish_server.settings import Settings


def run(folder: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """A command on a data folder: its status, and all that it said."""
    command = [sys.executable, "-m", "replenish_server", *arguments]
    around = {**os.environ, "REPLENISH_DATA_DIR": str(folder), "COLUMNS": "200", **env}
    done = subprocess.run(command, env=around, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@contextmanager
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_a_damaged_database_is_said_to_be_one(tmp_path: Path) -> None:
    """By a short command and by the server; the file is left as it is."""
    file = tmp_path / "replenish.db"
    file.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 64)
    before = file.read_bytes()
    for command in ("stats", "serve"):
        status, said = run(tmp_path, command)
        assert (status, "Traceback" in said) == (2, False), said
        assert "put the newest backup in its place" in said
    assert file.read_bytes() == before


def test_a_command_in_the_wrong_folder_makes_none(tmp_path: Path) -> None:
    status, said = run(tmp_path / "elsewhere", "stats")
    assert (status, list(tmp_path.iterdir())) == (2, [])
    assert "There is no household in" in said
    assert "REPLENISH_DATA_DIR" in said


def test_a_setting_that_cannot_be_is_named() -> None:
    for name, value in (
        ("HTTP_PORT", "99999"),
        ("HTTP_PORT", "x"),
        ("CLOCK", "noon"),
        ("ALLOWED_HOSTS", "a,b"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(f"REPLENISH_{name}", value)
            with pytest.raises(Unusable, match="What to do") as raised:
                Settings()
            assert name.lower() in str(raised.value).lower()


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    with taken() as port, pytest.raises(Unusable, match="REPLENISH_HTTP_PORT") as raised:
        require_free_ports([("REPLENISH_HTTP_PORT", "127.0.0.1", port)])
    assert str(port) in str(raised.value)
    require_free_ports([("REPLENISH_HTTP_PORT", "127.0.0.1", port)])


def test_the_broker_says_which_port_is_taken(tmp_path: Path) -> None:
    with taken() as port:
        status, said = run(tmp_path, "broker", REPLENISH_DEVICE_PORT=str(port))
    assert (status, f"port {port}" in said, "REPLENISH_DEVICE_PORT" in said) == (2, True, True), said


def test_passwords_that_were_cut_off_are_not_made_anew_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "broker-passwords.json"
    path.write_text('{"ingest": "x', encoding="utf-8")
    with pytest.raises(Unusable, match="move it away"):
        Settings(data_dir=tmp_path).broker_passwords()
    assert path.read_text(encoding="utf-8") == '{"ingest": "x'


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied", "/data"), "/data"),
        (FileExistsError(17, "File exists", "/data"), "a file is where a folder belongs"),
        (OSError(28, "No space left on device", "/data/x"), "make room"),
        (OSError(30, "Read-only file system", "/data/x"), "for writing"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "chown"),
        (sqlite3.OperationalError("database or disk is full"), "make room"),
        (sqlite3.OperationalError("unable to open database file"), "belong to the user"),
        (sqlite3.DatabaseError("file is not a database"), "newest backup"),
    ],
)
def test_each_failure_says_what_to_do(error: Exception, words: str) -> None:
    assert words in (explain_failure(error) or "")


def test_a_failure_is_found_beneath_what_was_made_of_it(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'folder.db'}")
    with pytest.raises(OperationalError) as raised:
        database.problem()
    assert "unable to open" in (explain_failure(raised.value) or "")


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("x"), OSError("x"), sqlite3.IntegrityError("UNIQUE")]
)
def test_a_fault_of_ours_stays_a_fault(error: Exception) -> None:
    assert explain_failure(error) is None


def test_a_failure_is_one_line_of_the_log_and_a_fault_has_its_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("test")
    log_failure(log, sqlite3.OperationalError("database or disk is full"), "action=failed name=%s", "x%")
    log_failure(log, ValueError("x"), "action=failed name=%s", "y")
    failure, fault = caplog.records
    assert failure.getMessage().startswith(
        "action=failed name=x% why=The database says: database or disk is full."
    )
    assert (failure.exc_info, fault.getMessage(), fault.exc_info is not None) == (
        None,
        "action=failed name=y",
        True,
    )
