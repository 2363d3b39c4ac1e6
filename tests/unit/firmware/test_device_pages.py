"""The makers' pages: pins of the firmware, pictures as the script draws them, patterns of the lamp."""

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from firmware.hal import pins
from scripts import wiring

ROOT = Path(__file__).parents[3]
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "devices").glob("*.md")}
PIN_ROW = re.compile(r"^\| `([A-Z_]+)` \| (\d+) \|", re.M)
SECTIONS = ("Parts", "Wiring", "Pins", "First start", "Calibration", "When it fails", "Not verified")


def test_every_device_has_a_page_with_all_that_a_maker_needs() -> None:
    assert set(PAGES) == set(wiring.DEVICES)
    for kind, page in PAGES.items():
        assert [section for section in SECTIONS if f"\n## {section}\n" not in page] == [], kind
        assert f"(../images/wiring-{kind}.svg)" in page


@pytest.mark.parametrize("kind", sorted(PAGES))
def test_the_pin_table_and_the_picture_have_the_firmwares_pins(kind: str) -> None:
    rows = {name: int(number) for name, number in PIN_ROW.findall(PAGES[kind])}
    assert rows == {name: getattr(pins, name) for name in rows}
    drawn = {pin.to for part in wiring.DEVICES[kind] for pin in part.pins if isinstance(pin.to, int)}
    assert drawn == set(rows.values())


@pytest.mark.parametrize("kind", sorted(PAGES))
def test_the_picture_is_what_the_script_draws(kind: str) -> None:
    picture = (ROOT / "docs" / "images" / f"wiring-{kind}.svg").read_text(encoding="utf-8")
    assert picture == wiring.draw(kind), "run: python scripts/wiring.py"
    root = ElementTree.fromstring(picture)  # well-formed
    assert root.tag.endswith("svg")
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_every_pattern_of_the_lamp_is_explained_to_whoever_presses() -> None:
    """As many rows as the lamp has patterns, in the words of docs/firmware.md."""
    tree = ast.parse((ROOT / "firmware" / "hal" / "panel.py").read_text(encoding="utf-8"))
    (patterns,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PATTERNS"
    ]
    common = (
        (ROOT / "docs" / "firmware.md").read_text(encoding="utf-8").split("## Light\n")[1].split("\n\n")[0]
    )
    rows = [row.split("|")[1].strip() for row in common.strip().splitlines()[2:]]
    assert len(rows) == len([shown for shown in patterns.values() if shown]) + 1  # and steady
    button = PAGES["button"].split("## Using it")[1]
    assert [row for row in rows if f"| {row} |" not in button] == []
