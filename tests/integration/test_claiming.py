"""From a code on a device to its own credential, over TLS, whatever dies on the way; and out again."""

import json
import ssl
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from typer.testing import CliRunner

from device_sim.bench_board import BenchBoard
from device_sim.clock import SimClock
from device_sim.fleet import Access
from device_sim.process import free_ports
from device_sim.vm import VmDevice
from replenish_server.cli.main import app
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import SERVER_USER, find_mosquitto
from replenish_server.fleet.claims import code_hash, create_code
from replenish_server.fleet.tables import ClaimCode, Device, Slot, Twin
from replenish_server.operations import Credential
from replenish_server.replenishment.device_lifecycle import leave_household
from replenish_server.telemetry.tables import Quarantined, Reading, SeenRange, Stream
from tests.support.mortal_house import EncryptedHouse, MortalHouse, wait_until
from tests.support.stranger import stranger
from tests.support.tls_device import TlsDevice
from tests.support.zygote import Zygote

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

LABEL = "labelled-8"  # the key of a board's own Wi-Fi
HOME = ("simulated", "simulated")  # the home's, as the fake radio knows it


@pytest.fixture(scope="module")
def tls_house(zygote: Zygote) -> Iterator[EncryptedHouse]:
    """One running house for the whole file."""
    house = EncryptedHouse(find_mosquitto() or "", zygote)
    house.start()
    yield house
    house.stop()


def new_code(house: MortalHouse, kind: str = "level") -> str:
    """What is printed on a device."""
    with house.database.write() as session:
        return create_code(session, kind, house.clock.now())


def exchange(house: MortalHouse, code: str, kind: str = "password") -> httpx.Response:
    """What the device asks the edge."""
    context = ssl.create_default_context(
        cafile=str(Authority(house.settings.authority_folder).ca_certificate)
    )
    return httpx.post(
        f"https://localhost:{house.settings.edge_port}/claim/v1/exchange",
        json={"code": code, "credential": kind},
        verify=context,
        trust_env=False,
        timeout=20,
    )


def claim(house: MortalHouse, code: str) -> httpx.Response:
    """What a person types in the page."""
    form = {"code": code, "name": "Jug", "slot": "Detergent", "shop": house.retailer_id, "item": "det-1500"}
    form |= {"product": "Detergent", "pack": "1400", "capacity": "1500", "threshold": "300"}
    return httpx.post(
        f"{house.settings.base_url}/devices",
        data=form,
        headers={"sec-fetch-site": "same-origin", "accept-language": "en"},
        trust_env=False,
        timeout=20,
    )


def credential(answer: dict[str, Any]) -> Credential:
    """The edge's answer as everybody else names it."""
    return Credential(**{"slot_id": "", "password": "", **answer})


def state(house: MortalHouse, code: str) -> str:
    """How far a code is used up."""
    return str(house.rows(ClaimCode, code_hash=code_hash(code))[0].state)


def talks(house: MortalHouse, made: Credential, folder: Path) -> bool:
    """Whether a device with this credential is stored."""
    device = TlsDevice(made, folder)
    device.start()
    try:
        return wait_until(lambda: bool(house.rows(Reading, device_id=made.device_id)), 15)
    finally:
        device.stop()


@pytest.mark.parametrize("kind", ["password", "psk", "certificate"])
def test_a_code_becomes_a_credential_and_is_burnt_once_that_is_proved(
    tls_house: EncryptedHouse, tmp_path: Path, kind: str
) -> None:
    """It waits for the household, works again until the device was heard, and then never more."""
    code = new_code(tls_house)
    assert (202, "waiting") == ((early := exchange(tls_house, code, kind)).status_code, early.json()["state"])
    assert claim(tls_house, code.lower().replace("-", " ")).status_code == 303
    first, second = (exchange(tls_house, code, kind) for _ in range(2))
    assert (200, 200, "exchanged") == (first.status_code, second.status_code, state(tls_house, code))
    assert kind == second.json()["credential"]
    assert talks(tls_house, credential(second.json()), tmp_path)
    assert wait_until(lambda: state(tls_house, code) == "burnt")
    time.sleep(5)  # the limit of tries is one in five seconds after the first ten
    assert (404, {"state": "code"}) == ((late := exchange(tls_house, code, kind)).status_code, late.json())
    devices = len(tls_house.rows(Device))
    assert claim(tls_house, code).status_code == 303  # the same form once more leads to what it made
    assert len(tls_house.rows(Device)) == devices


