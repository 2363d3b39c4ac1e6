"""How often a device shows a sign of life, and how long it backs off. It never sends and never sleeps."""

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.core.state import State

HELLO_S = 86_400
"""A sign of life once a day."""

_MAINS_HELLO_S = const(3600)
"""A device that is always on hears new settings when it talks: once an hour costs it nothing."""

SAFE_FAILURES = 6
"""Safe mode waits as long as after this many failures in a row: 8 to 16 minutes."""

UPDATE_LOOK_S = 600
"""How soon to look whether what kept an update waiting is over."""

SPARING_SLEEP_S = 7200
"""The shortest sleep of a board whose battery is low."""

EMPTY_SLEEP_S = 86_400

LOW_MV, EMPTY_MV = 2300, 2000
"""Two alkaline cells, loaded: a fifth is left; a converter that starts the radio may drop out."""

_NO_CELL_MV = const(500)
"""Below this nothing is connected to the input, so nothing is known."""

_BACKOFF_FIRST_S = const(30)
_BACKOFF_LAST_S = const(3600)

UNWANTED = (0x86, 0x87, 0x8A)
"""Reasons of a broker: bad user name or password, not authorized, banned (MQTT 5, 2.4)."""

_REFUSALS_BELIEVED = const(3)
"""Refusals in a row that may still be a broker which has not read its files yet."""

_REFUSED_S = const(86_400)
"""A device that is not wanted any more asks once a day; a press still tries at once."""


def retry_s(failures: int, refusals: int, random: int) -> int:
    """Seconds to wait after a failure.

    Args:
        failures: in a row, at least 1.
        refusals: in a row, the broker said that we are not allowed to.
        random: any integer >= 0.
    """
    if refusals > _REFUSALS_BELIEVED:
        return _REFUSED_S + random % (_REFUSED_S // 24)
    return backoff_s(failures, random)


def asks_again(failures: int) -> bool:
    """Whether a fresh credential that was never heard is asked for again, after this many failures in a row.

    After three, which are more than a minute, then after twice as many each time: a broker may just be down.
    """
    return failures in (3, 6, 12, 24, 48, 96)


def backoff_s(failures: int, random: int) -> int:
    """Seconds to wait after the n-th failure in a row: 30 s doubling up to 1 h, jittered over the upper half.

    Args:
        failures: at least 1.
        random: any integer >= 0; spreads a fleet that lost its broker at one moment.
    """
    ceiling = min(_BACKOFF_LAST_S, _BACKOFF_FIRST_S << min(failures - 1, 7))
    return max(_BACKOFF_FIRST_S, ceiling // 2 + random % (ceiling // 2 + 1))


def trial_wait_s(starts: int, last: int, random: int) -> int:
    """Seconds until an image on trial that the server did not hear starts again: a minute, then ten or so.

    Args:
        starts: that it had; a router that starts anew needs longer than the first wait.
        last: starts after which the old image is back, at once.
        random: any integer >= 0.
    """
    return 1 if starts >= last else backoff_s(3 * starts, random)


def update_spread_s(kind: str) -> int:
    """Seconds over which a fleet spreads its downloads."""
    return 600 if is_mains(kind) else 21_600


def is_low(battery_mv: int) -> bool:
    """Whether the battery must be spared: no updates, fewer readings, fewer tries."""
    return _NO_CELL_MV < battery_mv < LOW_MV


def is_empty(battery_mv: int) -> bool:
    """Whether neither radio nor flash may be used: a brown-out during a write is what breaks them."""
    return _NO_CELL_MV < battery_mv < EMPTY_MV


def hello_s(kind: str) -> int:
    """Seconds between two signs of life."""
    return _MAINS_HELLO_S if is_mains(kind) else HELLO_S


def is_mains(kind: str) -> bool:
    """Whether this kind of device never sleeps."""
    return kind in ("flow", "pages")


def promise_s(kind: str, state: "State", values: dict[str, int], now_s: int) -> int:
    """Seconds until the server will hear from us again at the latest, all being well."""
    if kind != "level":
        return hello_s(kind)
    from firmware.core import reporting  # only a sensor's memory has to hold it

    return reporting.promise_s(state, values, now_s)
