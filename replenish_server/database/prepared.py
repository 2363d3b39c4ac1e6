"""Statements on the way of a press: made once for the process, and with SQLite given straight to the driver.

SQLAlchemy's compiled statements spare most of the thinking and none of the bookkeeping, which for one row
costs ten to fifty times what SQLite needs for it. What comes back is the same; entities are the session's.
"""

from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, bindparam, inspect
from sqlalchemy.orm.base import DEFAULT_STATE_ATTR as STATE_ATTR
from sqlalchemy.orm.state import InstanceState
from sqlmodel import Session, SQLModel, select

from replenish_server.database.driver import ask
from replenish_server.database.types import UtcTime, from_ms, to_ms

T = TypeVar("T")
Row = TypeVar("Row", bound=SQLModel)
_Process = Callable[[Any], Any]
_HELD = "held"


class Prepared(Generic[T]):
    """A SELECT that is asked again and again, with named parameters.

    Args:
        statement: of one thing, an entity or a column, which `all` and `first` answer by itself; or of
            several, which they answer as a tuple (None for an entity that an outer join did not find).
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._columns = list(statement.selected_columns)
        self._things = _things_of(statement)
        self._thing = self._things[0] if len(self._things) == 1 else None
        self._text: Parameters | None = None
        self._readers: list[tuple[int, _Process]] = []

    def all(self, session: Session, **parameters: Any) -> list[T]:
        """Everything that it finds. What the session has not written yet is written before."""
        session.flush()
        found: list[Any] = self.rows(session.connection(), **parameters)
        if not found:
            return []
        if (thing := self._thing) is not None:
            return [thing(session, row) for row in found]
        things: list[Any] = [tuple([thing(session, row) for thing in self._things]) for row in found]
        return things

    def first(self, session: Session, **parameters: Any) -> T | None:
        """The first that it finds, or None; say so in the statement where there may be many."""
        found = self.all(session, **parameters)
        return found[0] if found else None

    def rows(self, connection: Connection, **parameters: Any) -> list[Sequence[Any]]:
        """Everything that it finds, as its columns."""
        if connection.dialect.name != "sqlite":
            return list(connection.execute(self._statement, parameters))
        if self._text is None:
            self._readers = _readers_of(self._columns, connection.dialect)
            self._text = Parameters(self._statement, connection.dialect)
        found = ask(connection, self._text.text, self._text.bound(parameters))
        return [_as_read(row, self._readers) for row in found] if self._readers else found


def _as_read(row: Sequence[Any], readers: Sequence[tuple[int, _Process]]) -> list[Any]:
    """SQLite's values as those of the columns."""
    values = list(row)
    for place, reader in readers:
        if values[place] is not None:
            values[place] = reader(values[place])
    return values


def fetch(session: Session, model: type[Row], *key: Any) -> Row | None:
    """The row of a primary key: the session's own where it has it already; None where there is none."""
    known: Row | None = session.identity_map.get((model, key, None))
    if known is not None or key in session.info.get(model, ()):
        return known
    asked, names = _by_key(model)
    found: Row | None = asked.first(session, **dict(zip(names, key, strict=True)))
    return found


def note_absent(session: Session, model: type[SQLModel], *key: Any) -> None:
    """A query has shown that there is no such row: `fetch` asks no more, until this session adds one."""
    session.info.setdefault(model, set()).add(key)


def hold(session: Session, row: object) -> None:
    """Keep a row as long as the session lives, which itself only remembers what somebody else holds."""
    session.info.setdefault(_HELD, []).append(row)


