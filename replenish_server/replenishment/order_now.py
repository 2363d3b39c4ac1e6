"""The use case "order now": a person wants a pack, in the page or by a program, by the rules of a press."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from replenish_server.fleet.tables import Slot
from replenish_server.households.people import Act, Actor
from replenish_server.ordering.orders import leave_now, wanted_already
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.decision import Trigger
from replenish_server.replenishment.evaluate import carry_out
from replenish_server.replenishment.facts import gather
from replenish_server.replenishment.policy import decide_on_press
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.tables import DecisionRecord, OrderWish

_WAITING = (State.NEEDS_APPROVAL, State.NEEDS_ATTENTION)


@dataclass(frozen=True)
class Outcome:
    """What became of a wish.

    Args:
        order_id: the order that it opened or joined; None when the rules held it back.
        outcome: "placing", "waiting", "already" or "refused".
        record: the decision behind it.
    """

    order_id: str | None
    outcome: str
    record: DecisionRecord

    def sentence(self, language: str) -> str:
        """Why, in that language."""
        return sentence(from_json(self.record.data), language)


def order_now(session: Session, slot: Slot, by: Actor, key: str, now: datetime) -> Outcome:
    """Order one pack, ask an adult for it, or join the order that is already under way.

    Args:
        session: a writing unit of work; the caller commits.
        slot: of the actor's household.
        by: who wants it.
        key: of this wish; the same key again is answered as the first time.
        now: the moment.
    """
    key = f"{slot.id}:{key}"
    wish = session.get(OrderWish, key)
    if wish is None:
        wish = _decide(session, slot, by, key, now)
    record = session.get_one(DecisionRecord, wish.decision_id)
    order = None if wish.order_id is None else session.get_one(PurchaseOrder, wish.order_id)
    return Outcome(wish.order_id, _word(wish, order), record)


def _decide(session: Session, slot: Slot, by: Actor, key: str, now: datetime) -> OrderWish:
    order = wanted_already(session, slot)
    facts = gather(session, slot, order, now, None).facts
    decision = decide_on_press(facts, False, timedelta(0), now, by, Trigger.PERSON)
    decision_id, order_id = carry_out(session, slot, decision, now)
    if order is not None and order.state == State.COOLING_OFF and by.may(Act.SPEND):
        leave_now(session, order.id, now, by.name)
    wish = OrderWish(
        key=key,
        slot_id=slot.id,
        decision_id=decision_id,
        order_id=order_id or (None if order is None else order.id),
        joined=order_id is None and order is not None,
        by=by.name,
        at=now,
    )
    session.add(wish)
    session.flush()
    return wish


def _word(wish: OrderWish, order: PurchaseOrder | None) -> str:
    if wish.joined:
        return "already"
    if order is None:
        return "refused"
    return "waiting" if order.state in _WAITING else "placing"
