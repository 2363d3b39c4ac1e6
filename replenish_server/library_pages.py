"""Gives back to the kernel the pages of shared libraries that only the start of a process needed.

The kernel maps sixteen pages around each one that is touched, and a start touches a little of everything. A
page that is needed again comes from the kernel's cache of files, without reading the disk.
"""

import ctypes
import mmap
import re
from collections.abc import Iterable
from pathlib import Path

_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-(?:x|-)p \S+ \S+ \d+ +(/.*\.so[.0-9]*)$")
_ANY_HEAD = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")
_MAPS = Path("/proc/self/smaps")


def releasable_mappings() -> list[tuple[int, int]]:
    """(begin, end) addresses that `release` may be given; empty where the system does not tell.

    Call it while the process has one thread: a library that another thread is loading may still be
    written to. No library is ever unloaded, so the answer stays valid.
    """
    try:
        return clean_mappings(_MAPS.read_text())
    except OSError:  # no Linux: nothing to gain, nothing lost
        return []


def release(mappings: Iterable[tuple[int, int]]) -> None:
    """Give back all pages of these mappings, from any thread; see `releasable_mappings`."""
    advise = ctypes.CDLL(None, use_errno=True).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for begin, end in mappings:
        advise(begin, end - begin, mmap.MADV_DONTNEED)


def clean_mappings(maps: str) -> list[tuple[int, int]]:
    """(begin, end) of every read-only mapping in `smaps` of which no page was ever written.

    The loader relocates some constants and then protects them: such pages exist nowhere else.
    """
    found: list[tuple[int, int]] = []
    head: re.Match[str] | None = None
    for line in maps.splitlines():
        if _ANY_HEAD.match(line):
            head = _HEAD.match(line)
        elif head is not None and line.startswith("Anonymous:") and line.split()[1] == "0":
            found.append((int(head[1], 16), int(head[2], 16)))
    return found
