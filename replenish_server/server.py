"""One process of the server: every part is made and wired here, and those of its role are run."""

import logging
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from replenish_server import operations
from replenish_server.clock import Clock
from replenish_server.database import Database, Duties, Wakeups
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.broker import SERVER_USER, TWIN_USER
from replenish_server.fleet.broker_watch import BrokerWatch
from replenish_server.fleet.claims import NotClaimed, WrongCode, exchange
from replenish_server.fleet.credentials import CredentialKind
from replenish_server.fleet.images import FirmwareFolder
from replenish_server.fleet.publisher import TwinPublisher
from replenish_server.fleet.rollout_keeper import RolloutKeeper
from replenish_server.interpreter import collect_garbage
from replenish_server.jobs import Crew, Postponed, Ticks, Wakeable, Worker
from replenish_server.ordering.claims import Claim
from replenish_server.ordering.deliveries import DeliveryDesk
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.follow import Follower
from replenish_server.ordering.reconcile import Mark, Reconciler
from replenish_server.ordering.refused_changes import tell_refused_change
from replenish_server.ordering.timekeeper import Timekeeper
from replenish_server.replenishment.answers import known_answers, tell_presses
from replenish_server.replenishment.evaluator import Evaluator
from replenish_server.replenishment.models import ModelStore, refit_is_due
from replenish_server.replenishment.upkeep import FleetUpkeep
from replenish_server.retailers.directory import RetailerDirectory
from replenish_server.retailers.feed.messages import Messenger
from replenish_server.retailers.http import Answer, ShopClient
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.retailers.ucp.keys import KeyRing
from replenish_server.retailers.ucp.mandates import Keys, MandateBook
from replenish_server.retailers.ucp.profile import PROFILE_PATH
from replenish_server.retailers.ucp.webhooks import Delivery
from replenish_server.settings import Settings
from replenish_server.telemetry.conduct import Pace
from replenish_server.telemetry.hellos import versions_heard
from replenish_server.telemetry.ingest import Ingest
from replenish_server.telemetry.retention import Retention
from replenish_server.telemetry.session import BrokerAddress, IngestSession

log = logging.getLogger(__name__)

