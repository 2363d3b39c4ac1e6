"""MicroPython for ESP32, importable by CPython: the flash root is the repository root."""


def const(value: "T") -> "T":
    """A value that is known when a module is compiled.

    MicroPython's compiler knows the name: where it is assigned to a name that begins with an underscore, the
    value stands where the name did and no name is left in a board's memory; what `if _TYPES` guards is left
    out. CPython calls this function.
    """
    return value


_TYPES = const(False)
if _TYPES:
    from typing import TypeVar

    T = TypeVar("T")
