"""Column types that SQL databases lack."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect, TypeDecorator
from sqlmodel import SQLModel

# A row of a table is never validated: a validator and a serializer for each table would be built for nobody.
SQLModel.model_config["defer_build"] = True

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


def to_ms(value: datetime | None) -> int | None:
    """What `UtcTime` keeps of a moment; raises as it does."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone reached the database: {value!r}")
    return (value - _EPOCH) // _MILLISECOND


def from_ms(value: int | None) -> datetime | None:
    """The moment that `UtcTime` kept."""
    return None if value is None else _EPOCH + value * _MILLISECOND
