"""A ROM file system for the MicroPython VM: compiled modules that run where they lie, as frozen ones do.

A bench loads the image into one block of the heap and grants the heap that much more.
Source: MicroPython's documentation of romfs: records of kind, length and payload, numbers of 7 bits a byte.
"""

from pathlib import Path

_VERBATIM, _DIRECTORY, _FILE = 2, 4, 5


def image(folder: Path) -> bytes:
    """Everything below a folder."""
    body = _entries(folder)
    length = _number(len(body))
    if (3 + len(length) + len(body)) % 2:
        length = b"\x80" + length  # records start at even addresses
    return b"\xd2\xcd\x31" + length + body


def program(path: Path, size: int, then: str) -> str:
    """What mounts an image of `size` bytes before everything else, and then runs `then`."""
    return (
        f"import sys, vfs\nrom = bytearray({size})\n"
        f"with open({str(path)!r}, 'rb') as file:\n    file.readinto(rom)\n"
        f"vfs.mount(vfs.VfsRom(rom), '/rom')\nsys.path.insert(0, '/rom')\n{then}"
    )


def _entries(folder: Path) -> bytes:
    out = b""
    for path in sorted(folder.iterdir()):
        name = _number(len(path.name)) + path.name.encode()
        if path.is_dir():
            out += _record(_DIRECTORY, name + _entries(path))
        else:
            out += _record(_FILE, name + _record(_VERBATIM, path.read_bytes()))
    return out


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def _number(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.insert(0, 0x80 | value & 0x7F)
    return bytes(digits)
