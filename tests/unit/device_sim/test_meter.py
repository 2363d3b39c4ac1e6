"""A counting device says what its firmware would, and the server's reading of it is exact."""

import random
from datetime import timedelta

from device_sim.clock import SimClock
from device_sim.fleet import Access
from device_sim.meter import Meter
from replenish_server.inventory.totals import Reset, TotalSample, read_totals

CAPACITY = 2500


def live(seed: int) -> tuple[Meter, list[TotalSample], list[Reset]]:
    """A printer whose toner is used, replaced and switched off; what it sent, as the server reads it."""
    chance = random.Random(seed)
    clock = SimClock.started_now(1.0)
    meter = Meter(Access("localhost", 1, "printer", ""), clock, chance, CAPACITY, CAPACITY)
    for _ in range(60):
        turn = chance.random()
        if turn < 0.1:
            meter.fit()
        elif turn < 0.2:
            meter.restart()
        else:
            meter.use(chance.randint(0, 120))
    samples: list[TotalSample] = []
    resets = [Reset(clock.now() - timedelta(days=1), CAPACITY, refilled=False)]
    for n, record in enumerate(meter.pending.values()):
        at = clock.now() + n * timedelta(minutes=1)
        number = record.body.get("n")
        if record.body["t"] == "refill":
            assert isinstance(number, int)
            resets.append(Reset(at, number, after=(record.boot, record.seq - 1)))
        else:
            total = number if isinstance(number, int) else 0
            samples.append(TotalSample(at, record.boot, record.seq, total, good=True))
    return meter, samples, resets


def test_whatever_happens_to_a_meter_the_rest_is_known_exactly() -> None:
    """Across thirty lives with power cuts and new units, in any order of arrival."""
    for seed in range(30):
        meter, samples, resets = live(seed)
        history = read_totals(samples, resets, CAPACITY)
        assert history.remaining[-1].level == meter.left
        random.Random(seed).shuffle(samples)
        assert history == read_totals(samples + samples[:9], resets[::-1], CAPACITY)


def test_each_boot_begins_with_a_hello_of_nothing() -> None:
    """So that the first total after a power cut counts from there."""
    meter, samples, _ = live(1)
    first = {}
    for sample in samples:
        first.setdefault(sample.boot, (sample.seq, sample.total))
    assert set(first.values()) == {(0, 0)}
    assert len(first) > 1
    assert meter.recorded[0][1:] == (0, "hello")
