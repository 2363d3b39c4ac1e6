"""What the server asks of a device once: `down/cmd` (docs/wire.md). It never does anything.

A number never comes twice into force: each one is above all before it, and the last one taken is kept over
restarts. So a repeat of the broker, and a restart that is asked for again by it, change nothing.
"""

import json

IDENTIFY, REPORT, RESTART = "identify", "report", "restart"
VERBS = (IDENTIFY, REPORT, RESTART)

DONE, LATE, UNKNOWN = 1, 2, 3
ANSWERS = ("", "done", "late", "unknown")
"""By what State.command_as holds."""


class Command:
    """One command.

    Args:
        number: rises from command to command.
        verb: what to do.
        until: Unix time after which it is not to be done any more.
    """

    def __init__(self, number: int, verb: str, until: int) -> None:
        self.number = number
        self.verb = verb
        self.until = until


def parse(payload: bytes) -> Command | None:
    """Read a command; None for what is none."""
    try:
        document = json.loads(payload)
        number, verb, until = document["n"], document["do"], document["until"]
    except (ValueError, KeyError, TypeError):
        return None
    if (
        document.get("v") != 1
        or type(number) is not int
        or type(until) is not int
        or not isinstance(verb, str)
    ):
        return None
    return Command(number, verb, until)


def judge(command: Command, now_unix: int) -> int:
    """DONE for one that is to be done now, else why not; `now_unix` is 0 while the time is unknown."""
    if now_unix and now_unix > command.until:
        return LATE
    return DONE if command.verb in VERBS else UNKNOWN
