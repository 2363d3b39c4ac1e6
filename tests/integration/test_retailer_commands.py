"""The commands about retailers, as an operator types them, in this process."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from replenish_server.cli.main import app
from replenish_server.database import Database
from replenish_server.retailers.feed.keys import find_key
from tests.fakes.retailer_house import House

CXML = "--kind cxml --token-env SECRET --from NetworkId:A1 --to NetworkId:A2 --agreement contract"
PRICES = "item_id,name,unit_price,currency\nfil-3,Filters,8.50,EUR\n"


class Operator:
    """Types commands on the data folder of a house."""

    def __init__(self) -> None:
        self._runner = CliRunner()

    def types(self, line: str, status: int = 0) -> str:
        """What a command prints."""
        result = self._runner.invoke(app, line.split(), catch_exceptions=False)
        assert status == result.exit_code, result.output
        return result.output

    def reads(self, line: str) -> dict[str, str]:
        """What a command prints as JSON."""
        answer: dict[str, str] = json.loads(self.types(f"{line} --json"))
        return answer


@pytest.fixture
def operator(house: House, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """An operator of the house."""
    folder = house.database.path.parent / "data"
    folder.mkdir()
    monkeypatch.setenv("REPLENISH_DATA_DIR", str(folder))
    monkeypatch.setenv("SECRET", "s3cret-s3cret")
    monkeypatch.setenv("COLUMNS", "200")
    house.database.path.rename(folder / "replenish.db")
    return Operator()


def test_a_shop_that_reads_the_feed(operator: Operator, tmp_path: Path) -> None:
    """Added, priced, given a key that is shown once and revoked, and a hook whose secret changes."""
    shop = operator.reads("retailer add Corner --kind feed --agreement letter --shipping 390")["retailer_id"]
    (tmp_path / "p.csv").write_text(PRICES, encoding="utf-8")
    assert {"retailer_id": shop, "articles": 1} == operator.reads(
        f"retailer prices import {shop} {tmp_path}/p.csv"
    )
    (tmp_path / "bad.csv").write_text(PRICES.replace("8.50", "8.5x"), encoding="utf-8")
    assert "line 2, column unit_price" in operator.types(
        f"retailer prices import {shop} {tmp_path}/bad.csv", 2
    )
    assert "cannot be read" in operator.types(f"retailer prices import {shop} {tmp_path}/none.csv", 2)
    key = operator.reads(f"retailer key create {shop} --label till")["key"]
    database = Database(f"sqlite:///{tmp_path}/data/replenish.db")
    with database.read() as session:
        assert find_key(session, key) is not None
    listed = operator.types(f"retailer key list {shop}")
    assert "till" in listed
    assert key not in listed
    assert "revoked" in operator.types(f"retailer key revoke {key[:11]}")
    with database.read() as session:
        assert find_key(session, key) is None
    database.close()
    assert "no key" in operator.types("retailer key revoke rk_nothing1", 2)
    assert "no hook yet" in operator.types(f"retailer hook rotate {shop}", 2)
    first = operator.reads(f"retailer hook set {shop} https://corner.example/hook")["secret"]
    assert first.startswith("whsec_")
    assert first != operator.reads(f"retailer hook rotate {shop}")["secret"]
    assert "full address" in operator.types(f"retailer hook set {shop} corner.example", 2)
    assert shop in operator.types("retailer list")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("retailer add S --kind feed", "--agreement"),
        ("retailer add S https://s.example --kind cart", "--cart-template"),
        ("retailer add S https://s.example --kind cart --cart-template https://s.example/{id}", "{qty}"),
        ("retailer add S https://s.example --kind cxml --agreement c", "--token-env"),
        (f"retailer add S https://s.example {CXML} --deployment-mode live", "production or test"),
        (
            f"retailer add S https://s.example {CXML} --cart-template https://s.example/{{id}}/{{qty}}",
            "is for retailers",
        ),
        ("retailer add S https://s.example --token-env NOTHING", "NOTHING is empty"),
        ("retailer prices import shop-1 /dev/null", "column 'item_id'"),
        ("retailer key create nowhere", "no retailer 'nowhere'"),
        ("retailer hook set nowhere https://s.example", "no retailer 'nowhere'"),
        ("drs token nothing", "no device 'nothing'"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_do(operator: Operator, line: str, says: str) -> None:
    """And nothing is added."""
    before = operator.types("retailer list")
    assert says in operator.types(line, 2)
    assert before == operator.types("retailer list")


def test_the_other_kinds_are_added_and_no_secret_is_printed(operator: Operator) -> None:
    """Business supplier, cart, list; and a token for a device's cloud."""
    assert (
        "cxml" == operator.reads(f"retailer add Office https://s.example/cxml {CXML} --cost-center 7")["kind"]
    )
    template = "https://s.example/cart/{lines:id:qty}"
    assert (
        "cart"
        == operator.reads(f"retailer add Web https://s.example --kind cart --cart-template {template}")[
            "kind"
        ]
    )
    assert "list" == operator.reads("retailer add Market --kind list")["kind"]
    assert "s3cret" not in operator.types("retailer list")
    token = operator.reads("drs token button-1 --test")
    assert token["token"].startswith("drs_")
    assert token["base_url"].endswith("/drs")


def test_ways_to_pay_are_typed(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listed by name, never by token; what is refused says why."""
    monkeypatch.setenv("SECRET", "tok-1")
    made = operator.reads(
        "retailer add Shop https://shop.test --handler h --token-env SECRET --payment-name Visa"
    )
    shop = made["retailer_id"]
    monkeypatch.setenv("SECRET", "tok-2")
    operator.types(f"retailer pay add {shop} Giro --handler h --token-env SECRET")
    operator.types(f"retailer pay first {shop} Giro")
    listed = operator.types(f"retailer pay list {shop}")
    assert listed.index("Giro") < listed.index("Visa")
    assert "tok" not in listed
    assert "token that it issued" in operator.types(
        f"retailer pay add {shop} X --handler h --token-env NONE", 2
    )
    operator.types(f"retailer pay remove {shop} Visa")
    assert "add another first" in operator.types(f"retailer pay remove {shop} Giro", 2)
    assert "no retailer" in operator.types("retailer pay list shop-none", 2)
