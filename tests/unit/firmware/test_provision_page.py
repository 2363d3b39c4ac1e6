"""The page of a new board and what may be entered in it."""

import socket
import threading
import urllib.parse

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.provision.portal import Alive, Portal
from firmware.provision.setup_request import SetupRequest, check, normal_code, parse_form
from replenish_server.fleet.claims import code_hash
from tests.unit.firmware.fake_board import ManualClock

CODE = "8J2KPQ3MAB4TWX9Z"


class Watchdog(Alive):
    def feed(self) -> None:
        pass


@pytest.fixture
def door() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_the_page_refuses_what_cannot_be_and_keeps_what_was_typed(door: int) -> None:
    found: list[SetupRequest | None] = []
    portal = Portal(ManualClock(), None, "t0ken", True, ['a"<b>', "home"])
    serving = threading.Thread(target=lambda: found.append(portal.open(3600, door, Watchdog())))
    serving.start()
    client = httpx.Client(base_url=f"http://127.0.0.1:{door}", trust_env=False, timeout=20)
    for _ in range(100):
        try:
            page = client.get("/")
            break
        except httpx.ConnectError:
            threading.Event().wait(0.02)
    assert page.status_code == 200
    for words in ("Claim code", "등록 코드", "a&quot;&lt;b&gt;", "lang=ko"):
        assert words in page.text
    assert client.get("/generate_204").headers["location"] == "/"
    entries = {"ssid": "우리 집 & 정원", "key": "12345678", "code": "8j2k pq3m ab4t wx9z"}
    assert client.post("/setup", data=entries).status_code == 403  # another page's form
    entries["token"] = "t0ken"
    wrong = client.post("/setup", data={**entries, "code": "nonsense"})
    assert (wrong.status_code, "우리 집 &amp; 정원" in wrong.text) == (400, True)
    assert "12345678" not in wrong.text
    with socket.create_connection(("127.0.0.1", door)) as rude:
        rude.sendall(b"POST /setup HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
        assert rude.recv(100) == b""
    with socket.create_connection(("127.0.0.1", door)) as rude:
        rude.sendall(b"\xff" * 5000)
    assert found == []
    done = client.post("/setup", data=entries)
    assert (done.status_code, "저장했습니다" in done.text) == (200, True)
    serving.join(20)
    assert [vars(wish) for wish in found if wish] == [
        {"ssid": "우리 집 & 정원", "key": "12345678", "code": CODE}
    ]


def test_entries_are_checked_as_the_standard_and_the_server_read_them() -> None:
    assert check("", "", CODE, True)[1] == "ssid"
    assert check("x" * 33, "", CODE, True)[1] == "ssid"
    assert check("집" * 11, "", CODE, True)[1] == "ssid"
    assert check("home", "seven77", CODE, True)[1] == "key"
    assert check("home", "비밀번호비밀번호", CODE, True)[1] == "key"
    assert check("home", "", "", True)[1] == "code"
    assert check("home", "", "", False)[1] == ""
    assert check("home", "12345678", CODE[:-1] + "U", True)[1] == "code"


@given(st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZabcdxyzILO- ", max_size=24))
def test_a_code_is_read_as_the_server_reads_it(text: str) -> None:
    plain = normal_code(text)
    if plain:
        assert code_hash(plain) == code_hash(text)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), min_size=1, max_size=4))
def test_forms_are_read_as_browsers_write_them(fields: dict[str, str]) -> None:
    assert parse_form(urllib.parse.urlencode(fields).encode()) == fields


@given(st.binary(max_size=60))
def test_a_broken_form_is_a_value_error(body: bytes) -> None:
    try:
        parse_form(body)
    except ValueError:
        return
