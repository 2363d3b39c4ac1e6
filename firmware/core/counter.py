"""From pulses to millilitres or pages: totals, what of them was told, leaks and bursts. It never reads a pin.

Totals count from power-on (docs/wire.md, `usage`). What was used and not yet told when the power went lies in
a small file; the next boot starts its total with it.
"""

import json

from firmware.core.state import State

QUIET_S = 300
"""So long without a pulse, and the tap is shut."""

LEAK_S = 86_400
"""A day without a quiet window is a leak: no household draws water all night."""

ALARMS = ("", "leak", "burst")
"""By the number that the state keeps."""


def add(state: State, pulses: int, scale: int, pulses_per_unit: int) -> int:
    """Add pulses to the total; what makes no whole unit yet waits for the next ones.

    Args:
        state: `total` and `rest` are changed.
        pulses: since the last call.
        scale: units in what `pulses_per_unit` counts: 1000 for pulses per litre and a total in ml, else 1.
        pulses_per_unit: the calibration in force; it may change at any time.

    Returns:
        Units added.
    """
    state.rest += pulses * scale
    added = state.rest // pulses_per_unit
    state.rest -= added * pulses_per_unit
    state.total += added
    return added


def believable(pulses: int, elapsed_ms: int, shortest_ms: int) -> int:
    """Pulses that can be pages: a contact that chatters makes more than the machine can print."""
    return min(pulses, elapsed_ms // shortest_ms + 1)


def watch(state: State, used_ml: int, now_s: int, burst_ml_min: int, burst_min: int) -> bool:
    """Look for a leak (no quiet window in a day) and a burst (a high rate for minutes on end).

    Args:
        state: the fields from `looked_at_s` on are changed.
        used_ml: since the last look; call it about once a second.
        now_s: the board's clock.
        burst_ml_min: the rate that no tap of this house reaches.
        burst_min: minutes that it must last.

    Returns:
        Whether the alarm in `state.alarm` is another one than before.
    """
    elapsed_s = now_s - state.looked_at_s
    if elapsed_s < 1:
        state.unlooked += used_ml
        return False
    used_ml += state.unlooked
    state.unlooked, state.looked_at_s = 0, now_s
    if used_ml:
        state.flow_at_s = now_s
    if now_s - state.flow_at_s >= QUIET_S:
        state.quiet_at_s = now_s
    if used_ml * 60 < burst_ml_min * elapsed_s:
        state.calm_rate_at_s = now_s
    before = state.alarm
    if now_s - state.calm_rate_at_s >= 60 * burst_min:
        state.alarm = 2
    else:
        state.alarm = 1 if now_s - state.quiet_at_s >= LEAK_S else 0
    return state.alarm != before


def begin(state: State, left: int, now_s: int) -> None:
    """Start a boot's total with what the last boot used and never told."""
    state.total = left
    state.looked_at_s = state.flow_at_s = state.quiet_at_s = state.calm_rate_at_s = now_s
    state.counting = 1


def encode(state: State) -> bytes:
    """The file that outlives a power cut."""
    return json.dumps({"b": state.boot, "total": state.total, "told": state.told}).encode()


def left_over(content: bytes | None, records: list[tuple[str, int]]) -> int:
    """What an earlier boot used and never told.

    Args:
        content: the file, or None.
        records: (boot, total) of every usage record in the spool: one may be younger than the file.
    """
    try:
        document = json.loads(content or b"")
        boot, total, told = document["b"], document["total"], document["told"]
        for record_boot, record_total in records:
            if record_boot == boot:
                told = max(told, record_total)
        return max(0, int(total) - int(told))
    except (ValueError, KeyError, TypeError):
        return 0
