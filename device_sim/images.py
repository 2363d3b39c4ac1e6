"""Images for simulated boards: the firmware's own files in one piece, as a chip's image is. It signs none."""

import hashlib
import io
import shutil
import zipfile
from pathlib import Path

from device_sim.hardware.flash_chip import MAGIC, FlashChip

_PACKAGE = "firmware"


def build(root: Path, changes: dict[str, str] | None = None) -> bytes:
    """An image of the package `firmware` below `root`.

    Args:
        root: folder that holds `firmware`, as sources or compiled.
        changes: content of files that differ, by path such as "firmware/core/event.py".
    """
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted((root / _PACKAGE).rglob("*"))
        if path.suffix in (".py", ".mpy")
    }
    files.update({name: text.encode() for name, text in (changes or {}).items()})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    payload = packed.getvalue()
    return MAGIC + len(payload).to_bytes(4, "little") + hashlib.sha256(payload).digest() + payload


def tree(folder: Path, root: Path, changes: dict[str, str]) -> Path:
    """The same files in a folder of their own, for a board that comes with them; returns `folder`."""
    shutil.copytree(root / _PACKAGE, folder / _PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in changes.items():
        (folder / name).write_text(text)
    return folder


def unpack(chip: FlashChip, label: str, folder: Path) -> Path | None:
    """Where the files of a slot's image lie, unpacked below `folder`; None for what the board came with."""
    payload = chip.payload(label)
    if payload is None:
        return None
    target = folder / hashlib.sha256(payload).hexdigest()[:16]
    if not target.exists():
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            archive.extractall(target)
    return target
