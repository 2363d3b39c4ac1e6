"""Calibrating a sensor on a board: what it counts empty, with a known amount, and the factor between them.

The sums are here and take numbers; `Board` is asked for raw counts. Sources of the forms: docs/firmware.md.
"""

import json
import statistics
from collections.abc import Sequence
from typing import Any

from replenish_server.maker.board import Board, BoardError

_BURSTS, _SAMPLES = 3, 12
_CLEAR = 20  # times the noise that a known weight must move the sensor, or the factor is a guess
_MOST_PULSES_PER_L = 100_000
_MOST_PULSES_PER_PAGE = 50
_NO_PULSE = (
    "no pulse came: check the sensor's supply, its direction (the arrow of a meter), and the wire and "
    "pull-up of PULSES against the pin table"
)
_SENSORS = {"": ("hx711", "Hx711"), "tof": ("vl53l0x", "Vl53l0x")}


def measure_counts(board: Board, sensor: str) -> list[int]:
    """Raw counts of a level sensor, `_BURSTS` bursts.

    Raises:
        BoardError: the sensor did not answer.
    """
    module, name = _SENSORS[sensor]
    board.execute(f"from firmware.hal.{module} import {name}\nsensor = {name}()")
    counts: list[int] = []
    for _ in range(_BURSTS):
        burst = [int(count) for count in board.known(f"sensor.burst({_SAMPLES})")]
        if len(burst) < _SAMPLES:
            raise BoardError(
                "the sensor does not answer. Check its supply (the MOSFET's gate), data and clock "
                "against the pin table"
            )
        counts += burst
    return counts


def level_factors(empty: Sequence[int], loaded: Sequence[int], grams: int) -> tuple[int, int]:
    """(zero, counts_per_kg) from bursts of the empty container and with a known load.

    Args:
        empty: counts of the empty container.
        loaded: counts with the load.
        grams: what the load weighs.

    Raises:
        BoardError: the load moved the sensor too little to tell.
    """
    zero, with_load = round(statistics.median(empty)), round(statistics.median(loaded))
    noise = max(_spread(empty), _spread(loaded), 1.0)
    if abs(with_load - zero) < _CLEAR * noise:
        raise BoardError(
            f"the sensor moved by {abs(with_load - zero)} counts and trembles by {noise:.0f}: take a "
            "heavier load, let "
            "it come to rest, and check that nothing touches the platform"
        )
    return zero, round((with_load - zero) * 1000 / grams)


def count_pulses(board: Board) -> None:
    """Start counting from nothing on the board's pulse input."""
    board.execute("from firmware.hal.pulses import PulseCounter\ncounter = PulseCounter()\ncounter.taken()")


def pulses_counted(board: Board) -> int:
    """Pulses since `count_pulses`, or since this was asked last."""
    return int(board.known("counter.taken()"))


def flow_factor(pulses: int, litres: float) -> int:
    """Pulses per litre. Raises BoardError for what no meter does."""
    if not pulses:
        raise BoardError(_NO_PULSE)
    factor = round(pulses / litres)
    if not 10 <= factor <= _MOST_PULSES_PER_L:
        raise BoardError(
            f"{pulses} pulses for {litres:g} l cannot be: check the meter's supply, its direction "
            "(the arrow) and the "
            "pull-up, and let more water run"
        )
    return factor


def page_factor(pulses: int, pages: int) -> int:
    """Pulses per page, a whole number.

    Raises:
        BoardError: none, or not a whole number of pulses a page: the contact bounces, or misses.
    """
    if not pulses:
        raise BoardError(_NO_PULSE)
    factor = round(pulses / pages)
    if not 1 <= factor <= _MOST_PULSES_PER_PAGE or abs(pulses - factor * pages) > pages * 0.1:
        raise BoardError(
            f"{pulses} pulses for {pages} pages is no whole number a page: put 10 kohm and 100 nF at "
            "the contact, and "
            "print at least ten pages"
        )
    return factor


def write_factory(board: Board, change: dict[str, Any]) -> None:
    """Merge a calibration into what the maker wrote; a board flashed by hand has it in `device.json`.

    Raises:
        BoardError: the board has neither.
    """
    for path in ("data/factory.json", "data/device.json"):
        content = board.read(path)
        if content is not None:
            known = json.loads(content)
            cfg = {**known.get("cfg", {}), **change.pop("cfg", {})}
            known.update(change)
            if cfg:
                known["cfg"] = cfg
            board.write(path, json.dumps(known).encode())
            return
    raise BoardError("the board has no settings yet. Run: replenish device flash")


def kind_of(board: Board) -> tuple[str, str]:
    """(kind, sensor) of the board's settings. Raises BoardError when it has none."""
    known: dict[str, Any] = {}
    for path in ("data/factory.json", "data/device.json"):
        known.update(json.loads(board.read(path) or b"{}"))
    if "kind" not in known:
        raise BoardError("the board has no settings yet. Run: replenish device flash")
    return str(known["kind"]), str(known.get("sensor", ""))


def _spread(counts: Sequence[int]) -> float:
    middle = statistics.median(counts)
    return statistics.median(abs(count - middle) for count in counts)
