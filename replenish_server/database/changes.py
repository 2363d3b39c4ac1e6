"""Whether anybody else wrote between two units of work of the same writer, so that it may trust its memory.

A writer keeps what `state_after` said at the end of one, and compares with `state_before` in the next.
"""

from sqlalchemy import Connection

from replenish_server.database import postgresql, sqlite


def state_before(connection: Connection) -> object:
    """What the database was like when this unit of work began."""
    if connection.dialect.name == "postgresql":
        return postgresql.unit_of_work(connection) - 1
    return sqlite.mark(connection)


def state_after(connection: Connection) -> object:
    """What it will be like when this unit of work, which writes nothing more, is committed."""
    if connection.dialect.name == "postgresql":
        return postgresql.unit_of_work(connection)
    return sqlite.mark(connection)
