"""How the goods get to the household: a parcel to an address, a store's counter, or an e-mail.

PURE. It reads the wish and the shelves and says which way was chosen, what it costs and what is missing.
One order goes one way; a wish for two ways at once is refused.
Source: UCP 2026-04-08, fulfillment extension.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from device_sim.retailer.locations import LOCATIONS
from device_sim.retailer.wire import Doc, amount, error

PATH = "$.fulfillment.methods[0]"
METHOD_IDS = {"shipping": "ship_1", "pickup": "pickup_1"}
GROUP_ID = "pkg_1"
ADDRESS_FIELDS = ("street_address", "address_locality", "postal_code", "address_country")
UNDELIVERABLE = ("AQ", "ATA", "Antarctica")


@dataclass(frozen=True)
class Option:
    """One speed or counter; the price is in EUR cents for the whole order."""

    option_id: str
    title: str
    description: str
    price_minor: int


# The cheapest first, as the extension advises.
SHIPPING: tuple[Option, ...] = (
    Option("std", "Standard shipping", "On the doorstep the next day", 390),
    Option("express", "Express shipping", "Twice as fast, by courier", 890),
)
PICKUP: tuple[Option, ...] = (Option("counter", "Collect at the counter", "Kept for seven days", 0),)
BY_MAIL = Option("mail", "By e-mail", "At once", 0)


@dataclass(frozen=True)
class Way:
    """The way that was chosen, as far as it was.

    Args:
        kind: "shipping", "pickup" or "digital".
        destination: an address with an id, or a store (`location_id` names it); None while none is chosen.
        option: None while none is chosen.
        messages: what is missing or impossible.
        parts: the `fulfillment` member of the checkout.
    """

    kind: str
    destination: Doc | None
    option: Option | None
    messages: list[Doc] = field(default_factory=list)
    parts: Doc = field(default_factory=dict)

    @property
    def location_id(self) -> str | None:
        """The store, when the goods are collected and one is chosen."""
        return self.destination["id"] if self.kind == "pickup" and self.destination else None

    @property
    def ready(self) -> bool:
        """Whether nothing is left to choose."""
        return self.option is not None and not self.messages


def kind_of(wish: Doc, all_by_mail: bool) -> str:
    """Which way the wish means: what it says, and e-mail or a parcel when it says nothing."""
    if wish["methods"] == 0 and all_by_mail:
        return "digital"
    return str(wish["method_type"] or "shipping")


def choose(
    wish: Doc,
    lines: list[Doc],
    all_by_mail: bool,
    at_stores: Mapping[str, Mapping[str, int]],
    address_needed: tuple[str, ...] = ADDRESS_FIELDS,
) -> Way:
    """Read the choices out of a wish.

    Args:
        lines: the checkout's lines, each with id, item id and quantity.
        at_stores: packs by location id and item id.
        address_needed: the fields without which no parcel can be sent.
    """
    kind = kind_of(wish, all_by_mail)
    line_ids = [line["id"] for line in lines]
    if kind == "digital":
        return Way(kind, None, BY_MAIL, [], {"methods": []} | _available(line_ids))
    if wish["methods"] > 1 or kind not in METHOD_IDS:
        text = "One order goes one way: shipping or pickup."
        return Way("shipping", None, None, [error("invalid", text, PATH)], _available(line_ids))
    if kind == "pickup":
        places = [place.as_destination() for place in LOCATIONS.values()]
        destination, messages = _store(wish, lines, at_stores)
        options = PICKUP
    else:
        places = wish["destinations"]
        destination, messages = _address(wish, address_needed)
        options = SHIPPING
    option = None
    if destination is not None and not messages:
        option = next((entry for entry in options if entry.option_id == wish["selected_option_id"]), None)
        if option is None:
            chosen = wish["selected_option_id"]
            code, text = (
                ("missing", "Choose an option.") if chosen is None else ("invalid", "No such option.")
            )
            messages.append(error(code, text, f"{PATH}.groups[0].selected_option_id"))
    method: Doc = {"id": METHOD_IDS[kind], "type": kind, "line_item_ids": line_ids}
    if places:
        method["destinations"] = places
    if destination is not None:
        method["selected_destination_id"] = destination["id"]
        method["groups"] = [_group(line_ids, options, option)]
    return Way(kind, destination, option, messages, {"methods": [method]} | _available(line_ids))


def _store(
    wish: Doc, lines: list[Doc], at_stores: Mapping[str, Mapping[str, int]]
) -> tuple[Doc | None, list[Doc]]:
    chosen, path = wish["selected_destination_id"], f"{PATH}.selected_destination_id"
    if chosen is None or chosen not in LOCATIONS:
        code, text = ("missing", "Choose a store.") if chosen is None else ("invalid", "No such store.")
        return None, [error(code, text, path)]
    place = LOCATIONS[chosen]
    messages = []
    for line in lines:
        left = at_stores.get(chosen, {}).get(line["item"]["id"], 0)
        if left < line["quantity"]:
            text = (
                f"{place.name} has {left} of {line['item']['title']}. Have it sent, or choose another store."
            )
            messages.append(error("out_of_stock", text, path))
    return place.as_destination(), messages


def _address(wish: Doc, needed: tuple[str, ...]) -> tuple[Doc | None, list[Doc]]:
    chosen, path = wish["selected_destination_id"], f"{PATH}.selected_destination_id"
    destinations = wish["destinations"]
    index, destination = next(
        ((i, entry) for i, entry in enumerate(destinations) if entry["id"] == chosen), (0, None)
    )
    if destination is None:
        code, text = (
            ("missing", "Send an address.") if chosen is None else ("invalid", "No such destination.")
        )
        return None, [error(code, text, path)]
    messages = [
        error("missing", f"The address needs {name}.", f"{PATH}.destinations[{index}].{name}")
        for name in needed
        if not destination.get(name)
    ]
    if destination.get("address_country") in UNDELIVERABLE:
        messages.append(error("address_undeliverable", "No parcel service goes to Antarctica.", path))
    return destination, messages


def _group(line_ids: list[str], options: tuple[Option, ...], option: Option | None) -> Doc:
    shown = [
        {
            "id": entry.option_id,
            "title": entry.title,
            "description": entry.description,
            "totals": [amount("total", entry.price_minor, entry.title)],
        }
        for entry in options
    ]
    group: Doc = {"id": GROUP_ID, "line_item_ids": line_ids, "options": shown}
    return group | ({"selected_option_id": option.option_id} if option else {})


def _available(line_ids: list[str]) -> Doc:
    """Which ways there are, for a platform that offers the choice."""
    entries = {
        "shipping": "Can be sent to your door the next day.",
        "pickup": f"Can be collected at {', '.join(place.name for place in LOCATIONS.values())}.",
    }
    return {
        "available_methods": [
            {"type": kind, "line_item_ids": line_ids, "fulfillable_on": "now", "description": text}
            for kind, text in entries.items()
        ]
    }
