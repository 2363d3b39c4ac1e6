"""The manifest with which an image is built, read as MicroPython's build reads one."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
MANIFEST = ROOT / "scripts" / "manifest.py"

BUILT_IN = {
    "binascii", "collections", "errno", "esp32", "gc", "hashlib", "json", "machine", "network", "os",
    "random", "select", "socket", "struct", "sys", "time", "tls", "vfs"
}  # fmt: skip
"""Modules of MicroPython's ESP32 build itself."""


def frozen() -> dict[str, Path]:
    """Module file in the image -> where it comes from. Known: `include`, `package` and `freeze`."""
    found: dict[str, Path] = {}

    def include(path: str) -> None:
        assert path == "$(MPY_DIR)/extmod/asyncio"
        found["asyncio/__init__.py"] = Path(path)

    def package(name: str, *, base_path: str, opt: int) -> None:
        assert opt == 2  # firmware.const is imported `if __debug__` only
        base = (MANIFEST.parent / base_path).resolve()
        for path in sorted((base / name).rglob("*.py")):
            found[path.relative_to(base).as_posix()] = path

    def freeze(folder: str, names: tuple[str, ...], opt: int) -> None:
        assert opt == 2
        for name in names:
            found[name] = (MANIFEST.parent / folder / name).resolve()

    code = compile(MANIFEST.read_text(encoding="utf-8"), str(MANIFEST), "exec")
    exec(code, {"include": include, "package": package, "freeze": freeze})
    return found


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports on a board: what is behind a guard for type checkers is left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = [
        each for each in ast.walk(tree)
        if isinstance(each, ast.If) and ast.unparse(each.test) in ("_TYPES", "TYPE_CHECKING", "__debug__")
    ]  # fmt: skip
    skipped = {inner for each in guarded for inner in ast.walk(each)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_file_is_in_the_image_and_the_three_that_start_it_at_its_top() -> None:
    files = frozen()
    for path in (ROOT / "firmware").rglob("*.py"):
        assert files[path.relative_to(ROOT).as_posix()] == path
    for name in ("_boot.py", "boot.py", "main.py"):
        assert files[name] == ROOT / "firmware" / name


def test_whatever_is_imported_is_in_the_image_or_in_the_chip() -> None:
    files = frozen()
    asked = 0
    for path in (ROOT / "firmware").rglob("*.py"):
        if path.name == "ports.py":
            continue  # for the type checker: no board loads it
        for name in imports(path):
            top, asked = name.split(".")[0], asked + 1
            assert not name.startswith("firmware.app.ports"), path
            if top != "firmware":
                assert top in BUILT_IN or f"{top}/__init__.py" in files, f"{path}: {name}"
                continue
            as_file = name.replace(".", "/")
            owner = as_file.rsplit("/", 1)[0]
            assert {f"{as_file}.py", f"{owner}.py", f"{owner}/__init__.py"} & files.keys(), f"{path}: {name}"
    assert asked > 200
