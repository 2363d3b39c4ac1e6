"""An installation: its data folder and database, and the broker's files and ports that belong to it."""

import fcntl
import os
from pathlib import Path
from typing import IO

from sqlalchemy.exc import OperationalError

from replenish_server.database import Database
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import GATE_USER, SERVER_USER, TWIN_USER, BrokerFiles, Listeners
from replenish_server.fleet.gatekeeper import Gatekeeper
from replenish_server.settings import Settings


class DatabaseUnfit(Exception):
    """There is no such database, or it does not answer; the text says what to do."""


def open_database(settings: Settings, *, create: bool = False) -> Database:
    """The installation's database with the newest schema.

    Args:
        settings: of the installation.
        create: whether a file that is not there yet is made; a command in the wrong folder must not.

    Raises:
        DatabaseUnfit: there is no such database, or it does not answer.
    """
    file = settings.database_file
    if not create and file is not None and not file.exists():
        raise DatabaseUnfit(
            f"There is no household in {file} yet. Run: replenish setup --help; "
            "or set REPLENISH_DATA_DIR to the folder of one."
        )
    try:
        database = Database(settings.database_url)
    except ValueError as error:
        raise DatabaseUnfit(str(error)) from error
    try:
        database.migrate()
    except OperationalError as error:
        if not database.shared:
            raise
        why = str(error.__cause__).strip().splitlines()[0]
        raise DatabaseUnfit(f"{database.name} does not answer: {why}. Run: replenish doctor") from error
    return database


def lock_data_folder(data_dir: Path) -> IO[str] | None:
    """A lock that lasts as long as its file is open: two servers would steal each other's broker session.

    None while somebody else has it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = (data_dir / "server.lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def broker_files(settings: Settings) -> BrokerFiles:
    """The broker's folder with a current configuration and the server's own passwords in it."""
    files = BrokerFiles(settings.broker_folder.resolve())
    run_as = "root" if os.geteuid() == 0 else "mosquitto"
    listeners = Listeners(
        settings.device_port,
        settings.broker_port,
        settings.tls_port,
        settings.certificate_port,
        settings.psk_port,
        settings.device_address,
        settings.most_devices,
    )
    authority = Authority(settings.authority_folder)
    authority.settle()
    files.render(listeners, run_as, authority)
    passwords = settings.broker_passwords()
    files.set_server_password(SERVER_USER, passwords["ingest"])
    files.set_server_password(TWIN_USER, passwords["twin"])
    files.set_server_password(GATE_USER, passwords["gate"])
    return files


def broker_ports(settings: Settings) -> list[tuple[str, str, int]]:
    """Setting, address and port of each of the broker's listeners."""
    ports = [
        ("REPLENISH_DEVICE_PORT", "127.0.0.1", settings.device_port),
        ("REPLENISH_BROKER_PORT", "127.0.0.1", settings.broker_port),
    ]
    if Authority(settings.authority_folder).exists:
        at = settings.device_address
        ports += [
            ("REPLENISH_TLS_PORT", at, settings.tls_port),
            ("REPLENISH_CERTIFICATE_PORT", at, settings.certificate_port),
            ("REPLENISH_PSK_PORT", at, settings.psk_port),
        ]
    return ports


def gatekeeper(database: Database, settings: Settings) -> Gatekeeper:
    """Who tells the broker of this data folder which devices may log in."""
    return Gatekeeper(
        database,
        settings.make_clock(),
        BrokerFiles(settings.broker_folder.resolve()),
        Authority(settings.authority_folder),
        settings.broker_host,
        settings.broker_port,
        settings.broker_passwords()["gate"],
    )
