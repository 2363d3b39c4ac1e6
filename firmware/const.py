"""What a board's compiler works out, so that the board does not keep it."""


def const(value: "T") -> "T":
    """A value that is known when a module is compiled.

    MicroPython's compiler knows the name: where it is assigned to a name that begins with an underscore, the
    value stands where the name did and no name is left in a board's memory; what `if _TYPES` guards is left
    out. CPython calls this function. It is imported `if __debug__`, which is false where we compile for a
    board (-O2): there nothing is left to be called.
    """
    return value


_TYPES = const(False)
if _TYPES:
    from typing import TypeVar

    T = TypeVar("T")
