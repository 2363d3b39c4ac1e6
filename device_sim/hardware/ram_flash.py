"""Flash in memory that counts what is done to it, as a littlefs: what a board's data partition does."""

import os

import vfs

_BLOCK = 4096
_GONE = -5  # EIO


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

    # Codes, not exceptions: those would leap over littlefs, which then keeps what it has freed.

    def readblocks(self, block, buffer, offset=0):
        if self.dead:
            return _GONE
        start = block * _BLOCK + offset
        buffer[:] = self.content[start : start + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        start = block * _BLOCK + offset
        done = self._operate(len(buffer))
        self.content[start : start + done] = buffer[:done]
        return _GONE if self.dead else 0

    def ioctl(self, operation, argument):
        if operation == 6:
            start = argument * _BLOCK
            done = self._operate(_BLOCK)
            self.content[start : start + done] = b"\xff" * done
            if self.dead:
                return _GONE
            self.erases += 1
        return {4: self._blocks, 5: _BLOCK}.get(operation, 0)

    def _operate(self, size):
        if self.dead:
            return 0
        self.operations += 1
        self.dead = self.operations == self.cut_at
        return size // 2 if self.dead else size


def mounted(path, blocks=240):
    """A fresh littlefs, mounted; the working directory is set to it."""
    flash = CountingFlash(blocks)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), path)
    os.chdir(path)
    flash.erases = 0
    return flash
