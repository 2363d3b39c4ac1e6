"""What PostgreSQL's columns are made as, so that they hold what SQLite's hold."""

from typing import Any

from sqlalchemy.dialects.postgresql.base import PGDDLCompiler, PGTypeCompiler


class WideTypes(PGTypeCompiler):
    """Integers have 64 bits, as in SQLite: milligrams of a month do not fit into 32."""

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:  # noqa: N802 - SQLAlchemy's name
        return "BIGINT"


class WideColumns(PGDDLCompiler):
    """The same for columns that number their rows."""

    def get_column_specification(self, column: Any, **kw: Any) -> str:
        specification: str = super().get_column_specification(column, **kw)  # type: ignore[no-untyped-call]
        return specification.replace(" SERIAL", " BIGSERIAL")
