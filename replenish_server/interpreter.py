"""How a process runs a server of many threads: what a collection, a turn, an arena and an open file may cost.

It never changes what anything means, only when it happens.
"""

import contextlib
import ctypes
import gc
import resource
import sys

from replenish_server.stripped_bytecode import load_without_docstrings

_SWITCH_S = 0.0002  # how long one thread may keep the others from the interpreter; a press needs it often
_YOUNG = 50_000  # so many objects more than a moment ago, and the interpreter itself looks for garbage
_FULL_EVERY = 600  # of our own collections one goes through everything that is new since the start
_GIVE_BACK_EVERY = 5  # of our own collections one is followed by giving memory back
_M_ARENA_MAX = -8  # of glibc's mallopt
_ARENAS = 2  # instead of eight for each core: every thread that reads the database would fill one of its own

# Each connection is an open file; a login shell and systemd allow 1,024 until a process asks for more.
BROKER_FILES = 65_536
SERVER_FILES = (
    4096  # each that has not ended its TLS handshake costs memory, and 1,000 must not keep others out
)

# What libraries import where it happens to be installed, and use for nothing that a server does. None in
# `sys.modules` is how Python says that a module is not there; each of them has a way on without.
_LEFT_OUT = {
    "httpx._main": "httpx's own command line, with click, rich and pygments",
    "dns": "paho looks brokers up by SRV records with it, which we never ask for",
    "email_validator": "FastAPI describes contacts in OpenAPI documents with it",
    "pydantic.v1": "FastAPI asks whether a field is of the first Pydantic; none of ours is",
}


def begin_to_load() -> None:
    """Before the libraries are imported: nothing of them is garbage, so nobody has to look for any."""
    gc.disable()
    load_without_docstrings()
    for name in _LEFT_OUT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    _build_validators_when_used()
    with contextlib.suppress(OSError, AttributeError):  # another C library has other arenas
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def open_many_files(most: int) -> None:
    """Allow this process, and what replaces it, so many open files, or as many as the system lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


def _build_validators_when_used() -> None:
    """Most of Pydantic's models here are FastAPI's descriptions of OpenAPI, which no one asks a home for."""
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True


def begin_to_serve() -> None:
    """After everything is built: a full collection would go through all of it again, which takes a fifth of a
    second and lets no other thread run meanwhile. From here on it looks at what is new."""
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
    gc.enable()


def keep_what_was_built() -> None:
    """After a server that runs imported or built something large: no full collection goes through it."""
    gc.collect(1)
    gc.freeze()


def collect_garbage(number: int) -> None:
    """Once a second, by a thread for which nobody waits: left to itself the interpreter does it in whichever
    thread makes the next object, which takes a press 1 to 3 ms, and now and then 20.

    Args:
        number: of the second, counted from the start.
    """
    gc.collect(2 if number % _FULL_EVERY == 0 else 1)
    if number % _GIVE_BACK_EVERY == 0:
        give_back_memory()


def give_back_memory() -> None:
    """Let the kernel have what the C library keeps after a burst: it takes a fifth of a millisecond,
    and the library gives nothing back that lies below something that is in use."""
    with contextlib.suppress(OSError, AttributeError):  # another C library does it by itself, or not at all
        ctypes.CDLL(None).malloc_trim(0)
