"""What programs can do under /api/v1, each for the person of a token: acts, roles and rules as in the pages.

Each wish is one transaction with its answer in it, see `households.idempotency`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

from sqlmodel import Session

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.tables import Slot, Twin
from replenish_server.fleet.twin import slot_agreement
from replenish_server.fleet.units import BY_BASE
from replenish_server.households import notices
from replenish_server.households.idempotency import Call, answer_once
from replenish_server.households.membership import actor_of_token, is_use_worth_noting, note_use
from replenish_server.households.people import Act, Actor
from replenish_server.households.tables import Household
from replenish_server.ordering import orders
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.order_now import order_now
from replenish_server.replenishment.pausing import pause
from replenish_server.replenishment.priors import Models
from replenish_server.replenishment.thresholds import set_threshold, threshold_tag
from replenish_server.web import api_models as models
from replenish_server.web import api_reading as reading
from replenish_server.web.api_orders import show_order, show_orders
from replenish_server.web.views import Lang

_Row = TypeVar("_Row", Slot, PurchaseOrder)


class NotHere(Exception):
    """The household has no such thing, whether another one has or not."""


class Stale(Exception):
    """What is to be changed is not what was seen; `unsaid` when nobody said what was."""

    def __init__(self, unsaid: bool) -> None:
        super().__init__()
        self.unsaid = unsaid


class MayNot(Exception):
    """The role, or the token's scopes, do not allow it; the text says what."""

    def __init__(self, act: Act) -> None:
        super().__init__(_WORDS[act])


_WORDS = {
    Act.SEE: "look",
    Act.ASK: "ask for an order",
    Act.SPEND: "spend",
    Act.APPROVE: "approve an order",
    Act.CANCEL: "call an order off",
    Act.STOCK: "correct the stock",
    Act.SETTINGS: "change the rules",
    Act.PEOPLE: "manage people",
}


