"""Rows of `make bench-firmware`: awake seconds a day on the VM, and years on two AA cells by the model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.battery import ASSUMPTIONS, ESTIMATED, PUBLISHED, Day
from tests.support.vm_board import Board, Broker, Server, until

DAYS = 2
_PRESSES = 2
_DOSE_G = 60
_DOSES = 2
_SPEED = 2400.0
_PATIENCE_S = 600.0

_NEVER = "; no board was at hand: boot, Wi-Fi, sensor and sleep are not measured"


def battery_rows(row: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """Both devices; every assumption in a row of its own."""
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        for kind, simulate, goal_s, goal_years in (
            ("button", button_day, 6, 5),
            ("level", level_day, 20, 3),
        ):
            broker = Broker(Path(folder))
            broker.start()
            server = Server(broker.port)
            server.answer = "placed"
            server.start()
            day = simulate(Path(folder) / kind, broker.port)
            server.stop()
            broker.stop()
            own_s, awake_s, years = day.quiet_s + day.talking_s, day.awake_s(), day.years()
            reserved = replace(day, reserved=True)
            rows += [
                row(
                    f"awake_per_day_{kind}", round(own_s, 2), "s", f"<= {goal_s}", own_s <= goal_s,
                    _said(kind, day),
                ),
                row(
                    f"awake_per_day_{kind}_on_a_chip", round(awake_s, 1), "s", None, ok=True,
                    reason="model: and boot, Wi-Fi by DHCP, handshake, sensor, a shop's answer" + _NEVER,
                ),
                row(
                    f"awake_per_day_{kind}_reserved_address", round(reserved.awake_s(), 1), "s", None,
                    ok=True,
                    reason=f"model: {reserved.mah():.3f} mAh a day, {reserved.years():.1f} years" + _NEVER,
                ),
                row(
                    f"charge_per_day_{kind}", round(day.mah(), 3), "mAh", None, ok=True,
                    reason="model" + _NEVER,
                ),
                row(
                    f"battery_{kind}", round(years, 1), "years", f">= {goal_years}", years >= goal_years,
                    "2 AA alkaline, model" + _NEVER, higher=True,
                ),
            ]  # fmt: skip
    for name, known in ASSUMPTIONS.items():
        assert known.mark in (PUBLISHED, ESTIMATED)
        rows.append(
            row(
                f"battery.{name}",
                known.value,
                known.unit,
                None,
                ok=True,
                reason=f"{known.mark}: {known.source}",
            )
        )
    return rows


def button_day(folder: Path, port: int) -> Day:
    """Two presses that are answered, and the daily sign of life."""
    board = Board("button", folder, port, _SPEED * 36)
    board.vm.start()
    try:
        until(lambda: len(board.said("sleep")) == 1, _PATIENCE_S)  # power-on is not a day of life
        for _ in range(DAYS * _PRESSES):
            seen = len(board.said("sleep"))
            board.vm.press("short")
            until(lambda seen=seen: len(board.said("sleep")) > seen, _PATIENCE_S)
        pressed = len(board.said("sleep"))
        until(lambda: len(board.said("sleep")) >= pressed + DAYS, _PATIENCE_S)  # the timer's: one a day
    finally:
        board.vm.stop()
    wakes = _wakes(board)[1:]
    presses = [wake for wake in wakes if wake["cause"] == "pin"][: DAYS * _PRESSES]
    timers = [wake for wake in wakes if wake["cause"] == "timer"][:DAYS]
    return _day(presses + timers, DAYS, bursts=0)


def level_day(folder: Path, port: int) -> Day:
    """A reading each half hour, two doses of 60 g a day, reports as the firmware decides."""
    board = Board("level", folder, port, _SPEED)
    board.vm.set_load_g(1800)
    board.vm.start()
    try:
        until(lambda: len(board.said("sleep")) == 1, _PATIENCE_S)
        for dose in range(DAYS * _DOSES):
            slept = _slept_s(board)
            board.vm.set_load_g(1800 - _DOSE_G * (dose + 1))
            until(lambda slept=slept: _slept_s(board) - slept >= 86_400 / _DOSES, _PATIENCE_S)
    finally:
        board.vm.stop()
    wakes = _wakes(board)[1:]
    return _day(wakes, _slept_s(board) / 86_400, bursts=1)


def _slept_s(board: Board) -> float:
    """Simulated seconds that the board asked to sleep; the VM is awake in real time, which must not count."""
    return sum(fact["ms"] for fact in board.said("sleep")) / 1000


def _wakes(board: Board) -> list[dict[str, Any]]:
    """Each whole wake: its cause, its length by the firmware's own clock, whether it talked."""
    wakes: list[dict[str, Any]] = []
    now: dict[str, Any] = {}
    for fact in list(board.facts):
        if fact["e"] == "wake":
            now = {"cause": fact["cause"], "talked": False}
        elif fact["e"] in ("acked", "answer"):
            now["talked"] = True
        elif fact["e"] == "sleep":
            wakes.append(now | {"awake_s": fact["awake"] / 1000})
    return wakes


def _day(wakes: list[dict[str, Any]], days: float, bursts: int) -> Day:
    talks = [wake for wake in wakes if wake["talked"]]
    return Day(
        wakes=len(wakes) / days,
        talks=len(talks) / days,
        presses=sum(wake["cause"] == "pin" for wake in wakes) / days,
        bursts=bursts * len(wakes) / days,
        quiet_s=sum(wake["awake_s"] for wake in wakes if not wake["talked"]) / days,
        talking_s=sum(wake["awake_s"] for wake in talks) / days,
    )


def _said(kind: str, day: Day) -> str:
    what = f"{day.presses:g} presses" if kind == "button" else f"{day.bursts:.0f} readings"
    return f"VM's clock, fake Wi-Fi: {what}, {day.talks:.1f} talks a day"
