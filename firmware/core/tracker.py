"""From bursts over time to a level, and to what was taken or filled in. It owns the adaptive thresholds.

A dose is a jump between two calm bursts; temperature and creep are slopes. The base follows what moves
slowly; a jump counts only beyond what this sensor's own noise can do, and only when a second burst agrees.
"""

from firmware.core.level import Reading, grams_of
from firmware.core.state import NEVER, State

STEP_MG = 18_000
"""No jump below this is a step, however quiet the sensor."""

NOISE_FACTOR = 4
"""Times the mean distance of a burst from its neighbour or the base: about 6 standard deviations of one."""

SLOPE_MG_H = 2000
"""What a daily swing of 15 g moves in an hour, at its steepest; a long silence is given as much."""

SLOPE_LIMIT_MG = 15_000

COARSE_NOISE_MG = 6000
"""Neighbours this far apart hide doses of 35 g: the reading says that it is coarse."""

COARSE_SWING_MG = 30_000
"""A level that wanders this far and back in a day is no level to order by."""

_FIRST_NOISE_MG = 2000
_DAY_S = 86_400


def line_mg(state: State, spread_mg: int, resolution_g: int, now_s: int) -> int:
    """How far a burst may lie from the base without being a step; `spread_mg` is the burst's own."""
    silence_s = now_s - state.calm_at_s
    slope_mg = min(SLOPE_LIMIT_MG, silence_s * SLOPE_MG_H // 3600)
    return max(STEP_MG, NOISE_FACTOR * state.noise_mg, 1500 * resolution_g) + slope_mg + spread_mg


def track(state: State, burst: Reading, resolution_g: int, now_s: int) -> Reading:
    """Take one burst into account.

    Args:
        state: the tracker's fields are changed.
        burst: a judged burst; one that is not "ok" is given back and changes nothing.
        resolution_g: what one step of the sensor is worth.
        now_s: the board's clock.

    Returns:
        The tracked level. "settling" while a jump waits for its confirmation, with the burst's own number;
        "coarse" when the sensor is too noisy or wanders too far.
    """
    if burst.quality != "ok" or burst.grams is None:
        return burst
    middle_mg = burst.middle_mg
    if state.calm_at_s == NEVER:
        _begin(state, middle_mg, now_s)
    limit_mg = line_mg(state, burst.spread_mg, resolution_g, now_s)
    _learn_noise(state, middle_mg)
    away_mg, step_mg = middle_mg - state.base_mg, 0
    state.calm_at_s = now_s
    if abs(away_mg) <= limit_mg:
        state.stepping = 0
        _follow(state, away_mg // 3, now_s)
    elif state.stepping and abs(middle_mg - state.step_mg) <= limit_mg // 2:
        state.stepping = 0
        settled_mg = (middle_mg + state.step_mg) // 2
        step_mg, state.base_mg = settled_mg - state.base_mg, settled_mg
    else:
        state.stepping, state.step_mg = 1, middle_mg
        return Reading(burst.grams, "settling", middle_mg, burst.spread_mg)
    coarse = state.noise_mg > max(COARSE_NOISE_MG, 1000 * resolution_g) or state.swing_mg > COARSE_SWING_MG
    return Reading(
        grams_of(state.base_mg), "coarse" if coarse else "ok", state.base_mg, burst.spread_mg, step_mg
    )


def _begin(state: State, middle_mg: int, now_s: int) -> None:
    state.calm_at_s = state.drift_at_s = now_s
    state.base_mg = state.calm_mg = middle_mg
    state.noise_mg = _FIRST_NOISE_MG


def _learn_noise(state: State, middle_mg: int) -> None:
    # The distance to the neighbour alone would miss noise that has a memory. A jump of many times the usual
    # is a dose, not noise; growing noise still gets through within a day.
    distance_mg = max(abs(middle_mg - state.calm_mg), abs(middle_mg - state.base_mg))
    distance_mg = min(distance_mg, 3 * state.noise_mg + 1000)
    state.noise_mg += (distance_mg - state.noise_mg) // 16
    state.calm_mg = middle_mg


def _follow(state: State, by_mg: int, now_s: int) -> None:
    """Move the base, and measure how far a day's movement came back: slow use goes one way only."""
    state.base_mg += by_mg
    state.drift_mg += by_mg
    state.drift_low_mg = min(state.drift_low_mg, state.drift_mg)
    state.drift_high_mg = max(state.drift_high_mg, state.drift_mg)
    if now_s - state.drift_at_s >= _DAY_S:
        net_mg = abs(state.drift_mg - state.drift_start_mg)
        state.swing_mg = state.drift_high_mg - state.drift_low_mg - net_mg
        state.drift_start_mg = state.drift_low_mg = state.drift_high_mg = state.drift_mg
        state.drift_at_s = now_s
