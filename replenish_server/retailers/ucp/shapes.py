"""PURE: shapes are worked out while their module is imported, which one thread does.

msgspec 0.22 works a Struct out when it is first converted to, and shows it to other threads half done: two
threads that need one for the first time together end the process with a segmentation fault.
"""

import msgspec


def work_out(*shapes: type[msgspec.Struct]) -> None:
    """Have these shapes, and those in them, ready for any thread. Call it once, at the end of the module."""
    for shape in shapes:
        msgspec.json.Decoder(shape)
