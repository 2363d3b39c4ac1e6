"""PURE: a checkout and an order as a shop sends them, read leniently: unknown members and words are let be.

Source: UCP checkout, fulfillment, totals and order schemas of every release that is spoken.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from replenish_server.retailers.port import OrderSnapshot, Progress, QuotedLine
from replenish_server.retailers.ucp.release import Release
from replenish_server.retailers.ucp.shapes import work_out

_DETAIL_LIMIT = 300
_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_CANCELLATIONS = ("cancellation", "cancelation", "cancel")
_SHIPPED_EVENTS = ("shipped", "in_transit", "out_for_delivery", "failed_attempt")
_READY_EVENTS = ("ready_for_pickup", "ready")
_TAKEN_EVENTS = ("delivered", "picked_up", "collected")


Minor = Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)]
"""An amount that every JSON reader and our database can hold."""
Quantity = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Unreadable(Exception):
    """The shop's answer does not follow the release."""


class Total(msgspec.Struct):
    """One entry of a cost breakdown, in minor units."""

    type: str
    amount: Minor


class QuantityUnit(msgspec.Struct):
    """What one step of a quantity is; without it, one piece."""

    unit: str = "C62"
    scale: int = 0


class Item(msgspec.Struct):
    """What a line is about. `price` is in minor units for one whole unit."""

    id: str
    title: Any = ""
    price: Minor | None = None
    quantity_unit: QuantityUnit | None = None
    unit_price: Any = None


class LineItem(msgspec.Struct):
    """One line of a checkout; `id` is empty where a shop leaves it out."""

    item: Item
    quantity: Quantity
    id: str = ""
    totals: list[Total] = []


class Destination(msgspec.Struct):
    """Where goods go, or are fetched: an address of ours or a location of the shop."""

    id: str
    type: str | None = None
    name: str | None = None
    street_address: str | None = None
    address_locality: str | None = None
    postal_code: str | None = None
    address_country: str | None = None
    address: dict[str, Any] | None = None


class Option(msgspec.Struct):
    """One way of carrying a group."""

    id: str
    title: Any = ""
    totals: list[Total] = []


class Group(msgspec.Struct):
    """Goods that travel together."""

    id: str
    line_item_ids: list[str] = []
    options: list[Option] | None = None
    selected_option_id: str | None = None


class Method(msgspec.Struct):
    """One fulfilment method with the lines that it carries."""

    id: str
    type: str
    line_item_ids: list[str] = []
    destinations: list[Destination] | None = None
    selected_destination_id: str | None = None
    groups: list[Group] | None = None


class Fulfillment(msgspec.Struct):
    """All methods of a checkout."""

    methods: list[Method] | None = None


class Confirmation(msgspec.Struct):
    """The order that a checkout became."""

    id: Name
    permalink_url: Any = ""


class Checkout(msgspec.Struct):
    """A checkout session. `status` may be a word that we do not know."""

    id: Name
    status: str
    currency: str
    line_items: list[LineItem]
    totals: list[Total]
    fulfillment: Fulfillment | None = None
    expires_at: Any = None
    continue_url: Any = None
    order: Confirmation | None = None

    @property
    def methods(self) -> list[Method]:
        """Its fulfilment methods; empty where it names none."""
        return (self.fulfillment.methods if self.fulfillment else None) or []

    @property
    def expiry(self) -> datetime | None:
        """Until when it can be completed, aware; None where the shop does not say."""
        return _moment(self.expires_at)


class _OrderQuantity(msgspec.Struct):
    total: Quantity
    fulfilled: Quantity = 0


class _OrderLine(msgspec.Struct):
    """A line of an order; some shops repeat the checkout's line, with a plain number."""

    id: str
    quantity: _OrderQuantity | Quantity

    @property
    def packs(self) -> int:
        """How many are left to be delivered or kept."""
        return self.quantity if isinstance(self.quantity, int) else self.quantity.total


class _EventLine(msgspec.Struct):
    id: str
    quantity: Quantity = 0


class _Event(msgspec.Struct):
    type: str
    line_items: list[_EventLine] = []
    carrier: Any = None
    tracking_number: Any = None


class _Adjustment(msgspec.Struct):
    type: str
    status: str = ""
    description: Any = None
    line_items: list[Any] | None = None


class _OrderFulfillment(msgspec.Struct):
    events: list[_Event] | None = None


class _Order(msgspec.Struct):
    id: Name
    line_items: list[_OrderLine]
    totals: list[Total] = []
    fulfillment: _OrderFulfillment | None = None
    adjustments: list[_Adjustment] | None = None


work_out(Checkout, _Order)


@dataclass(frozen=True)
class Totals:
    """The totals of a checkout, checked: the parts add up to the total. All in minor units.

    Args:
        total_minor: what would be charged.
        subtotal_minor: the goods.
        shipping_minor: carrying or keeping them.
        tax_minor: tax on top.
        discount_minor: what was taken off, never negative.
        currency: ISO 4217.
    """

    total_minor: int
    subtotal_minor: int
    shipping_minor: int
    tax_minor: int
    discount_minor: int
    currency: str


def document_of(answer: bytes) -> dict[str, Any]:
    """The answer as a JSON object.

    Raises:
        Unreadable: it is not one.
    """
    try:
        document = json.loads(answer)
        if _UNSTORABLE.search(answer):
            document = _storable(document)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the answer is not JSON") from error
    if not isinstance(document, dict):
        raise Unreadable("the answer is not a JSON object")
    return document