def test_a_wrong_code_says_so_and_nothing_else_and_not_often(tls_house: EncryptedHouse) -> None:
    """Made up, used, malformed: the same words. Soon nobody from there is answered at all."""
    answers = [exchange(tls_house, "0000-0000-0000-0000") for _ in range(14)]
    assert {404, 429} == {answer.status_code for answer in answers}
    assert {'{"state":"code"}'} == {answer.text for answer in answers if answer.status_code == 404}
    assert "retry-after" in answers[-1].headers
    page = claim(tls_house, "0000-0000-0000-0000")
    assert (409, True) == (page.status_code, "This code does not work." in page.text)
    while exchange(tls_house, "x").status_code == 429:
        time.sleep(1)


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.4])
def test_killed_at_any_moment_the_code_or_the_credential_works(
    tls_house: EncryptedHouse, tmp_path: Path, delay_s: float
) -> None:
    """The device asks while the server dies; whatever it heard, it comes in by the one or by the other."""
    import threading

    code = new_code(tls_house)
    assert wait_until(lambda: claim(tls_house, code).status_code == 303)
    heard: list[dict[str, Any]] = []

    def ask() -> None:
        try:
            answer = exchange(tls_house, code)
            time.sleep(0.1)
            if answer.status_code == 200:
                heard.append(answer.json())
        except httpx.HTTPError:
            pass

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(delay_s)
    tls_house.kill("server")
    asking.join()
    tls_house.restart("server")
    tls_house.await_server()
    while not heard:
        ask()
    assert talks(tls_house, credential(heard[0]), tmp_path)
    assert wait_until(lambda: state(tls_house, code) == "burnt")


def test_a_device_that_leaves_takes_everything_with_it_but_orders(
    tls_house: EncryptedHouse, tmp_path: Path
) -> None:
    """Readings, settings, retained messages and credentials go; its next home starts with nothing."""
    code = new_code(tls_house)
    assert wait_until(lambda: claim(tls_house, code).status_code == 303)
    answers: list[httpx.Response] = []
    assert wait_until(lambda: answers.append(exchange(tls_house, code)) or answers[-1].status_code == 200)
    made = credential(answers[-1].json())
    assert talks(tls_house, made, tmp_path)
    topic = f"rp/1/{made.device_id}/up/st"
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=made.device_id)
    client.username_pw_set(made.device_id, made.password)
    client.tls_set_context(ssl.create_default_context(cadata=made.ca))
    client.connect(made.host, made.port)
    client.loop_start()
    client.publish(topic, json.dumps({"v": 1, "rev": 1}), qos=1, retain=True).wait_for_publish(10)
    client.publish(f"rp/1/{made.device_id}/up/ev", b"nonsense", qos=1, retain=True).wait_for_publish(10)
    assert wait_until(lambda: tls_house.rows(Twin, device_id=made.device_id)[0].reported_rev == 1)
    client.loop_stop()
    with tls_house.database.write() as session:
        assert leave_household(session, made.device_id, "given away", tls_house.clock.now())
    assert wait_until(lambda: tls_house.rows(Device, id=made.device_id)[0].wiped_at is not None)
    for table in (Reading, SeenRange, Stream):
        assert tls_house.rows(table, device_id=made.device_id) == []
    assert [] == [row for row in tls_house.rows(Quarantined) if made.device_id in row.topic]
    assert wait_until(lambda: tls_house.rows(Twin, device_id=made.device_id)[0].published_rev == 0)
    (twin,) = tls_house.rows(Twin, device_id=made.device_id)
    assert ({"cfg": {}, "slots": {}}, None) == (twin.desired, twin.reported)
    settings = tls_house.settings
    inside = Access("127.0.0.1", settings.broker_port, SERVER_USER, settings.broker_passwords()["ingest"])
    with stranger(inside, client_id=uuid.uuid4().hex) as listener:
        listener.listen("rp/1/+/up/#")
        time.sleep(0.5)
        assert [] == [message for message in listener.heard if made.device_id in message.topic]
    assert tls_house.rows(Slot, device_id=made.device_id)[0].retired_at is not None
    shown = httpx.get(f"{tls_house.settings.base_url}/devices", trust_env=False).text
    assert made.device_id not in shown


