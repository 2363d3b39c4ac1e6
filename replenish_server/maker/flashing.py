"""Putting the firmware and a maker's settings on a board, so that a cut at any point can be repeated."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from replenish_server.maker.board import Board, BoardError
from replenish_server.maker.image import check_bytecode

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_KEY_LENGTH = 12  # of 31 letters: 59 random bits, against guesses while its Wi-Fi is open for minutes
_STARTS = ("main.py", "boot.py")
_IDENTITY = ("device.json", "claim.json", "proving.json", "desired.json", "total.json")
_FORGET = """import esp32
store = esp32.NVS("replenish")
try:
    store.erase_key("device")
    store.commit()
except OSError:
    pass
"""
"""The copy of `device.json` that outlasts a lost file system. The floor for updates stays."""

_IS_FROZEN = """import sys
whole = sys.path[:]
sys.modules.pop("firmware", None)
sys.path[:] = [path for path in whole if path not in ("", ".", "/", "/lib")]
try:
    import firmware
    print("frozen")
except ImportError:
    pass
sys.path[:] = whole
sys.modules.pop("firmware", None)
"""
"""Whether `firmware` is there with the file system left out of the path: then it is in the image."""

_FACTORY = "data/factory.json"


@dataclass(frozen=True)
class Flashed:
    """What was done.

    Args:
        written: files that differed.
        kept: files that were the same already.
        removed: files of an older firmware.
        known: the board's id where it is somebody already, "" for a new board.
    """

    written: int
    kept: int
    removed: int
    known: str


def is_frozen(board: Board) -> bool:
    """Whether the board's image holds the firmware: files of it would hide the image and its updates."""
    return board.execute(_IS_FROZEN) == "frozen"


def flash(
    board: Board,
    image: Mapping[str, bytes],
    factory: Mapping[str, Any],
    renew: bool,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Flashed:
    """Write what differs, read all of it back, and leave the board ready to be reset.

    The start files go first and come last: a board that was cut off half-way has no program, and waits.

    Args:
        board: one whose console is held.
        image: path -> content, see `image.compile_firmware`; empty for a board that has it frozen, whose
            copies of it are removed.
        factory: `data/factory.json`; calibration that lies on the board stays unless this says otherwise.
        renew: forget who the board is, and what it measured.
        progress: called with files done and files in all.

    Raises:
        BoardError: the board cannot run it, or stopped answering.
    """
    if image:
        check_bytecode(int(board.known("__import__('sys').implementation._mpy")))
    before = _document(board.read(_FACTORY))
    for name in _STARTS:
        board.remove(name)
    board.make_folders(_folders([*image, _FACTORY]))
    stale = [path for path in board.files("firmware") if path not in image]
    for path in stale:
        board.remove(path)
    written = 0
    for number, (path, content) in enumerate(image.items(), 1):
        if path not in _STARTS and board.digest(path) != hashlib.sha256(content).digest():
            board.write(path, content)
            written += 1
        progress(number, len(image) + 1)
    if renew:
        for path in [f"data/{name}" for name in _IDENTITY] + board.files("data/spool"):
            board.remove(path)
        board.execute(_FORGET)
    board.write(_FACTORY, json.dumps(_merged(before, factory)).encode())
    for path, content in image.items():
        if board.digest(path) != hashlib.sha256(content).digest() and path not in _STARTS:
            raise BoardError(f"{path} was read back and differs: start again")
    for name in reversed(_STARTS if image else ()):
        board.write(name, image[name])
        written += 1
    progress(len(image) + 1, len(image) + 1)
    identity = _document(board.read("data/device.json"))
    return Flashed(written, len(image) - written, len(stale), str(identity.get("id", "")))


def label() -> tuple[str, str]:
    """(name, key) of a new board's own Wi-Fi, for its label."""
    key = "".join(secrets.choice(_LETTERS) for _ in range(_KEY_LENGTH))
    name = "".join(secrets.choice(_LETTERS) for _ in range(4))
    return f"Replenish {name}", key


_CALIBRATED = ("zero", "counts_per_kg", "cfg", "setup_name", "setup_key")


def _merged(before: Mapping[str, Any], factory: Mapping[str, Any]) -> dict[str, Any]:
    """A board that is flashed again keeps its calibration and its label."""
    kept = {
        name: before[name] for name in _CALIBRATED if name in before and before.get("kind") == factory["kind"]
    }
    return {**factory, **kept}


def _document(content: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _folders(paths: list[str]) -> list[str]:
    """Every folder of these paths, parents first."""
    found: dict[str, None] = {}
    for path in paths:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            found["/".join(parts[:depth])] = None
    return sorted(found)
