"""Who may speak: three ways over TLS, given and taken while the broker runs, and nobody else notices."""

import hashlib
import random
import socket
import ssl
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from replenish_server import operations
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import find_mosquitto
from replenish_server.fleet.credentials import CredentialKind, revoke_device
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.fleet.tables import Device
from replenish_server.fleet.takeovers import MANY
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.tables import HouseholdNotice
from replenish_server.operations import Credential
from replenish_server.telemetry.tables import Quarantined, Reading
from tests.support.mortal_house import EncryptedHouse, MortalHouse, wait_until
from tests.support.tls_device import TlsDevice
from tests.support.zygote import Zygote

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def tls_house(zygote: Zygote) -> Iterator[EncryptedHouse]:
    """One running house for the whole file."""
    house = EncryptedHouse(find_mosquitto() or "", zygote)
    house.start()
    yield house
    house.stop()


def new_credential(house: MortalHouse, kind: CredentialKind) -> Credential:
    """A level sensor of this test alone."""
    product = Product(house.retailer_id, "det-1500", "Detergent", 1_400_000)
    name = f"level-{uuid.uuid4().hex[:8]}"
    new = NewDevice("level", name, "Detergent", "detergent", product, 1_500_000, 300_000, name)
    return operations.register_device(
        house.database,
        house.settings,
        house.household_id,
        new,
        Mandate(Mode.SHADOW, None, "EUR"),
        house.clock.now(),
        kind,
    )


def stored(house: MortalHouse, device_id: str) -> int:
    """How many readings of a device are kept."""
    return len(house.rows(Reading, device_id=device_id))


@pytest.mark.parametrize("kind", list(CredentialKind))
def test_a_revoked_device_is_cut_within_five_seconds_and_its_neighbour_notices_nothing(
    tls_house: EncryptedHouse, tmp_path: Path, kind: CredentialKind
) -> None:
    """It keeps publishing and connecting; of nothing that it says after that a row is made."""
    ours, theirs = (new_credential(tls_house, kind) for _ in range(2))
    thief, neighbour = TlsDevice(ours, tmp_path), TlsDevice(theirs, tmp_path)
    thief.start()
    neighbour.start()
    try:
        for made in (ours, theirs):
            assert wait_until(lambda of=made: stored(tls_house, of.device_id) > 5), tls_house.parts[
                "broker"
            ].last_words()
        at = tls_house.clock.now()
        with tls_house.database.write() as session:
            assert revoke_device(session, ours.device_id, "stolen", at)
        assert wait_until(lambda: tls_house.rows(Device, id=ours.device_id)[0].cut_at is not None)
        refused = thief.refused
        assert wait_until(lambda: thief.refused > refused + 3)
        before, connects, sent = stored(tls_house, ours.device_id), thief.connects, neighbour.sent
        time.sleep(1)
        assert (before, connects) == (stored(tls_house, ours.device_id), thief.connects)
        newest = max(row.received_at for row in tls_house.rows(Reading, device_id=ours.device_id))
        assert newest - at < timedelta(seconds=5)
        assert neighbour.sent > sent
        assert (1, 0) == (neighbour.connects, neighbour.refused)
    finally:
        thief.stop()
        neighbour.stop()
    assert wait_until(lambda: stored(tls_house, theirs.device_id) == neighbour.sent)


def test_what_a_revoked_device_says_is_refused_at_the_door_too(
    tls_house: EncryptedHouse, tmp_path: Path
) -> None:
    """With a broker that never hears of it, the rows alone stop it within 5 s."""
    made = new_credential(tls_house, CredentialKind.PASSWORD)
    device = TlsDevice(made, tmp_path)
    device.start()
    try:
        assert wait_until(lambda: stored(tls_house, made.device_id) > 5)
        at = tls_house.clock.now()
        with tls_house.database.write() as session:
            revoke_device(session, made.device_id, "lost", at)
            session.get_one(Device, made.device_id).cut_at = at  # as if the broker could not be reached
        assert wait_until(lambda: any(row.code == "revoked" for row in tls_house.rows(Quarantined)))
        count = stored(tls_house, made.device_id)
        assert device.connects == 1
        sent = device.sent
        assert wait_until(lambda: device.sent > sent + 20)
        assert count == stored(tls_house, made.device_id)
        newest = max(row.received_at for row in tls_house.rows(Reading, device_id=made.device_id))
        assert newest - at < timedelta(seconds=5)
    finally:
        device.stop()
        operations.gatekeeper(tls_house.database, tls_house.settings).sync()


