"""Files on flash, each replaced as a whole. It never interprets what it stores.

A new content goes to a second file that is then renamed over the old one: a power cut leaves the old or the
new one.
"""

import os

_UNFINISHED = ".tmp"


class Folder:
    """One folder, made when it does not exist; unfinished writes of an earlier life are swept away.

    Args:
        path: folder, relative to the flash root.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            os.mkdir(path)
        except OSError:
            pass  # it exists
        for name in os.listdir(path):
            if name.endswith(_UNFINISHED):
                self.remove(name)

    def read(self, name: str) -> bytes | None:
        try:
            with open(self._path + "/" + name, "rb") as file:
                content: bytes = file.read()
                return content
        except OSError:
            return None

    def write(self, name: str, content: bytes) -> None:
        path = self._path + "/" + name
        with open(path + _UNFINISHED, "wb") as file:
            file.write(content)
        os.rename(path + _UNFINISHED, path)

    def remove(self, name: str) -> None:
        try:
            os.remove(self._path + "/" + name)
        except OSError:
            pass  # already gone

    def names(self) -> list[str]:
        return os.listdir(self._path)
