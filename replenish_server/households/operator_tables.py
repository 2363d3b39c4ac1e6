"""Tables of operators: who looks after the fleet, and belongs to no household. Secrets are kept as hashes."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from replenish_server.database import UtcTime


class Operator(SQLModel, table=True):
    """Somebody who looks after devices; one who was removed stays, and signs in no more."""

    id: str = Field(primary_key=True)
    name: str
    token_hash: str = Field(unique=True)
    created_at: datetime = Field(sa_type=UtcTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcTime)


class OperatorSession(SQLModel, table=True):
    """A browser in which an operator is signed in, until it expires or ends."""

    __tablename__ = "operator_session"

    token_hash: str = Field(primary_key=True)
    operator_id: str = Field(foreign_key="operator.id", index=True)
    expires_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
