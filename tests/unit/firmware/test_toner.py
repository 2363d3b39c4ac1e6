"""A printer that answers late, wrongly or not at all: nothing waits, and what it said holds for a day."""

import json
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.app.meter import Toner
from firmware.app.ports import Printer, Pulses
from firmware.app.slot import Slot
from firmware.core import queue, snmp, supply
from firmware.net.printer import SnmpPrinter
from tests.unit.firmware.fake_board import Bench


class Silent(Pulses):
    def taken(self) -> int:
        return 0


class Office(Printer):
    """Answers `levels` after `late` looks; loses the first `lost` questions."""

    def __init__(self) -> None:
        self.levels: dict[int, tuple[int | None, int | None]] = {}
        self.on = True
        self.late = self.lost = 0
        self.asked: list[int] = []
        self._looks = 0

    def ask(self, index: int) -> None:
        self.asked.append(index)
        self._looks = 0
        if not self.on:
            raise OSError(113)

    def answer(self) -> tuple[int | None, int | None] | None:
        self._looks += 1
        if not self.on or self._looks <= self.late:
            return None
        if self.lost:
            self.lost -= self._looks == 20
            return None
        return self.levels.get(self.asked[-1], (None, None))


class Desk:
    """A page counter beside a printer with two supplies."""

    def __init__(self) -> None:
        self.bench, self.office = Bench("pages"), Office()
        self.office.levels = {1: (63, 100), 2: (40, 100)}
        self.bench.device.slots = {"black": Slot(1000, 1), "cyan": Slot(1000, 2), "pages": Slot(500, 0)}
        self.bench.air.begin()
        self.node = self.bench.node()
        self.toner = Toner(
            self.node, Silent(), self.bench.contact, self.bench.lamp, self.bench.air, self.office
        )

    def run(self, seconds: int, step_ms: int = 100) -> None:
        for _ in range(seconds * 1000 // step_ms):
            before = self.bench.clock.ms
            self.toner.turn()
            assert self.bench.clock.ms == before, "a turn waited"
            self.bench.clock.ms += step_ms

    def told(self) -> list[tuple[str, Any, str]]:
        found = []
        for name in self.node.pending():
            record = queue.decode(self.node.content(name))
            body = json.loads(record[2]) if record else {}
            if body.get("t") == "level":
                found.append((body["k"], body.get("n"), body["q"]))
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_each_supply_is_asked_for_once_an_hour_one_after_the_other(desk: Desk) -> None:
    desk.office.late = 3
    desk.run(10)
    assert desk.office.asked == [1, 2]
    assert [key for key, _, _ in desk.told()] == ["black", "cyan"]
    desk.office.late = 0
    desk.run(3600, 1000)
    assert desk.office.asked == [1, 2, 1, 2]
    assert len(desk.told()) == 2  # the same again is no news


def test_a_lost_datagram_is_asked_for_again(desk: Desk) -> None:
    desk.office.lost = 2
    desk.run(10)
    assert desk.office.asked == [1, 1, 1, 2]
    assert [quality for _, _, quality in desk.told()] == ["coarse", "coarse"]


def test_a_printer_that_is_off_is_believed_for_a_day_and_asked_each_five_minutes(desk: Desk) -> None:
    desk.run(10)
    desk.office.on = False
    desk.office.asked.clear()
    desk.run(7200, 1000)
    assert len(desk.told()) == 2
    assert 3 * 12 <= len(desk.office.asked) <= 3 * 24
    desk.run(86_400, 10_000)
    assert desk.told()[2:] == [("black", None, "unknown"), ("cyan", None, "unknown")]
    desk.office.on = True
    desk.run(400, 1000)
    assert [(key, number) for key, number, _ in desk.told()[4:]] == [("black", 630), ("cyan", 400)]


def test_a_printer_that_never_answered_is_unknown_at_once(desk: Desk) -> None:
    desk.office.on = False
    desk.run(10)
    assert desk.told() == [("black", None, "unknown"), ("cyan", None, "unknown")]


def test_a_supply_that_the_printer_does_not_have_is_unknown_and_the_others_are_not(desk: Desk) -> None:
    del desk.office.levels[1]
    desk.run(10)
    assert desk.told() == [("black", None, "unknown"), ("cyan", 400, "coarse")]


@given(st.binary(max_size=600))
def test_any_bytes_are_an_answer_or_refused(content: bytes) -> None:
    try:
        values = snmp.read_reply(content, 1)
    except snmp.ReplyError:
        return
    assert all(value is None or -(1 << 31) <= value < 1 << 31 for value in values)


@given(st.integers(0, 60), st.binary(min_size=1, max_size=4), st.integers(0, 120))
def test_a_damaged_answer_never_gives_a_level_out_of_range(at: int, noise: bytes, cut: int) -> None:
    oid = bytes.fromhex("060c2b060102012b0b0101090101")
    bindings = b"".join(
        bytes((0x30, len(oid) + 3)) + oid + b"\x02\x01" + value for value in (b"\x3f", b"\x64")
    )
    body = b"\x02\x01\x01\x02\x01\x00\x02\x01\x00" + bytes((0x30, len(bindings))) + bindings
    message = b"\x02\x01\x00\x04\x06public" + bytes((0xA2, len(body))) + body
    whole = bytes((0x30, len(message))) + message
    assert snmp.read_reply(whole, 1) == [63, 100]
    damaged = (whole[:at] + noise + whole[at + len(noise) :])[: len(whole) - cut % len(whole)]
    try:
        values = snmp.read_reply(damaged, 1)
    except snmp.ReplyError:
        return
    if len(values) == 2:
        answer = supply.read(values[0], values[1], 1000, supply.Steps())
        assert answer.pages is None or 0 <= answer.pages <= 1000


def test_a_printer_of_the_other_snmp_version_is_found_and_kept() -> None:
    """Whoever does not answer version 1 is asked in 2c, and so on; an answer settles it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(10)
        printer = SnmpPrinter("127.0.0.1", agent.getsockname()[1], "public")
        versions = []
        for _ in range(4):
            printer.ask(2)
            question, asker = agent.recvfrom(512)
            versions.append(question[4])
            assert printer.answer() is None
        assert versions == [snmp.V1, snmp.V2C, snmp.V1, snmp.V2C]
        agent.sendto(question.replace(b"\xa0", b"\xa2", 1), asker)  # both values null: an answer all the same
        answer = printer.answer()
        while answer is None:
            answer = printer.answer()
        assert answer == (None, None)
        printer.ask(2)
        assert agent.recvfrom(512)[0][4] == snmp.V2C
        printer.close()


def test_a_button_that_is_held_on_fits_one_unit(desk: Desk) -> None:
    """However long somebody leans on it; the next time it is held it is another one."""
    clock = desk.bench.clock
    desk.bench.contact.edges = [clock.ms + 1000, clock.ms + 30_000, clock.ms + 40_000, clock.ms + 44_000]
    for _ in range(500):
        desk.toner.turn()
        clock.ms += 100
    records = [queue.decode(desk.node.content(name)) for name in desk.node.pending()]
    kinds = [json.loads(record[2])["t"] for record in records if record]
    assert kinds.count("refill") == 2
