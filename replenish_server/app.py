"""The composition root: every part is made and wired here, and nothing imports this but the commands."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlmodel import Session

from replenish_server import operations
from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import SERVER_USER, TWIN_USER
from replenish_server.fleet.claims import NotClaimed, WrongCode, exchange
from replenish_server.fleet.credentials import CredentialKind
from replenish_server.fleet.publisher import TwinPublisher
from replenish_server.fleet.rollout_keeper import RolloutKeeper
from replenish_server.interpreter import begin_to_serve
from replenish_server.jobs import Crew, Ticks, Wakeable, Worker
from replenish_server.ordering.claims import Claim
from replenish_server.ordering.deliveries import DeliveryDesk
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.follow import Follower
from replenish_server.ordering.reconcile import Mark, Reconciler
from replenish_server.ordering.refused_changes import tell_refused_change
from replenish_server.ordering.timekeeper import Timekeeper
from replenish_server.replenishment.answers import known_answers, tell_presses
from replenish_server.replenishment.dash import DashDesk
from replenish_server.replenishment.evaluate import Evaluator
from replenish_server.replenishment.models import ModelStore
from replenish_server.replenishment.refit import refit_is_due
from replenish_server.replenishment.upkeep import FleetUpkeep
from replenish_server.retailers.cxml.inbound import CxmlDesk
from replenish_server.retailers.directory import RetailerDirectory
from replenish_server.retailers.feed.desk import Desk
from replenish_server.retailers.feed.limits import Buckets
from replenish_server.retailers.feed.messages import Messenger
from replenish_server.retailers.http import Answer, ShopClient
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.retailers.ucp.keys import KeyRing
from replenish_server.retailers.ucp.mandates import Keys, MandateBook
from replenish_server.retailers.ucp.webhooks import Delivery
from replenish_server.settings import Settings
from replenish_server.telemetry.conduct import Pace
from replenish_server.telemetry.hellos import versions_heard
from replenish_server.telemetry.ingest import Ingest
from replenish_server.telemetry.retention import Retention
from replenish_server.telemetry.session import BrokerAddress, IngestSession
from replenish_server.web import LOOPBACK_HOSTS, install_pages
from replenish_server.web.api_desk import ApiDesk
from replenish_server.web.assistant import build_assistant
from replenish_server.web.consents import DatabaseConsents
from replenish_server.web.consents_routes import build_consents_router
from replenish_server.web.console import build_console, console_limits
from replenish_server.web.cxml_edge import build_cxml_edge, cxml_limits
from replenish_server.web.dash_api import build_dash_api, dash_limits
from replenish_server.web.device_edge import (
    CodeOpensNothing,
    EdgeServer,
    WaitsForHousehold,
    build_device_edge,
)
from replenish_server.web.devices import DatabaseDevices
from replenish_server.web.devices_routes import build_devices_router
from replenish_server.web.firmware_edge import DatabaseFirmware, build_firmware_router
from replenish_server.web.fleet import DatabaseFleet
from replenish_server.web.fleet_routes import build_fleet_pages, fleet_limits
from replenish_server.web.household import DatabasePages
from replenish_server.web.household_api import build_household_api
from replenish_server.web.life_routes import build_life_router
from replenish_server.web.mandate_routes import build_mandate_router
from replenish_server.web.mandates import DatabaseMandates
from replenish_server.web.order_life import DatabaseLife
from replenish_server.web.people import DatabasePeople
from replenish_server.web.products import DatabaseProducts
from replenish_server.web.products_routes import build_products_router
from replenish_server.web.retail_api import build_retail_api, retail_limits
from replenish_server.web.retailer_edge import build_retailer_edge
from replenish_server.web.shopping import DatabaseShopping
from replenish_server.web.shopping_routes import build_shopping_router

_PATIENCE_S = 300.0  # an ordinary reading tells nothing that an order would leave for within minutes
_CODE_TRIES = (0.2, 10)  # per second and at once, of one address or household
_ASKS = (20.0, 200)  # per second and at once, for pieces of firmware, of one address
_DOWNLOADS = 64  # at once: 1 MiB of buffers in all
_CONVERSATIONS = 6  # at once; more than two retailers have to be slow before a third one's order waits
_WAY_MADE_S = 0.03  # other writers wait this long for a press on its way to the retailer


class Server:
    """Everything that runs in one process.

    Args:
        settings: how it runs.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock: Clock = settings.make_clock()
        self.database = Database(settings.database_url)
        passwords = settings.broker_passwords()
        host, port = settings.broker_host, settings.broker_port
        self.session = IngestSession(
            BrokerAddress(host, port, SERVER_USER, passwords["ingest"]), self.clock.now
        )
        self.twin = TwinPublisher(self.database, self.clock, host, port, TWIN_USER, passwords["twin"])
        self.keys = KeyRing(settings.platform_keys)
        self.household_keys = KeyRing(settings.household_keys)
        signing = Keys(self.household_keys.signer, self.keys.signer, self.keys.find)
        self.mandates = MandateBook(self.database, signing, self.clock.now)
        self.shops = RetailerDirectory(
            self.database,
            Identity(settings.base_url, self.keys.signer),
            self.clock.now,
            settings.may_call_loopback,
            self.mandates,
        )
        self.mark = Mark(settings.sent_mark)
        self.dispatcher = Dispatcher(self.database, self.shops.shop, self.clock, self.mark.raise_to)
        self.reconciler = Reconciler(self.database, self.shops.shop, self.clock, self.mark)
        self.follower = Follower(self.database, self.shops.shop, self.clock)
        self.timekeeper = Timekeeper(self.database, self.clock)
        self.desk = DeliveryDesk(self.database, self.shops.line, self.follower, self.clock)
        self.models = ModelStore(self.database)
        evaluator = Evaluator(self.database, self.clock, self.models.current, self)
        self._answer = Worker("answer", lambda: tell_presses(self.database, self.session.publish_ack))
        self.dispatcher.hold_back()  # until our page answers
        self._dispatch = Crew(
            "dispatch", _CONVERSATIONS, self.dispatcher.next_job, self._answer.wake, self._hurry
        )
        self._hook_client = ShopClient({}, loopback=settings.may_call_loopback)
        messenger = Messenger(self.database, self._post, self.clock, on_refused=tell_refused_change)
        self._message = Worker("message", messenger.run)
        self._follow = Worker("follow", self.follower.run, then=self._wake_evaluation)
        self._evaluate = Worker("evaluate", evaluator.run, then=self._wake_after_decision)
        self._reconcile = Worker("reconcile", self.reconciler.run)
        self._deadlines = Worker("deadlines", self.timekeeper.run, then=self._wake_after_deadline)
        self._refit = Worker("refit", self._refit_if_due)
        self.gatekeeper = operations.gatekeeper(self.database, settings)
        self._gate = Worker("gate", self.gatekeeper.run)
        upkeep = FleetUpkeep(self.database, self.clock, self.clock.speed)
        self._upkeep = Worker("upkeep", upkeep.run)
        keeper = RolloutKeeper(self.database, self.clock, settings.edge_port, versions_heard)
        self._rollouts = Worker("rollouts", keeper.run)
        self._pressed: deque[str] = deque()
        self._press = Worker(
            "press", lambda: self._run_pressed(evaluator), self._wake_after_decision, self._hurry
        )
        often: list[Wakeable] = [self._press, self._evaluate, self._deadlines, self._dispatch]
        often += [self._follow, self._answer, self._message, self._gate, self._upkeep, self._rollouts]
        retention = Retention(self.database, self.clock, settings.raw_days, settings.hourly_days)
        self._ticks = Ticks(often, [self._refit, self._reconcile, Worker("retention", retention.run)])
        self._ingest = Ingest(
            self.database,
            self.session,
            known_answers,
            self._wake_after_reading,
            timedelta(seconds=_PATIENCE_S * self.clock.speed),
            Pace(settings.device_rate, settings.device_burst),
        )

    def start(self) -> None:
        """Bring the schema up to date, free what a killed predecessor held, and start every thread."""
        self.database.migrate()
        self.dispatcher.release_leases()
        self.timekeeper.plan_all()
        self.reconciler.look_for_a_restore()
        self._ticks.start()
        self._ingest.start()

    def let_orders_leave(self) -> None:
        """Our page answers now: a shop that cannot fetch our profile would refuse an order for good."""
        self.dispatcher.let_go()
        self._dispatch.wake()

    def finish_orders(self) -> None:
        """Our page is about to fall silent: end the conversation in hand, and start no other."""
        self.dispatcher.hold_back()
        self._dispatch.stop()

    def stop(self) -> None:
        """Stop in the order in which things flow, so that nothing is half done."""
        self._ingest.stop()
        self._ticks.stop()
        self.shops.close()
        self._hook_client.close()
        self.database.close()

    def take(self, session: Session, order_id: str) -> Claim | None:
        """Claim the parcel of an order that is being opened; see `Departures`."""
        return self.dispatcher.take(session, order_id)

    def send(self, claim: Claim) -> None:
        """Have a claimed parcel carried out; see `Departures`."""
        self._dispatch.give(self.dispatcher.job_of(claim))

    def wake_dispatch(self) -> None:
        """A person approved or canceled: let it be carried out at once."""
        self._dispatch.wake()
        self._answer.wake()

    def exchange_code(self, code: str, kind: str) -> dict[str, Any]:
        """A device's credential for its claim code, once the broker knows it; see `device_edge`."""
        authority = Authority(self.settings.authority_folder)
        try:
            with self.database.write() as session:
                made = exchange(session, code, CredentialKind(kind), authority, self.clock.now())
        except WrongCode as error:
            raise CodeOpensNothing from error
        except NotClaimed as error:
            raise WaitsForHousehold from error
        self.gatekeeper.run()
        return operations.claimed_credential(self.settings, made)

    def wake_gate(self) -> None:
        """Somebody revoked a device: shut it out at once."""
        self._gate.wake()

    def retailer_acted(self, retailer_order_id: str) -> None:
        """A retailer wrote into the book: let the order follow at once."""
        if self.follower.hint(retailer_order_id):
            self._follow.wake()
        self._message.wake()

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        return self._hook_client.send("POST", url, body, headers)

    def public_keys(self, mandates: bool) -> list[dict[str, Any]]:
        """What our profiles list; those that offer mandates also list who signs them."""
        return self.keys.public() + (self.household_keys.public() if mandates else [])

    def take_in(self, delivery: Delivery) -> None:
        """A webhook spoke of an order: act on it, and look at it now."""
        if self.desk.take_in(delivery):
            self._follow.wake()
            self._wake_evaluation()

    def _refit_if_due(self) -> int:
        """Fit in a process of its own: a fleet's fit takes minutes of a core, and must not slow an order."""
        with self.database.read() as session:
            if not refit_is_due(session, self.clock.now()):
                return 0
        command = [sys.executable, "-m", "replenish_server", "refit", "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        return 1

    def _hurry(self) -> None:
        """In a thread whose work a person waits for: its writes go first."""
        self.database.turnstile.hurry()

    def _wake_after_reading(self, pressed: Sequence[str]) -> None:
        """Presses are looked at by themselves; if this process dies first, their slots are still due."""
        if pressed:
            self.database.turnstile.make_way(_WAY_MADE_S)
            self._pressed.extend(pressed)
            self._press.wake()
        else:
            self._evaluate.wake()

    def _run_pressed(self, evaluator: Evaluator) -> int:
        slots = {self._pressed.popleft() for _ in range(len(self._pressed))}
        return evaluator.run_pressed(slots) if slots else 0

    def _wake_evaluation(self) -> None:
        self._evaluate.wake()
        self._answer.wake()

    def _wake_after_deadline(self) -> None:
        self._evaluate.wake()
        self._wake_after_decision()

    def _wake_after_decision(self) -> None:
        self._dispatch.wake()
        self._answer.wake()


class _Web(uvicorn.Server):
    """Serves pages and the shop's edge; orders leave only while it does."""

    def __init__(self, server: Server) -> None:
        settings = server.settings
        super().__init__(
            uvicorn.Config(
                _build_app(server),
                host=settings.http_host,
                port=settings.http_port,
                log_level="warning",
                timeout_graceful_shutdown=3,
            )
        )
        self._server = server

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        begin_to_serve()
        self._server.let_orders_leave()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self._server.finish_orders)
        await super().shutdown(sockets)


