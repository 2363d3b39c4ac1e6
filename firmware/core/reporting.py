"""When a reading is worth sending, and when to look again. It never sends and never sleeps.

Measure often, report rarely: a local reading costs 8 mC, a report over Wi-Fi more than 100 mC.
"""

from firmware.core.level import Reading
from firmware.core.policy import HELLO_S
from firmware.core.state import NEVER, State

RECHECK_S = 600
"""How soon to look again after a reading that was not good, or after a rise."""

RECHECKS = 3
"""Fast looks in a row; a cell that stays bad must not empty the battery."""

LOW_REPORTS = 3
LOW_SPAN_S = 3660
"""The server orders after three good low readings spread over an hour; one minute more outlasts rounding."""

LOW_GAP_S = 1900
"""Pause between low readings: three of them span more than `LOW_SPAN_S`."""


def low_line_g(values: dict[str, int]) -> int:
    """Grams at or under which the server wants to hear more: the person's threshold, or its own point."""
    return max(values["slots.main.threshold"], values["slots.main.watch"])


def is_low_unconfirmed(state: State, now_s: int) -> bool:
    """Whether the level is low and the server does not yet have the readings it needs to act."""
    return state.low_count > 0 and (
        state.low_count < LOW_REPORTS or state.low_at_s - state.low_since_s < LOW_SPAN_S
    )


def report_reason(state: State, reading: Reading, values: dict[str, int], now_s: int) -> str:
    """Why this reading should be reported: first, daily, change, low, calm, bad, confirm; "" to keep quiet.

    Args:
        state: as it was before this reading.
        reading: the reading.
        values: settings in force, by dotted path.
        now_s: the board's clock, in seconds.
    """
    if state.report_at_s == NEVER:
        return "first"
    if now_s - state.report_at_s >= values["cfg.report_s"]:
        return "daily"
    if reading.quality != "ok" or reading.grams is None:
        return "bad" if state.bad_count == 1 else ""  # the second in a row; a hand on the lid is not news
    if state.bad_count:
        return "calm"
    if state.report_g == NEVER or abs(reading.grams - state.report_g) >= values["cfg.report_g"]:
        return "change"
    if state.risen:
        return "confirm"
    if reading.grams <= low_line_g(values) and (
        state.low_count == 0 or (is_low_unconfirmed(state, now_s) and now_s - state.low_at_s >= LOW_GAP_S)
    ):
        return "low"
    return ""


def note_reading(state: State, reading: Reading, values: dict[str, int], now_s: int, reported: bool) -> None:
    """Remember a reading, and whether it was recorded to be reported."""
    good = reading.quality == "ok" and reading.grams is not None
    state.bad_count = 0 if good else state.bad_count + 1
    if good and reading.grams is not None:
        rise_g = 0 if state.report_g == NEVER else reading.grams - state.report_g
        state.risen = 1 if reported and rise_g >= values["cfg.report_g"] else 0
    if reported:
        state.report_at_s = now_s
        state.report_g = NEVER if reading.grams is None else reading.grams
    if not good or reading.grams is None:
        return
    threshold = low_line_g(values)
    if reading.grams > threshold + values["cfg.report_g"]:
        state.low_count = 0  # clearly refilled; noise around the threshold must not start again and again
    elif reading.grams <= threshold and reported:
        state.low_since_s = state.low_since_s if state.low_count else now_s
        state.low_count += 1
        state.low_at_s = now_s


def next_measure_s(state: State, values: dict[str, int], now_s: int) -> int:
    """Seconds until the next reading."""
    every = values["cfg.measure_s"]
    if state.risen or 0 < state.bad_count <= RECHECKS:
        return min(every, RECHECK_S)
    if is_low_unconfirmed(state, now_s):
        return LOW_GAP_S
    return every


def promise_s(state: State, values: dict[str, int], now_s: int) -> int:
    """Seconds until the server will hear from this sensor again at the latest, all being well."""
    if is_low_unconfirmed(state, now_s):
        return LOW_GAP_S
    return min(HELLO_S, values["cfg.report_s"])
