"""The fake hardware behaves as the chip does, seen from MicroPython code and from the real drivers."""

import json
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from device_sim.clock import SimClock
from device_sim.vm import VmDevice, VmMissingError, find_vm

pytestmark = pytest.mark.vm

ROOT = Path(__file__).parents[3]
PINS = {"button": 33, "light": 32, "cell_data": 26, "cell_clock": 25, "cell_power": 27}


class World:
    """A world folder and a VM in it."""

    def __init__(self, folder: Path) -> None:
        try:
            self._vm = find_vm()
        except VmMissingError:
            pytest.skip("no MicroPython VM")
        self.folder = folder
        self.facts: dict[str, Any] = {
            "clock": "1000000000.0,0.0,1.0", "pins": PINS, "zero": 84_000, "counts_per_kg": 420_000,
            "load_g": 0, "noise_g": 0, "wifi": True, "wave": [], "cause": "power",
            "battery_mv": 3000, "rssi": -61, "pulses": 0, "held": False, "network": ["s", "k"],
        }  # fmt: skip

    def run(self, code: str, **facts: Any) -> tuple[int, str]:
        """Exit code and output of `code` in this world."""
        self.facts.update(facts)
        (self.folder / "world.json").write_text(json.dumps(self.facts))
        environment = {
            "MICROPYPATH": f"{ROOT / 'device_sim' / 'hardware'}:{ROOT}",
            "RP_WORLD": str(self.folder),
        }
        command = [str(self._vm), "-c", code]
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=20, check=False, cwd=self.folder
        )
        assert ran.stderr == ""
        return ran.returncode, ran.stdout.strip()

    def says(self, code: str, **facts: Any) -> Any:
        """The one value that `code` printed."""
        exit_code, output = self.run(code, **facts)
        assert exit_code == 0
        return eval(output, {})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


BURST = "from firmware.hal.hx711 import Hx711; print(Hx711().burst(12))"


@pytest.mark.parametrize("load_g", [0, 1, 412, 2500, -300, 15_000])
def test_the_driver_reads_what_lies_on_the_cell(world: World, load_g: int) -> None:
    """To its last bit, which never stands still."""
    assert world.says(BURST, load_g=load_g) == [84_001 + load_g * 420, 84_000 + load_g * 420] * 6


def test_the_cell_saturates_as_the_datasheet_says(world: World) -> None:
    assert set(world.says(BURST, load_g=90_000)) == {0x7FFFFF}
    assert set(world.says(BURST, load_g=-90_000)) == {-0x800000}


def test_noise_spreads_around_the_load(world: World) -> None:
    counts = world.says(BURST, load_g=1000, noise_g=2.0)
    assert len(set(counts)) > 3
    assert max(abs(count - 504_000) for count in counts) <= 6 * 420


def test_a_cell_without_its_cable_or_its_power_answers_nothing(world: World) -> None:
    assert world.says(BURST, load_g=None) == []
    off = "import machine; machine.Pin(27, machine.Pin.OUT, value=0); "
    read = off + "print(machine.Pin(26, machine.Pin.IN).value())"
    assert world.says(read, load_g=500) == 1  # a line that stays high: never ready


def test_a_distance_sensor_knows_what_a_millimetre_is_worth(world: World) -> None:
    asked = "from firmware.hal.vl53l0x import Vl53l0x; steps_g = Vl53l0x().resolution_g\n"
    assert world.says(asked + "print([steps_g(-40000), steps_g(3000000)])") == [25, 1]


def test_a_distance_without_a_target_is_no_distance(world: World) -> None:
    """The sensor then answers a plausible 1200 mm, and that its range is not valid."""
    burst = "from firmware.hal.vl53l0x import Vl53l0x; print(Vl53l0x().burst(12))"
    assert world.says(burst, load_g=None) == []
    assert world.says(burst, load_g=100, zero=200_000, counts_per_kg=-40_000) == [196_000] * 12


_MANY_PULSES = """
import json, sim_world
from firmware.hal.pulses import PulseCounter
counter, seen = PulseCounter(), []
for _ in range(6):
    known = sim_world.read()
    known["pulses"] += 12000
    sim_world.save("world.json", json.dumps(known).encode())
    seen.append(counter.taken())
print(seen)
"""


def test_a_counter_of_16_bits_never_runs_over(world: World) -> None:
    assert world.says(_MANY_PULSES) == [12_000] * 6


def test_the_boards_own_network_is_never_open_and_takes_one_visitor(world: World) -> None:
    world.run("from firmware.hal.access_point import AccessPoint; AccessPoint().up('box', 'of the label')")
    opened = json.loads((world.folder / "access_point.json").read_text())
    assert opened == {"ssid": "box", "key": "of the label", "security": 3, "max_clients": 1}  # 3: WPA2


