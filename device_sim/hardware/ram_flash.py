"""Flash of 960 KB in memory that counts its erases, as a littlefs: what a board's data partition does."""

import os

import vfs

_BLOCK = 4096


class CountingFlash:
    """A block device (MicroPython's extended interface)."""

    def __init__(self, blocks):
        self._content = bytearray(_BLOCK * blocks)
        self._blocks = blocks
        self.erases = 0

    def readblocks(self, block, buffer, offset=0):
        start = block * _BLOCK + offset
        buffer[:] = self._content[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        start = block * _BLOCK + offset
        self._content[start : start + len(buffer)] = buffer

    def ioctl(self, operation, argument):
        if operation == 6:
            self.erases += 1
        return {4: self._blocks, 5: _BLOCK}.get(operation, 0)


def mounted(path, blocks=240):
    """A fresh littlefs, mounted; the working directory is set to it."""
    flash = CountingFlash(blocks)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), path)
    os.chdir(path)
    flash.erases = 0
    return flash
