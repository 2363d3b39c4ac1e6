"""The start and the end of every wake. It owns one thing: that a wake ends in deep sleep or in a reset.

On a board this file is also copied to the flash root as `main.py`. A board that falls into the console
empties its battery; only Ctrl-C on the console stops that. Everything else is imported inside, so that even
an image that cannot be imported ends.
"""

import machine

_LOST_SLEEP_MS = 600_000
"""After an error below all error handling."""

_CONSOLE_MS = 600_000


def main() -> None:
    """Do one wake; does not return."""
    person = False
    try:
        from firmware.wake import live

        live()
    except KeyboardInterrupt:
        person = True
        machine.WDT(timeout=_CONSOLE_MS)  # a watchdog cannot be stopped, only set again: ten minutes
        raise
    finally:
        if not person:
            _end()


def _end() -> None:
    """End a wake that did not end itself: a reset lets the bootloader go back, sleep spares the battery."""
    if machine.reset_cause() == machine.DEEPSLEEP_RESET:
        machine.reset()
    machine.deepsleep(_LOST_SLEEP_MS)


if __name__ == "__main__":
    main()
