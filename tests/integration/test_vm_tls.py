"""Simulated boards reach the broker that we ship over TLS, in each of the three ways, and nobody else."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from replenish_server.fleet.authority import Authority
from tests.support.shipped_broker import WAYS, ShippedBroker
from tests.support.vm_board import PASSWORD, Board, Server, until

pytestmark = [pytest.mark.broker, pytest.mark.vm, pytest.mark.timeout(60)]


@pytest.fixture
def make_board(tmp_path: Path, shipped_broker: ShippedBroker) -> Iterator[Callable[..., Board]]:
    boards: list[Board] = []

    def make(speed: float = 3600.0, **config: Any) -> Board:
        boards.append(Board("button", tmp_path / "board", 0, speed, **config))
        return boards[-1]

    yield make
    for board in boards:
        board.vm.stop()
        said = json.dumps(board.facts)
        for secret in (PASSWORD, shipped_broker.keys["d1"], "PRIVATE KEY"):
            assert secret not in said


MakeBoard = Callable[..., Board]

_ALERT = "-30592"
"""MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: the broker ended the handshake."""


@pytest.mark.parametrize("way", WAYS)
def test_a_press_travels_each_way(
    shipped_broker: ShippedBroker, make_board: MakeBoard, played_server: Server, way: str
) -> None:
    played_server.answer = "placed"
    board = make_board(**shipped_broker.board_config("d1", way))
    board.vm.press()
    board.vm.start()
    until(lambda: board.said("answer"))
    assert board.said("answer")[0]["r"] == "placed", board.facts
    assert {device_id for device_id, _ in played_server.events} == {"d1"}
    until(lambda: board.vm.pending() == 0)


@pytest.mark.parametrize("wrong", ["authority", "host", "certificate", "psk", "password"])
def test_who_cannot_be_trusted_gets_nothing(
    shipped_broker: ShippedBroker, make_board: MakeBoard, played_server: Server, tmp_path: Path, wrong: str
) -> None:
    """The record stays, the line says why, and the next try is a while away."""
    other = Authority(tmp_path / "other")
    other.init(["localhost"])
    mine = other.issue("d1")
    config, why = {
        "authority": (
            shipped_broker.board_config("d1", "password") | {"ca": other.ca_certificate.read_text()},
            "certificate: ",
        ),
        "host": (shipped_broker.board_config("d1", "password", "localhost.localdomain"), "certificate: "),
        "certificate": (
            shipped_broker.board_config("d1", "certificate")
            | {"certificate": mine.certificate, "private_key": mine.key},
            "OSError",
        ),
        "psk": (shipped_broker.board_config("d1", "psk") | {"psk": "00" * 32}, _ALERT),
        "password": (shipped_broker.board_config("d1", "password") | {"password": "another"}, "0x87"),
    }[wrong]
    if wrong == "host" and not _resolves(config["host"]):
        config["host"] = socket.gethostname()
    board = make_board(speed=1.0, **config)
    board.vm.start()
    slept = until(lambda: board.said("sleep"))[0]
    assert why in board.said("error")[0]["why"]
    assert board.vm.pending() == 1
    assert slept["ms"] >= 29_000
    assert played_server.events == []


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None, socket.AF_INET)
    except OSError:
        return False
    return True


def test_a_meter_that_cannot_trust_its_broker_counts_on_and_tries_again(
    shipped_broker: ShippedBroker, tmp_path: Path
) -> None:
    """What never waits learns of a refused certificate while it reads, where MicroPython has no OSError."""
    other = Authority(tmp_path / "other")
    other.init(["localhost"])
    config = shipped_broker.board_config("d1", "password") | {"ca": other.ca_certificate.read_text()}
    board = Board("flow", tmp_path / "board", 0, 60.0, **config)
    board.vm.start()
    try:
        until(lambda: len(board.said("error")) >= 2)
        assert all("certificate: " in fact["why"] for fact in board.said("error")), board.facts
        assert len(board.said("wake")) == 1
    finally:
        board.vm.stop()


@pytest.mark.parametrize("way", ["psk"])
def test_a_peer_that_never_answers_the_handshake_costs_four_seconds(
    shipped_broker: ShippedBroker, make_board: MakeBoard, way: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        config = shipped_broker.board_config("d1", way, "127.0.0.1") | {"port": mute.getsockname()[1]}
        board = make_board(speed=1.0, **config)
        board.vm.start()
        slept = until(lambda: board.said("sleep"))[0]
    assert board.said("error")[0]["at"] == "net"
    assert board.vm.pending() == 1
    assert "timed out" in board.said("error")[0]["why"] or "110" in board.said("error")[0]["why"]
    assert slept["awake"] <= 4500  # 4 s for the network; the rest is a slow machine that starts a VM