def _device_edge(server: Server) -> EdgeServer | None:
    """The edge for devices; None without an authority, because it speaks only over TLS."""
    settings, authority = server.settings, Authority(server.settings.authority_folder)
    if not authority.exists:
        return None
    app = build_device_edge(server.exchange_code, Buckets(*_CODE_TRIES, time.monotonic))
    downloads = DatabaseFirmware(server.database, server.clock, settings.firmware_folder / "images")
    app.include_router(build_firmware_router(downloads.find, Buckets(*_ASKS, time.monotonic), _DOWNLOADS))
    at = (settings.device_address, settings.edge_port)
    return EdgeServer(app, at, authority.server_certificate, authority.server_key)


def run_server(settings: Settings) -> None:
    """Run everything in this process until a signal ends it."""
    _Web(Server(settings)).run()


def _build_app(server: Server) -> FastAPI:
    """The web application; its lifespan starts and stops the whole server."""
    settings = server.settings

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(server.start)
        tasks = [asyncio.create_task(server.twin.run(), name="twin")]
        edge = _device_edge(server)
        if edge is not None:
            tasks.append(asyncio.create_task(edge.serve(), name="edge"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(server.stop)

    app = FastAPI(title="Replenish", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    pages = DatabasePages(server.database, server.clock, server.wake_dispatch, server.models.current)
    app.include_router(build_retailer_edge(settings.base_url, server.public_keys, server.take_in))
    desk = Desk(server.database, server.clock, server.retailer_acted)
    app.include_router(build_console(desk, console_limits()))
    app.mount("/retail/v1", build_retail_api(desk, *retail_limits()))
    cxml = CxmlDesk(server.database, server.clock, server.retailer_acted)
    app.include_router(build_cxml_edge(cxml, cxml_limits()))
    dash = DashDesk(server.database, server.clock, server.models.current, server.wake_dispatch)
    app.mount("/drs", build_dash_api(dash, *dash_limits()))
    products = DatabaseProducts(server.database, server.shops.shelf, server.clock, server.wake_dispatch)
    app.include_router(build_products_router(products))
    consents = DatabaseConsents(server.database, server.shops.line, server.mandates, server.clock)
    app.include_router(build_consents_router(consents))
    shopping = DatabaseShopping(server.database, server.clock, server.wake_dispatch)
    app.include_router(build_shopping_router(shopping))
    api = ApiDesk(server.database, server.clock, server.models.current, server.wake_dispatch)
    app.mount("/api/v1", build_household_api(api))
    mandates = DatabaseMandates(server.database, server.clock, server.wake_dispatch)
    app.include_router(build_mandate_router(mandates))
    app.include_router(build_assistant(api))
    people = DatabasePeople(server.database, server.clock, server.wake_dispatch)
    limits = Buckets(*_CODE_TRIES, time.monotonic)
    devices = DatabaseDevices(server.database, server.clock, server.wake_gate, limits)
    app.include_router(build_devices_router(devices))
    life = DatabaseLife(server.database, server.clock, server.wake_dispatch, server.mark.lower_to)
    app.include_router(build_life_router(life))
    app.include_router(build_fleet_pages(DatabaseFleet(server.database, server.clock), fleet_limits()))
    install_pages(
        app,
        pages,
        people,
        allowed_hosts=[*LOOPBACK_HOSTS, settings.http_host, *settings.allowed_hosts],
        public_url=settings.public_url.rstrip("/") or None,
    )

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> dict[str, bool | str]:
        return {"status": "ok", "broker": server.session.connected.is_set()}

    return app
