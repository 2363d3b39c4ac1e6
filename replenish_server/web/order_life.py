"""`LifePages` on the database. Each wish of a person is one transaction, committed here."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.households.tables import Household
from replenish_server.ordering import person_reports, stops, withdrawals
from replenish_server.ordering.limits import holds_of
from replenish_server.ordering.orders import NotAllowed, leave_now, skip, take_up
from replenish_server.ordering.parcels import orders_in, parcel_of
from replenish_server.ordering.receipts import receipt_of
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder, Withdrawal
from replenish_server.retailers.tables import Retailer
from replenish_server.web import life_texts
from replenish_server.web.formats import Formatter, zone
from replenish_server.web.life_views import LifeAct, LifeView, ReceiptView, WithdrawalView, WithdrawForm
from replenish_server.web.views import Lang, Refused, StopView

_TOLD_BY_A_PERSON = ("by_hand", "failed")
_ACTS: dict[LifeAct, Callable[[Session, str, datetime, str], None]] = {
    "leave": leave_now,
    "skip": skip,
    "take-up": take_up,
    "received": person_reports.report_arrived,
    "in-box": person_reports.report_in_box,
    "never-arrived": person_reports.report_lost,
    "at-retailer": person_reports.report_found,
}
_LEADS_TO: dict[LifeAct, tuple[State, ...]] = {
    "leave": (State.PLACING, State.PLACED),
    "skip": (State.CANCELED,),
    "take-up": (State.NEEDS_APPROVAL,),
    "received": (State.DELIVERED,),
}
"""Where an order is once an act was done, of those that a hurried finger may send twice."""


class DatabaseLife:
    """What an order's page shows beyond the order itself.

    Args:
        database: where everything is.
        clock: the server's clock.
        on_wish: called after a person's wish was committed.
        on_compared: called when a person has looked at the retailers after a backup was restored.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        on_wish: Callable[[], None],
        on_compared: Callable[[Session], None] = lambda _session: None,
    ) -> None:
        self._on_compared = on_compared
        self._database = database
        self._clock = clock
        self._on_wish = on_wish

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def act(self, act: LifeAct, order_id: str, by: str) -> None:
        """One of the acts of the order's state."""
        try:
            with self._database.write() as session:
                _ACTS[act](session, order_id, self._clock.now(), by)
        except NotAllowed as error:
            if not self._is_done(act, order_id):
                raise Refused("state_changed") from error
        self._on_wish()

    def _is_done(self, act: LifeAct, order_id: str) -> bool:
        """Whether a second tap asks for what the first one did."""
        with self._database.read() as session:
            order = session.get(PurchaseOrder, order_id)
            if order is None or act not in _LEADS_TO:
                return False
            return order.state in _LEADS_TO[act] and (act != "skip" or order.skipped_until is not None)

    def withdraw_form(self, order_id: str) -> WithdrawForm | None:
        """The statement as it would be made now."""
        with self._database.read() as session:
            order = session.get(PurchaseOrder, order_id)
            if order is None or not withdrawals.can_withdraw(session, order, self._clock.now()):
                return None
            household = session.get_one(Household, order.household_id)
            return WithdrawForm(
                order.product_name,
                order.packs,
                session.get_one(Retailer, order.retailer_id).name,
                order.retailer_order_id,
                household.buyer_name,
                household.buyer_email,
            )

    def withdraw(self, order_id: str, name: str, email: str, reason: str, by: str) -> None:
        """Keep the statement."""
        try:
            with self._database.write() as session:
                withdrawals.withdraw(session, order_id, name, email, reason, self._clock.now(), by)
        except NotAllowed as error:
            raise Refused("no_withdrawal") from error
        self._on_wish()

    def withdrawal_text(self, order_id: str, lang: Lang) -> str | None:
        """The acknowledgement."""
        with self._database.read() as session:
            order, statement = session.get(PurchaseOrder, order_id), session.get(Withdrawal, order_id)
            if order is None or statement is None:
                return None
            retailer = session.get_one(Retailer, order.retailer_id)
            fmt = self._formatter(session, order, lang)
            sending = withdrawals.sending_of(session, statement)
            text = life_texts.acknowledgement_text(order, statement, retailer.name, sending, fmt)
            if sending.state not in _TOLD_BY_A_PERSON:
                return text
            household = session.get_one(Household, order.household_id)
            return f"{text}\n---\n\n{life_texts.letter(order, statement, retailer, household, fmt)}"

    def receipt_text(self, order_id: str, lang: Lang) -> str | None:
        """The receipt."""
        with self._database.read() as session:
            order, receipt = session.get(PurchaseOrder, order_id), receipt_of(session, order_id)
            if order is None or receipt is None:
                return None
            return life_texts.receipt_text(receipt, self._formatter(session, order, lang))

    def stop(self, household_id: str | None, by: str) -> None:
        """Throw the household's switch."""
        if household_id is not None:
            with self._database.write() as session:
                stops.stop(session, household_id, self._clock.now(), by)

    def go(self, household_id: str | None) -> None:
        """Take it back."""
        if household_id is not None:
            with self._database.write() as session:
                stops.go(session, household_id)
                if stops.go(session, stops.RESTORED):
                    self._on_compared(session)
        self._on_wish()

    def _formatter(self, session: Session, order: PurchaseOrder, lang: Lang) -> Formatter:
        household = session.get_one(Household, order.household_id)
        return Formatter(lang, zone(household.time_zone), self._clock.now())


