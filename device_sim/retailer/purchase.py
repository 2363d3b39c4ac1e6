"""What a completed checkout bought: everything an order is made from. It changes nothing."""

from dataclasses import asdict, dataclass
from typing import Any

from device_sim.retailer.fulfilment import Way
from device_sim.retailer.locations import LOCATIONS
from device_sim.retailer.stock import Taken
from device_sim.retailer.wire import Doc, amount


@dataclass(frozen=True)
class Purchase:
    """A purchase, for whom and under which key.

    Args:
        kind: "shipping", "pickup" or "digital".
        destination: the address the goods go to; empty for an e-mail.
        late: packs by line id that the warehouse does not have yet.
    """

    checkout_id: str
    profile_url: str
    complete_key: str
    line_items: list[Doc]
    totals: list[Doc]
    kind: str
    destination: Doc
    option_id: str
    option_title: str
    taken: Taken
    late: dict[str, int]

    @classmethod
    def of(cls, resource: Doc, way: Way, taken: Taken, profile_url: str, complete_key: str) -> "Purchase":
        """Read a purchase out of a checkout that is ready. The way must have its option."""
        if way.option is None:
            raise ValueError("a checkout without a chosen option buys nothing")
        destination = {key: value for key, value in (way.destination or {}).items() if key != "id"}
        if way.location_id is not None:
            destination = LOCATIONS[way.location_id].address
        return cls(
            resource["id"],
            profile_url,
            complete_key,
            resource["line_items"],
            resource["totals"],
            way.kind,
            destination,
            way.option.option_id,
            way.option.title,
            taken,
            _late(resource["line_items"], taken),
        )

    def as_doc(self) -> Doc:
        """As JSON, for a completion that takes its time."""
        return asdict(self)

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> "Purchase":
        """Read what `as_doc` wrote."""
        return cls(**(doc | {"taken": Taken(**doc["taken"])}))

    def as_order(self, overcharges_minor: int) -> Doc:
        """What an order keeps of a purchase, `overcharges_minor` cents dearer than agreed."""
        *entries, total = self.totals
        if overcharges_minor:
            entries = [*entries, amount("fee", overcharges_minor, "Handling fee")]
            total = total | {"amount": total["amount"] + overcharges_minor}
        lines = [
            {
                "id": line["id"],
                "item": line["item"],
                "original": line["quantity"],
                "total": line["quantity"],
                "totals": line["totals"],
            }
            for line in self.line_items
        ]
        return {
            "lines": lines,
            "totals": [*entries, total],
            "kind": self.kind,
            "destination": self.destination,
            "option": {"id": self.option_id, "title": self.option_title},
            "taken": self.taken.packs,
            "location_id": self.taken.location_id,
            "late": self.late,
        }


def _late(lines: list[Doc], taken: Taken) -> dict[str, int]:
    """Packs by line id that were sold and not taken from a shelf; the last lines wait."""
    left = dict(taken.packs)
    late: dict[str, int] = {}
    for line in lines:
        item_id = line["item"]["id"]
        here = min(left.get(item_id, 0), line["quantity"])
        left[item_id] = left.get(item_id, 0) - here
        if here < line["quantity"]:
            late[line["id"]] = line["quantity"] - here
    return late
