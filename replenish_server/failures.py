"""Failures outside this program (ports, disks, permissions, damaged files), explained with what to do.

A failure that is a fault of this program is not explained away: it keeps its traceback.
"""

import errno
import logging
import os
import socket
import sqlite3
from collections.abc import Sequence

_FOLDER = "REPLENISH_DATA_DIR names the data folder"
_FILES = {
    errno.EACCES: f"give it to the user who runs this (chown, chmod); {_FOLDER}",
    errno.EPERM: f"give it to the user who runs this (chown, chmod); {_FOLDER}",
    errno.EROFS: f"mount its disk for writing, or use another folder; {_FOLDER}",
    errno.ENOSPC: "make room on its disk; what was stored before is still there",
    errno.EDQUOT: "make room on its disk; what was stored before is still there",
    errno.EEXIST: f"a file is where a folder belongs; {_FOLDER}",
    errno.ENOTDIR: f"a file is where a folder belongs; {_FOLDER}",
    errno.EMFILE: "let this user open more files (ulimit -n)",
}
# Words of SQLite's own messages, which have no finer codes in Python 3.11's oldest build.
_DATABASE = (
    ("unable to open", f"see that the file and its folder belong to the user who runs this; {_FOLDER}"),
    ("readonly", "let the user who runs this write the file and its folder (chown, chmod)"),
    ("full", "make room on its disk; what was committed before is still there"),
    ("disk i/o", "see what the disk says (dmesg); what was committed before is still there"),
    (
        "malformed",
        "keep the damaged file, and put the newest backup in its place; replenish doctor looks again",
    ),
    ("not a database", "keep the file, and put the newest backup in its place; replenish doctor looks again"),
    ("locked", "another program holds the database; end it, then try again"),
)


class Unusable(Exception):
    """Something of the installation cannot be used; the text says what, and what to do."""


def explain_failure(error: BaseException) -> str | None:
    """One sentence: what happened and what to do. None for a fault of this program."""
    if isinstance(error, Unusable):
        return str(error)
    database = _sqlite_error(error)
    if database is not None:
        said = str(database)
        advice = next((todo for words, todo in _DATABASE if words in said.lower()), None)
        return None if advice is None else f"The database says: {said}. What to do: {advice}."
    if isinstance(error, OSError) and error.errno in _FILES:
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{where}. What to do: {_FILES[error.errno]}."
    return None


def log_failure(log: logging.Logger, error: BaseException, message: str, *about: object) -> None:
    """Log an error: in one line where what to do is known, with its traceback where it is a fault of ours.

    Args:
        log: the caller's logger.
        error: what was raised.
        message: what failed, as a %-format for `about`.
        about: the values of that format.
    """
    said = explain_failure(error)
    if said is None:
        log.error(message, *about, exc_info=error)
    else:
        log.error(f"{message} why=%s", *about, said)


def _sqlite_error(error: BaseException) -> sqlite3.Error | None:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, sqlite3.Error):
            return seen
        seen = seen.__cause__
    return None


def require_free_ports(wanted: Sequence[tuple[str, str, int]]) -> None:
    """Check that every address and port can be bound now; a later start can still lose the race.

    Args:
        wanted: (name of the setting, address, TCP port) of each.

    Raises:
        Unusable: a port is taken, or this user may not bind it.
    """
    for setting, address, port in wanted:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
            except OSError as error:
                raise Unusable(
                    f"{address} port {port}: {os.strerror(error.errno or 0)}. What to do: end what "
                    f"listens there (ss -ltnp shows it), or set {setting} to another."
                ) from error
