"""Tables of the feed: keys, sessions of the console, answers given before, and messages on their way out."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from replenish_server.database import UtcTime


class RetailerKey(SQLModel, table=True):
    """A key with which a retailer speaks to us; only its hash is kept. `id` is the part that may be shown."""

    __tablename__ = "retailer_key"

    id: str = Field(primary_key=True)
    retailer_id: str = Field(foreign_key="retailer.id", index=True)
    digest: str
    label: str = ""
    created_at: datetime = Field(sa_type=UtcTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcTime)


class RetailerSession(SQLModel, table=True):
    """A signed-in console; it ends with its key."""

    __tablename__ = "retailer_session"

    digest: str = Field(primary_key=True)
    key_id: str = Field(foreign_key="retailer_key.id", index=True)
    expires_at: datetime = Field(sa_type=UtcTime)


class FeedAnswer(SQLModel, table=True):
    """The answer to a request with an idempotency key: the same request again gets the same answer."""

    __tablename__ = "feed_answer"

    retailer_id: str = Field(primary_key=True, foreign_key="retailer.id")
    key: str = Field(primary_key=True)
    fingerprint: str
    status: int
    body: bytes
    at: datetime = Field(sa_type=UtcTime, index=True)


class RetailerHook(SQLModel, table=True):
    """Where a retailer wants to be told, and the secrets that sign it: the old one too, for a while."""

    __tablename__ = "retailer_hook"

    retailer_id: str = Field(primary_key=True, foreign_key="retailer.id")
    url: str
    secret: str
    old_secret: str | None = None
    old_until: datetime | None = Field(default=None, sa_type=UtcTime)
    changed_at: datetime = Field(sa_type=UtcTime)


class RetailerMessage(SQLModel, table=True):
    """A message to a retailer, stored with the change it tells of and sent later, as often as it takes."""

    __tablename__ = "retailer_message"

    id: str = Field(primary_key=True)
    retailer_id: str = Field(foreign_key="retailer.id", index=True)
    order_id: str = Field(foreign_key="book_order.id", index=True)
    kind: str
    body: bytes
    created_at: datetime = Field(sa_type=UtcTime)
    tries: int = 0
    next_try_at: datetime | None = Field(default=None, sa_type=UtcTime, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=UtcTime)
    last_status: int | None = None
