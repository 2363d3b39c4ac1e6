"""The world around one simulated board, as its fake hardware reads it from world.json."""

from dataclasses import dataclass

from firmware.hal import pins


@dataclass
class World:
    """What the fake hardware reads (device_sim/hardware/sim_world.py)."""

    clock: str
    pins: dict[str, int]
    zero: int
    counts_per_kg: int
    load_g: float | None = 0.0
    noise_g: float = 1.0
    wifi: bool = True
    network: tuple[str, str] = ("simulated", "simulated")
    wave: list[list[int]] | None = None
    cause: str = "power"
    battery_mv: int = 3000
    rssi: int = -61
    pulses: int = 0
    held: bool = False
    rollback: bool = True


def pin_numbers() -> dict[str, int]:
    """What the fake hardware must know of the wiring."""
    return {
        "button": pins.BUTTON,
        "light": pins.LIGHT,
        "cell_data": pins.CELL_DATA,
        "cell_clock": pins.CELL_CLOCK,
        "cell_power": pins.CELL_POWER,
    }
