"""PostgreSQL through psycopg 3: several processes, and still one writer at a time.

Every writing transaction first takes one advisory lock, which its commit or its death releases. What it reads
from then on includes all that was committed before, as after SQLite's BEGIN IMMEDIATE, so that the same use
cases hold the same laws beside other processes (docs/adr/0027).
"""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

_ONE_WRITER = 0x5245504C  # "REPL": the key of the lock; nobody else uses this database
_LEAST_SERVER = 130000  # 13: the oldest that its makers still kept when this was written
# A writer that stopped answering in mid-transaction, or whose machine vanished, must let the others in.
_OPTIONS = (
    "-c lock_timeout=15s -c idle_in_transaction_session_timeout=30s"
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)
_CONNECT = {
    "application_name": "replenish",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": _OPTIONS,
}
_UNIT = "replenish_unit_of_work"


def open_postgresql(url: URL) -> tuple[Engine, Engine]:
    """Engines for reading (snapshots) and for writing (one at a time in the whole installation).

    Raises:
        ValueError: the driver is not installed.
    """
    try:
        reading = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={name: value for name, value in _CONNECT.items() if name not in url.query},
            pool_pre_ping=True,  # after the database restarted, nobody is handed a dead connection
            pool_size=10,
            max_overflow=20,
        )
    except ModuleNotFoundError as error:
        raise ValueError("PostgreSQL needs its driver; run: pip install 'replenish[postgres]'") from error
    from replenish_server.database.postgresql_types import WideColumns, WideTypes  # SQLite's homes need none

    dialect: Any = reading.dialect
    dialect.ddl_compiler, dialect.type_compiler_instance = WideColumns, WideTypes(dialect)
    event.listen(reading, "connect", _configure)
    event.listen(reading, "begin", _begin)
    event.listen(reading, "before_cursor_execute", _marked_for_psycopg, retval=True)
    snapshots = reading.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return snapshots, reading.execution_options(isolation_level="READ COMMITTED", writes=True)


def unit_of_work(connection: Connection) -> int:
    """The number of this writing transaction; the one that wrote before it has a lower one."""
    number: int = connection.info[_UNIT]
    return number


def problem(connection: Connection) -> str | None:
    """What makes this server lose or refuse what we entrust it with; None when nothing does."""
    version, fsync, whole_pages = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::int, current_setting('fsync'),"
        " current_setting('full_page_writes')"
    ).one()
    if version < _LEAST_SERVER:
        return f"the server is version {version // 10000}; 13 or later is needed"
    for name, said in (("fsync", fsync), ("full_page_writes", whole_pages)):
        if said != "on":
            return f"{name} is {said}: a power cut loses what was acknowledged; set {name} = on"
    return None


def _configure(connection: Any, _record: object) -> None:
    """A commit that returned is on the disk, whatever the server's default; sums of integers are integers."""
    from psycopg.types.numeric import IntLoader

    connection.adapters.register_loader("numeric", IntLoader)
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()


def _begin(connection: Connection) -> None:
    """A writer's turn: first the lock, then its number in the row of all that write."""
    options = connection.get_execution_options()
    if options.get("migrates"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")
    elif options.get("writes"):
        taken = f"SELECT pg_advisory_xact_lock({_ONE_WRITER}), nextval('unit_of_work')"
        connection.info[_UNIT] = connection.exec_driver_sql(taken).one()[1]


def _marked_for_psycopg(
    _connection: Connection, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    """Statements that we hand to the driver say `?`, as SQLite does; psycopg wants `%s`, and no NUL."""
    if context is not None and context.compiled is None and parameters and "?" in statement:
        statement = statement.replace("%", "%%").replace("?", "%s")
    return statement, _storable(parameters)


def _storable(parameters: Any) -> Any:
    """Text without NUL, which SQLite keeps and PostgreSQL refuses: as the sign for what cannot be shown.

    Whoever looks for such a text finds nothing, as in SQLite, and gets no error.
    """
    if isinstance(parameters, list):
        return [_storable(each) for each in parameters]
    values = parameters.values() if isinstance(parameters, dict) else parameters
    if not any(type(value) is str and "\0" in value for value in values):
        return parameters
    if isinstance(parameters, dict):
        return dict(zip(parameters, map(_shown, values), strict=True))
    return tuple(map(_shown, values))


def _shown(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if type(value) is str else value
