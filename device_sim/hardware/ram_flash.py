"""Flash in memory that counts what is done to it, as a littlefs: what a board's data partition does."""

import os

import vfs

_BLOCK = 4096


class CountingFlash:
    """A block device (MicroPython's extended interface) whose power can be cut in the middle of an operation.

    Args:
        blocks: how many of 4096 bytes.
        content: what it holds from before; blank when None.
    """

    def __init__(self, blocks, content=None):
        self.content = content or bytearray(_BLOCK * blocks)
        self._blocks = blocks
        self.erases = 0
        self.operations = 0
        """Writes and erases so far."""
        self.cut_at = 0
        """Number of the operation in which the power goes: half of it is done. 0: never."""
        self.dead = False

    def readblocks(self, block, buffer, offset=0):
        self._live()
        start = block * _BLOCK + offset
        buffer[:] = self.content[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        start = block * _BLOCK + offset
        done = self._operate(len(buffer))
        self.content[start : start + done] = buffer[:done]
        self._live()

    def ioctl(self, operation, argument):
        if operation == 6:
            start = argument * _BLOCK
            done = self._operate(_BLOCK)
            self.content[start : start + done] = b"\xff" * done
            self._live()
            self.erases += 1
        return {4: self._blocks, 5: _BLOCK}.get(operation, 0)

    def _operate(self, size):
        self._live()
        self.operations += 1
        self.dead = self.operations == self.cut_at
        return size // 2 if self.dead else size

    def _live(self):
        if self.dead:
            raise OSError(5)


def mounted(path, blocks=240):
    """A fresh littlefs, mounted; the working directory is set to it."""
    flash = CountingFlash(blocks)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), path)
    os.chdir(path)
    flash.erases = 0
    return flash