class NewBoard:
    """A simulated board that nobody owns, as its maker flashed it: real firmware in the real VM."""

    def __init__(
        self,
        house: EncryptedHouse,
        folder: Path,
        kind: str = "password",
        speed: float = 1.0,
        server: str = "localhost",
        device: str = "level",
    ) -> None:
        self.facts: list[dict[str, Any]] = []
        (self.door,) = free_ports(1)
        self.vm = VmDevice(device, "", "", "", 0, folder, SimClock.started_now(speed), self.facts.append)
        self.vm.set_load_g(1200)
        self.vm.renew(
            {
                "kind": device, "slots": {"main": {"capacity": 1500}}, "capacity_g": 1500,
                "zero": 84_000, "counts_per_kg": 420_000,
                "server": server, "server_port": house.settings.edge_port, "credential": kind,
                "ca": Authority(house.settings.authority_folder).ca_certificate.read_text(),
                "setup_name": "Replenish new", "setup_key": LABEL, "setup_port": self.door,
            }
        )  # fmt: skip

    def said(self, event: str, **more: Any) -> list[dict[str, Any]]:
        """What it printed."""
        return [fact for fact in list(self.facts) if fact["e"] == event and more.items() <= fact.items()]

    def tell(self, code: str) -> None:
        """Type Wi-Fi and code on its console."""
        wish = {"ssid": HOME[0], "key": HOME[1], "code": code}
        self.vm.type("rp " + json.dumps({"setup": wish}))

    def hand(self, name: str, content: dict[str, Any]) -> None:
        """Lay a file on its flash."""
        (self.vm._flash / "data" / f"{name}.json").write_text(json.dumps(content))

    def papers(self) -> dict[str, Any]:
        """What lies on its flash."""
        folder = self.vm._flash / "data"
        return {path.stem: path.read_text() for path in folder.glob("*.json")}


def heard(house: EncryptedHouse, code: str) -> bool:
    """Whether its device was heard, and the code is burnt."""
    return wait_until(lambda: state(house, code) == "burnt", 60)


@pytest.mark.vm
@pytest.mark.parametrize(("kind", "server"), [("password", "localhost"), ("psk", "127.0.0.1")])
def test_a_real_board_is_claimed_over_its_console(
    tls_house: EncryptedHouse, tmp_path: Path, kind: str, server: str
) -> None:
    """It exchanges the code over TLS, proves what it got, and forgets the code."""
    code, board = new_code(tls_house), NewBoard(tls_house, tmp_path, kind, server=server)
    assert wait_until(lambda: claim(tls_house, code).status_code == 303)
    board.vm.start()
    try:
        assert wait_until(lambda: board.said("setup", open="console"))
        board.tell("0000-0000")
        assert wait_until(lambda: board.said("setup", r="refused", why="code"))
        board.tell(code.lower())
        assert heard(tls_house, code), board.facts
        assert wait_until(lambda: board.said("claim", r="proved"))
    finally:
        board.vm.stop()
    papers = board.papers()
    assert {"factory", "device"} <= papers.keys() <= {"factory", "device", "desired"}
    assert code.replace("-", "") not in json.dumps([papers, board.facts])
    known = json.loads(papers["device"])
    assert (known["credential"], kind in known) == (kind, True)
    assert known[kind] not in json.dumps(board.facts)
    assert "ca" not in known  # it has it already


@pytest.mark.vm
def test_a_held_button_opens_a_page_in_which_a_phone_claims_the_board(
    tls_house: EncryptedHouse, tmp_path: Path
) -> None:
    """WPA2 with the label's key, one visitor; the network ends with the answer."""
    code, board = new_code(tls_house), NewBoard(tls_house, tmp_path)
    assert wait_until(lambda: claim(tls_house, code).status_code == 303)
    board.vm.hold(True)
    board.vm.start()
    try:
        assert wait_until(lambda: board.said("setup", open="wifi"))
        board.vm.hold(False)
        shown = {"ssid": "Replenish new", "security": 3, "key": LABEL, "max_clients": 1}
        assert wait_until(lambda: board.vm.access_point() == shown)
        with httpx.Client(base_url=f"http://127.0.0.1:{board.door}", trust_env=False, timeout=20) as phone:
            assert wait_until(lambda: reached(phone))
            page = phone.get("/").text
            token = page.split("name=token value=")[1].split(">")[0]
            assert '<option value="simulated">' in page
            form = {"token": token, "ssid": HOME[0], "key": "wrong", "code": code}
            assert phone.post("/setup", data=form).status_code == 400
            assert phone.post("/setup", data={**form, "key": HOME[1]}).status_code == 200
        assert wait_until(lambda: board.vm.access_point() == {})
        assert heard(tls_house, code), board.facts
        assert wait_until(lambda: board.said("claim", r="proved"))
    finally:
        board.vm.stop()


