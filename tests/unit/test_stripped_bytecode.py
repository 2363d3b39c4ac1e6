"""Bytecode without docstrings: it does what the source says, and is never that of another source."""

import os
from importlib.util import cache_from_source, module_from_spec
from pathlib import Path
from types import ModuleType

import pytest

from replenish_server.stripped_bytecode import compile_stripped, hook_for

SOURCE = '''"""Of the module."""


class Kept:
    """Of the class."""

    text = """no docstring"""


def answer():
    """Of the function."""
    return 42


def lone():
    """Nothing but this."""


def checked(value):
    assert value, "asserted"
'''


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "library.py"
    path.write_text(SOURCE)
    return path


def load(source: Path) -> ModuleType:
    spec = hook_for((str(source.parent),))(str(source.parent)).find_spec(source.stem)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_but_docstrings_is_there(source: Path) -> None:
    """Assertions too, and what only looks like a docstring."""
    assert compile_stripped([str(source)]) == 1
    module = load(source)
    said = [thing.__doc__ for thing in (module, module.Kept, module.answer, module.lone)]
    assert (said, module.Kept.text) == ([" "] * 4, "no docstring")
    assert (module.answer(), module.lone(), module.answer.__code__.co_firstlineno) == (42, None, 10)
    with pytest.raises(AssertionError, match="asserted"):
        module.checked(False)


def test_another_source_is_loaded_as_it_is(source: Path) -> None:
    """A newer release in the same place, with what was kept of the old one beside it."""
    compile_stripped([str(source)])
    source.write_text(SOURCE.replace("42", "430"))
    assert load(source).answer() == 430
    source.write_text(SOURCE.replace("42", "43"))
    os.utime(source, (1, 1))
    assert load(source).answer() == 43


@pytest.mark.parametrize("cut", [0, 8, 16, 40])
def test_what_was_cut_short_is_not_taken(source: Path, cut: int) -> None:
    """The disk was full, or the power gone."""
    compile_stripped([str(source)])
    kept = Path(cache_from_source(str(source), optimization="docless"))
    kept.write_bytes(kept.read_bytes()[:cut])
    module = load(source)
    assert (module.answer(), module.__doc__) == (42, "Of the module.")


def test_what_lies_elsewhere_is_left_to_python(source: Path) -> None:
    """Our own modules, and Python's."""
    with pytest.raises(ImportError, match="not where"):
        hook_for(("/nowhere",))(str(source.parent))
