"""Use cases of an operator: a household, a retailer, a device with its credential, and the statistics."""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, func, select

from replenish_server.database import Database
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import GATE_USER, SERVER_USER, TWIN_USER, BrokerFiles, Listeners
from replenish_server.fleet.claims import Exchanged
from replenish_server.fleet.credentials import CredentialKind, Secret, give_credential
from replenish_server.fleet.gatekeeper import Gatekeeper
from replenish_server.fleet.registry import NewDevice
from replenish_server.fleet.tables import Device, Slot
from replenish_server.households.mandate import Mandate
from replenish_server.households.membership import ensure_owner
from replenish_server.households.particulars import Address, check_particulars
from replenish_server.households.tables import Household
from replenish_server.ids import DeviceId, HouseholdId, RetailerId, SlotId, new_id
from replenish_server.ordering.tables import PurchaseOrder, RetailerCall
from replenish_server.replenishment.device_lifecycle import join_household
from replenish_server.retailers import registry
from replenish_server.retailers.kinds import NewRetailer, RetailerKind
from replenish_server.settings import Settings
from replenish_server.telemetry.ahead import count_aside
from replenish_server.telemetry.tables import DeviceEvent, Quarantined, Reading


class DatabaseUnfit(Exception):
    """There is no such database, or it does not answer; the text says what to do."""


@dataclass(frozen=True)
class Credential:
    """Everything that a device needs to connect; its secret is shown once.

    `ca` is the certificate by which it knows the broker, PEM; "" on the loopback listener without TLS.
    """

    device_id: DeviceId
    slot_id: SlotId
    username: str
    password: str
    host: str
    port: int
    credential: str = "password"
    psk: str = ""
    certificate: str = ""
    key: str = ""
    ca: str = ""


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


def create_household(
    database: Database,
    name: str,
    address: Address,
    time_zone: str,
    language: str,
    currency: str,
    now: datetime,
    cooling_off_minutes: int = 1440,
) -> HouseholdId:
    """Add a household. Its orders that nobody touched can be canceled for `cooling_off_minutes`.

    Raises:
        ParticularsRefused: see `households.particulars.check_particulars`.
    """
    check_particulars(name, address, time_zone, language, currency)
    household_id = HouseholdId(new_id("home"))
    with database.write() as session:
        session.add(
            Household(
                id=household_id,
                name=name,
                language=language,
                time_zone=time_zone,
                currency=currency,
                cooling_off_minutes=cooling_off_minutes,
                created_at=now,
                buyer_name=address.buyer_name,
                buyer_email=address.buyer_email,
                street=address.street,
                locality=address.locality,
                postal_code=address.postal_code,
                country=address.country,
            )
        )
        session.flush()
        ensure_owner(session, household_id)
    return household_id


def add_retailer(
    database: Database, name: str, url: str, handler: str, token: str, agreement: str | None, now: datetime
) -> RetailerId:
    """Add a shop that speaks UCP, and how it is paid.

    Raises:
        RetailerRefused: see `retailers.kinds.check_retailer`.
    """
    with database.write() as session:
        new = NewRetailer(RetailerKind.UCP, name, url, handler, token, agreement)
        return registry.add_retailer(session, new, now)


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


def the_household(database: Database) -> HouseholdId | None:
    """The household of this server, or None before `replenish setup`."""
    with database.read() as session:
        first = session.exec(select(Household.id).order_by(col(Household.created_at))).first()
        return None if first is None else HouseholdId(first)


def register_device(
    database: Database,
    settings: Settings,
    household_id: HouseholdId,
    new: NewDevice,
    mandate: Mandate,
    now: datetime,
    kind: CredentialKind = CredentialKind.PASSWORD,
) -> Credential:
    """Add a device with its slot and mandate, and let it log in at the broker.

    Raises:
        DeviceRefused: see `replenishment.joining.join_household`.
        NoAuthority: a certificate was asked for before `replenish ca init`.
    """
    authority = Authority(settings.authority_folder)
    with database.write() as session:
        device_id, slot_id = join_household(session, household_id, new, mandate, now)
        secret = give_credential(session, device_id, kind, authority, now)
    gatekeeper(database, settings).sync()
    return describe_credential(settings, device_id, slot_id, secret)


def describe_credential(
    settings: Settings, device_id: DeviceId, slot_id: SlotId, secret: Secret
) -> Credential:
    """Where a device connects to, and with what: over TLS where there is an authority."""
    authority = Authority(settings.authority_folder)
    tls = authority.exists
    port = {
        CredentialKind.PASSWORD: settings.tls_port if tls else settings.device_port,
        CredentialKind.CERTIFICATE: settings.certificate_port,
        CredentialKind.PSK: settings.psk_port,
    }[secret.kind]
    return Credential(
        device_id,
        slot_id,
        device_id,
        secret.password,
        settings.device_hosts[0] if tls else "127.0.0.1",
        port,
        secret.kind,
        secret.psk,
        secret.certificate,
        secret.key,
        authority.ca_certificate.read_text(encoding="utf-8") if tls else "",
    )


def claimed_credential(settings: Settings, made: Exchanged) -> dict[str, Any]:
    """What a device gets for its claim code, over TLS."""
    credential = describe_credential(settings, DeviceId(made.device_id), SlotId(""), made.secret).__dict__
    return {name: value for name, value in credential.items() if value != ""}


def list_devices(database: Database) -> list[dict[str, Any]]:
    """Every device with its slots, for the operator."""
    with database.read() as session:
        rows: Sequence[tuple[Device, Slot]] = session.exec(
            select(Device, Slot)
            .join(Slot, col(Slot.device_id) == col(Device.id))
            .order_by(col(Device.created_at))
        ).all()
        return [
            {
                "device_id": device.id,
                "kind": device.kind,
                "name": device.name,
                "slot": slot.name,
                "slot_id": slot.id,
                "last_seen_at": None if device.last_seen_at is None else device.last_seen_at.isoformat(),
                "revoked_at": None if device.revoked_at is None else device.revoked_at.isoformat(),
                "revoked_why": device.revoked_why,
            }
            for device, slot in rows
        ]


def collect_stats(database: Database, now: datetime) -> dict[str, Any]:
    """Rows stored, devices, orders by state, quarantine by reason, backlog."""
    with database.read() as session:
        quarantine = session.exec(
            select(Quarantined.code, func.sum(Quarantined.seen)).group_by(Quarantined.code)
        ).all()
        newest = session.exec(select(Quarantined).order_by(col(Quarantined.last_at).desc()).limit(10)).all()
        return {
            "readings": _count(session, Reading),
            "readings_set_aside": count_aside(session),
            "presses": session.exec(
                select(func.count()).select_from(DeviceEvent).where(DeviceEvent.type == "press")
            ).one(),
            "devices": _count(session, Device),
            "orders": dict(
                session.exec(select(PurchaseOrder.state, func.count()).group_by(PurchaseOrder.state)).all()
            ),
            "quarantine": {code: int(number) for code, number in quarantine},
            "quarantine_newest": [
                {
                    "at": row.last_at.isoformat(),
                    "topic": row.topic,
                    "reason": row.reason,
                    "seen": row.seen,
                    "size": row.size,
                }
                for row in newest
            ],
            "slots_due": session.exec(
                select(func.count()).select_from(Slot).where(col(Slot.due_at) <= now)
            ).one(),
            "calls_unanswered": session.exec(
                select(func.count()).select_from(RetailerCall).where(col(RetailerCall.status).is_(None))
            ).one(),
        }


def _count(session: Session, table: type) -> int:
    return int(session.exec(select(func.count()).select_from(table)).one())
