"""Use cases that furnish an installation: a household, a retailer, a device with its credential."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from replenish_server.database import Database
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.claims import Exchanged
from replenish_server.fleet.credentials import CredentialKind, Secret, give_credential
from replenish_server.fleet.registry import NewDevice
from replenish_server.fleet.tables import Device, Slot
from replenish_server.households.mandate import Mandate
from replenish_server.households.membership import ensure_owner
from replenish_server.households.particulars import Address, check_particulars
from replenish_server.households.tables import Household
from replenish_server.ids import DeviceId, HouseholdId, RetailerId, SlotId, new_id
from replenish_server.operations.installation import gatekeeper
from replenish_server.replenishment.device_lifecycle import join_household
from replenish_server.retailers import registry
from replenish_server.retailers.kinds import NewRetailer, RetailerKind
from replenish_server.settings import Settings


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


def households(database: Database) -> dict[HouseholdId, str]:
    """The names of the households of this server, oldest first; none before `replenish setup`."""
    with database.read() as session:
        query = select(Household.id, Household.name).order_by(col(Household.created_at), col(Household.id))
        return {HouseholdId(household_id): name for household_id, name in session.exec(query)}


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
