"""`DevicePages` on the database. Each wish of a person is one transaction, committed here."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet import claims, commands, presence
from replenish_server.fleet.credentials import revoke_device
from replenish_server.fleet.registry import DeviceRefused, NewDevice, Product
from replenish_server.fleet.tables import Device, DeviceCommand, Slot, Twin
from replenish_server.fleet.troubles import wrong_with
from replenish_server.fleet.units import OF_KIND
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.tables import Household
from replenish_server.ids import HouseholdId, RetailerId
from replenish_server.replenishment.device_lifecycle import join_household, leave_household
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
                self._devices(session, rows),
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
            done = self._claimed(viewer, typed["code"])
            if done is None:
                raise Refused("code") from error
            return done
        except (DeviceRefused, ValueError) as error:
            raise Refused("device_form") from error
        return new.name

    def _claimed(self, viewer: Viewer, code: str) -> str | None:
        """The name of the device that the same form, sent before, has made the household's."""
        with self._database.read() as session:
            device_id = claims.claimed_as(session, code)
            device = None if device_id is None else session.get(Device, device_id)
            if device is None or device.household_id != viewer.household_id or device.revoked_at is not None:
                return None
            return device.name

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

    def _devices(self, session: Session, rows: Sequence[Device]) -> list[HomeDevice]:
        """The rows of all of them are loaded together."""
        now, ids = self._clock.now(), [row.id for row in rows]
        twins = {row.device_id: row for row in session.exec(select(Twin).where(col(Twin.device_id).in_(ids)))}
        slots: dict[str, list[tuple[str, str]]] = {}
        query = select(Slot).where(col(Slot.device_id).in_(ids), col(Slot.retired_at).is_(None))
        for slot in session.exec(query.order_by(col(Slot.created_at), col(Slot.id))):
            slots.setdefault(slot.device_id, []).append((slot.id, slot.name))
        wrong = wrong_with(session, rows)
        commanded = session.exec(select(DeviceCommand).where(col(DeviceCommand.device_id).in_(ids)))
        asked = {
            row.device_id: (row.verb, commands.state_of(row, now), row.answered_at or row.asked_at)
            for row in commanded
        }
        return [
            HomeDevice(
                row.id,
                row.name,
                row.kind,
                slots.get(row.id, []),
                presence.state_of(row, twins.get(row.id), now),
                row.last_seen_at,
                presence.expected_by(row, twins.get(row.id)),
                _firmware(twins.get(row.id)),
                row.revoked_why,
                row.alarm,
                row.alarm_at,
                wrong[row.id],
                row.kind in commands.LISTENING,
                asked.get(row.id),
            )
            for row in rows
        ]


def _firmware(twin: Twin | None) -> str:
    """The version that a device last said it runs, or ""."""
    health = ((twin.reported if twin is not None else None) or {}).get("h")
    said = health.get("fw") if isinstance(health, dict) else None
    return said[:40] if isinstance(said, str) else ""


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
