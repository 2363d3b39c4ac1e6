"""The data partition: mounted, or made anew when it cannot be. It never holds code (firmware/_boot.py).

The stock start of MicroPython stops for ever at a file system it cannot read; a board in a cupboard must not.
"""

import os

import esp32
import vfs

PLACE = "/flash"

ours = False
"""Set by our own start, which mounts nothing. A stock start has mounted a file system that holds the code."""


def mount(thorough: bool) -> bool:
    """Mount littlefs at `PLACE` and go there; False when it is damaged and has to be made anew.

    Args:
        thorough: read every file, as after a failed boot: littlefs finds damage only where it looks.

    Raises:
        OSError: a blank partition cannot be formatted.
    """
    partition = _partition()
    if _blank(partition):
        make()
        return True
    try:
        _mount(partition)
        if thorough:
            _walk(PLACE)
    except OSError:
        return False
    os.chdir(PLACE)
    return True


def make() -> None:
    """Format the partition and mount it; all files are lost. Raises OSError when the flash refuses that."""
    try:
        vfs.umount(PLACE)
    except OSError:
        pass  # it was not mounted
    partition = _partition()
    vfs.VfsLfs2.mkfs(partition)
    _mount(partition)
    os.chdir(PLACE)


def _partition() -> esp32.Partition:
    found: esp32.Partition = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0]
    return found


def _mount(partition: esp32.Partition) -> None:
    vfs.mount(vfs.VfsLfs2(partition), PLACE)  # type: ignore[abstract]  # the stub calls it abstract


def _walk(path: str) -> None:
    """Read all of it once. Raises OSError."""
    for entry in os.ilistdir(path):
        child = path + "/" + entry[0]
        if entry[1] == 0x4000:
            _walk(child)
        else:
            with open(child, "rb") as file:
                while file.read(256):
                    pass


def _blank(partition: esp32.Partition) -> bool:
    start = bytearray(512)
    for block in (0, 1):  # littlefs keeps its root twice
        partition.readblocks(block, start, 0)
        if any(byte != 0xFF for byte in start):
            return False
    return True
