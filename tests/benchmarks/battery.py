"""How long two AA cells last: wakes of simulated days, times what a chip is published or estimated to need.

Nothing here was measured on a board. How long the firmware itself is awake comes from the VM; every number
here says where it comes from: published by others, or estimated by us.
"""

from dataclasses import dataclass

PUBLISHED, ESTIMATED = "published by others", "estimated, unmeasured"


@dataclass(frozen=True)
class Assumption:
    """One number of the model.

    Args:
        value: the number.
        unit: of it.
        source: where it comes from.
        mark: one of `PUBLISHED` and `ESTIMATED`.
    """

    value: float
    unit: str
    source: str
    mark: str


ASSUMPTIONS = {
    "boot_s": Assumption(
        0.17,
        "s",
        "70 ms from frozen code (glenn20/upy-esp32-experiments), 100 ms for littlefs and imports",
        ESTIMATED,
    ),
    "boot_mc": Assumption(
        10.2, "mC", "3.3 mC (same), and 100 ms at the 69 mA that its 24 mC in 350 ms come to", ESTIMATED
    ),
    "processor_ma": Assumption(69, "mA", "24 mC in 350 ms without radio (same, at the 5 V side)", PUBLISHED),
    "wifi_s": Assumption(1.626, "s", "joining with DHCP (same)", PUBLISHED),
    "wifi_mc": Assumption(204, "mC", "joining with DHCP (same)", PUBLISHED),
    "wifi_reserved_s": Assumption(0.734, "s", "joining with an address of its own (same)", PUBLISHED),
    "wifi_reserved_mc": Assumption(100, "mC", "joining with an address of its own (same)", PUBLISHED),
    "radio_ma": Assumption(
        95, "mA", "listening 80 to 90 mA, sending 160 to 260 (ESP-WROOM-32 manual)", PUBLISHED
    ),
    "handshake_s": Assumption(0.3, "s", "TLS-PSK: no curve, three round trips, a slow processor", ESTIMATED),
    "shop_s": Assumption(
        2.0, "s", "until a shop has taken the order of a press; at most 4 are waited for", ESTIMATED
    ),
    "burst_s": Assumption(
        0.2,
        "s",
        "HX711 at 80 samples a second: 50 ms to settle, 12 samples (datasheet, from memory)",
        ESTIMATED,
    ),
    "sleep_ma": Assumption(
        0.012, "mA", "the whole product; the chip alone 0.005 to 0.010 (datasheet, from memory)", ESTIMATED
    ),
    "capacity_mah": Assumption(
        1700, "mAh", "2 AA alkaline behind a boost to 3.3 V, usable (from memory)", ESTIMATED
    ),
    "self_discharge": Assumption(
        0.03, "of the rest a year", "alkaline at room temperature (from memory)", ESTIMATED
    ),
}


def _of(name: str) -> float:
    return ASSUMPTIONS[name].value


@dataclass(frozen=True)
class Day:
    """What a device does in a day; each wake as the VM saw it, without what the chip adds.

    Args:
        wakes: all of them.
        talks: those that joined the network.
        presses: those that waited for a shop.
        bursts: those that measured.
        quiet_s: awake without radio, by the firmware's own clock.
        talking_s: awake with radio, likewise.
        reserved: whether its router reserves an address for it, so that it need not ask (DHCP).
    """

    wakes: float
    talks: float
    presses: float
    bursts: float
    quiet_s: float
    talking_s: float
    reserved: bool = False

    def awake_s(self) -> float:
        """Seconds awake a day on a chip."""
        added = self.wakes * _of("boot_s") + self.bursts * _of("burst_s") + self.presses * _of("shop_s")
        join_s = _of("wifi_reserved_s" if self.reserved else "wifi_s")
        return self.quiet_s + self.talking_s + added + self.talks * (join_s + _of("handshake_s"))

    def charge_mc(self) -> float:
        """Charge a day, without sleep. A talk's whole time counts as radio time."""
        quiet_s = self.quiet_s + self.bursts * _of("burst_s")
        radio_s = self.talking_s + self.talks * _of("handshake_s") + self.presses * _of("shop_s")
        return (
            self.wakes * _of("boot_mc")
            + quiet_s * _of("processor_ma")
            + self.talks * _of("wifi_reserved_mc" if self.reserved else "wifi_mc")
            + radio_s * _of("radio_ma")
        )

    def mah(self) -> float:
        """Charge a day, asleep and awake, in mAh."""
        return self.charge_mc() / 3600 + 24 * _of("sleep_ma")

    def years(self) -> float:
        """Until the cells are empty, day by day, the cells losing some by themselves."""
        left, days = _of("capacity_mah"), 0
        keeps = (1 - _of("self_discharge")) ** (1 / 365)
        while left > 0 and days < 365 * 50:
            left = left * keeps - self.mah()
            days += 1
        return days / 365
