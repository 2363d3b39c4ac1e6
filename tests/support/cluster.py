"""A private PostgreSQL server in a temporary folder: started, killed, restarted, and gone with its tests."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_START_S = 40.0
_USER = "replenish"
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "autovacuum": "off",  # two cores; nothing here lives long enough
    "logging_collector": "off",
    "timezone": "Asia/Seoul",  # not UTC, so that whoever relies on the server's zone is found out
}


def find_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`; None without. Debian keeps it out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    return None if on_path is None else Path(on_path).resolve().parent


class Cluster:
    """One server with many databases, reached over a socket in its folder; its commits are synced.

    Args:
        settings: of the server, other than in tests.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = _SETTINGS | settings
        binaries = find_binaries()
        assert binaries is not None, "mark this test with pytest.mark.postgresql"
        self.binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="rp-pg-", dir="/tmp"))  # a socket's path is short
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = next(name for name in ("postgres", "nobody") if _exists(name))
            found = pwd.getpwnam(user)
            os.chown(self.folder, found.pw_uid, found.pw_gid)
            self._as_user = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
        self._server: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._run("initdb", "-D", "data", "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    def start(self) -> None:
        """Start the server, and wait until it answers; after a kill it first recovers."""
        deadline = time.monotonic() + _START_S
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self.binaries / "postgres"), "-D", "data", "-k", str(self.folder), *options]
        while True:
            with (self.folder / "server.log").open("ab") as log:
                self._server = subprocess.Popen(
                    command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **self._as_user
                )
            while self._server.poll() is None:
                if self._answers():
                    return
                assert time.monotonic() < deadline, self._log()
                time.sleep(0.05)
            # The children of a killed server may still be on their way out.
            assert time.monotonic() < deadline, self._log()
            time.sleep(0.2)

    def stop(self) -> None:
        """A fast shutdown, as an operator restarts it: connections are cut, transactions rolled back."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the server and of everything it started."""
        self._end(signal.SIGKILL)

    def processes(self) -> list[int]:
        """The ids of all its processes."""
        assert self._server is not None
        return [self._server.pid, *_children(self._server.pid)]

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{_USER}@/{name}?host={self.folder}"

    def make(self, name: str = "", template: str = "template1") -> str:
        """The name of a new database, which is a copy of another; nobody may be connected to that one."""
        self._made += 1
        name = name or f"t{self._made}"
        self.command(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, with whoever is connected to it."""
        self.command(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def dump(self, name: str) -> Path:
        """A backup of a database, as docs/postgresql.md makes it."""
        file = self.folder / f"{name}.dump"
        self._run("pg_dump", "-h", str(self.folder), "-U", _USER, "-Fc", "-f", str(file), name)
        return file

    def restore(self, name: str, file: Path) -> None:
        """Put a backup in the place of a database, whatever happened to that since."""
        self.drop(name)
        self.make(name)
        self._run("pg_restore", "-h", str(self.folder), "-U", _USER, "-d", name, str(file))

    def command(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement as an operator would, and return its rows."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(sql)  # type: ignore[arg-type]  # our own text
            return cursor.fetchall() if cursor.description else []

    def remove(self) -> None:
        """Kill the server and remove its folder."""
        if self._server is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        assert self._server is not None
        if how is signal.SIGKILL:
            for process in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(process, how)
        else:
            self._server.send_signal(how)
        self._server.wait(timeout=60)
        self._server = None

    def _answers(self) -> bool:
        ready = [
            str(self.binaries / "pg_isready"),
            "-q",
            "-h",
            str(self.folder),
            "-U",
            _USER,
            "-d",
            "postgres",
        ]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, name: str, *arguments: str) -> None:
        command = [str(self.binaries / name), *arguments]
        done = subprocess.run(command, check=False, cwd=self.folder, capture_output=True, **self._as_user)
        assert done.returncode == 0, done.stderr.decode()

    def _log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")[-2000:]


def _children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _exists(user: str) -> bool:
    with suppress(KeyError):
        pwd.getpwnam(user)
        return True
    return False
