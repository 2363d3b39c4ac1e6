"""The rules of a rollout hold whatever its devices say, and in whatever order."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.fleet.rollout_rules import (
    BAD,
    UNDER_WAY,
    BadSteps,
    DeviceState,
    Offer,
    Plan,
    Progress,
    RolloutState,
    Step,
    WaveCount,
    after_hello,
    after_report,
    after_silence,
    next_step,
    wave_sizes,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
OFFER = Offer(12, "0.2.0", 9000)
SOAK = timedelta(minutes=30)
FINAL = {DeviceState.REFUSED, DeviceState.FAILED, DeviceState.ROLLED_BACK, DeviceState.LEFT}

_JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_WORDS = st.sampled_from(
    ["waiting", "downloading", "installed", "proven", "refused", "failed", "rolled_back", "odd", None, 7]
)
_SAID = st.fixed_dictionaries(
    {},
    optional={
        "run": st.one_of(st.integers(10, 14), _JUNK),
        "seq": st.one_of(st.integers(11, 13), _JUNK),
        "state": _WORDS,
        "at": st.one_of(st.integers(-1, 10_000), _JUNK),
        "why": st.one_of(st.text(max_size=99), _JUNK),
    },
)
_REPORTS = st.fixed_dictionaries(
    {}, optional={"fw": st.one_of(_SAID, _JUNK), "h": st.one_of(_JUNK, st.just({"fw": "0.2.0"}))}
)


def report(run: int, state: str = "", version: str = "0.1.0", seq: int = 12, **more: Any) -> dict[str, Any]:
    """What a device says."""
    said = {"run": run} if not state else {"run": run, "seq": seq, "state": state, **more}
    return {"v": 1, "h": {"fw": version}, "fw": said}


@given(st.sampled_from(DeviceState), _REPORTS)
@settings(max_examples=100)
def test_no_report_raises_or_undoes_an_outcome(state: DeviceState, said: dict[str, Any]) -> None:
    """Whatever a device sends: finals stay, numbers stay in range, and `proven` needs number and version."""
    after = after_report(Progress(state), OFFER, said)
    assert 0 <= after.at_bytes <= OFFER.size
    assert len(after.why) <= 40
    if state in FINAL:
        assert after.state is state
    if after.state is DeviceState.PROVEN and state is not DeviceState.PROVEN:
        run = said["fw"]["run"]
        assert run > OFFER.seq or (run == OFFER.seq and said["h"] == {"fw": "0.2.0"})
    json.dumps(after.why)


def test_the_way_of_a_good_device() -> None:
    """Each word moves it on, and the last one is its own proof."""
    now = Progress(DeviceState.OFFERED)
    for said, state, at_bytes in [
        (report(11), DeviceState.OFFERED, 0),
        (report(11, "waiting", why="jitter"), DeviceState.WAITING, 0),
        (report(11, "downloading", at=4096), DeviceState.DOWNLOADING, 4096),
        (report(11, "installed"), DeviceState.INSTALLED, 9000),
        (report(12, "proven", "0.2.0"), DeviceState.PROVEN, 9000),
    ]:
        now = after_report(now, OFFER, said)
        assert (state, at_bytes) == (now.state, now.at_bytes)


@pytest.mark.parametrize(
    ("before", "said", "after", "why"),
    [
        ("offered", report(11, "refused", why="signature"), "refused", "signature"),
        ("installed", report(11, "rolled_back", why="boots"), "rolled_back", "boots"),
        ("installed", report(12, "proven", "0.1.9"), "failed", "version 0.1.9"),
        ("proven", report(11), "rolled_back", ""),
        ("lost", report(11), "rolled_back", ""),
        ("lost", report(12, "proven", "0.2.0"), "proven", ""),
        ("overdue", report(12, "proven", "0.2.0"), "proven", ""),
        ("overdue", report(11, "downloading"), "overdue", ""),
        ("planned", report(11, "downloading"), "planned", ""),
        ("planned", report(11, "installed"), "installed", ""),
        ("withdrawn", report(11, "waiting"), "withdrawn", ""),
        ("offered", report(11, "refused", seq=11), "offered", ""),
        ("offered", report(13, "proven", "0.3.0", seq=13), "proven", "newer"),
    ],
)
def test_what_a_word_means_depends_on_where_the_device_was(
    before: str, said: dict[str, Any], after: str, why: str
) -> None:
    """Old news of another offer changes nothing; falling back is seen even after the proof."""
    now = after_report(Progress(DeviceState(before)), OFFER, said)
    assert (after, why) == (now.state, now.why)


def test_a_device_that_says_hello_with_its_old_version_has_come_back() -> None:
    """Only after it said `installed`."""
    installed = Progress(DeviceState.INSTALLED)
    assert after_hello(installed, OFFER, "0.1.0").state is DeviceState.ROLLED_BACK
    assert after_hello(installed, OFFER, "0.2.0") == installed
    assert after_hello(installed, OFFER, None) == installed
    assert after_hello(Progress(DeviceState.OFFERED), OFFER, "0.1.0").state is DeviceState.OFFERED


def test_silence_is_an_outcome_too() -> None:
    """Late, lost, and found again."""
    assert after_silence(Progress(DeviceState.DOWNLOADING, 9), False, True) == Progress(
        DeviceState.OVERDUE, 9, "downloading"
    )
    assert after_silence(Progress(DeviceState.PROVEN), True, True).state is DeviceState.LOST
    assert after_silence(Progress(DeviceState.LOST), False, True).state is DeviceState.PROVEN
    assert after_silence(Progress(DeviceState.PLANNED), True, False).state is DeviceState.PLANNED


class Fleet:
    """A rollout moved by the rules alone, as the keeper moves it, without a database."""

    def __init__(self, sizes: list[int], halt_percent: int) -> None:
        self.devices = [[Progress(DeviceState.PLANNED) for _ in range(size)] for size in sizes]
        self.plan = Plan(RolloutState.RUNNING, len(sizes), 0, SOAK, halt_percent, None)
        self.now = NOW
        self.settled: dict[int, datetime] = {}

    def counts(self) -> list[WaveCount]:
        """As the database counts them."""
        found = []
        for wave in self.devices:
            states = Counter(device.state for device in wave)
            found.append(
                WaveCount(
                    states[DeviceState.PLANNED],
                    sum(states[state] for state in UNDER_WAY),
                    states[DeviceState.PROVEN],
                    sum(states[state] for state in BAD),
                )
            )
        return found

    def run(self) -> None:
        """Steps until there is nothing to do."""
        while (step := next_step(self.plan, self.counts(), self.now)) is not Step.NOTHING:
            self._do(step)

    def _do(self, step: Step) -> None:
        at = self.plan
        change: dict[str, Any] = {}
        match step:
            case Step.OFFER:
                wave = self.devices[at.wave]
                wave[:] = [
                    Progress(DeviceState.OFFERED) if device.state is DeviceState.PLANNED else device
                    for device in wave
                ]
            case Step.SETTLE:
                change = {"settled_at": self.now}
                self.settled[at.wave] = self.now
            case Step.ADVANCE:
                change = {"wave": at.wave + 1, "settled_at": None}
            case Step.FINISH:
                change = {"state": RolloutState.FINISHED}
            case Step.HALT:
                change = {"state": RolloutState.HALTED}
        self.plan = Plan(**{**self.plan.__dict__, **change})


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.integers(1, 100),
    st.lists(
        st.tuples(st.integers(0, 23), st.sampled_from(["good", "bad", "late", "back", "wait", "day"])),
        max_size=60,
    ),
)
@settings(max_examples=80)
def test_no_wave_begins_before_the_one_before_it_is_well(
    sizes: list[int], halt_percent: int, deeds: list[tuple[int, str]]
) -> None:
    """Whatever devices do: later waves wait for the soak, and failures at the limit stop everything."""
    fleet = Fleet(sizes, halt_percent)
    fleet.run()
    for number, deed in deeds:
        everyone = [(wave, place) for wave, size in enumerate(sizes) for place in range(size)]
        wave, place = everyone[number % len(everyone)]
        device = fleet.devices[wave][place]
        fleet.now += {"wait": timedelta(minutes=7), "day": timedelta(days=1)}.get(deed, timedelta(seconds=1))
        tried = device.state is not DeviceState.PLANNED
        if deed == "good" and tried:
            device = after_report(device, OFFER, report(12, "proven", "0.2.0"))
        elif deed == "bad" and tried:
            device = after_report(device, OFFER, report(11, "failed", why="flash"))
        elif deed == "late":
            device = after_silence(device, False, True)
        elif deed == "back":
            device = after_report(device, OFFER, report(11))
        fleet.devices[wave][place] = device
        before = fleet.counts()
        fleet.run()
        after = fleet.counts()
        _check(fleet, before, after)


def _check(fleet: Fleet, before: list[WaveCount], after: list[WaveCount]) -> None:
    for wave, count in enumerate(after):
        if count.tried and wave:
            assert not after[wave - 1].planned
            assert fleet.settled[wave - 1] + SOAK <= fleet.now
        if fleet.plan.state is RolloutState.HALTED:
            assert count.tried == before[wave].tried
    current = after[fleet.plan.wave]
    if fleet.plan.state is RolloutState.RUNNING and current.bad:
        assert current.bad * 100 < fleet.plan.halt_percent * current.tried
    if fleet.plan.state is RolloutState.FINISHED:
        assert not any(count.planned or count.under_way for count in after)


@given(st.integers(1, 5000))
def test_waves_hold_every_device_once(devices: int) -> None:
    """And never nobody."""
    sizes = wave_sizes(("1", "10%", "50%", "100%"), devices)
    assert sum(sizes) == devices
    assert min(sizes) > 0


def test_the_usual_waves() -> None:
    """One, a tenth, half, all; what is left out at the end is added."""
    assert wave_sizes(("1", "10%", "50%", "100%"), 200) == [1, 19, 80, 100]
    assert wave_sizes(("1", "10%", "50%", "100%"), 3) == [1, 1, 1]
    assert wave_sizes(("5",), 8) == [5, 3]


@pytest.mark.parametrize("steps", [("0",), ("x",), ("101%",), ("10%", "10%"), ("10%", "5"), ("-1",)])
def test_waves_that_cannot_be_are_refused(steps: tuple[str, ...]) -> None:
    """With the reason."""
    with pytest.raises(BadSteps):
        wave_sizes(steps, 100)