def _storable(value: Any) -> Any:
    """The same without what no database takes as text: NUL, and halves of a surrogate pair."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_storable(entry) for entry in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(entry) for name, entry in value.items()}
    return value


def _present(value: Any) -> Any:
    """The same without members that are null: to say nothing so is not to say something else."""
    if isinstance(value, list):
        return [_present(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _present(entry) for name, entry in value.items() if entry is not None}
    return value


def read_checkout(document: dict[str, Any]) -> Checkout:
    """A checkout.

    Raises:
        Unreadable: a member that we need is missing or of another shape; the text names it.
    """
    try:
        return msgspec.convert(_present(document), Checkout)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreadable(f"the checkout does not follow the release: {error}"[:_DETAIL_LIMIT]) from error


def read_totals(checkout: Checkout, release: Release) -> Totals:
    """The amount to pay, believed only when the parts and the lines add up.

    Raises:
        Unreadable: they do not, or there is not exactly one total: no unattended completion may follow.
    """
    totals = [entry.amount for entry in checkout.totals if entry.type == "total"]
    subtotals = [entry.amount for entry in checkout.totals if entry.type == "subtotal"]
    if len(totals) != 1 or len(subtotals) != 1:
        raise Unreadable("the totals need exactly one subtotal and one total")
    parts = [
        (entry.type, release.signed_total(entry.type, entry.amount))
        for entry in checkout.totals
        if entry.type != "total"
    ]
    summed = sum(amount for _, amount in parts)
    if totals[0] < 0 or summed != totals[0]:
        raise Unreadable(f"the totals do not add up: parts {summed}, total {totals[0]}")
    _check_lines(checkout, subtotals[0])

    def part(*kinds: str) -> int:
        return sum(amount for kind, amount in parts if kind in kinds)

    off = -part("discount", "items_discount")
    return Totals(totals[0], subtotals[0], part("fulfillment"), part("tax"), max(off, 0), checkout.currency)


def _check_lines(checkout: Checkout, subtotal: int) -> None:
    """Price times quantity is each line's subtotal, and the lines make the subtotal."""
    before, after = 0, 0
    for line in checkout.line_items:
        by_type = {entry.type: entry.amount for entry in line.totals}
        if "subtotal" not in by_type and "total" not in by_type:
            return  # the shop tells no line's cost; the sum above is all that can be checked
        goods = by_type.get("subtotal", by_type.get("total", 0))
        before += goods
        after += by_type.get("total", goods)
        scale = line.item.quantity_unit.scale if line.item.quantity_unit else 0
        if line.item.price is None or line.item.unit_price is not None or not 0 <= scale <= 9:
            continue
        exact = line.item.price * line.quantity / 10**scale
        if abs(goods - exact) > (0.5 if scale else 0):
            raise Unreadable(
                f"line {line.id[:50]} does not add up: {line.quantity} at {line.item.price} is not {goods}"
            )
    if subtotal not in (before, after):
        raise Unreadable(f"the lines do not add up: lines {before}, subtotal {subtotal}")


def quoted_lines(checkout: Checkout) -> tuple[QuotedLine, ...]:
    """What each line costs, as the shop says it; empty where it names a line's price nowhere."""
    lines = []
    for line in checkout.line_items:
        if line.item.price is None:
            return ()
        total = next((t.amount for t in line.totals if t.type == "total"), line.item.price * line.quantity)
        lines.append(QuotedLine(line.item.id, line.quantity, line.item.price, total))
    return tuple(lines)


def read_order(document: dict[str, Any]) -> OrderSnapshot:
    """How far an order is. Unknown event types are ignored: the enumeration is open.

    Raises:
        Unreadable: the order does not follow the release.
    """
    try:
        order = msgspec.convert(_present(document), _Order)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreadable(f"the order does not follow the release: {error}"[:_DETAIL_LIMIT]) from error
    total = next((entry.amount for entry in order.totals if entry.type == "total"), None)
    progress, note = _progress(order)
    return OrderSnapshot(order.id, progress, note, total)


def _progress(order: _Order) -> tuple[Progress, str]:
    cancellations = [a for a in order.adjustments or [] if a.type in _CANCELLATIONS]
    # One that names lines takes away only those; what is left is in the lines' own totals.
    whole = any(a.status == "completed" and not a.line_items for a in cancellations)
    gone = bool(order.line_items) and all(line.packs == 0 for line in order.line_items)
    if whole or gone:
        said = next((a.description for a in cancellations if isinstance(a.description, str)), "")
        return Progress.CANCELED, said[:_DETAIL_LIMIT]
    events = (order.fulfillment.events if order.fulfillment else None) or []
    arrived: dict[str, int] = {}
    taken = [event for event in events if event.type in _TAKEN_EVENTS]
    for event in taken:
        for line in event.line_items:
            arrived[line.id] = arrived.get(line.id, 0) + line.quantity
    # An event that names no line is about all of them.
    all_taken = any(not event.line_items for event in taken)
    if all_taken or (
        arrived and all(arrived.get(line.id, 0) >= line.packs for line in order.line_items if line.packs)
    ):
        return Progress.DELIVERED, ""
    if any(event.type in _READY_EVENTS for event in events):
        return Progress.READY, ""
    shipped = [event for event in events if event.type in (*_SHIPPED_EVENTS, *_TAKEN_EVENTS)]
    if shipped:
        last = shipped[-1]
        note = " ".join(part for part in (last.carrier, last.tracking_number) if isinstance(part, str))
        return Progress.SHIPPED, note[:_DETAIL_LIMIT]
    return Progress.PROCESSING, ""


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
