"""What the commands print is what was said: names of people and shops are no markup, and no emoji."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.markup import render

from replenish_server.cli.main import app
from replenish_server.cli.parts import fail, say

ROOT = Path(__file__).parents[2]
NAMES = ("[/x]", "[bold]Ada[/bold]", "{lines:id:qty}", "a" * 200)


def texts(command: Any) -> Iterator[str]:
    """Every help text of a command, and of those under it."""
    yield command.help or ""
    for parameter in command.params:
        yield parameter.help or ""
    for each in getattr(command, "commands", {}).values():
        yield from texts(each)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_printed_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line; what is wrong goes to stderr, so that stdout holds results only."""
    say(f"Added {name}.")
    assert capsys.readouterr() == (f"Added {name}.\n", "")
    assert fail(f"there is no {name}").exit_code == 2
    assert capsys.readouterr() == ("", f"there is no {name}\n")


def test_every_command_that_a_document_names_exists() -> None:
    """`replenish WORD WORD` in a document or the broker's configuration is a command or a group of them."""
    top: Any = typer.main.get_command(app)
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "broker_config").glob("*.conf")]
    named = {
        (page.name, words)
        for page in pages
        for words in re.findall(
            r"(?:`|^|\| )replenish ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", page.read_text(), re.MULTILINE
        )
    }
    assert len(named) > 50
    missing = []
    for page, words in named:
        first, *second = words.split()
        group = top.commands.get(first)
        if group is None or (second and second[0] not in getattr(group, "commands", second)):
            missing.append(f"{page}: replenish {words}")
    assert missing == []


def test_every_help_says_what_was_written() -> None:
    """Rich reads help texts for markup and emoji; ours hold none."""
    said = [render(text).plain for text in texts(typer.main.get_command(app))]
    assert len(said) > 200
    assert not [text for text in said if any(ord(letter) > 0x1F000 for letter in text)]
    assert any("{lines:id:qty}" in text for text in said)
