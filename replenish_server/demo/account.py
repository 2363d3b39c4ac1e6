"""The demo's account: what the server wrote, told line by line. It only reads."""

import threading
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from sqlmodel import col, select

from device_sim.clock import SimClock
from replenish_server import operations
from replenish_server.database import Database
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.replenishment.amounts import amount, money
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.tables import DecisionRecord

_COLOURS = {
    "dose": "cyan",
    "level": "blue",
    "refill": "cyan",
    "press": "magenta",
    "answer": "magenta",
    "forecast": "yellow",
    "decision": "bright_yellow",
    "order": "green",
    "empty": "red",
    "page": "bold",
}
_WORTH_TELLING_G = 10  # a level that moved less is noise to a reader


@dataclass
class Account:
    """One line per event, and the counts for the summary.

    Args:
        clock: simulated time, printed with each line.
        console: where lines go.
        quiet: keep the lines back, for `--json`.
    """

    clock: SimClock
    console: Console
    quiet: bool
    counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _levels: dict[str, int] = field(default_factory=dict)

    def say(self, kind: str, text: str) -> None:
        """Tell one event."""
        with self._lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if self.quiet:
                return
            stamp = self.clock.now().strftime("%a %d %b %H:%M")
            colour = _COLOURS.get(kind, "white")
            self.console.print(
                f"[dim]{stamp}[/dim]  [{colour}]{kind:<9}[/{colour}] {escape(text)}", soft_wrap=True
            )

    def hear(self, device_id: str, fact: dict[str, Any]) -> None:
        """Tell a fact that a device's firmware printed, where it is worth a line."""
        if fact.get("e") == "level" and fact.get("q", "ok") == "ok":
            level = int(fact["n"])
            last = self._levels.get(device_id)
            if last is None or abs(level - last) >= _WORTH_TELLING_G:
                self._levels[device_id] = level
                self.say("level", f"{device_id} reads {level} g")
        elif fact.get("e") == "answer":
            self.say("answer", f"{device_id} lights up: {fact.get('r')}")


class ServerStory:
    """Reads decisions and order events from the database, each once.

    Args:
        database: the server's.
        account: where they are told.
    """

    def __init__(self, database: Database, account: Account) -> None:
        self._database = database
        self._account = account
        self._told: dict[str, str] = {}
        self._last_event = 0

    def look(self) -> list[PurchaseOrder]:
        """Tell what is new; returns the orders that were delivered since the last look."""
        with self._database.read() as session:
            query = select(OrderEvent).where(col(OrderEvent.id) > self._last_event)
            events = session.exec(query.order_by(col(OrderEvent.id))).all()
            records = session.exec(select(DecisionRecord).order_by(col(DecisionRecord.last_at))).all()
            orders = {order.id: order for order in session.exec(select(PurchaseOrder))}
        for record in records:
            self._tell_decision(record)
        for event in events:
            self._last_event = event.id or self._last_event
            self._tell_order(orders[event.order_id], event)
        return [orders[event.order_id] for event in events if event.state == State.DELIVERED]

    def summary(self) -> dict[str, Any]:
        """Everything that happened, as plain values."""
        clock = self._account.clock
        with self._database.read() as session:
            orders = session.exec(select(PurchaseOrder).order_by(col(PurchaseOrder.created_at))).all()
            events = session.exec(select(OrderEvent).order_by(col(OrderEvent.id))).all()
            records = {record.id: record for record in session.exec(select(DecisionRecord))}
        return {
            "simulated_days": round((clock.now_s() - clock.origin_s) / 86_400, 1),
            "events": dict(self._account.counts),
            "stats": operations.collect_stats(self._database, clock.now()),
            "orders": [
                {
                    "id": order.id,
                    "trigger": order.trigger,
                    "product": order.product_name,
                    "packs": order.packs,
                    "state": order.state,
                    "states": [event.state for event in events if event.order_id == order.id],
                    "total_minor": order.total_minor,
                    "currency": order.currency,
                    "retailer_order_id": order.retailer_order_id,
                    "reason": sentence(from_json(records[order.decision_id].data), "en"),
                }
                for order in orders
            ],
        }

    def journeys_done(self) -> bool:
        """Whether a level order and a press order were each placed, shipped and delivered."""
        with self._database.read() as session:
            done = session.exec(
                select(PurchaseOrder.trigger).where(
                    col(PurchaseOrder.placed_at).is_not(None),
                    col(PurchaseOrder.shipped_at).is_not(None),
                    col(PurchaseOrder.delivered_at).is_not(None),
                )
            ).all()
        return {"level", "press"} <= set(done)

    def _tell_decision(self, record: DecisionRecord) -> None:
        key = f"{record.kind}/{record.rule}"
        if self._told.get(record.id) == key:
            return
        self._told[record.id] = key
        decision = from_json(record.data)
        if decision.run_out_days is not None:
            early, median, late = decision.run_out_days
            left, rate = amount(decision.level, decision.unit), amount(decision.rate_per_day, decision.unit)
            text = f"{left} at {rate} a day last {median:.1f} days ({early:.1f} to {late:.1f})"
            self._account.say("forecast", text)
        self._account.say("decision", sentence(decision, "en"))

    def _tell_order(self, order: PurchaseOrder, event: OrderEvent) -> None:
        text = f"{order.product_name} x{order.packs}: {event.state.replace('_', ' ')}"
        if event.state == State.PLACED:
            text += f" for {money(order.total_minor, order.currency)}"
        if event.note:
            text += f" ({event.note})"
        self._account.say("order", text)
