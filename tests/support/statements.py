"""What SQLite itself is asked: also what goes straight to the driver, which no event of SQLAlchemy sees."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Spy:
    """What every connection to a SQLite file was asked to do.

    `syncs` counts commits of transactions that wrote, each of which waits for the disk.
    """

    statements: list[str] = field(default_factory=list)
    syncs: int = 0

    def watch(self, raw: Any, _record: object) -> None:
        """Listen to one connection."""
        writes = [False]

        def heard(text: str) -> None:
            self.statements.append(text)
            if text.startswith("BEGIN"):
                writes[0] = "IMMEDIATE" in text
            elif text.startswith("COMMIT"):
                self.syncs += writes[0]

        raw.set_trace_callback(heard)

    def since(self) -> tuple[int, int]:
        """Statements that look or write, and syncs, since the last time."""
        frame = ("BEGIN", "COMMIT", "ROLLBACK")
        counted = sum(not text.startswith(frame) for text in self.statements), self.syncs
        self.statements.clear()
        self.syncs = 0
        return counted