@pytest.mark.parametrize("kind", list(CredentialKind))
def test_over_tls_too_a_client_id_takes_over_nobodys_session(
    tls_house: EncryptedHouse, tmp_path: Path, kind: CredentialKind
) -> None:
    """Calling itself the server, a device stays itself."""
    made = new_credential(tls_house, kind)
    device = TlsDevice(made, tmp_path, client_id="replenish-server")
    device.start()
    try:
        assert wait_until(lambda: stored(tls_house, made.device_id) > 5)
    finally:
        device.stop()
    assert "broker_lost" not in (tls_house.folder / "server.log").read_text(encoding="utf-8")


def test_a_copy_that_only_listens_is_noticed_by_the_connections_that_take_turns(
    tls_house: EncryptedHouse,
) -> None:
    """It never says a word; the household is told, and nobody is told of a device whose network failed."""
    copied, unlucky = (new_credential(tls_house, CredentialKind.PASSWORD) for _ in range(2))

    def listen(of: Credential) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(of.username, of.password)
        client.on_connect = lambda made, *_: made.subscribe(f"rp/1/{of.device_id}/down/#")
        client.connect("127.0.0.1", tls_house.settings.device_port)
        while not client.is_connected():
            client.loop(0.05)
        return client

    for _ in range(6):
        listen(unlucky)
    turns = [listen(copied) for _ in range(MANY + 1)]
    assert wait_until(lambda: tls_house.rows(Device, id=copied.device_id)[0].doubled_at is not None)
    kinds = [row.kind for row in tls_house.rows(HouseholdNotice)]
    assert (kinds.count("device_doubled"), len(turns)) == (1, MANY + 1)
    assert tls_house.rows(Device, id=unlucky.device_id)[0].doubled_at is None


def test_each_secret_opens_only_its_own_listener(tls_house: EncryptedHouse, tmp_path: Path) -> None:
    """No certificate, a key of another, a password where a certificate is due: refused."""
    certificate = new_credential(tls_house, CredentialKind.CERTIFICATE)
    password = new_credential(tls_house, CredentialKind.PASSWORD)
    psk = new_credential(tls_house, CredentialKind.PSK)
    wrong = [
        Credential(**{**password.__dict__, "port": certificate.port}),
        Credential(**{**psk.__dict__, "psk": "00" * 32}),
        Credential(**{**certificate.__dict__, "device_id": password.device_id, "port": password.port}),
    ]
    for made in wrong:
        device = TlsDevice(made, tmp_path)
        device.start()
        assert wait_until(lambda it=device: it.refused > 1 or it.sent), made.credential
        device.stop()
        assert device.connects == 0
    assert stored(tls_house, password.device_id) == 0


def test_a_device_believes_only_our_authority(tls_house: EncryptedHouse, tmp_path: Path) -> None:
    """The certificate that the broker shows is worth something."""
    import socket

    made = new_credential(tls_house, CredentialKind.PASSWORD)
    with (
        socket.create_connection((made.host, made.port), timeout=5) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname=made.host)
    del tmp_path


def test_devices_come_while_others_talk(tls_house: EncryptedHouse, tmp_path: Path) -> None:
    """Ten more are let in one after the other; the first never loses its connection."""
    first = TlsDevice(new_credential(tls_house, CredentialKind.PASSWORD), tmp_path)
    first.start()
    rng = random.Random(1)
    try:
        assert wait_until(lambda: first.sent > 5)
        for _ in range(10):
            made = new_credential(tls_house, rng.choice(list(CredentialKind)))
            device = TlsDevice(made, tmp_path)
            device.start()
            assert wait_until(lambda of=made: stored(tls_house, of.device_id))
            device.stop()
        assert (1, 0) == (first.connects, first.refused)
    finally:
        first.stop()


def shown_certificate(house: MortalHouse, port: int) -> str:
    """What a listener shows a device that verifies it."""
    context = ssl.create_default_context(cafile=Authority(house.settings.authority_folder).ca_certificate)
    with (
        socket.create_connection(("localhost", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        return hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest()


def renewed(house: MortalHouse, port: int, old: str) -> bool:
    """Whether a listener shows another certificate than before."""
    return shown_certificate(house, port) != old


def test_a_renewed_certificate_is_shown_without_a_restart(tls_house: EncryptedHouse, tmp_path: Path) -> None:
    """By the broker after a SIGHUP, by the edge soon; devices trust it through the authority, and stay."""
    settings = tls_house.settings
    device = TlsDevice(new_credential(tls_house, CredentialKind.PASSWORD), tmp_path)
    device.start()
    assert wait_until(lambda: device.sent > 5)
    connects = device.connects
    ports = (settings.tls_port, settings.edge_port)
    before = [shown_certificate(tls_house, port) for port in ports]
    Authority(settings.authority_folder).renew(settings.device_hosts)
    operations.gatekeeper(tls_house.database, settings).reload()
    for port, old in zip(ports, before, strict=True):
        assert wait_until(partial(renewed, tls_house, port, old))
    sent = device.sent
    assert wait_until(lambda: device.sent > sent + 5)
    device.stop()
    assert device.connects == connects
