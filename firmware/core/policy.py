"""How often a device shows a sign of life, and how long it backs off. It never sends and never sleeps."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.core.state import State

HELLO_S = 86_400
"""A sign of life once a day."""

MAINS_HELLO_S = 3600
"""A device that is always on hears new settings when it talks: once an hour costs it nothing."""

SAFE_FAILURES = 6
"""Safe mode waits as long as after this many failures in a row: 8 to 16 minutes."""

TRIAL_FAILURES = 2
"""A new image that the server did not hear tries again after about a minute: it has three starts in all."""

BACKOFF_FIRST_S = 30
BACKOFF_LAST_S = 3600

REFUSALS_BELIEVED = 3
"""Refusals in a row that may still be a broker which has not read its files yet."""

REFUSED_S = 86_400
"""A device that is not wanted any more asks once a day; a press still tries at once."""


def retry_s(failures: int, refusals: int, random: int) -> int:
    """Seconds to wait after a failure.

    Args:
        failures: in a row, at least 1.
        refusals: in a row, the broker said that we are not allowed to.
        random: any integer >= 0.
    """
    if refusals > REFUSALS_BELIEVED:
        return REFUSED_S + random % (REFUSED_S // 24)
    return backoff_s(failures, random)


def backoff_s(failures: int, random: int) -> int:
    """Seconds to wait after the n-th failure in a row: 30 s doubling up to 1 h, jittered over the upper half.

    Args:
        failures: at least 1.
        random: any integer >= 0; spreads a fleet that lost its broker at one moment.
    """
    ceiling = min(BACKOFF_LAST_S, BACKOFF_FIRST_S << min(failures - 1, 7))
    return max(BACKOFF_FIRST_S, ceiling // 2 + random % (ceiling // 2 + 1))


def hello_s(kind: str) -> int:
    """Seconds between two signs of life."""
    return MAINS_HELLO_S if kind in ("flow", "pages") else HELLO_S


def promise_s(kind: str, state: "State", values: dict[str, int], now_s: int) -> int:
    """Seconds until the server will hear from us again at the latest, all being well."""
    if kind != "level":
        return hello_s(kind)
    from firmware.core import reporting  # only a sensor's memory has to hold it

    return reporting.promise_s(state, values, now_s)
