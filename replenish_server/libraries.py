"""The pages of shared libraries that a process has in memory: what only its start used is let go.

The kernel maps sixteen pages around each one that is touched, and a start touches a little of everything.
Whoever runs a page again has it back from the kernel's cache of files, where it stays.
"""

import ctypes
import mmap
import re
from collections.abc import Iterable
from pathlib import Path

_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-(?:x|-)p \S+ \S+ \d+ +(/.*\.so[.0-9]*)$")
_ANY_HEAD = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")
_MAPS = Path("/proc/self/smaps")


def loaded() -> list[tuple[int, int]]:
    """Begin and end of what may be let go; empty where the system does not say what is mapped.

    To be called while there is one thread: what another one just loads is not yet what it will be. No library
    is ever unloaded, so the answer stays right.
    """
    try:
        return clean_mappings(_MAPS.read_text())
    except OSError:  # no Linux: nothing to gain, nothing lost
        return []


def let_go(mappings: Iterable[tuple[int, int]]) -> None:
    """Let go of all pages of some mappings, from any thread; see `loaded`."""
    advise = ctypes.CDLL(None, use_errno=True).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for begin, end in mappings:
        advise(begin, end - begin, mmap.MADV_DONTNEED)


def clean_mappings(maps: str) -> list[tuple[int, int]]:
    """Begin and end of every mapping that cannot be written and of which no page was ever written.

    The loader writes addresses into some constants and then protects them: those exist nowhere else.
    """
    found: list[tuple[int, int]] = []
    head: re.Match[str] | None = None
    for line in maps.splitlines():
        if _ANY_HEAD.match(line):
            head = _HEAD.match(line)
        elif head is not None and line.startswith("Anonymous:") and line.split()[1] == "0":
            found.append((int(head[1], 16), int(head[2], 16)))
    return found
