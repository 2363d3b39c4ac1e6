"""`replenish serve`: reads its arguments with argparse, because a server lives for months with what it loads.

The other commands are short, and have Typer and Rich; here both would stay for 6 MiB and half a second.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from replenish_server import operations
from replenish_server.failures import require_free_ports
from replenish_server.fleet.authority import Authority
from replenish_server.process import run_without_page
from replenish_server.server import Server
from replenish_server.settings import Role, Settings


def serve(arguments: Sequence[str]) -> None:
    """Run the server: ingest, page and workers, in one process or, with --role, in several.

    Args:
        arguments: what follows `replenish serve` in the command line.

    Raises:
        SystemExit: it cannot run like this; what to do about it is printed.
    """
    given = _parser().parse_args(arguments)
    for name, value in (("REPLENISH_ROLE", given.role), ("REPLENISH_DATABASE_URL", given.database)):
        if value is not None:
            os.environ[name] = value  # for the processes that this one starts, too
    settings = Settings()
    lock = operations.lock_data_folder(settings.data_dir)  # before the look: a move puts the file away
    shared, where = _look_at_database(settings)
    if shared and lock is not None:
        lock.close()
    elif lock is None and not shared:
        _refuse(f"Another server already runs on {settings.data_dir}; stop it first.")
    logging.basicConfig(
        level=logging.INFO if given.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # a line per tick says nothing
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if settings.role.serves:
        require_free_ports(_listens_at(settings))
    what = f"is at {settings.base_url}" if settings.role.serves else f"runs as {settings.role}"
    print(f"Replenish {what} (data in {where}).", flush=True)
    run_server(settings)


def _listens_at(settings: Settings) -> list[tuple[str, str, int]]:
    """Setting, address and port of the pages, and of the edge for devices where there is one."""
    edge = [("REPLENISH_EDGE_PORT", settings.device_address, settings.edge_port)]
    pages = ("REPLENISH_HTTP_PORT", settings.http_host, settings.http_port)
    return [pages, *(edge if Authority(settings.authority_folder).exists else [])]


def run_server(settings: Settings) -> None:
    """Run this process's role until a signal ends it; one that serves no page loads none."""
    server = Server(settings)
    if settings.role.serves:
        from replenish_server.app import run_web

        run_web(server)
    else:
        run_without_page(server)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "replenish serve",
        description="Run the server: ingest, page and workers, in one process or, with --role, in several.",
    )
    parser.add_argument("--verbose", action="store_true", help="Log every use case.")
    parser.add_argument(
        "--role",
        choices=[role.value for role in Role],
        help="Which part of the server to run; others than `all` need PostgreSQL.",
    )
    parser.add_argument("--database", help="postgresql://user:password@host/name, or REPLENISH_DATABASE_URL.")
    return parser


def _look_at_database(settings: Settings) -> tuple[bool, str]:
    """Whether several processes can share it, and where it is; it is brought up to date, or refused."""
    if settings.role is not Role.ALL and settings.database_file is not None:
        _refuse(
            f"--role {settings.role} needs PostgreSQL, which several processes can share; see --database."
        )
    try:
        database = operations.open_database(settings)
    except operations.DatabaseUnfit as error:
        _refuse(str(error))
    if not operations.households(database):
        _refuse(f"There is no household in {database.name} yet. Run: replenish setup --help")
    database.close()
    return database.shared, database.name if database.shared else str(settings.data_dir)


def _refuse(text: str) -> NoReturn:
    """Say on stderr what is wrong and what to do, as the other commands do, and end."""
    print(text, file=sys.stderr)
    sys.exit(2)
