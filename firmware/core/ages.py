"""How old a record is, and how good the clock was that says so.

The board's own clock (the RTC) runs on through deep sleep and starts anew at power-on. It is never set;
instead the distance between it and the server's time is remembered. This module never reads a clock.
"""

if __debug__:
    from firmware.const import const

_CLOCK_NONE = const(0)
_CLOCK_KEPT = const(1)
_CLOCK_SYNCED = const(2)

_SYNC_LASTS_S = const(86_400)
"""After a day without the server's time, an RTC without a crystal may be minutes off."""

_UNKNOWN_AGE_S = const(86_400)
"""The age given to a record of an earlier boot whose time nobody knows: too old to order anything."""


def age(now_s: int, offset_s: int, same_boot: bool, stamp_s: int, unix_s: int) -> int:
    """Seconds since a record was made.

    Args:
        now_s: the board's own clock, in seconds.
        offset_s: Unix time minus the board's clock, or 0 when unknown.
        same_boot: whether the record was made since power-on, so that its stamp compares with `now_s`.
        stamp_s: the board's clock when it was made.
        unix_s: Unix time when it was made, or 0 when it was unknown.
    """
    if same_boot:
        return max(0, now_s - stamp_s)
    if offset_s and unix_s:
        return max(0, now_s + offset_s - unix_s)
    return _UNKNOWN_AGE_S + now_s


def quality(now_s: int, offset_s: int, synced_s: int, same_boot: bool, unix_s: int) -> int:
    """Clock quality of an age: 0 a guess, 1 the board's clock alone, 2 checked with the server today."""
    if not same_boot and not (offset_s and unix_s):
        return _CLOCK_NONE
    if offset_s and 0 <= now_s - synced_s <= _SYNC_LASTS_S:
        return _CLOCK_SYNCED
    return _CLOCK_KEPT
