"""Keeps the broker's idea of who may log in in step with the database, and cuts who no longer may.

What is wanted is in the rows (`credentials`); this writes the broker's files from them, has the running
broker read them again, and takes over the connection of a device that was revoked: neither a shorter password
file nor a revocation list ends a TLS connection that is open.
"""

import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import POLLIN, poll

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sqlmodel import Session, col, select, update

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import GATE_USER, BrokerFiles
from replenish_server.fleet.credentials import CredentialKind, uncut
from replenish_server.fleet.tables import Device, DeviceCredential

log = logging.getLogger(__name__)

_READ_S = 0.3  # the broker reads a file of 10,000 devices in a third of this
_ANSWER_S = 3.0


@dataclass(frozen=True)
class Gatekeeper:
    """Everything that stands between a row and the broker.

    Args:
        database: where credentials are.
        clock: the server's clock.
        files: the broker's folder.
        authority: of the same data folder.
        host: the broker's inner listener.
        port: the broker's inner listener.
        password: of `GATE_USER` there.
        pause: waits, in seconds.
    """

    database: Database
    clock: Clock
    files: BrokerFiles
    authority: Authority
    host: str
    port: int
    password: str
    pause: Callable[[float], None] = time.sleep

    def run(self) -> int:
        """Do all that is wanted and not done; returns how many devices were let in or cut."""
        with self.database.read() as session:
            fresh = session.exec(select(DeviceCredential.id).where(DeviceCredential.state == "new")).all()
            gone = uncut(session)
        if not fresh and not gone:
            return 0
        self.sync()
        # Mosquitto 2.0 forgets a SIGHUP that comes while it works on the one before: say it again later.
        self.pause(_READ_S)
        reload_broker(self.files)
        if gone:
            self._cut([device.id for device in gone])
        return len(fresh) + len(gone)

    def reload(self) -> bool:
        """Have a running broker read its files again; returns whether one was running."""
        return reload_broker(self.files)

    def sync(self) -> None:
        """Write the broker's files as the rows are now, and have a running broker read them."""
        with self._only_writer():
            with self.database.read() as session:
                passwords, keys, ended = self._accounts(session)
                fresh = list(session.exec(select(DeviceCredential.id).where(DeviceCredential.state == "new")))
                serials = session.exec(
                    select(DeviceCredential.verifier).where(
                        DeviceCredential.kind == CredentialKind.CERTIFICATE,
                        DeviceCredential.state == "revoked",
                    )
                ).all()
            self.files.write_devices(passwords, keys, ended)
            if serials and self.authority.exists:
                self.authority.revoke(serials)
            if fresh:
                with self.database.write() as session:
                    written = col(DeviceCredential.id).in_(fresh) & (DeviceCredential.state == "new")
                    session.exec(update(DeviceCredential).where(written).values(state="active"))
        reload_broker(self.files)

    def _accounts(self, session: Session) -> tuple[dict[str, str], dict[str, str], set[str]]:
        """Password hashes and keys by device, and who must not be in the files."""
        rows = session.exec(
            select(
                DeviceCredential.device_id,
                DeviceCredential.kind,
                DeviceCredential.verifier,
                DeviceCredential.state,
            ).order_by(col(DeviceCredential.created_at), col(DeviceCredential.id))
        ).all()
        live = [row for row in rows if row[3] != "revoked"]
        passwords = {device: verifier for device, kind, verifier, _ in live if kind == "password"}
        keys = {device: verifier for device, kind, verifier, _ in live if kind == "psk"}
        revoked = session.exec(select(Device.id).where(col(Device.revoked_at).is_not(None))).all()
        return passwords, keys, {*(row[0] for row in rows), *revoked}

    def _cut(self, device_ids: list[str]) -> None:
        """End the open connections; a second time, for one that came back before the broker had read."""
        self.pause(_READ_S)
        for _ in range(2):
            unheard = [device_id for device_id in device_ids if not self.end_session(device_id)]
            self.pause(_READ_S)
        with self.database.write() as session:
            for device_id in device_ids:
                if device_id not in unheard:
                    session.get_one(Device, device_id).cut_at = self.clock.now()
                    log.info("action=device_cut device_id=%s", device_id)

    def end_session(self, device_id: str) -> bool:
        """Connect inside under the device's client id, which ends its own connection and its session.

        Returns whether the broker took it.
        """
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=device_id, clean_session=True)
        client.username_pw_set(GATE_USER, self.password)
        answers: list[bool] = []
        client.on_connect = lambda _c, _d, _f, reason, _p: answers.append(not reason.is_failure)
        try:
            client.connect(self.host, self.port)
            line = client.socket()
            if line is None:
                return False
            waiting = poll()  # paho's own loop takes no descriptor above 1,023
            waiting.register(line.fileno(), POLLIN)
            deadline = time.monotonic() + _ANSWER_S
            while not answers and time.monotonic() < deadline:
                if waiting.poll(20) and client.loop_read() != paho.MQTT_ERR_SUCCESS:
                    break
            client.disconnect()
        except OSError as error:
            log.warning("action=device_cut_failed device_id=%s why=%s", device_id, error)
            return False
        return answers == [True]

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        """The command line and the server may both write the files, one after the other."""
        with (self.files.folder / "devices.lock").open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def reload_broker(files: BrokerFiles) -> bool:
    """Tell a running broker to read its files again; returns whether one was running."""
    try:
        pid = int(files.pid_file.read_text(encoding="utf-8"))
        if "mosquitto" not in Path(f"/proc/{pid}/comm").read_text(encoding="utf-8"):
            return False
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True
