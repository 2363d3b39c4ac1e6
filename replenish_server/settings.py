"""Typed settings, from REPLENISH_* environment variables and the command line. No other module reads them."""

import json
import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from replenish_server.clock import Clock, parse_clock
from replenish_server.failures import Unusable


class Role(StrEnum):
    """What a process of the server does: all of it, or one part beside others that share its database."""

    ALL = "all"
    WEB = "web"  # pages, interfaces and the edges for retailers and devices
    INGEST = "ingest"  # everything that is said to and heard from the broker
    WORKER = "worker"  # decisions, orders and upkeep

    @property
    def serves(self) -> bool:
        """Whether it answers HTTP."""
        return self in (Role.ALL, Role.WEB)

    @property
    def hears(self) -> bool:
        """Whether it speaks with the broker."""
        return self in (Role.ALL, Role.INGEST)

    @property
    def works(self) -> bool:
        """Whether it judges slots and carries out orders."""
        return self in (Role.ALL, Role.WORKER)


class Settings(BaseSettings):
    """How this server runs.

    Args:
        role: which part of the server this process is; parts other than "all" need PostgreSQL.
        data_dir: holds the database, the broker's files and the broker passwords of the server.
        database_url: `sqlite:///path` or `postgresql://user:password@host/name`; unset means
            `replenish.db` in the data folder.
        broker_host: host of the broker's inner listener.
        broker_port: TCP port of the broker's inner listener.
        device_port: TCP port of the devices' listener without TLS, which is on loopback only.
        tls_port: TCP port of the devices' listener with passwords over TLS.
        certificate_port: TCP port of the devices' listener with certificates.
        psk_port: TCP port of the devices' listener with pre-shared keys.
        edge_port: TCP port over TLS where devices exchange claim codes.
        device_address: address that the TLS listeners bind.
        device_hosts: names and addresses under which devices reach this machine; the first is told to them.
        most_devices: connections that each listener takes.
        device_rate: messages a second that a device may send in the long run; the rest is held back.
        device_burst: messages that it may send at once, such as after days without a network.
        http_host: address that the page binds.
        http_port: TCP port of the page.
        public_url: how retailers reach us, for the profile and the webhook; empty means the bound address.
        loopback_shops: whether shops on this machine may be called, and without TLS; unset means only while
            this server itself is reached over loopback, as in the demo and in tests.
        allowed_hosts: further host names under which the page may be opened.
        raw_days: readings are kept one by one for this long, and no less than the forecast looks back.
        hourly_days: hourly rollups are kept for this long, then daily ones for ever.
        clock: "system", or the simulation's "origin,wall_start,speed".
    """

    model_config = SettingsConfigDict(env_prefix="REPLENISH_", extra="ignore")

    role: Role = Role.ALL
    data_dir: Path = Path("data")
    database_url: str = ""
    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1884, ge=1, le=65535)
    device_port: int = Field(default=1883, ge=1, le=65535)
    tls_port: int = Field(default=8883, ge=1, le=65535)
    certificate_port: int = Field(default=8884, ge=1, le=65535)
    psk_port: int = Field(default=8885, ge=1, le=65535)
    edge_port: int = Field(default=8443, ge=1, le=65535)
    device_address: str = "127.0.0.1"
    device_hosts: list[str] = ["localhost", "127.0.0.1"]
    most_devices: int = Field(default=10_000, ge=1)
    device_rate: float = Field(default=5.0, gt=0)
    device_burst: int = Field(default=10_000, ge=400)
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=1, le=65535)
    public_url: str = ""
    loopback_shops: bool | None = None
    allowed_hosts: list[str] = []
    clock: str = "system"
    raw_days: int = Field(default=40, ge=40, le=3650)
    hourly_days: int = Field(default=400, ge=40, le=3650)

    def __init__(self, **given: Any) -> None:
        """Read the environment.

        Raises:
            Unusable: a variable holds what it cannot.
        """
        try:
            super().__init__(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = "REPLENISH_" + "_".join(str(part) for part in first["loc"]).upper()
            raise Unusable(
                f"{name} cannot be {first['input']!r}: {first['msg']}. What to do: correct it, or unset it."
            ) from error
        except SettingsError as error:  # a list that is no JSON
            raise Unusable(f'{error}. What to do: write it as JSON, such as ["a", "b"].') from error

    @field_validator("clock")
    @classmethod
    def _is_a_clock(cls, said: str) -> str:
        parse_clock(said)
        return said

    @model_validator(mode="after")
    def _keep_data_here(self) -> Self:
        """Without another wish: SQLite beside the other data."""
        self.database_url = self.database_url or f"sqlite:///{self.data_dir / 'replenish.db'}"
        return self

    @property
    def database_file(self) -> Path | None:
        """Where SQLite keeps the data; None with a database that several processes can share."""
        scheme, _, path = self.database_url.partition(":///")
        return Path(path) if scheme.startswith("sqlite") else None

    @property
    def sent_mark(self) -> Path:
        """Where is written how much was ever sent to retailers, beside no database that could be restored."""
        return self.data_dir / "replenish.sent"

    @property
    def broker_folder(self) -> Path:
        """The broker's files."""
        return self.data_dir / "broker"

    @property
    def authority_folder(self) -> Path:
        """The certificate authority's files."""
        return self.data_dir / "ca"

    @property
    def firmware_folder(self) -> Path:
        """Images that devices may be given, and the keys that sign them."""
        return self.data_dir / "firmware"

    @property
    def platform_keys(self) -> Path:
        """Our signing keys, which shops know us by."""
        return self.data_dir / "platform-keys.json"

    @property
    def household_keys(self) -> Path:
        """The keys with which households sign mandates."""
        return self.data_dir / "household-keys.json"

    @property
    def base_url(self) -> str:
        """How others reach us, without a slash at the end."""
        return (self.public_url or f"http://{self.http_host}:{self.http_port}").rstrip("/")

    @property
    def may_call_loopback(self) -> bool:
        """Whether a shop on this machine is a test and not an attack: nobody outside can reach us either."""
        if self.loopback_shops is not None:
            return self.loopback_shops
        return urlsplit(self.base_url).hostname in ("127.0.0.1", "localhost", "::1")

    def make_clock(self) -> Clock:
        """The clock that the setting names."""
        return parse_clock(self.clock)

    def broker_passwords(self) -> dict[str, str]:
        """The server's own broker passwords by role, made at the first call and kept, owner-readable only."""
        path = self.data_dir / "broker-passwords.json"
        try:
            kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except ValueError as error:
            todo = "move it away, then start the broker and the server again: new ones are made"
            raise Unusable(f"{path} holds no passwords. What to do: {todo}.") from error
        missing = [role for role in ("ingest", "twin", "gate") if role not in kept]
        if missing:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            kept |= {role: secrets.token_urlsafe(24) for role in missing}
            temporary = path.with_name(path.name + ".new")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(kept, file)
            temporary.replace(path)
        return kept
