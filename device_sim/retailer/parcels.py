"""What happens to an order and when: the steps from packing to the door, the counter or the inbox.

PURE. A step is a fulfilment event that has not happened yet; what is due is decided by the shop's clock.
Source: UCP 2026-04-08, order "Fulfillment Events".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_sim.retailer.levers import Levers

HOUR_S = 3600.0
DESCRIPTIONS = {
    "processing": "The order is being packed",
    "shipped": "Handed over to the parcel service",
    "ready_for_pickup": "Waits at the counter",
    "delivered": "Put down at the front door",
}
# Which event means that the shop has done its part, by the way the goods go.
FULFILLED_BY = {"shipping": "shipped", "pickup": "delivered", "digital": "delivered"}
PICKUP_SHARE = 0.5  # a counter is ready in half the time that a parcel needs to leave
CONFIRMED_SHARE = 0.25  # somebody has to pick the goods before a courier can take them


@dataclass(frozen=True)
class Pace:
    """Hours of the clock from the order to the parcel leaving and to the door."""

    ship_h: float
    deliver_h: float


def plan(
    kind: str,
    lines: list[tuple[str, int]],
    late: Mapping[str, int],
    now_s: float,
    pace: Pace,
    levers: Levers,
) -> list[dict[str, Any]]:
    """The steps of one order in the order of their time.

    Args:
        kind: "shipping", "pickup" or "digital".
        lines: line id and packs.
        late: packs by line id that come with the backorder.

    Returns:
        dicts with type, at_s (Unix seconds of the clock), parcel (1, 2, ..) and lines [{id, quantity}].
    """
    ship_s, deliver_s = now_s + pace.ship_h * HOUR_S, now_s + pace.deliver_h * HOUR_S
    everything = [{"id": line_id, "quantity": packs} for line_id, packs in lines]
    confirmed_s = now_s + (ship_s - now_s) * CONFIRMED_SHARE
    steps = [_step("processing", confirmed_s, 0, everything)]
    if kind == "digital":
        return [*steps, _step("delivered", confirmed_s, 1, everything)]
    if kind == "pickup":
        ready_s = now_s + (ship_s - now_s) * PICKUP_SHARE
        steps.append(_step("ready_for_pickup", max(ready_s, confirmed_s), 1, everything))
        return [*steps, _step("delivered", deliver_s, 1, everything)]
    for number, (parcel, delay_s) in enumerate(_parcels(lines, late, levers), 1):
        steps.append(_step("shipped", ship_s + delay_s, number, parcel))
        steps.append(_step("delivered", deliver_s + delay_s + levers.late_h * HOUR_S, number, parcel))
    return sorted(steps, key=lambda step: step["at_s"])


def _parcels(
    lines: list[tuple[str, int]], late: Mapping[str, int], levers: Levers
) -> list[tuple[list[dict[str, Any]], float]]:
    """The contents of each parcel and how many seconds later than usual it leaves."""
    now = [(line_id, packs - late.get(line_id, 0)) for line_id, packs in lines]
    first, second = now, []
    if levers.splits_parcels and sum(packs for _, packs in now) > 1:
        # Half of every line, or half of the lines, so that both parcels hold something.
        first = [(line_id, packs - packs // 2) for line_id, packs in now]
        second = [(line_id, packs // 2) for line_id, packs in now]
        if not any(packs for _, packs in second):
            first, second = now[:1], now[1:]
    backordered = list(late.items())
    parcels = [(first, 0.0), (second, HOUR_S), (backordered, levers.backorder_h * HOUR_S)]
    filled = [
        ([{"id": line_id, "quantity": packs} for line_id, packs in parcel if packs > 0], delay_s)
        for parcel, delay_s in parcels
    ]
    return [(parcel, delay_s) for parcel, delay_s in filled if parcel]


def _step(kind: str, at_s: float, parcel: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": kind, "at_s": at_s, "parcel": parcel, "lines": lines}


def without(steps: list[dict[str, Any]], line_id: str, packs: int) -> list[dict[str, Any]]:
    """Steps from which up to `packs` of one line are taken, the last parcel's first; empty steps vanish."""
    left = dict.fromkeys(("processing", "shipped", "ready_for_pickup", "delivered"), packs)
    kept = []
    for step in reversed(steps):
        lines = []
        for line in step["lines"]:
            quantity = line["quantity"]
            if line["id"] == line_id:
                cut = min(left[step["type"]], quantity)
                left[step["type"]] -= cut
                quantity -= cut
            if quantity:
                lines.append({"id": line["id"], "quantity": quantity})
        if lines:
            kept.append(step | {"lines": lines})
    return kept[::-1]
