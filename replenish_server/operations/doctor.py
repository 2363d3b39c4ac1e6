"""What is wrong with this installation, one finding a line, each with what to do about it.

It looks and never repairs; nothing that it looks at is changed.
"""

import os
import shutil
import socket
import ssl
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, func, select

from replenish_server.database import Database
from replenish_server.failures import explain_failure
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import BrokerFiles
from replenish_server.fleet.credentials import uncut
from replenish_server.fleet.firmware_tables import Rollout
from replenish_server.fleet.tables import Device
from replenish_server.fleet.troubles import troubles_now
from replenish_server.retailers.tables import Retailer
from replenish_server.settings import Settings
from replenish_server.telemetry.tables import Quarantined

_LEAST_FREE_SHARE = 0.2
_ANSWER_S = 3.0
_AHEAD_AT_MOST = timedelta(minutes=10)
_RESTORE = "restore its newest backup"
_BUILT = datetime(2026, 1, 1, tzinfo=UTC)  # no clock that is right says less


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: its name.
        ok: whether it is as it should be.
        said: what was found and, if not ok, what to do.
    """

    what: str
    ok: bool
    said: str


def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Look at everything.

    Args:
        settings: of the installation.
        now: the machine's time.
    """
    found = _look("database", lambda: [_database(settings)])
    sound = found[0].ok
    found += [_clock(now)]
    found += _look("disk", lambda: [_space(settings.data_dir)])
    found += _look("permissions", lambda: _permissions(settings))
    found += _broker(settings)
    found += _look("TLS", lambda: _tls(settings))
    if sound:
        found += _rows(Database(settings.database_url), now)
    return found


