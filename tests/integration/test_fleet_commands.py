"""The commands about firmware, rollouts and operators, as an operator types them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from replenish_server.cli.main import app
from replenish_server.fleet.images import FirmwareFolder
from tests.fakes.retailer_house import House
from tests.support.firmware_fleet import FirmwareFleet

Run = Callable[..., Result]


@pytest.fixture
def run(house: House, tmp_path: Path) -> Run:
    """Runs a `replenish` command on the house's database."""
    env = {
        "REPLENISH_DATA_DIR": str(tmp_path / "data"),
        "REPLENISH_DATABASE_URL": house.database.url,
        "COLUMNS": "200",
    }

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env=env)

    return call


def answer(ran: Result) -> Any:
    """What a command with --json printed."""
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def test_from_a_key_to_a_rollout_that_is_aborted(house: House, run: Run, tmp_path: Path) -> None:
    """Each step says the next; what was tampered with or done twice is refused with what to do."""
    fleet = FirmwareFleet(house, tmp_path / "images", 3)
    image = tmp_path / "level.bin"
    image.write_bytes(b"an image" * 500)
    signing = ["firmware", "sign", str(image), "--kind", "level", "--seq", "20", "--version", "0.20"]
    assert "key create" in run(*signing).output
    key = answer(run("firmware", "key", "create", "--json"))
    assert answer(run("firmware", "key", "list", "--json")) == [
        {name: key[name] for name in ("key", "modulus")}
    ]
    frozen: dict[str, Any] = {}
    exec(run("firmware", "key", "list", "--as-module").stdout, frozen)
    assert frozen["KEYS"] == {key["key"]: key["modulus"]}
    assert run("firmware", "key", "create").exit_code == 2
    assert "firmware sign" in run("firmware", "add", str(image)).output
    assert answer(run(*signing, "--json"))["key"] == key["key"]
    image.write_bytes(b"another!" * 500)
    assert "not the one that was signed" in run("firmware", "add", str(image)).output
    image.write_bytes(b"an image" * 500)
    assert "rollout start level/20" in run("firmware", "add", str(image)).output
    assert "not above 20" in run("firmware", "add", str(image)).output
    assert re.search(r"0\.20.* whole ", run("firmware", "list").output)
    stored = next((tmp_path / "data" / "firmware" / "images").glob("*.bin"))
    stored.unlink()
    assert "firmware add FILE" in run("rollout", "start", "level/20").output
    assert "rollout start level/20" in run("firmware", "add", str(image)).output
    started = answer(run("rollout", "start", "level/20", "--waves", "1 100%", "--first", "d-1", "--json"))
    assert (started["waves"], started["left_out"]) == ([1, 2], {"never heard": 1})
    assert "has not ended" in run("rollout", "start", "level/20").output
    replace(fleet.keeper, firmware=FirmwareFolder(tmp_path / "data" / "firmware")).run()
    (shown,) = answer(run("rollout", "show", started["id"], "--json"))
    assert next((row["device_id"], row["state"]) for row in shown["devices"]) == ("d-1", "offered")
    assert [row["state"] for row in shown["devices"]].count("planned") == 2
    assert "1 offered" in run("rollout", "show", started["id"]).output  # the rest may be on the next line
    for deed, state in (("pause", "paused"), ("resume", "running")):
        assert answer(run("rollout", deed, started["id"], "--json"))["state"] == state
    assert "rollout abort" in run("firmware", "remove", "level/20").output
    assert "aborted" in run("rollout", "abort", started["id"], "--why", "enough").output
    assert "Removed level/20" in run("firmware", "remove", "level/20").output
    assert run("rollout", "show", "none").exit_code == 2


def test_a_device_is_told_of_another_network_and_the_key_is_never_printed(
    house: House, run: Run, tmp_path: Path
) -> None:
    """Checked as the device checks it; without options it is to go back to the one of its setup."""
    FirmwareFleet(house, tmp_path / "images", 1)
    there = ("--ssid", "attic", "--key", "correct horse", "--host", "replenish.lan")
    moved = run("device", "network", "d-0", *there, "--port", "8885")
    assert (moved.exit_code, "correct horse" in moved.output) == (0, False)
    assert answer(run("device", "network", "d-0", *there, "--json")) == {
        "device_id": "d-0",
        "net": {"ssid": "attic", "host": "replenish.lan"},
    }
    assert "8 to 63" in run("device", "network", "d-0", "--ssid", "attic", "--key", "short").output
    assert run("device", "network", "nobody", *there).exit_code == 2
    assert answer(run("device", "network", "d-0", "--json"))["net"] == {}


def test_an_operator_gets_a_token_and_the_owner_a_link(run: Run) -> None:
    """Only the first operator changes how the home signs in; a removed one is gone."""
    first = answer(run("operator", "add", "Olga", "--json"))
    assert first["token"].startswith("rpo_")
    assert [link.rpartition("/")[0][-7:] for link in first["links"].values()] == ["sign-in"]
    assert answer(run("operator", "add", "Otto", "--json"))["links"] == {}
    assert "already" in run("operator", "add", "otto").output
    assert "Removed Olga" in run("operator", "remove", "olga").output
    assert [row["name"] for row in answer(run("operator", "list", "--json"))] == ["Otto"]


def test_the_list_in_the_terminal(house: House, run: Run, tmp_path: Path) -> None:
    """As a table, as JSON and as CSV, by the same filter."""
    FirmwareFleet(house, tmp_path / "images", 2)
    rows = answer(run("fleet", "--kind", "level", "--sign", "pending", "--json"))
    assert rows == []
    rows = answer(run("fleet", "--state", "silent", "--kind", "level", "--json"))
    assert [(row["device_id"], row["sequence"], row["firmware"]) for row in rows] == [
        ("d-0", 11, "0.11"), ("d-1", 11, "0.11"),
    ]  # fmt: skip
    assert run("fleet", "--csv").stdout.startswith("device_id,kind,state,")
    assert "d-1" in run("fleet").output
