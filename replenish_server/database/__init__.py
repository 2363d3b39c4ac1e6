"""Engine, unit of work and migrations. No room's rules live here."""

from replenish_server.database.bulk import Bulk
from replenish_server.database.changes import state_after, state_before
from replenish_server.database.driver import ask
from replenish_server.database.duties import Duties, is_alive
from replenish_server.database.engine import Database
from replenish_server.database.prepared import Prepared, fetch, note_absent
from replenish_server.database.records import add_row, append, change, insert_or_update
from replenish_server.database.types import UtcTime, from_ms, to_ms
from replenish_server.database.wakeups import Wakeups

__all__ = [
    "Bulk",
    "Database",
    "Duties",
    "Prepared",
    "UtcTime",
    "Wakeups",
    "add_row",
    "append",
    "ask",
    "change",
    "fetch",
    "from_ms",
    "insert_or_update",
    "is_alive",
    "note_absent",
    "state_after",
    "state_before",
    "to_ms",
]
