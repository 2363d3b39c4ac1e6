"""Tables of people and of how they prove who they are. Secrets are kept as hashes only."""

from datetime import datetime
from typing import Any

from sqlmodel import JSON, Column, Field, Index, SQLModel, text

from replenish_server.database import UtcTime


class Person(SQLModel, table=True):
    """Somebody in a household. One who was removed stays, so that what they did keeps its name.

    `pin_failures` counts wrong PINs in a row; until `pin_locked_until` none is tried.
    """

    __table_args__ = (
        Index(
            "one_name_per_household",
            "household_id",
            "name",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),  # to PostgreSQL the migration says it
        ),
    )

    id: str = Field(primary_key=True)
    household_id: str = Field(foreign_key="household.id", index=True)
    name: str
    role: str
    pin_hash: str | None = None
    pin_failures: int = 0
    pin_locked_until: datetime | None = Field(default=None, sa_type=UtcTime)
    created_at: datetime = Field(sa_type=UtcTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcTime)


class SignInLink(SQLModel, table=True):
    """A link that signs one browser in, once."""

    __tablename__ = "sign_in_link"

    token_hash: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    expires_at: datetime = Field(sa_type=UtcTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcTime)


class SignInSession(SQLModel, table=True):
    """A browser that is signed in, until it expires or somebody ends it."""

    __tablename__ = "sign_in_session"

    id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    browser: str
    created_at: datetime = Field(sa_type=UtcTime)
    last_seen_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


class ApiToken(SQLModel, table=True):
    """A program that may act for a person, within `scopes` and the person's role."""

    __tablename__ = "api_token"

    id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    name: str
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=UtcTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


class IdempotentCall(SQLModel, table=True):
    """A request with a key of the asker's own, and its answer once there is one."""

    __tablename__ = "idempotent_call"

    caller: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    answer: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    claimed_at: datetime = Field(sa_type=UtcTime, index=True)
