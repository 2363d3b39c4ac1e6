"""The shape of the tree, as docs/architecture.md and CONTRIBUTING.md promise it."""

import ast
import configparser
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("replenish_server", "device_sim", "firmware", "broker_config")
OURS = (*PACKAGES, "tests", "scripts")
ROOMS = {
    "telemetry",
    "fleet",
    "maker",
    "inventory",
    "forecast",
    "replenishment",
    "ordering",
    "retailers",
    "households",
    "web",
    "database",
    "cli",
    "operations",
}
MOCKING = {"unittest.mock", "mock", "pytest_mock"}
LONGEST_MODULE = 400
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
TEXT = {".py", ".md", ".toml", ".conf", ".acl", ".html", ".css", ".js", ".yaml", ".json", ".txt", ".ini"}


def files(*tops: str, pattern: str = "*.py") -> list[Path]:
    """Files under these folders, without what tools leave behind."""
    found = (path for top in tops for path in (ROOT / top).rglob(pattern))
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def pure_modules() -> list[Path]:
    """The modules that `.importlinter` holds to be PURE; all of a room where it names the room."""
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter", encoding="utf-8")
    named = rules["importlinter:contract:pure-server"]["source_modules"].split()
    places = [ROOT.joinpath(*module.split(".")) for module in named]
    return sorted(
        path
        for place in places
        for path in (place.glob("*.py") if place.is_dir() else [place.with_suffix(".py")])
    )


def test_no_module_outgrows_its_idea() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files(*OURS)}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_the_rooms_are_those_of_the_architecture_page() -> None:
    packages = {path.parent.name for path in (ROOT / "replenish_server").glob("*/__init__.py")}
    assert packages - {"demo"} == ROOMS
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [room for room in sorted(ROOMS) if f"`replenish_server/{room}`" not in page] == []


def test_every_module_says_what_it_owns() -> None:
    silent = [
        name(path)
        for path in files(*PACKAGES)
        if "migrations" not in path.parts  # a migration is told by its revision message
        and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []


def test_what_says_that_it_is_pure_is_held_to_it() -> None:
    """And what is held to it says so."""
    told = pure_modules()
    saying = [path for path in files("replenish_server") if path.read_text("utf-8").startswith('"""PURE')]
    assert [name(path) for path in saying if path not in told] == []
    assert [name(path) for path in told if path not in saying and path.name != "__init__.py"] == []


def test_a_package_front_holds_names_and_no_work() -> None:
    allowed = ast.Expr | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
    working = [
        name(path)
        for path in files(*PACKAGES, pattern="__init__.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if not isinstance(node, allowed)
    ]
    assert working == []


def test_rules_never_read_a_clock() -> None:
    """The import rules keep `time` and the clock out of PURE modules; this keeps `datetime.now()` out."""
    pure = pure_modules()
    readers = [
        f"{name(path)}:{node.lineno}"
        for path in pure
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
    ]
    assert pure
    assert readers == []


def _patches(node: ast.AST) -> bool:
    """Whether this is a mocking library, or a patch of anything but the standard library."""
    match node:
        case ast.ImportFrom(module=module):
            imported = {f"{module}.{alias.name}" for alias in node.names} | {module}
            return not imported.isdisjoint(MOCKING)
        case ast.Import():
            return not {alias.name for alias in node.names}.isdisjoint(MOCKING)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="monkeypatch"), attr="setattr"), args=[target, *_]
        ):
            spelled = target.value if isinstance(target, ast.Constant) else ast.unparse(target)
            return str(spelled).split(".", maxsplit=1)[0] not in sys.stdlib_module_names
    return False


def test_tests_pass_fakes_through_ports_and_patch_nothing() -> None:
    patched = [
        f"{name(path)}:{getattr(node, 'lineno', 0)}"
        for path in files("tests")
        for node in nodes(path)
        if _patches(node)
    ]
    assert patched == []


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        # pytest.raises, unittest's assertEqual, Playwright's expect, and helpers named for what they check.
        return called.startswith(("raises", "assert", "expect", "check"))
    return isinstance(node, ast.Assert)


def test_every_test_file_asserts_something() -> None:
    assert [
        name(path) for path in files("tests", pattern="test_*.py") if not any(map(_asserts, nodes(path)))
    ] == []


def test_nothing_is_marked_as_unfinished() -> None:
    texts = [
        *files(*OURS, "docs", pattern="*"),
        *ROOT.glob("*.md"),
        ROOT / "Makefile",
        ROOT / "pyproject.toml",
    ]
    marked = [
        f"{name(path)}:{number}"
        for path in texts
        if path.suffix in TEXT or path.name in {"Makefile", "bootstrap"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(mark in line for mark in UNFINISHED)
    ]
    assert marked == []
