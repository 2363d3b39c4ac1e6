"""The shop's SQLite file: its tables, its durability and its transactions. No business rule lives here."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
  item_id TEXT PRIMARY KEY, product_id TEXT NOT NULL, title TEXT NOT NULL, price_minor INTEGER NOT NULL,
  stock INTEGER NOT NULL CHECK (stock >= 0), unit TEXT NOT NULL, unit_amount INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS location_stock (
  location_id TEXT NOT NULL, item_id TEXT NOT NULL, stock INTEGER NOT NULL CHECK (stock >= 0),
  PRIMARY KEY (location_id, item_id));
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY, status TEXT NOT NULL, created_s REAL NOT NULL, expires_s REAL NOT NULL,
  quoted_minor INTEGER NOT NULL, profile_url TEXT NOT NULL,
  wish TEXT NOT NULL, final TEXT, notes TEXT NOT NULL DEFAULT '[]', pending TEXT, due_s REAL,
  buyer TEXT);
CREATE TABLE IF NOT EXISTS oauth_clients (client_id TEXT PRIMARY KEY, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS oauth_codes (
  code TEXT PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL,
  challenge TEXT NOT NULL, expires_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS oauth_tokens (
  token TEXT PRIMARY KEY, kind TEXT NOT NULL, client_id TEXT NOT NULL, scope TEXT NOT NULL,
  grant_id TEXT NOT NULL, expires_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key TEXT PRIMARY KEY, target TEXT NOT NULL, body_sha256 TEXT NOT NULL, status INTEGER NOT NULL,
  answer BLOB NOT NULL, created_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
  id TEXT PRIMARY KEY, checkout_id TEXT NOT NULL, profile_url TEXT NOT NULL,
  complete_key TEXT NOT NULL, state TEXT NOT NULL, created_s REAL NOT NULL, next_s REAL, doc TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_by_next ON orders (next_s) WHERE next_s IS NOT NULL;
CREATE TABLE IF NOT EXISTS deliveries (
  number INTEGER PRIMARY KEY AUTOINCREMENT, webhook_id TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL,
  profile_url TEXT NOT NULL, occurred_s REAL NOT NULL, body BLOB NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, next_wall_s REAL NOT NULL DEFAULT 0, fault TEXT,
  state TEXT NOT NULL DEFAULT 'waiting', last_outcome TEXT);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (order_id, number) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS signing_keys (
  kid TEXT PRIMARY KEY, pem TEXT NOT NULL, created_s REAL NOT NULL, retired_s REAL);
CREATE TABLE IF NOT EXISTS profiles (
  url TEXT PRIMARY KEY, body TEXT NOT NULL, fresh_until_wall_s REAL NOT NULL);
"""


class Store:
    """One connection to one file, used by one thread.

    Every write runs in `transaction`; with WAL and synchronous=FULL a committed one survives `kill -9` and a
    power cut.
    """

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Must not be nested and must not contain an `await`: one thread, one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of a transaction that can be undone on its own, by an exception."""
        self._db.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO attempt")
            raise
        finally:
            self._db.execute("RELEASE attempt")

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement; the number of rows it changed."""
        return self._db.execute(sql, values).rowcount

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return found

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._db.close()
