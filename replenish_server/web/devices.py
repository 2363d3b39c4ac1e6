"""`DevicePages` on the database. Each wish of a person is one transaction, committed here."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet import claims, commands, presence
from replenish_server.fleet.credentials import revoke_device
from replenish_server.fleet.registry import DeviceRefused, NewDevice, Product
from replenish_server.fleet.tables import Device, DeviceCommand, Slot, Twin
from replenish_server.fleet.troubles import what_is_wrong
from replenish_server.fleet.units import OF_KIND
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.tables import Household
from replenish_server.ids import HouseholdId, RetailerId
from replenish_server.replenishment.joining import join_household, leave_household
from replenish_server.retailers.tables import Retailer
from replenish_server.web.device_edge import Limiter
from replenish_server.web.devices_views import DevicesView, HomeDevice
from replenish_server.web.people_views import Viewer
from replenish_server.web.views import Refused


class DatabaseDevices:
    """What the page about devices shows and does.

    Args:
        database: where everything is.
        clock: the server's clock.
        on_wish: called after a wish was committed, so that the broker hears of it at once.
        limits: how often one household may try a code.
    """

    def __init__(
        self, database: Database, clock: Clock, on_wish: Callable[[], None], limits: Limiter
    ) -> None:
        self._database, self._clock, self._on_wish, self._limits = database, clock, on_wish, limits

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def devices(self, viewer: Viewer) -> DevicesView:
        """What there is."""
        with self._database.read() as session:
            household = session.get(Household, viewer.household_id)
            rows = session.exec(
                select(Device)
                .where(Device.household_id == viewer.household_id, col(Device.wiped_at).is_(None))
                .order_by(col(Device.created_at), col(Device.id))
            ).all()
            shops = session.exec(select(Retailer).order_by(col(Retailer.name))).all()
            return DevicesView(
                [self._device(session, row) for row in rows],
                [(shop.id, shop.name) for shop in shops],
                "UTC" if household is None else household.time_zone,
            )

    def claim(self, viewer: Viewer, typed: Mapping[str, str]) -> str:
        """A wrong code is told from a wrong form only once the code is right."""
        if self._limits.take(viewer.household_id):
            raise Refused("code_slow")
        now = self._clock.now()
        try:
            with self._database.write() as session:
                kind = claims.kind_of(session, typed["code"], now)
                household = session.get_one(Household, viewer.household_id)
                mandate = Mandate(Mode.SHADOW, None, household.currency)
                new = _new_device(kind, typed)
                device_id, _ = join_household(session, HouseholdId(household.id), new, mandate, now)
                claims.claim(session, typed["code"], device_id, now)
        except claims.WrongCode as error:
            raise Refused("code") from error
        except (DeviceRefused, ValueError) as error:
            raise Refused("device_form") from error
        return new.name

    def revoke(self, viewer: Viewer, device_id: str) -> None:
        """Block it."""
        with self._database.write() as session:
            revoke_device(session, device_id, viewer.name, self._clock.now())
        self._on_wish()

    def ask(self, viewer: Viewer, device_id: str, verb: str) -> None:
        """Stored; the publisher sends it."""
        try:
            with self._database.write() as session:
                device = session.get(Device, device_id)
                if device is None or device.household_id != viewer.household_id:
                    raise Refused("device_gone")
                commands.ask(session, device_id, verb, self._clock.now())
        except commands.StillWaiting as error:
            raise Refused("device_busy") from error
        except DeviceRefused as error:
            raise Refused("device_deaf") from error

    def give_away(self, viewer: Viewer, device_id: str) -> None:
        """Let it go."""
        with self._database.write() as session:
            leave_household(session, device_id, viewer.name, self._clock.now())
        self._on_wish()

    def _device(self, session: Session, row: Device) -> HomeDevice:
        slots = session.exec(select(Slot).where(Slot.device_id == row.id)).all()
        twin = session.get(Twin, row.id)
        reported = (twin.reported if twin is not None else None) or {}
        health = reported.get("h")
        firmware = health.get("fw") if isinstance(health, dict) else None
        return HomeDevice(
            row.id,
            row.name,
            row.kind,
            [(slot.id, slot.name) for slot in slots if slot.retired_at is None],
            presence.state_of(row, twin, self._clock.now()),
            row.last_seen_at,
            presence.expected_by(row, twin),
            firmware[:40] if isinstance(firmware, str) else "",
            row.revoked_why,
            row.alarm,
            row.alarm_at,
            what_is_wrong(session, row),
            row.kind in commands.LISTENING,
            self._asked(session, row.id),
        )

    def _asked(self, session: Session, device_id: str) -> tuple[str, str, datetime] | None:
        last = session.get(DeviceCommand, device_id)
        if last is None:
            return None
        return last.verb, commands.state_of(last, self._clock.now()), last.answered_at or last.asked_at


def _new_device(kind: str, typed: Mapping[str, str]) -> NewDevice:
    """The form's device, in base units.

    Raises:
        ValueError: a field is missing, or no whole number.
    """
    factor, button = OF_KIND[kind].factor, kind == "button"
    if not all(typed[name] for name in ("name", "slot", "shop", "item", "product")):
        raise ValueError("a field is empty")
    product = Product(
        RetailerId(typed["shop"]),
        typed["item"],
        typed["product"],
        1 if button else _number(typed["pack"]) * factor,
    )
    return NewDevice(
        kind,
        typed["name"],
        typed["slot"],
        "other",
        product,
        None if button else _number(typed["capacity"]) * factor,
        None if button else _number(typed["threshold"]) * factor,
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise ValueError("not a whole number")
    return int(text)
