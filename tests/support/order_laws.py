"""The laws of the simulation, when all is at rest: nothing bought twice, nothing lost, nothing overspent."""

import json
from typing import TYPE_CHECKING

from replenish_server.ordering.states import ENDED
from replenish_server.retailers.port import Problem
from tests.support.order_rows import Order, Violation
from tests.support.sim_shop import PRICE_MINOR

if TYPE_CHECKING:
    from tests.support.order_world import OrderWorld


def check_laws(world: "OrderWorld") -> None:
    """Raise `Violation` for the first law that is broken."""
    for order in world.orders:
        made = _made(world, order)
        ours = [key for key in made if not key.startswith("by hand")]
        doubtful = order.problem is Problem.UNKNOWN_OUTCOME
        if len(made) > 1:
            raise Violation(f"one need is {len(made)} orders: {order}")
        if order.placed and not made:
            raise Violation(f"placed, and not there: {order}")
        unseen = bool(ours) and not order.placed and not doubtful
        if unseen and (order.canceled_by_us or order.state not in ENDED):
            raise Violation(f"there, and not known: {order}")
    spent = sum(PRICE_MINOR for order in world.orders if order.placed and order.booked)
    if spent > world.budget:
        raise Violation(f"{spent} of {world.budget} were spent")
    for n, (slot, number) in enumerate(world.presses):
        if n not in world.answered or number is None or world.orders[number].slot != slot:
            raise Violation(f"press {n} was lost")


def _made(world: "OrderWorld", order: Order) -> list[str]:
    """The keys of all orders that the shop has made of this order's sessions."""
    calls = [call for (_, step), call in order.calls.items() if step == "create" and call.answer]
    sessions = {json.loads(call.answer or b"{}").get("id") for call in calls} | {order.checkout_id}
    return [key for session_id, key in world.shop.made if session_id in sessions]