class Parameters:
    """A statement as SQLite reads it, and what it wants to be told, in its order.

    Args:
        statement: of SQLAlchemy; its parameters without a value are told later.
        dialect: SQLite's.
    """

    def __init__(self, statement: Any, dialect: Any) -> None:
        compiled = statement.compile(dialect=dialect)
        told_later = {name for name, bind in compiled.binds.items() if bind.required}
        if compiled.post_compile_params:  # what an IN compares with becomes one parameter for each
            given = statement.params(dict.fromkeys(told_later)) if told_later else statement
            compiled = given.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.text = str(compiled)
        expanded = compiled._post_compile_expanded_state
        names = compiled.positiontup if expanded is None else expanded.positiontup
        values = compiled.construct_params(_check=False) if expanded is None else expanded.parameters
        processors = compiled._bind_processors | ({} if expanded is None else dict(expanded.processors))
        processors |= {name: to_ms for name, bind in compiled.binds.items() if isinstance(bind.type, UtcTime)}
        self._fixed = {
            name: processors[name](values[name]) if name in processors else values[name]
            for name in names
            if name not in told_later
        }
        self._pick = _picker_of(names)
        self._processors: list[tuple[int, _Process]] = [
            (place, processors[name])
            for place, name in enumerate(names)
            if name in told_later and name in processors
        ]

    def bound(self, parameters: dict[str, Any]) -> Sequence[Any]:
        """The values for the driver.

        Raises:
            KeyError: one is missing.
        """
        picked = self._pick(parameters | self._fixed if self._fixed else parameters)
        if not self._processors:
            return picked
        values = list(picked)
        for place, processor in self._processors:
            values[place] = processor(values[place])
        return values


def _picker_of(names: Sequence[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    if not names:
        return lambda _parameters: ()
    if len(names) == 1:
        (name,) = names
        return lambda parameters: (parameters[name],)
    return itemgetter(*names)


@cache
def _by_key(model: type[Row]) -> tuple[Prepared[Row], tuple[str, ...]]:
    columns = list(inspect(model).primary_key)
    names = tuple(str(column.key) for column in columns)
    which = (column == bindparam(name) for column, name in zip(columns, names, strict=True))
    return Prepared(select(model).where(*which)), names


def _readers_of(columns: Sequence[Any], dialect: Any) -> list[tuple[int, _Process]]:
    """What makes of SQLite's values those of the columns, where they differ."""
    readers = enumerate(
        from_ms
        if isinstance(column.type, UtcTime)
        else column.type.dialect_impl(dialect).result_processor(dialect, None)
        for column in columns
    )
    return [(place, reader) for place, reader in readers if reader is not None]


def _things_of(statement: Any) -> list[Callable[[Session, Sequence[Any]], Any]]:
    """For each thing that a SELECT selects, what makes it of a row."""
    made: list[Callable[[Session, Sequence[Any]], Any]] = []
    at = 0
    for described in statement.column_descriptions:
        if described["expr"] is described["entity"]:
            mapper = inspect(described["entity"])
            made.append(_Entity(mapper, at))
            at += len(mapper.columns)
        else:
            made.append(lambda _session, row, at=at: row[at])  # type: ignore[misc]
            at += 1
    return made


class _Entity:
    """Makes an entity of some columns of a row, as the session's own.

    Args:
        mapper: of the entity.
        at: where its columns begin in a row.
    """

    def __init__(self, mapper: Any, at: int) -> None:
        self._model, self._manager = mapper.class_, mapper.class_manager
        self._names = [str(column.key) for column in mapper.columns]
        self._columns = slice(at, at + len(self._names))
        key = [at + self._names.index(column.key) for column in mapper.primary_key]
        self._key = _picker_of_places(key)

    def __call__(self, session: Session, row: Sequence[Any]) -> Any:
        """The one that the session has already, where it has it; None where the row holds none."""
        key = self._key(row)
        if key[0] is None:
            return None
        identity = (self._model, key, None)  # as SQLAlchemy writes it
        identity_map = session.identity_map
        known = identity_map.get(identity)
        if known is not None:
            return known
        model = self._model
        entity = model.__new__(model)
        state = InstanceState(entity, self._manager)
        values = entity.__dict__
        values[STATE_ATTR] = state
        values.update(zip(self._names, row[self._columns], strict=True))
        state.key, state.session_id = identity, session.hash_key
        identity_map.add(state)
        hold(session, entity)
        return entity


@cache
def entity_of(model: type[SQLModel], dialect: Any) -> Callable[[Session, Sequence[Any]], Any]:
    """What makes the session's own entity of values as SQLite keeps them, in the order of the columns."""
    mapper = inspect(model)
    entity, readers = _Entity(mapper, 0), _readers_of(list(mapper.columns), dialect)

    def make(session: Session, stored: Sequence[Any]) -> Any:
        return entity(session, _as_read(stored, readers))

    return make


def _picker_of_places(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """As `_picker_of`, of a row."""
    if len(places) == 1:
        (place,) = places
        return lambda row: (row[place],)
    return itemgetter(*places)