def test_deep_sleep_and_reset_end_the_program_with_their_codes(world: World) -> None:
    arm = "import machine, esp32; p = machine.Pin(33, machine.Pin.IN)\n"
    arm += "esp32.wake_on_ext0(p, esp32.WAKEUP_ALL_LOW)\n"
    assert world.run(arm + "machine.deepsleep(1800000)")[0] == 42
    assert json.loads((world.folder / "sleep.json").read_text()) == {"ms": 1_800_000, "pin": 33}
    assert world.run("import machine; machine.deepsleep(5)")[0] == 42
    assert json.loads((world.folder / "sleep.json").read_text()) == {"ms": 5, "pin": None}
    assert world.run("import machine; machine.reset()")[0] == 43


@pytest.mark.parametrize(
    ("cause", "reset", "wake"),
    [("power", 1, 0), ("timer", 4, 4), ("pin", 4, 2), ("crash", 3, 0), ("reset", 2, 0)],
)
def test_causes(world: World, cause: str, reset: int, wake: int) -> None:
    assert world.says(
        "import machine; print(machine.reset_cause(), ',', machine.wake_reason())", cause=cause
    ) == (reset, wake)


def test_rtc_memory_lasts_and_the_rtc_counts_simulated_time_since_power_on(world: World) -> None:
    read = "import machine; r = machine.RTC(); print((r.memory(), r.datetime()))"
    clock = SimClock(1e9, time.time(), 3600.0)
    memory, at = world.says(read, clock=str(clock))
    assert memory == b""
    assert at[:5] == (2000, 1, 1, 5, 0)  # a Saturday
    world.run("import machine; machine.RTC().memory(b'kept')")
    (world.folder / "rtc_start").write_text(str(clock.now_s() - 90_000))
    memory, at = world.says(read)
    assert memory == b"kept"
    assert at[:5] == (2000, 1, 2, 6, 1)


def test_wifi_comes_and_goes(world: World) -> None:
    join = "from firmware.hal.wifi import Wifi; print(Wifi('s', 'k').up(100))"
    assert world.says(join) == -61
    assert "no Wi-Fi" in world.says(
        "from firmware.hal.wifi import Wifi\n"
        "try: Wifi('s', 'k').up(100)\n"
        "except OSError as e: print(repr(str(e)))",
        wifi=False,
    )


def test_every_pattern_of_the_light_is_another_one(world: World) -> None:
    seen = set()
    for answer in ("placed", "waiting", "already", "refused", "sent", "offline"):
        (world.folder / "light.log").unlink(missing_ok=True)
        world.run(f"from firmware.hal.panel import Lamp; Lamp().show({answer!r})")
        edges = [json.loads(line) for line in (world.folder / "light.log").read_text().splitlines()]
        assert edges[-1][1] == 0
        assert 80 <= edges[-1][0] - edges[0][0] < 1500
        seen.add(tuple(round((later[0] - edge[0]) / 50) for edge, later in pairwise(edges)))
    assert len(seen) == 6


def test_a_wave_starts_with_the_first_look(world: World) -> None:
    look = (
        "import time; from firmware.hal.panel import PushButton; b = PushButton()\n"
        "time.sleep_ms(80); out = [b.pressed()]; time.sleep_ms(30); out.append(b.pressed())\n"
        "time.sleep_ms(40); out.append(b.pressed()); print(out)"
    )
    assert world.says(look, wave=[[0, 0], [60, 1]]) == [True, True, False]


def test_battery(world: World) -> None:
    assert (
        world.says("from firmware.hal.board import Chip; print(Chip().battery_mv())", battery_mv=2710) == 2710
    )


def test_folder_sweeps_unfinished_writes_and_replaces_whole_files(world: World) -> None:
    (world.folder / "box").mkdir()
    (world.folder / "box" / "a.tmp").write_bytes(b"half")
    code = (
        "from firmware.hal.flash import Folder; f = Folder('box'); out = [f.names(), f.read('a')]\n"
        "f.write('a', b'1'); f.write('a', b'22'); out += [f.names(), f.read('a')]\n"
        "f.remove('a'); f.remove('a'); print(out)"
    )
    assert world.says(code) == [[], None, ["a"], b"22"]


def test_a_kind_that_nobody_builds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="button, level"):
        VmDevice("toaster", "d1", "pw", "127.0.0.1", 1883, tmp_path, SimClock.started_now(1.0))


def test_a_missing_vm_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(VmMissingError, match=r"replenish\[sim\]"):
        find_vm()
