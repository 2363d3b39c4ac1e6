"""Provisioning with plain objects: what a board asks and keeps, and a cut before every change to flash."""

import json
from itertools import count

import pytest

from firmware.app.node import Device
from firmware.app.ports import AccessPoint, Button, Console, Link, Radio
from firmware.provision.identity_files import IdentityFiles
from firmware.provision.portal import Alive
from firmware.provision.setup import Setup, Surroundings
from firmware.provision.setup_request import SetupRequest
from tests.unit.firmware.fake_board import Air, Bench, Chip, Flash, Lamp, ManualClock

CODE = "8J2KPQ3MAB4TWX9Z"
FACTORY = {
    "kind": "button",
    "server": "replenish.local",
    "ca": "PEM",
    "setup_name": "New",
    "setup_key": "labelled",
}


class PowerCut(BaseException):
    """Nothing of the program survives it."""


class MortalFlash(Flash):
    """Loses power before its n-th change."""

    def __init__(self) -> None:
        super().__init__()
        self.changes_left = -1

    def write(self, name: str, content: bytes) -> None:
        self._change()
        super().write(name, content)

    def remove(self, name: str) -> None:
        if name in self.content:
            self._change()
        super().remove(name)

    def _change(self) -> None:
        if self.changes_left == 0:
            raise PowerCut
        self.changes_left -= 1


