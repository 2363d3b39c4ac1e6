"""Column types that SQL databases lack."""

from datetime import UTC, datetime, timedelta
from typing import Any, overload

from sqlalchemy import BigInteger, Column, Dialect, Table, TypeDecorator, event
from sqlmodel import SQLModel

# A row of a table is never validated: a validator and a serializer for each table would be built for nobody.
SQLModel.model_config["defer_build"] = True

_SHARED: dict[object, TypeDecorator[Any]] = {}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware moment kept as whole milliseconds since 1970, UTC: sortable, compact, without time zones.

    Raises:
        ValueError: a naive datetime is bound; it would silently mean the machine's own zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To milliseconds."""
        return to_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From milliseconds."""
        return from_ms(value)


@event.listens_for(Column, "after_parent_attach")
def _share_type(column: Column[Any], _table: Table) -> None:
    """Columns of one type have one object for it: of each, SQLAlchemy makes a class of comparisons.

    They mean the same SQL when statements with them are kept under the same key.
    """
    kind, key = column.type, column.type._static_cache_key
    if isinstance(kind, TypeDecorator) and kind.cache_ok and isinstance(key, tuple):
        column.type = _SHARED.setdefault(key, kind)


@overload
def to_ms(value: datetime) -> int: ...
@overload
def to_ms(value: None) -> None: ...
def to_ms(value: datetime | None) -> int | None:
    """What `UtcTime` keeps of a moment: whole milliseconds since 1970; raises as it does."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone reached the database: {value!r}")
    return (value - _EPOCH) // _MILLISECOND


@overload
def from_ms(value: int) -> datetime: ...
@overload
def from_ms(value: None) -> None: ...
def from_ms(value: int | None) -> datetime | None:
    """The moment that `UtcTime` kept."""
    return None if value is None else _EPOCH + value * _MILLISECOND