def _look(what: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a look found; a file that it may not read is a finding, and ends no other look."""
    try:
        return list(look())
    except OSError as error:
        return [Finding(what, False, explain_failure(error) or str(error))]


def _database(settings: Settings) -> Finding:
    try:
        database = Database(settings.database_url)
    except ValueError as error:
        return Finding("database", False, str(error))
    where = database.name if database.shared else str(database.path)
    if not database.shared and not database.path.exists():
        return Finding("database", False, f"{where} is not there; run: replenish setup --help")
    for path in () if database.shared else (database.path, database.path.parent):  # its log is beside it
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            todo = "give it to the user who runs this (chown, chmod)"
            return Finding("database", False, f"{path} may not be written; {todo}")
    try:
        said = database.problem()
    except SQLAlchemyError as error:
        what = "start PostgreSQL, or correct REPLENISH_DATABASE_URL" if database.shared else _RESTORE
        why = explain_failure(error) or f"{str(error.__cause__ or error)[:200]}; {what}"
        return Finding("database", False, f"{where}: {why}")
    finally:
        database.close()
    if said is not None:
        return Finding("database", False, f"{where}: {said}" + ("" if database.shared else f"; {_RESTORE}"))
    return Finding("database", True, f"{where} is sound")


def _clock(now: datetime) -> Finding:
    if now < _BUILT:
        return Finding("clock", False, f"this machine says it is {now:%Y-%m-%d}; let it set its time (NTP)")
    return Finding("clock", True, f"{now:%Y-%m-%d %H:%M} UTC")


def _space(folder: Path) -> Finding:
    usage = shutil.disk_usage(folder if folder.exists() else Path())
    free = f"{usage.free // 2**20} MiB free, {100 * usage.free // usage.total} %"
    if usage.free < usage.total * _LEAST_FREE_SHARE:
        return Finding("disk", False, f"{free}; below 20 % nothing may be stored soon: make room")
    return Finding("disk", True, free)


def _permissions(settings: Settings) -> Iterator[Finding]:
    """Secrets that others than their owner can read."""
    files = BrokerFiles(settings.broker_folder)
    secrets = [files.device_passwords, files.device_keys, files.server_passwords]
    secrets += [settings.data_dir / "broker-passwords.json", settings.authority_folder / "ca.key"]
    secrets += [] if settings.database_file is None else [settings.database_file]
    secrets += [settings.platform_keys, settings.household_keys, settings.firmware_folder / "signing.pem"]
    loose = [path for path in secrets if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in loose:
        yield Finding("permissions", False, f"others can read {path}; run: chmod 600 {path}")
    if not loose:
        yield Finding("permissions", True, "secrets are readable by their owner only")


def _broker(settings: Settings) -> Iterator[Finding]:
    for what, host, port in (
        ("broker, inside", settings.broker_host, settings.broker_port),
        ("broker, devices", "127.0.0.1", settings.device_port),
    ):
        try:
            socket.create_connection((host, port), _ANSWER_S).close()
        except OSError as error:
            yield Finding(what, False, f"{host}:{port}: {error}; run: replenish broker")
        else:
            yield Finding(what, True, f"{host}:{port} answers")


def _tls(settings: Settings) -> Iterator[Finding]:
    authority = Authority(settings.authority_folder)
    if not authority.exists:
        yield Finding("TLS", False, "devices elsewhere cannot connect; run: replenish ca init")
        return
    host = "127.0.0.1" if settings.device_address in ("0.0.0.0", "::") else settings.device_address  # noqa: S104 - compared, not bound
    for what, port in (("TLS, devices", settings.tls_port), ("TLS, claiming", settings.edge_port)):
        context = ssl.create_default_context(cafile=str(authority.ca_certificate))
        name = settings.device_hosts[0]
        try:
            with (
                socket.create_connection((host, port), _ANSWER_S) as plain,
                context.wrap_socket(plain, server_hostname=name) as wrapped,
            ):
                version = wrapped.version()
        except ssl.SSLCertVerificationError as error:
            yield Finding(what, False, f"{error.verify_message}; run: replenish ca renew --host {name}")
        except OSError as error:
            yield Finding(what, False, f"{host}:{port}: {error}; restart the broker and the server")
        else:
            yield Finding(what, True, f"{host}:{port} shows a certificate for {name} ({version})")


def _rows(database: Database, now: datetime) -> Iterator[Finding]:
    """What the fleet itself says."""
    try:
        facts = _read(database, now)
    except SQLAlchemyError:
        said = "the tables are of another release; stop the server, then run: replenish stats"
        yield Finding("schema", False, said)
        return
    finally:
        database.close()
    shops, silent, refused, open_still, alerts = facts
    yield from alerts
    yield Finding("retailers", shops > 0, f"{shops}" if shops else "none; run: replenish retailer add --help")
    said = f"silent: {', '.join(silent[:10])}; look at battery and Wi-Fi" if silent else "none is silent"
    yield Finding("devices", not silent, said)
    if open_still:
        said = f"not cut yet: {', '.join(open_still[:10])}; start the server, which does it"
        yield Finding("revoked devices", False, said)
    if refused:
        said = ", ".join(f"{code} {number}" for code, number in sorted(refused.items()))
        yield Finding("quarantine", False, f"{said}; see: replenish stats")
    else:
        yield Finding("quarantine", True, "empty")


def _read(
    database: Database, now: datetime
) -> tuple[int, Sequence[str], dict[str, int], list[str], list[Finding]]:
    """Shops, silent devices, refusals by code, revoked devices that are connected still, and alerts."""
    with database.read() as session:
        refused = select(Quarantined.code, func.sum(Quarantined.seen)).group_by(Quarantined.code)
        return (
            session.exec(select(func.count()).select_from(Retailer)).one(),
            session.exec(select(Device.id).where(col(Device.silent_at).is_not(None))).all(),
            {code: int(number) for code, number in session.exec(refused).all()},
            [device.id for device in uncut(session)],
            [*_ahead(session, now), *_alerts(session)],
        )


def _ahead(session: Session, now: datetime) -> Iterator[Finding]:
    """Whether something is dated in the future: either this clock is behind, or it was ahead."""
    newest = session.exec(select(func.max(Device.last_seen_at))).one()
    if newest is not None and newest > now + _AHEAD_AT_MOST:
        said = f"a device was heard at {newest:%Y-%m-%d %H:%M}, yet to come: a clock is wrong, or was"
        yield Finding("clock", False, f"{said}; let it set its time (NTP), then start the server again")


def _alerts(session: Session) -> Iterator[Finding]:
    """What waits for somebody: rollouts that stopped by themselves, credentials that were copied."""
    stopped = select(Rollout.id, Rollout.state, Rollout.why).where(
        col(Rollout.state).in_(("halted", "paused")), Rollout.why != ""
    )
    for rollout_id, state, why in session.exec(stopped):
        said = f"{rollout_id} {state}: {why}; see: replenish rollout show {rollout_id}"
        yield Finding("rollout", False, said)
    for device_id, troubles in troubles_now(session).items():
        words = [row.word for row in troubles if row.word in ("safe", "flash")]
        if words:
            said = f"it says {', '.join(words)}; see docs/fleet.md (What a device says of itself)"
            yield Finding(f"device {device_id}", False, said)
    copied = select(Device.id).where(col(Device.doubled_at).is_not(None), col(Device.revoked_at).is_(None))
    for device_id in session.exec(copied):
        said = f"two devices use its name; run: replenish device revoke {device_id}, then claim it anew"
        yield Finding(f"credential of {device_id}", False, said)