_PATIENCE_S = 300.0  # an ordinary reading tells nothing that an order would leave for within minutes
_PUT_OFF_S = 10.0  # a slot that nobody presses for is not looked at for so long while ingest catches up
_CONVERSATIONS = 6  # at once; more than two retailers have to be slow before a third one's order waits
_DATABASE_WAIT_S = 60.0  # a PostgreSQL that restarts beside us needs no more, or needs a person
_DATABASE_RETRY_S = 0.5
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
        self.duties = Duties(self.database)
        self._wakeups = Wakeups(self.database, self._wake_here)
        passwords = settings.broker_passwords()
        host, port = settings.broker_host, settings.broker_port
        self.session = IngestSession(
            BrokerAddress(host, port, SERVER_USER, passwords["ingest"]), self.clock.now
        )
        self.twin = TwinPublisher(
            self.database, self.clock, host, port, TWIN_USER, passwords["twin"], self._has_the_broker
        )
        self.gatekeeper = operations.gatekeeper(self.database, settings)
        self._watch = BrokerWatch(
            self.database, self.clock, host, port, passwords["gate"], self.gatekeeper.end_session
        )
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
        self.dispatcher = Dispatcher(
            self.database, self.shops.shop, self.clock, self.mark.raise_to, self.duties
        )
        self.reconciler = Reconciler(self.database, self.shops.shop, self.clock, self.mark)
        self.follower = Follower(self.database, self.shops.shop, self.clock)
        self.timekeeper = Timekeeper(self.database, self.clock)
        self.desk = DeliveryDesk(self.database, self.shops.line, self.follower, self.clock)
        self.models = ModelStore(self.database)
        self._evaluator = evaluator = Evaluator(self.database, self.clock, self.models.current, self)
        self._answer = Worker("answer", self._tell_presses)
        self.dispatcher.hold_back()  # until our page answers
        self._dispatch = Crew(
            "dispatch", _CONVERSATIONS, self.dispatcher.next_job, self._wake_answer, self._hurry
        )
        self._hook_client: ShopClient | None = None
        messenger = Messenger(self.database, self._post, self.clock, on_refused=tell_refused_change)
        self._message = self._alone("message", messenger.run)
        self._follow = self._alone("follow", self.follower.run, self._wake_evaluation)
        self._evaluate = Worker(
            "evaluate",
            Postponed(evaluator.run, lambda: self._ingest.catching_up, _PUT_OFF_S),
            then=self._wake_after_decision,
        )
        self._reconcile = self._alone("reconcile", self.reconciler.run)
        self._deadlines = Worker("deadlines", self.timekeeper.run, then=self._wake_after_deadline)
        self._refit = self._alone("refit", self._refit_if_due)
        self._gate = self._alone("gate", self.gatekeeper.run)
        upkeep = FleetUpkeep(self.database, self.clock, self.clock.speed)
        self._upkeep = self._alone("upkeep", upkeep.run)
        firmware = FirmwareFolder(settings.firmware_folder)
        keeper = RolloutKeeper(self.database, self.clock, firmware, settings.edge_port, versions_heard)
        self._rollouts = self._alone("rollouts", keeper.run)
        self._pressed: deque[str] = deque()
        self._press = Worker(
            "press", lambda: self._run_pressed(evaluator), self._wake_after_decision, self._hurry
        )
        self._retention = self._alone(
            "retention", Retention(self.database, self.clock, settings.raw_days, settings.hourly_days).run
        )
        self._seconds = 0
        self._ticks = self._make_ticks()
        self._ingest = Ingest(
            self.database,
            self.session,
            known_answers,
            self._wake_after_reading,
            timedelta(seconds=_PATIENCE_S * self.clock.speed),
            Pace(settings.device_rate, settings.device_burst),
            self._has_the_broker,
            self._answer_press if settings.role.works else None,
        )

    def _make_ticks(self) -> Ticks:
        """Those whose work is of this role."""
        role = self.settings.role
        often: list[Wakeable] = []
        seldom: list[Wakeable] = []
        if role.hears:
            often += [self._answer, self._gate]
        if role.works:
            often += [self._press, self._evaluate, self._deadlines, self._dispatch, self._follow]
            often += [self._message, self._upkeep, self._rollouts]
            seldom += [self._refit, self._reconcile, self._retention]
        if role.works and not role.serves:
            often.append(Worker("page", self._look_for_the_page))
        if self.database.shared:
            often.append(Worker("presence", self._show_presence, self._wake_after_decision))
        often.append(Worker("tidy", self._tidy))
        self._here = {worker.name: worker for worker in often}
        return Ticks(often, seldom)

    def start(self) -> None:
        """Bring the schema up to date, free what a killed predecessor held, and start the role's threads."""
        give_up_s = time.monotonic() + (_DATABASE_WAIT_S if self.database.shared else 0.0)
        while True:
            try:
                self._prepare()
                break
            except OperationalError as error:
                if time.monotonic() > give_up_s:
                    raise
                log.warning("action=database_awaited why=%s", str(error.__cause__).strip()[:200])
                time.sleep(_DATABASE_RETRY_S)
        self._ticks.start()
        self._wakeups.start()
        if self.settings.role.hears:
            self._ingest.start()
            self._watch.start()

    def _prepare(self) -> None:
        self.database.migrate()
        self.duties.enter()
        if self.settings.role.works:
            self.dispatcher.release_leases()
            self.timekeeper.plan_all()
            self.reconciler.look_for_a_restore()
            self.shops.prepare()

    def let_orders_leave(self) -> None:
        """Our page answers now: a shop that cannot fetch our profile would refuse an order for good."""
        self.dispatcher.let_go()
        self._wake("dispatch")

    def finish_orders(self) -> None:
        """Our page is about to fall silent: end the conversation in hand, and start no other."""
        self.dispatcher.hold_back()
        if self.settings.role.works:
            self._dispatch.stop()

    def stop(self) -> None:
        """Stop in the order in which things flow, so that nothing is half done."""
        if self.settings.role.hears:
            self._watch.stop()
            self._ingest.stop()
        self._wakeups.stop()
        self._ticks.stop()
        self.duties.close()
        self.shops.close()
        if self._hook_client is not None:
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
        self._wake("dispatch")
        self._wake("answer")

    def exchange_code(self, code: str, kind: str) -> dict[str, Any]:
        """A device's credential for its claim code, once the broker knows it; see `device_edge`."""
        from replenish_server.web.device_edge import CodeOpensNothing, WaitsForHousehold  # who calls has it

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
        self._wake("gate")

    def retailer_acted(self, retailer_order_id: str) -> None:
        """A retailer wrote into the book: let the order follow at once."""
        if self.follower.hint(retailer_order_id):
            self._wake("follow")
        self._wake("message")

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """In one thread: that of the messages."""
        if self._hook_client is None:
            self._hook_client = ShopClient({}, loopback=self.settings.may_call_loopback)
        return self._hook_client.send("POST", url, body, headers)

    def public_keys(self, mandates: bool) -> list[dict[str, Any]]:
        """What our profiles list; those that offer mandates also list who signs them."""
        return self.keys.public() + (self.household_keys.public() if mandates else [])

    def take_in(self, delivery: Delivery) -> None:
        """A webhook spoke of an order: act on it, and look at it now."""
        if self.desk.take_in(delivery):
            self._wake("follow")
            self._wake_evaluation()

    def _refit_if_due(self) -> int:
        """Fit in a process of its own: a fleet's fit takes minutes of a core, and must not slow an order."""
        with self.database.read() as session:
            if not refit_is_due(session, self.clock.now()):
                return 0
        command = [sys.executable, "-m", "replenish_server", "refit", "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        return 1

    def _alone(self, name: str, work: Callable[[], int], then: Callable[[], None] | None = None) -> Worker:
        """A worker for what one process does at a time, of all that share the database."""
        return Worker(name, lambda: work() if self.duties.has(name) else 0, then)

    def _has_the_broker(self) -> bool:
        """Whether this process is the one that speaks with the broker; others stand by."""
        return self.duties.has("broker")

    def _show_presence(self) -> int:
        """Say to the other processes that this one lives, and free what was held by those that do not."""
        self.duties.keep_alive()
        return self.dispatcher.release_leases() if self.settings.role.works else 0

    def _tell_presses(self) -> int:
        return tell_presses(self.database, self.session.publish_ack) if self._has_the_broker() else 0

    def _look_for_the_page(self) -> int:
        """Where another process serves our profile: let orders leave only while retailers can fetch it."""
        import httpx  # in the roles that need it

        try:
            answer = httpx.get(f"{self.settings.base_url}{PROFILE_PATH}", timeout=3, trust_env=False)
            answers = answer.status_code == 200
        except httpx.HTTPError:
            answers = False
        if answers == self.dispatcher.is_held_back:
            log.info("action=page_looked_for answers=%s", answers)
            if answers:
                self.let_orders_leave()
            else:
                self.dispatcher.hold_back()
        return 0

    def _tidy(self) -> int:
        """What would otherwise happen to whoever comes by when it is time."""
        self.database.turnstile.step_aside()
        self._seconds += 1
        collect_garbage(self._seconds)
        self.database.copy_log()
        return 0

    def _hurry(self) -> None:
        """In a thread whose work a person waits for: its writes go first."""
        self.database.turnstile.hurry()

    def _wake_after_reading(self, pressed: Sequence[str]) -> None:
        """Presses are looked at by themselves; if this process dies first, their slots are still due."""
        if pressed and self.settings.role.works:
            self.database.turnstile.make_way(_WAY_MADE_S)
            self._pressed.extend(pressed)
            self._press.wake()
        else:
            self._wake("evaluate")

    def _answer_press(self, session: Session, slot_id: str) -> Callable[[], None] | None:
        """In the transaction that stores the press; see `Ingest`."""
        answered = self._evaluator.answer_press(session, slot_id)
        if answered is None:
            return None
        return self._wake_after_decision if answered.claim is None else partial(self.send, answered.claim)

    def _run_pressed(self, evaluator: Evaluator) -> int:
        slots = {self._pressed.popleft() for _ in range(len(self._pressed))}
        return evaluator.run_pressed(slots) if slots else 0

    def _wake(self, name: str) -> None:
        """Wake a worker, here or in the processes where that work is done."""
        if name in self._here:
            self._here[name].wake()
        else:
            self._wakeups.wake(name)

    def _wake_here(self, name: str) -> None:
        """Another process wants this worker woken."""
        if name in self._here:
            self._here[name].wake()

    def _wake_answer(self) -> None:
        self._wake("answer")

    def _wake_evaluation(self) -> None:
        self._wake("evaluate")
        self._wake("answer")

    def _wake_after_deadline(self) -> None:
        self._wake("evaluate")
        self._wake_after_decision()

    def _wake_after_decision(self) -> None:
        self._wake("dispatch")
        self._wake("answer")
