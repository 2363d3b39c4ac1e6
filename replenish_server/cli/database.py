"""`replenish database`: moving an installation from its SQLite file to PostgreSQL."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from replenish_server import operations
from replenish_server.cli.parts import NO_HOUSEHOLD, AsJson, fail, open_database, print_json, say
from replenish_server.database import Database
from replenish_server.database.move import MoveRefused, Proof, move
from replenish_server.operations import lock_data_folder
from replenish_server.settings import Settings

database_app = typer.Typer(no_args_is_help=True, help="Where the rows are.")


@database_app.callback()
def database_commands() -> None:
    """Where the rows are."""


@database_app.command("move")
def database_move(
    to: Annotated[str, typer.Option(help="postgresql://user:password@host/name, a database without a row.")],
    as_json: AsJson = False,
) -> None:
    """Move everything from the SQLite file to PostgreSQL, checked row by row, with the server stopped."""
    settings = Settings()
    lock = lock_data_folder(settings.data_dir)
    if lock is None:
        raise fail(f"A server runs on {settings.data_dir}; stop it first.")
    with lock:
        proofs, kept = _move_all(settings, to)
    rows = sum(proof.rows for proof in proofs.values())
    if as_json:
        tables = {name: {"rows": proof.rows, "digest": proof.digest} for name, proof in proofs.items()}
        print_json({"rows": rows, "tables": tables, "kept": str(kept)})
        return
    say(f"Moved {rows} rows of {len(proofs)} tables; counts and digests of each are the same.")
    say(f"The file is kept as {kept}, so that no server orders from it again.")
    say("Next: set REPLENISH_DATABASE_URL to it, then: replenish doctor, and replenish serve.")


def _move_all(settings: Settings, to: str) -> tuple[dict[str, Proof], Path]:
    source = open_database(settings)
    if not operations.households(source):
        raise fail(NO_HOUSEHOLD)
    if source.shared:
        raise fail(f"The rows are in {source.name} already; unset REPLENISH_DATABASE_URL to move the file.")
    kept = source.path.with_name(source.path.name + ".moved")
    if kept.exists():
        raise fail(f"{kept} is there from an earlier move; put it away first.")
    proofs = _moved(source, to)
    _put_away(source, kept)
    return proofs, kept


def _moved(source: Database, to: str) -> dict[str, Proof]:
    try:
        target = Database(to)
    except ValueError as error:
        raise fail(str(error)) from error
    try:
        return move(source, target)
    except MoveRefused as error:
        raise fail(str(error)) from error
    except SQLAlchemyError as error:
        why = str(error.__cause__ or error).strip().splitlines()[0]
        raise fail(f"{target.name}: {why}. Nothing was moved; the file is as it was.") from error
    finally:
        target.close()


def _put_away(source: Database, kept: Path) -> None:
    """Everything into the file itself, then the file out of the way."""
    path = source.path
    source.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    path.rename(kept)
    for rest in ("-wal", "-shm"):  # only while somebody has the file open
        log = path.with_name(path.name + rest)
        if log.exists():
            log.rename(kept.with_name(kept.name + rest))