@dataclass(frozen=True)
class ApiDesk:
    """The acts behind the API.

    Args:
        database: where everything is.
        clock: the server's clock.
        fitted: what forecasts are made with, at any moment.
        on_wish: called after a wish was committed, so that it is carried out at once.
    """

    database: Database
    clock: Clock
    fitted: Callable[[], Models]
    on_wish: Callable[[], None]

    def actor(self, token: str) -> Actor | None:
        """For whom a token acts, None when it does not work; notes now and then that it is used."""
        now = self.clock.now()
        with self.database.read() as session:
            actor = actor_of_token(session, token)
            worth_noting = actor is not None and is_use_worth_noting(session, token, now)
        if worth_noting:
            with self.database.write() as session:
                note_use(session, token, now)
        return actor

    def household(self, actor: Actor) -> models.Household:
        """The home."""
        _need(actor, Act.SEE)
        with self.database.read() as session:
            return reading.show_household(session, actor.household_id)

    def slots(
        self, actor: Actor, limit: int, cursor: str | None, lang: Lang
    ) -> tuple[list[models.Slot], str | None]:
        """A page of slots."""
        _need(actor, Act.SEE)
        after = reading.decode_cursor(cursor)
        with self.database.read() as session:
            rows = reading.slot_rows(session, actor.household_id, limit, after)
            page, following = reading.page_of(rows, limit, lambda row: (row.created_at, row.id), lambda r: r)
            return reading.show_slots(session, page, self.clock.now(), self.fitted, lang), following

    def slot(self, actor: Actor, slot_id: str, lang: Lang) -> models.Slot:
        """One slot."""
        _need(actor, Act.SEE)
        with self.database.read() as session:
            slot = _mine(session, Slot, slot_id, actor)
            return reading.show_slots(session, [slot], self.clock.now(), self.fitted, lang)[0]

    def readings(
        self, actor: Actor, slot_id: str, limit: int, cursor: str | None
    ) -> tuple[list[models.Reading], str | None]:
        """A page of what a slot's device said, newest first."""
        _need(actor, Act.SEE)
        before = reading.decode_cursor(cursor)
        with self.database.read() as session:
            rows = reading.reading_rows(session, _mine(session, Slot, slot_id, actor), limit, before)
            return reading.page_of(
                rows, limit, lambda row: (row.occurred_at, f"{row.boot}:{row.seq}"), reading.show_reading
            )

    def orders(
        self, actor: Actor, limit: int, cursor: str | None, state: str | None, lang: Lang
    ) -> tuple[list[models.Order], str | None]:
        """A page of orders, newest first."""
        _need(actor, Act.SEE)
        before = reading.decode_cursor(cursor)
        with self.database.read() as session:
            rows = reading.order_rows(session, actor.household_id, limit, before, state)
            page, following = reading.page_of(rows, limit, lambda row: (row.created_at, row.id), lambda r: r)
            return show_orders(session, page, lang, self.clock.now()), following

    def order(self, actor: Actor, order_id: str, lang: Lang) -> models.Order:
        """One order."""
        _need(actor, Act.SEE)
        with self.database.read() as session:
            order = _mine(session, PurchaseOrder, order_id, actor)
            return show_order(session, order, lang, self.clock.now())

    def notices(
        self, actor: Actor, limit: int, cursor: str | None, lang: Lang
    ) -> tuple[list[models.Notice], str | None]:
        """A page of notices, newest first."""
        _need(actor, Act.SEE)
        before = reading.decode_cursor(cursor)
        with self.database.read() as session:
            zone = session.get_one(Household, actor.household_id).time_zone
            rows = notices.list_notices(session, actor.household_id, limit + 1, before)
            return reading.page_of(
                rows, limit, lambda row: (row.at, row.id), lambda row: reading.show_notice(row, zone, lang)
            )

    def see_notices(self, actor: Actor, until: datetime) -> int:
        """Mark notices as seen, for who decides; how many were."""
        _need(actor, Act.APPROVE)
        with self.database.write() as session:
            return notices.mark_seen(session, actor.household_id, self.clock.now(), actor.name, until)

    def order_now(self, actor: Actor, slot_id: str, call: Call, lang: Lang) -> tuple[dict[str, Any], bool]:
        """Order a pack, or ask an adult; the answer, and whether it is an earlier one."""
        _need(actor, Act.ASK)

        def act(session: Session) -> dict[str, Any]:
            slot = _mine(session, Slot, slot_id, actor)
            wish = order_now(session, slot, actor, f"{call.caller}:{call.key}", self.clock.now())
            return models.Wish(
                outcome=wish.outcome, order_id=wish.order_id, sentence=wish.sentence(lang)
            ).model_dump(mode="json")

        return self._once(call, act)

    def approve(
        self, actor: Actor, order_id: str, ceiling_minor: int, call: Call, lang: Lang
    ) -> tuple[dict[str, Any], bool]:
        """Agree to pay at most `ceiling_minor`."""
        agree = partial(orders.approve, ceiling_minor=ceiling_minor)
        return self._act(actor, Act.APPROVE, agree, order_id, call, lang)

    def cancel(self, actor: Actor, order_id: str, call: Call, lang: Lang) -> tuple[dict[str, Any], bool]:
        """Stop an order."""
        return self._act(actor, Act.CANCEL, orders.cancel, order_id, call, lang)

    def skip(self, actor: Actor, order_id: str, call: Call, lang: Lang) -> tuple[dict[str, Any], bool]:
        """Not this time: stop an order, and let the level alone order nothing for a week."""
        return self._act(actor, Act.CANCEL, orders.skip, order_id, call, lang)

    def _act(
        self, actor: Actor, right: Act, act: Callable[..., None], order_id: str, call: Call, lang: Lang
    ) -> tuple[dict[str, Any], bool]:
        """Let somebody who has the right do one thing to an order of theirs, once."""
        _need(actor, right)

        def carry_out(session: Session) -> dict[str, Any]:
            order = _mine(session, PurchaseOrder, order_id, actor)
            act(session, order.id, now=self.clock.now(), by=actor.name)
            return show_order(session, order, lang, self.clock.now()).model_dump(mode="json")

        return self._once(call, carry_out)

    def pause(self, actor: Actor, slot_id: str | None, until: date | None) -> None:
        """Let nothing leave before a day, for one slot or (None) the home; without a day, end the pause."""
        _need(actor, Act.SETTINGS)
        with self.database.write() as session:
            slot = None if slot_id is None else _mine(session, Slot, slot_id, actor)
            pause(session, slot, until, actor, self.clock.now())
        self.on_wish()

    def threshold(self, actor: Actor, slot_id: str) -> tuple[models.Threshold, str]:
        """A slot's threshold and its entity tag."""
        _need(actor, Act.SEE)
        with self.database.read() as session:
            return _threshold(session, _mine(session, Slot, slot_id, actor))

    def set_threshold(
        self, actor: Actor, slot_id: str, threshold: int, seen: str | None
    ) -> tuple[models.Threshold, str]:
        """Another threshold in place of the one that was seen.

        Raises:
            Stale: it is not the one in force any more, or (None) nobody said which was seen.
            ThresholdRefused: the slot cannot have it.
        """
        _need(actor, Act.SETTINGS)
        with self.database.write() as session:
            slot = _mine(session, Slot, slot_id, actor)
            if seen is None or (seen.strip() != "*" and threshold_tag(slot) not in seen):
                raise Stale(seen is None)
            set_threshold(session, slot, threshold, actor.name, self.clock.now())
            session.flush()
            answer = _threshold(session, slot)
        self.on_wish()
        return answer

    def _once(self, call: Call, act: Callable[[Session], dict[str, Any]]) -> tuple[dict[str, Any], bool]:
        answer, earlier = answer_once(self.database, call, act, self.clock.now(), self.clock.speed)
        if not earlier:
            self.on_wish()
        return answer, earlier


def _threshold(session: Session, slot: Slot) -> tuple[models.Threshold, str]:
    agreed = slot_agreement(session.get_one(Twin, slot.device_id), slot.key)
    factor = BY_BASE[slot.unit].factor
    on_device = None if agreed.reported is None else agreed.reported * factor
    shown = models.Threshold(
        threshold=slot.threshold, unit=slot.unit, agreement=agreed.agreement.value, on_device=on_device
    )
    return shown, threshold_tag(slot)


def _need(actor: Actor, act: Act) -> None:
    if not actor.may(act):
        raise MayNot(act)


def _mine(session: Session, table: type[_Row], key: str, actor: Actor) -> _Row:
    row = session.get(table, key)
    if row is None or row.household_id != actor.household_id:
        raise NotHere(key)
    return row