def reached(phone: httpx.Client) -> bool:
    """Whether the board's page answers."""
    try:
        return phone.get("/").status_code == 200
    except httpx.ConnectError:
        return False


@pytest.mark.vm
def test_a_board_that_loses_power_while_it_is_claimed_is_claimed_in_the_end(
    tls_house: EncryptedHouse, tmp_path: Path
) -> None:
    """Cut at moments of the exchange, the proof and between; nobody types anything again."""
    code, board = new_code(tls_house), NewBoard(tls_house, tmp_path, speed=600.0)
    assert wait_until(lambda: claim(tls_house, code).status_code == 303)
    board.vm.start()
    try:
        assert wait_until(lambda: board.said("setup", open="console"))
        board.tell(code)
        assert wait_until(lambda: board.said("setup", r="taken"))
        for delay_s in (0.0, 0.02, 0.05, 0.1):
            wakes = len(board.said("wake"))
            time.sleep(delay_s)
            board.vm.power_cut()
            assert wait_until(lambda wakes=wakes: len(board.said("wake")) > wakes)
        assert heard(tls_house, code), board.facts
        assert wait_until(lambda: "proving" not in board.papers() and "claim" not in board.papers())
        assert wait_until(lambda: board.vm.pending() == 0)
    finally:
        board.vm.stop()


@pytest.mark.vm
def test_a_meter_whose_first_credential_is_refused_asks_for_another_by_itself(
    tls_house: EncryptedHouse, tmp_path: Path
) -> None:
    """The broker does not know the one that the board got; the kept code opens another, without a reset."""
    code, board = new_code(tls_house, "flow"), NewBoard(tls_house, tmp_path, speed=600.0, device="flow")
    assert wait_until(lambda: claim(tls_house, code).status_code == 303)
    answers: list[httpx.Response] = []
    assert wait_until(lambda: answers.append(exchange(tls_house, code)) or answers[-1].status_code == 200)
    known = answers[-1].json() | {"id": answers[-1].json()["device_id"], "password": "of another broker"}
    board.hand("device", known | {"ssid": HOME[0], "key": HOME[1]})
    board.hand("proving", {"ssid": HOME[0], "key": HOME[1], "code": code})
    board.vm.start()
    try:
        assert heard(tls_house, code), board.facts
        assert wait_until(lambda: board.said("claim", r="proved"))
        assert len([fact for fact in board.said("error") if "0x87" in fact["why"]]) == 3
        assert board.said("claim", r="claimed")
    finally:
        board.vm.stop()


@pytest.mark.vm
def test_one_command_makes_a_blank_board_the_households(tls_house: EncryptedHouse, tmp_path: Path) -> None:
    """`replenish device flash` writes, reads back, starts, and tells it Wi-Fi and code on its console."""
    settings = tls_house.settings
    code, bench = new_code(tls_house), BenchBoard(tmp_path)
    assert wait_until(lambda: claim(tls_house, code).status_code == 303)
    bench.start()
    try:
        ran = CliRunner().invoke(
            app,
            ["device", "flash", "level", "--port", bench.port, "--server", "localhost", "--capacity", "1500",
             "--ssid", HOME[0], "--code", code, "--json"],
            env={"REPLENISH_DATA_DIR": str(settings.data_dir), "REPLENISH_EDGE_PORT": str(settings.edge_port),
                 "REPLENISH_WIFI_KEY": HOME[1]},
        )  # fmt: skip
        assert ran.exit_code == 0, ran.output
        assert json.loads(ran.stdout)["claim"] == "claimed"
        assert heard(tls_house, code)
    finally:
        bench.stop()
