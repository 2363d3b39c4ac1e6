"""People and their washing machine: they wash, pour in what was delivered, and press a button.

The machine's level sensor and the button run the real firmware in the VM (`device_sim.vm`).
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from device_sim.clock import SimClock
from device_sim.vm import VmDevice

WASHES_PER_DAY = 1.3
DOSE_G = 55.0
_POUR_BELOW_G = 120.0  # people refill when the window shows nearly nothing
_TICK_S = 0.05
_LITTLE_G = 1.0
_FIRST_HOUR, _LAST_HOUR = 7, 22

Say = Callable[[str, str], None]
"""Tells an observer what happened: (kind, text)."""


@dataclass
class Laundry:
    """The state of the laundry room.

    Args:
        level_g: detergent in the machine, in grams.
        spare_packs: full packs on the shelf.
        pack_g: grams in a pack.
    """

    level_g: float
    spare_packs: int
    pack_g: float


@dataclass(frozen=True)
class Presses:
    """When somebody presses the button: first after `after`, then every `every`, in simulated time."""

    after: timedelta
    every: timedelta


class Household:
    """Runs a home on a simulated clock in a thread of its own.

    Args:
        sensor: the machine's level device.
        button: the button on the shelf.
        laundry: how the home starts.
        presses: when somebody presses the button.
        clock: simulated time.
        seed: everything random comes from here.
        say: hears of each wash, pour and press.
    """

    def __init__(
        self,
        sensor: VmDevice,
        button: VmDevice,
        laundry: Laundry,
        presses: Presses,
        clock: SimClock,
        seed: int,
        say: Say,
    ) -> None:
        self.laundry = laundry
        self._sensor, self._button = sensor, button
        self._clock, self._say = clock, say
        self._rng = random.Random(seed)
        self._presses = presses
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        now = clock.now()
        self._next_wash = self._after_wash(now)
        self._next_press = now + presses.after
        self._thread = threading.Thread(target=self._run, name="household", daemon=True)

    def start(self) -> None:
        """Put the detergent on the scale, switch the devices on, and live."""
        self._sensor.set_load_g(self.laundry.level_g)
        self._sensor.start()
        self._button.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop living, then switch the devices off."""
        self._stopping.set()
        self._thread.join(timeout=5)
        self._sensor.stop()
        self._button.stop()

    def receive(self, packs: int) -> None:
        """A parcel with detergent arrived."""
        with self._lock:
            self.laundry.spare_packs += packs

    def _run(self) -> None:
        while not self._stopping.wait(_TICK_S):
            now = self._clock.now()
            if now >= self._next_wash:
                self._wash()
                self._next_wash = self._after_wash(now)
            if now >= self._next_press:
                self._say("press", "somebody presses the filter button")
                self._button.press()
                self._next_press = now + self._presses.every

    def _wash(self) -> None:
        with self._lock:
            if self.laundry.level_g < _POUR_BELOW_G and self.laundry.spare_packs > 0:
                self.laundry.spare_packs -= 1
                self.laundry.level_g += self.laundry.pack_g
                self._sensor.set_load_g(self.laundry.level_g)
                self._say("refill", f"a pack is poured in, {self.laundry.level_g:.0f} g now")
                return
            dose = min(self.laundry.level_g, DOSE_G * self._rng.lognormvariate(0.0, 0.25))
            if dose < _LITTLE_G:
                self._say("empty", "no detergent left: this wash has to wait")
                return
            self.laundry.level_g -= dose
            self._sensor.set_load_g(self.laundry.level_g)
            self._say("dose", f"a wash takes {dose:.0f} g, {self.laundry.level_g:.0f} g left")

    def _after_wash(self, now: datetime) -> datetime:
        """Washes are random, but nobody washes at night."""
        at = now + timedelta(days=self._rng.expovariate(WASHES_PER_DAY))
        if _FIRST_HOUR <= at.hour < _LAST_HOUR:
            return at
        morning = at.replace(hour=_FIRST_HOUR, minute=0) + timedelta(days=1 if at.hour >= _LAST_HOUR else 0)
        return morning + timedelta(hours=self._rng.uniform(0, 4))
