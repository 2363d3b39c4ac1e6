"""The commands as an operator types them: from an empty folder to a device that may connect."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HOME = "--name Home --buyer Ada --email a@example.org --street S1 --locality T --postal-code 1 --country DE"
LEVEL = "--item det-1500 --product Detergent --pack 1500 --capacity 1600 --threshold 300 --category detergent"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a `replenish` command on a data folder of its own."""
    return runner(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """Runs commands on a folder with a household and a shop, for tests that leave nothing in it."""
    run = runner(tmp_path_factory.mktemp("prepared"))
    run(f"setup {HOME}")
    shop = run("retailer add Shop https://shop.example --handler h --token-env T --json", T="t")
    return run, json.loads(shop.stdout)["retailer_id"]


def runner(folder: Path) -> Run:
    """Runs a `replenish` command on a data folder inside this one."""

    def call(arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "replenish_server", *arguments.split()]
        return subprocess.run(
            command,
            env={**os.environ, "REPLENISH_DATA_DIR": str(folder / "data"), "COLUMNS": "200", **env},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_from_an_empty_folder_to_a_device(run: Run, tmp_path: Path) -> None:
    """setup, retailer add, device add, device list and stats fit together; secrets stay where they belong."""
    made = json.loads(run(f"setup {HOME} --json").stdout)
    assert Path(made["broker_conf"]).exists()
    shop = json.loads(
        run(
            "retailer add Shop https://shop.example --handler h --token-env T --json", T="secret-token"
        ).stdout
    )
    added = run(f"device add level --retailer {shop['retailer_id']} {LEVEL} --id jug --json")
    credential = json.loads(added.stdout)
    assert ("jug", 8883) == (credential["username"], credential["port"])
    passwords = (tmp_path / "data/broker/devices.passwd").read_text()
    assert "jug:$7$" in passwords
    assert credential["password"] not in passwords
    assert ["jug"] == [row["device_id"] for row in json.loads(run("device list --json").stdout)]
    stats = json.loads(run("stats --json").stdout)
    assert (1, 0, {}) == (stats["devices"], stats["readings"], stats["quarantine"])
    assert "jug" in run("device list").stdout


def test_the_mandate_is_set_shown_and_paused(run: Run) -> None:
    """For the home and for a slot, which starts on trial; a word that is no rule changes nothing."""
    run(f"setup {HOME} --json")
    shop = json.loads(
        run("retailer add Shop https://shop.example --handler h --token-env T --json", T="t").stdout
    )
    run(f"device add level --retailer {shop['retailer_id']} {LEVEL} --id jug --json")
    (device,) = json.loads(run("device list --json").stdout)
    assert "in force" in run("mandate set --budget 6000 --quiet 22:00-07:00 --over-percent 10").stdout
    assert run("mandate set --budget much").returncode == 2
    home = json.loads(run("mandate show --json").stdout)
    assert (6000, "22:00-07:00", 6000) == (home["budget_minor"], home["quiet"], home["left_minor"])
    assert "2030-01-01" in run(f"pause 2030-01-01 --slot {device['slot_id']}").stdout
    slot = json.loads(run(f"mandate show --slot {device['slot_id']} --json").stdout)
    assert ("shadow", "2030-01-01", 10) == (
        slot["mode"],
        slot["paused_until"],
        slot["over_last_paid_percent"],
    )
    assert "no slot" in run("pause none --slot nowhere").stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("device add level --retailer r --item i --product p", "replenish setup"),
        ("serve", "replenish setup"),
        ("retailer add Shop https://shop.example --handler h --token-env EMPTY", "EMPTY is empty"),
    ],
)
def test_before_setup_the_error_says_what_to_do(run: Run, arguments: str, says: str) -> None:
    """A command that cannot work yet names the command that helps."""
    result = run(arguments)
    assert 2 == result.returncode
    assert says in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("device add fridge --retailer SHOP --item i --product p", "this release knows level, button"),
        ("device add level --retailer SHOP --item i --product p", "capacity"),
        (f"device add level --retailer SHOP {LEVEL} --threshold 1700", "between empty and the capacity"),
        (f"device add level --retailer SHOP {LEVEL} --id UPPER", "lower-case"),
        ("device add button --retailer nowhere --item i --product p", "no retailer 'nowhere'"),
        (f"setup {HOME}", "already holds a household"),
    ],
)
def test_bad_input_changes_nothing_and_is_explained(
    prepared: tuple[Run, str], arguments: str, says: str
) -> None:
    """A refused command leaves no device behind, neither in the database nor at the broker."""
    run, shop_id = prepared
    result = run(arguments.replace("SHOP", shop_id))
    assert 2 == result.returncode, result.stdout + result.stderr
    assert says in result.stderr
    assert [] == json.loads(run("device list --json").stdout)


def test_a_part_of_the_server_alone_needs_a_database_that_can_be_shared(run: Run) -> None:
    """Said at once, with where to name one."""
    refused = run("serve --role worker")
    assert 2 == refused.returncode
    assert "--role worker needs PostgreSQL" in refused.stderr
    assert "--database" in refused.stderr


def test_two_servers_never_share_a_folder(run: Run, tmp_path: Path) -> None:
    """The second server on a data folder refuses to start while the first one lives."""
    run(f"setup {HOME}")
    env = {**os.environ, "REPLENISH_DATA_DIR": str(tmp_path / "data"), "REPLENISH_HTTP_PORT": "18474"}
    first = subprocess.Popen(
        [sys.executable, "-m", "replenish_server", "serve"], env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None
        assert "Replenish is at" in first.stdout.readline()
        second = run("serve", REPLENISH_HTTP_PORT="18475")
        assert 2 == second.returncode
        assert "Another server already runs" in second.stderr
    finally:
        first.terminate()
        assert -signal.SIGTERM == first.wait(timeout=20)
        first.stdout.close()
