"""Documents that can be checked: links lead somewhere, records follow their form, the change log parses."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RECORDS = sorted(path for path in (ROOT / "docs" / "adr").glob("*.md") if path.name != "README.md")
SECTIONS = ("Context", "Decision", "Consequences", "Alternatives", "Enforced by")
STATUSES = ("accepted", "superseded by")
TAGS = {"device wire format", "server API", "operators"}
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.DOTALL | re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """The fragments that a page's headings make, as code forges build them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCS, ids=name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    broken = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (
            fragment and file.suffix == ".md" and fragment not in anchors(file.read_text(encoding="utf-8"))
        ):
            broken.append(target)
    assert broken == []


def test_records_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in RECORDS]
    assert numbers[0] == 1
    assert [second - first for first, second in pairwise(numbers)] == [1] * (len(numbers) - 1)


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_a_record_has_its_sections_and_a_decision_that_can_be_quoted(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    title, *rest = text.splitlines()
    assert re.fullmatch(rf"# {record.name[:4]} .+", title)
    assert any(line.startswith(f"Status: {status}") for line in rest[:3] for status in STATUSES)
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == SECTIONS
    decision = text.split("## Decision\n", 1)[1].strip().splitlines()[0]
    assert decision.startswith("> "), "the decision's first line is a quotation"


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_the_list_of_records_names_each(record: Path) -> None:
    assert f"]({record.name})" in (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_what_enforces_a_record_exists(record: Path) -> None:
    enforced = record.read_text(encoding="utf-8").split("## Enforced by\n", 1)[1]
    paths = re.findall(r"`((?:[\w.]+/)+[\w.]*|\.\w+|Makefile)`", enforced)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_change_log_parses() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d{2}-\d{2})?$", text, re.MULTILINE)
    assert releases[0] == "Unreleased"
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= KINDS
    entries = re.findall(r"^- (.+)$", text, re.MULTILINE)
    assert entries
    untagged = [
        entry
        for entry in entries
        if not (match := re.match(r"\*\*(.+?):\*\* ", entry)) or match[1] not in TAGS
    ]
    assert untagged == []


def test_every_locked_package_has_a_hash_and_no_index_is_named() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        text = lock.read_text(encoding="utf-8")
        pins = re.findall(
            r"^([a-z0-9][a-z0-9.-]*)==\S+(.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*)", text, re.MULTILINE
        )
        assert pins
        assert [pin for pin, hashes in pins if "--hash" not in hashes] == []
        assert not re.search(r"://|^-i |--index|--find-links|^file:", text, re.MULTILINE)


def test_the_lock_holds_every_direct_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["sim"]]
    wanted = {"demo": runtime, "dev": [*runtime, *project["dependency-groups"]["dev"]]}
    for stage, requirements in wanted.items():
        pinned = set(
            re.findall(r"^([a-z0-9.-]+)==", (ROOT / f"requirements/{stage}.lock").read_text(), re.MULTILINE)
        )
        names = {
            re.split(r"[<>=!~\[; ]", requirement)[0].lower().replace("_", "-") for requirement in requirements
        }
        assert names - pinned == set(), f"requirements/{stage}.lock is stale: run make lock"
