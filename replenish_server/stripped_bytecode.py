"""Bytecode of libraries without their docstrings, which a server never reads: 5 MiB less, and sooner loaded.

`python -OO` would strip assertions too, and our own code, and would compile everything anew at each start
where it may not write. So the installation runs `compile_loaded` once, which stores stripped bytecode beside
the libraries' own. Where it is missing or stale, a module loads as usual.
"""

import ast
import marshal
import os
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterable
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.importlib import PathEntryFinderProtocol

_NAME = "docless"  # of the bytecode's optimization, in its file name
_HEAD_BYTES = 16  # as of any bytecode that is valid for a time and a size: PEP 552
_NO_DOCSTRING = " "  # libraries assert that there is one, and put others together with it


class _Loader(SourceFileLoader):
    """Loads stripped bytecode where it was compiled from the source that is there."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The module's code."""
        source = self.get_filename(fullname)
        try:
            kept = Path(cache_from_source(source, optimization=_NAME)).read_bytes()
            if kept[:_HEAD_BYTES] == _head(source):
                code: CodeType = marshal.loads(kept[_HEAD_BYTES:])  # noqa: S302 - beside the code it stands for
                return code
        except (OSError, ValueError, EOFError, TypeError):
            pass  # not kept, or cut short
        return super().get_code(fullname)


def load_without_docstrings() -> None:
    """From now on load libraries without their docstrings, where that was compiled."""
    sys.path_hooks.insert(0, hook_for(_installed()))
    sys.path_importer_cache.clear()


def hook_for(folders: tuple[str, ...]) -> "Callable[[str], PathEntryFinderProtocol]":
    """An entry of `sys.path_hooks` that loads stripped bytecode for modules in these folders."""
    find = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (_Loader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

    def hook(path: str) -> "PathEntryFinderProtocol":
        if not path.startswith(folders):
            raise ImportError("not where libraries are installed", path=path)
        return find(path)

    return hook


def _installed() -> tuple[str, ...]:
    return sysconfig.get_path("purelib"), sysconfig.get_path("platlib")


def compile_loaded() -> int:
    """Run `compile_stripped` on every library that this process has loaded; returns how many there were."""
    files = {str(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())}
    libraries = [name for name in files if name.startswith(_installed()) and name.endswith(".py")]
    return compile_stripped(sorted(libraries))


def compile_stripped(sources: Iterable[str]) -> int:
    """Compile sources without docstrings, store the code beside their own bytecode; returns how many.

    Raises:
        OSError: a file may not be written.
    """
    kept = 0
    for source in sources:
        tree = ast.parse(Path(source).read_bytes())
        _empty_docstrings(tree)
        code = compile(tree, source, "exec", dont_inherit=True)
        target = Path(cache_from_source(source, optimization=_NAME))
        target.parent.mkdir(exist_ok=True)
        half = target.with_suffix(f".{os.getpid()}")
        half.write_bytes(_head(source) + marshal.dumps(code))
        half.replace(target)
        kept += 1
    return kept


def _empty_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            value = first.value if isinstance(first, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                value.value = _NO_DOCSTRING


def _head(source: str) -> bytes:
    stat = Path(source).stat()
    return MAGIC_NUMBER + struct.pack("<III", 0, int(stat.st_mtime) & 0xFFFFFFFF, stat.st_size & 0xFFFFFFFF)
