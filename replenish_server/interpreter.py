"""How the interpreter runs a server of many threads: whom a collection, a turn and an arena may cost what.

It never changes what anything means, only when it happens.
"""

import contextlib
import ctypes
import gc
import sys

_SWITCH_S = 0.0002  # how long one thread may keep the others from the interpreter; a press needs it often
_M_ARENA_MAX = -8  # of glibc's mallopt
_ARENAS = 2  # instead of eight for each core: every thread that reads the database would fill one of its own


def begin_to_load() -> None:
    """Before the libraries are imported: nothing of them is garbage, so nobody has to look for any."""
    gc.disable()
    with contextlib.suppress(OSError, AttributeError):  # another C library has other arenas
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def begin_to_serve() -> None:
    """After everything is built: a full collection would go through all of it again, which takes a fifth of a
    second and lets no other thread run meanwhile. From here on it looks at what is new."""
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()
    gc.enable()
