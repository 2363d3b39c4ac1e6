"""One machine-readable line per fact on standard output, a board's UART. It never prints a secret."""

from firmware.core.event import compact


def say(event: str, **facts: object) -> None:
    """Print `rp {"e":event,...}`."""
    facts["e"] = event
    print("rp " + compact(facts))


def say_error(place: str, error: Exception) -> None:
    """Print an error with its type: a MicroPython OSError often carries nothing but a number."""
    say("error", at=place, why=f"{type(error).__name__}: {error}"[:120])
