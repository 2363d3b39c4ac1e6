"""Several homes on one server, as an operator types them: each command is about one, and says which."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from replenish_server.cli.main import app
from replenish_server.households.membership import ensure_owner, must_sign_in
from replenish_server.households.sign_in import links_for_owners, start_session
from tests.fakes.retailer_house import NOW, House

Run = Callable[..., Result]
WHERE = ["--email", "a@example.org", "--street", "S 1", "--locality", "T", "--postal-code", "1", "--country"]


@pytest.fixture
def run(house: House, tmp_path: Path) -> Run:
    """Runs a `replenish` command on the house's database."""
    env = {"REPLENISH_DATA_DIR": str(tmp_path / "data"), "REPLENISH_DATABASE_URL": house.database.url}
    return lambda *arguments, **more: CliRunner().invoke(
        app, list(arguments), env=env | {"COLUMNS": "200", "REPLENISH_HOUSEHOLD": ""} | more
    )


def answer(ran: Result) -> Any:
    """What a command with --json printed."""
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def add(run: Run, name: str, buyer: str) -> Any:
    """One more home."""
    return answer(run("household", "add", "--name", name, "--buyer", buyer, *WHERE, "KR", "--json"))


def test_from_the_second_home_on_each_signs_in_and_is_named(house: House, run: Run) -> None:
    """Nobody is locked out, no link that was handed out stops working, and no command guesses a home."""
    (first,) = answer(run("household", "list", "--json"))
    assert answer(run("person", "list", "--json"))["sign_in"] is False
    second = add(run, "Lee", "Lee Min")
    assert len(second["links"]) == 2, "the first owner has to sign in, too"
    third = add(run, "Park", "Park Jin")
    assert list(third["links"]) == ["Park Jin"]
    with house.database.read() as session:
        assert must_sign_in(session, first["household_id"])
    asked = run("person", "list", "--json")
    assert asked.exit_code == 2
    assert f"Lee ({second['household_id']})" in asked.output
    assert "replenish --household" in asked.output
    for named in ("Lee", second["household_id"]):
        people = answer(run("--household", named, "person", "list", "--json"))["people"]
        assert [person["name"] for person in people] == ["Lee Min"]
        assert answer(run("person", "list", "--json", REPLENISH_HOUSEHOLD=named))["people"] == people
    assert "household list" in run("--household", "Nobody", "person", "list").output
    other = add(run, "Lee", "Lee Ho")
    several = run("--household", "Lee", "mandate", "show").output
    assert second["household_id"] in several
    assert other["household_id"] in several
    assert first["household_id"] not in several
    assert "household add" in run("setup", "--name", "X", "--buyer", "X Y", *WHERE, "KR").output


def test_what_a_home_cannot_be_is_refused_whole(run: Run) -> None:
    """As by setup."""
    refused = run("household", "add", "--name", "Lee", "--buyer", "Lee Min", *WHERE, "Korea")
    assert refused.exit_code == 2
    assert "Nothing was made" in refused.output
    assert len(answer(run("household", "list", "--json"))) == 1


def test_owners_of_one_name_are_told_apart_and_who_is_signed_in_needs_no_link(house: House, run: Run) -> None:
    """A link for the wrong home would open it to a stranger."""
    lee, _ = add(run, "Lee", "Kim Min")["household_id"], add(run, "Park", "Kim Min")
    with house.database.write() as session:
        assert {"Kim Min (Lee)", "Kim Min (Park)"} <= links_for_owners(session, NOW).keys()
        start_session(session, ensure_owner(session, lee).id, "Firefox", NOW)
        links = links_for_owners(session, NOW)
        assert "Kim Min (Lee)" not in links
        assert "Kim Min (Park)" in links
