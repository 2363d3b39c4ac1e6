"""PURE: what a decision is called in the Dash Replenishment Service's words, and an order's state there."""

from enum import StrEnum

from replenish_server.ordering.states import State
from replenish_server.replenishment.decision import Decision, Kind


class DetailCode(StrEnum):
    """The outcome of a replenish call: the service's own three codes, then ours for what it never said."""

    STANDARD_ORDER_PLACED = "STANDARD_ORDER_PLACED"
    TEST_ORDER_PLACED = "TEST_ORDER_PLACED"
    ORDER_INPROGRESS = "ORDER_INPROGRESS"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    PRICE_ABOVE_CAP = "PRICE_ABOVE_CAP"
    PAUSED = "PAUSED"
    NOT_SUBSCRIBED = "NOT_SUBSCRIBED"
    UNKNOWN_LEVEL = "UNKNOWN_LEVEL"
    STALE_EVENT = "STALE_EVENT"


_CODE_OF_RULE = {
    "no_open_order": DetailCode.ORDER_INPROGRESS,
    "fresh_press": DetailCode.STALE_EVENT,
    "level_known": DetailCode.UNKNOWN_LEVEL,
    "fresh_reading": DetailCode.UNKNOWN_LEVEL,
    "budget": DetailCode.LIMIT_EXCEEDED,
    "price_cap": DetailCode.PRICE_ABOVE_CAP,
    "over_last_paid": DetailCode.PRICE_ABOVE_CAP,
    "pause": DetailCode.PAUSED,
    "quiet_hours": DetailCode.PAUSED,
    "retailer": DetailCode.NOT_SUBSCRIBED,
}


def detail_code(decision: Decision) -> DetailCode:
    """The code of a decision on a press."""
    if decision.kind is Kind.ORDER:
        return DetailCode.STANDARD_ORDER_PLACED
    if decision.kind in (Kind.SHADOW, Kind.NOTIFY):
        return DetailCode.NOT_SUBSCRIBED  # the household looks on, and buys by itself
    refusal = decision.refused_by()
    if refusal is not None and refusal.rule in _CODE_OF_RULE:
        return _CODE_OF_RULE[refusal.rule]
    return DetailCode.APPROVAL_REQUIRED if decision.kind is Kind.ASK else DetailCode.NOT_SUBSCRIBED


ORDER_STATUS: dict[State, str] = {
    State.PROPOSED: "Pending",
    State.NEEDS_APPROVAL: "Pending",
    State.COOLING_OFF: "Pending",
    State.PLACING: "Pending",
    State.NEEDS_ATTENTION: "Pending",
    State.PLACED: "Processing",
    State.SHIPPED: "Shipped",
    State.READY_FOR_PICKUP: "Shipped",
    State.DELIVERED: "Delivered",
    State.CLOSED: "Delivered",
    State.CANCELED: "Cancelled",
    State.FAILED: "Cancelled",
    State.EXPIRED: "Cancelled",
}
"""How the service calls each state of an order; "Pending" and "Processing" are its documented ones."""
