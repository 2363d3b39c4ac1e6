"""Files that last for one wake, for a board whose flash cannot be used or is not to be trusted."""


class Memory:
    """Files in memory."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self._content.get(name)

    def write(self, name: str, content: bytes) -> None:
        self._content[name] = content

    def remove(self, name: str) -> None:
        self._content.pop(name, None)

    def names(self) -> list[str]:
        return list(self._content)