class Edge(Link):
    """The server as docs/wire.md describes it, with one code."""

    def __init__(self) -> None:
        self.claimed = True
        self.burnt = False
        self.password = ""
        self.device_id = "d1"
        self.asked = 0
        self.loses_answers = 0
        self._out = b""
        self._numbers = count(1)

    def open(self) -> None:
        self._out = b""

    def send(self, content: bytes, timeout_ms: int = 0) -> None:
        head, _, body = content.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /claim/v1/exchange HTTP/1.1\r\nHost: replenish.local\r\n")
        asked = json.loads(body)
        self.asked += 1
        if self.burnt or asked["code"] != CODE:
            self._say(404, {"state": "code"})
        elif not self.claimed:
            self._say(202, {"state": "waiting", "retry_s": 10})
        else:
            self.password = f"password-{next(self._numbers)}"
            found = {"device_id": self.device_id, "host": "broker", "port": 8883, "credential": "password"}
            self._say(200, {**found, "password": self.password, "ca": "PEM"})
        if self.loses_answers:
            self.loses_answers -= 1
            self._out = b""

    def receive(self, timeout_ms: int, count: int) -> bytes:
        if not self._out:
            raise OSError(104)
        out, self._out = self._out[:50], self._out[50:]
        return out

    def close(self) -> None:
        pass

    def hears(self, password: str) -> bool:
        """Whether a device with this password gets in; then its code is burnt."""
        self.burnt = self.burnt or bool(password == self.password)
        return password == self.password

    def _say(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        self._out = f"HTTP/1.1 {status} OK\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


class Lines(Console):
    def __init__(self, *lines: str) -> None:
        self.left = list(lines)

    def line(self) -> str | None:
        return self.left.pop(0) if self.left else None


class Near(AccessPoint):
    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []
        self.on = False

    def near(self) -> list[str]:
        return ["home"]

    def up(self, name: str, key: str) -> None:
        self.opened.append((name, key))
        self.on = True

    def down(self) -> None:
        self.on = False


class Watchdog(Alive):
    fed = 0

    def feed(self) -> None:
        self.fed += 1


class Held(Button):
    def __init__(self, down: bool) -> None:
        self.down = down

    def pressed(self) -> bool:
        return self.down


def typed(code: str = CODE, ssid: str = "home", key: str = "12345678") -> str:
    return "rp " + json.dumps({"setup": {"ssid": ssid, "key": key, "code": code}})


class Body(Surroundings):
    """A board's hardware, played."""

    def __init__(self, edge: Edge, console: Console | None = None, held: bool = False) -> None:
        self.chip, self.air, self.networks = Chip(), Air(), list[tuple[str, str]]()
        self.near = Near()
        self.lamp = Lamp()
        self._edge = edge
        super().__init__(self.chip, ManualClock(), Watchdog(), Held(held), self.lamp, console, self.near)

    def radio(self, ssid: str, key: str) -> Radio:
        self.networks.append((ssid, key))
        return self.air

    def edge(self, host: str, port: int) -> Link:
        assert (host, port) == ("replenish.local", 8443)
        return self._edge


def papers(flash: Flash, spool: Flash, chip: Chip) -> IdentityFiles:
    return IdentityFiles(flash, spool, chip)


def new_board() -> MortalFlash:
    flash = MortalFlash()
    flash.content["factory.json"] = json.dumps(FACTORY).encode()
    return flash


def run(flash: Flash, body: Body, powered_on: bool = True, failures: int = 0) -> int | None:
    return Setup(IdentityFiles(flash, Flash(), body.chip), body, failures).run(powered_on)


def speak(flash: Flash, edge: Edge) -> bool:
    """A wake of the program: it connects, and the server acknowledges what it says, if it may."""
    known = json.loads(flash.content["device.json"])
    bench = Bench("button")
    bench.device, bench.data = Device(known["id"], "button", known["password"], 0, 0, 1), flash
    node = bench.node()
    node.record_hello()
    if not edge.hears(known["password"]):
        return False
    node.forget(node.state.boot, [0])
    return True


def test_a_line_on_the_console_makes_a_board_somebody() -> None:
    edge, flash = Edge(), new_board()
    body = Body(
        edge, Lines("noise", 'rp {"setup":{"ssid":""}}', typed("short"), typed("8j2k-pq3m ab4t-wx9z"))
    )
    assert run(flash, body) == 1
    known = json.loads(flash.content["device.json"])
    assert known == {
        "id": "d1", "ssid": "home", "key": "12345678", "host": "broker", "port": 8883,
        "credential": "password", "password": "password-1",
    }  # fmt: skip
    assert body.lamp.shown == ["placed"]
    assert "proving.json" in flash.content
    assert speak(flash, edge)
    assert set(flash.content) == {"factory.json", "device.json"}


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_power_cut_before_any_change_leaves_the_code_or_the_credential(lost: int) -> None:
    """Every change to flash is cut once, with answers lost on the way or not; the next power-on gets in.

    Nobody types the code again, unless the cut came before the first entry was kept.
    """
    for changes in count():
        edge, flash = Edge(), new_board()
        edge.loses_answers, flash.changes_left = lost, changes
        cut = False
        try:
            run(flash, Body(edge, Lines(typed())))
            for _ in range(lost):
                run(flash, Body(edge))
            speak(flash, edge)
        except PowerCut:
            cut = True
        flash.changes_left = -1
        for _ in range(4):
            if (
                "claim.json" in flash.content
                or "proving.json" in flash.content
                or not flash.content.get("device.json")
            ):
                run(flash, Body(edge, Lines(typed()) if changes == 0 else Lines()), failures=0)
            if "device.json" in flash.content and speak(flash, edge):
                break
        assert speak(flash, edge), f"bricked by a cut before change {changes}"
        assert "proving.json" not in flash.content
        if not cut:
            assert changes >= 5
            return


def test_a_fresh_credential_that_is_refused_for_a_minute_is_asked_for_again() -> None:
    edge, flash = Edge(), new_board()
    run(flash, Body(edge, Lines(typed())))
    edge.password = "another"
    assert not speak(flash, edge)
    assert run(flash, Body(edge), failures=2) is None
    assert edge.asked == 1
    assert run(flash, Body(edge), failures=3) is None
    assert (edge.asked, speak(flash, edge)) == (2, True)


def test_a_burnt_code_never_costs_a_credential_that_works() -> None:
    """The server heard us and burnt the code; its acknowledgement was lost three times."""
    edge, flash = Edge(), new_board()
    run(flash, Body(edge, Lines(typed())))
    edge.hears(json.loads(flash.content["device.json"])["password"])
    assert run(flash, Body(edge), failures=3) is None
    assert speak(flash, edge)
    assert "proving.json" not in flash.content


def test_a_wrong_code_is_shown_and_forgotten() -> None:
    edge, flash = Edge(), new_board()
    body = Body(edge, Lines(typed("0000000000000000")))
    assert run(flash, body) == 3600
    assert body.lamp.shown == ["refused"]
    assert set(flash.content) == {"factory.json"}


def test_it_asks_for_five_minutes_and_then_now_and_then_until_a_household_has_added_it() -> None:
    edge, flash = Edge(), new_board()
    edge.claimed = False
    body = Body(edge, Lines(typed()))
    sleep_s = run(flash, body)
    assert sleep_s is not None
    assert 1800 <= sleep_s <= 3600
    assert 25 <= edge.asked <= 31
    assert set(body.lamp.shown) == {"waiting"}
    edge.claimed = True
    assert run(flash, Body(edge), powered_on=False) == 1


def test_without_the_network_what_was_typed_is_kept() -> None:
    edge, flash = Edge(), new_board()
    body = Body(edge, Lines(typed()))
    body.air.works = False
    assert run(flash, body) is not None
    assert body.lamp.shown == ["offline"]
    assert run(flash, Body(edge), powered_on=False) == 1


def test_another_home_gets_nothing_of_the_first() -> None:
    edge, flash, spool = Edge(), new_board(), Flash()
    flash.content["device.json"] = json.dumps({"id": "old", "password": "gone"}).encode()
    flash.content |= {"desired.json": b"{}", "total.json": b"{}"}
    spool.content["record"] = b"a reading of the home before"
    body = Body(edge, Lines(typed()), held=True)
    body.chip.frame = b"its boot"
    reader = IdentityFiles(flash, spool, body.chip)
    reader.keep_entered(SetupRequest("home", "12345678", CODE))
    assert Setup(reader, Body(edge), 0).run(False) == 1
    assert spool.content == {}
    assert set(flash.content) == {"factory.json", "device.json", "proving.json"}
    assert body.chip.frame == b""


def test_a_held_button_opens_the_labels_wifi_for_five_minutes_and_no_longer() -> None:
    edge, flash = Edge(), new_board()
    flash.content["factory.json"] = json.dumps({**FACTORY, "setup_port": 0}).encode()

    class Hurried(ManualClock):
        def sleep_ms(self, duration_ms: int) -> None:
            self.ms += 60_000 if duration_ms == 1 else duration_ms

    body = Body(edge, held=True)
    body.clock = clock = Hurried()
    started = clock.ms
    assert run(flash, body, powered_on=False) == 3600
    assert body.near.opened == [("New", "labelled")]
    assert not body.near.on
    assert 300_000 <= clock.ms - started <= 365_000
    assert body.alive.fed >= 5  # type: ignore[attr-defined]
    assert body.lamp.shown[0] == "on"


def test_a_board_without_a_label_never_opens_a_network() -> None:
    flash = new_board()
    flash.content["factory.json"] = json.dumps({**FACTORY, "setup_key": "short"}).encode()
    body = Body(Edge(), held=True)
    assert run(flash, body) == 3600
    assert body.near.opened == []