def life_view(session: Session, order: PurchaseOrder, now: datetime, lang: Lang) -> LifeView:
    """What an order's page says of its life."""
    household = session.get_one(Household, order.household_id)
    fmt = Formatter(lang, zone(household.time_zone), now)
    receipt, statement = receipt_of(session, order.id), session.get(Withdrawal, order.id)
    hold = holds_of(session, [order], now).get(order.id)
    return LifeView(
        acts=_acts(order),
        ends_at=ends_at(order),
        receipt=None
        if receipt is None
        else ReceiptView(receipt.at, life_texts.receipt_rows(receipt, fmt), receipt.sha256),
        can_withdraw=withdrawals.can_withdraw(session, order, now),
        withdraw_until=withdrawals.withdrawable_until(session, order),
        withdrawal=None if statement is None else _withdrawal_view(session, order, statement, household, fmt),
        pickup=order.pickup_location,
        together=len(orders_in(session, parcel_of(session, order))) - 1,
        stopped=bool(stops.stops_of(session, order.household_id)),
        asks_where=order.state == State.DELIVERED and order.reminders > 0,
        asks_arrived=person_reports.can_report_arrived(order) and order.reminders > 0,
        held_until=None if hold is None else hold.until,
        held_by="" if hold is None else hold.rule,
    )


def _withdrawal_view(
    session: Session, order: PurchaseOrder, statement: Withdrawal, household: Household, fmt: Formatter
) -> WithdrawalView:
    sending = withdrawals.sending_of(session, statement)
    retailer = session.get_one(Retailer, order.retailer_id)
    return WithdrawalView(
        at=statement.at,
        name=statement.name,
        email=statement.email,
        code=withdrawals.acknowledgement(order, statement),
        sending=life_texts.sending_text(sending, fmt),
        by_hand=sending.state in _TOLD_BY_A_PERSON,
        letter=life_texts.letter(order, statement, retailer, household, fmt),
    )


def ends_at(order: PurchaseOrder) -> datetime | None:
    """When it ends by itself while nobody answers; None for an order that waits for no answer."""
    waits = order.state in (State.PROPOSED, State.NEEDS_APPROVAL, State.NEEDS_ATTENTION)
    return order.deadline_at if waits and not person_reports.can_report_found(order) else None


def stop_view(session: Session, household_id: str) -> StopView | None:
    """The switch that holds the household's orders, the operator's before its own; None when none does."""
    thrown = {row.scope: row for row in stops.stops_of(session, household_id)}
    for scope, kind in ((stops.EVERYTHING, "operator"), (stops.RESTORED, "restored"), (household_id, "home")):
        if scope in thrown:
            return StopView(kind, thrown[scope].since, thrown[scope].by)  # type: ignore[arg-type]
    return None


def _acts(order: PurchaseOrder) -> list[LifeAct]:
    acts: list[LifeAct] = []
    if order.state == State.COOLING_OFF:
        acts.append("leave")
    if order.state == State.PROPOSED:
        acts.append("take-up")
    if person_reports.can_report_found(order):
        acts.append("at-retailer")
    if person_reports.can_report_arrived(order):
        acts.append("received")
    if person_reports.can_report_where(order):
        acts.append("in-box")
    if person_reports.can_report_lost(order):
        acts.append("never-arrived")
    waiting = (State.COOLING_OFF, State.NEEDS_APPROVAL, State.PROPOSED)
    if order.trigger in ("level", "basket") and order.state in waiting:
        acts.append("skip")
    return acts
