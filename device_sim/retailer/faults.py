"""Decides, by shares and a seed, which request goes wrong and how. It breaks nothing itself: `app` does.

Kinds, and what becomes of the order:
    accept_then_close  the effect is committed, then the connection closes without one byte of answer
    accept_then_500    the effect is committed, then the answer is 500
    hang               the effect is committed, then the answer waits `seconds` (real)
    error_500          nothing happens, the answer is 500
    close_before       nothing happens, the connection closes without one byte of answer
    hang_before        the request waits `seconds` (real) and is then carried out as usual, listener or not
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_sim.retailer.levers import NAMES, Levers, read_levers

OPERATIONS = ("create", "update", "complete", "cancel")
KINDS = ("accept_then_close", "accept_then_500", "hang", "error_500", "close_before", "hang_before")
BEFORE = ("error_500", "close_before", "hang_before")


@dataclass
class Fault:
    """One way to go wrong.

    Args:
        kind: one of KINDS.
        share: part of the requests it hits, 0..1.
        seconds: real seconds, for the two that hang.
        times: how often it may still strike; None is without end.
    """

    kind: str
    share: float = 1.0
    seconds: float = 30.0
    times: int | None = None

    @property
    def strikes_before(self) -> bool:
        """Whether the request is hit before it has had an effect."""
        return self.kind in BEFORE


class FaultPlan:
    """The faults in force. They live in memory: a shop that restarts has those of its command line."""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self._faults: dict[str, list[Fault]] = {}
        self._random: dict[str, random.Random] = {}
        self.levers = Levers()
        self.set(settings or {})

    def set(self, settings: Mapping[str, Any]) -> None:
        """Replace everything in force; `{}` ends all faults.

        Args:
            settings: operation -> list of faults, `seed`, and the levers (`levers.Levers`).

        Raises:
            ValueError: an unknown name, a share outside 0..1, or shares of one operation adding up to over 1.
        """
        known = {*OPERATIONS, "seed", *NAMES}
        if unknown := set(settings) - known:
            raise ValueError(f"unknown fault settings: {', '.join(sorted(unknown))}")
        faults = {operation: _read(settings.get(operation, [])) for operation in OPERATIONS}
        levers = read_levers(settings)
        seed = int(settings.get("seed", 0))
        self._faults = faults
        self.levers = levers
        # One stream for each operation: how often another one is called does not change what hits this one.
        self._random = {name: random.Random(f"{seed}/{name}") for name in (*OPERATIONS, "webhook")}

    def draw(self, operation: str) -> Fault | None:
        """What hits the next request of `operation`; at most one fault, and None most of the time."""
        point = self._random[operation].random()
        for fault in self._faults[operation]:
            if point < fault.share:
                if fault.times is None:
                    return fault
                if fault.times > 0:
                    fault.times -= 1
                    return fault
                return None
            point -= fault.share
        return None

    def draw_webhook(self) -> str | None:
        """How the next delivery goes wrong (a name of levers.WEBHOOK_KINDS); None: as it should."""
        point = self._random["webhook"].random()
        for kind, share in self.levers.webhooks.items():
            if point < share:
                return kind
            point -= share
        return None


def _read(entries: Any) -> list[Fault]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("the faults of an operation are a list of objects")
    try:
        faults = [Fault(**entry) for entry in entries]
    except TypeError as problem:
        raise ValueError(f"a fault has kind, share, seconds and times: {problem}") from problem
    for fault in faults:
        if fault.kind not in KINDS:
            raise ValueError(f"unknown fault kind {fault.kind!r}; known: {', '.join(KINDS)}")
        if not 0 <= fault.share <= 1:
            raise ValueError(f"a share is between 0 and 1, not {fault.share}")
    if sum(fault.share for fault in faults) > 1 + 1e-9:
        raise ValueError("the shares of one operation add up to at most 1")
    return faults
