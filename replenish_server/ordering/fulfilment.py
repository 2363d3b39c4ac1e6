"""How an order's goods reach the home: what the slot prefers, and what it accepts instead."""

from sqlmodel import Session

from replenish_server.database import fetch
from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import Household, SlotFulfilment
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import Fulfilment, PickUp, ShipTo

FulfilmentChoice = tuple[Fulfilment, Fulfilment | None]
"""(preferred, accepted instead); None where only the first will do."""


def fulfilment_of(session: Session, order: PurchaseOrder) -> FulfilmentChoice:
    """What the order's slot wants; delivery to the home where nothing was chosen, or at another retailer."""
    household = session.get_one(Household, order.household_id)
    home = ShipTo(household.street, household.locality, household.postal_code, household.country)
    chosen = fetch(session, SlotFulfilment, order.slot_id)
    elsewhere = session.get_one(Slot, order.slot_id).retailer_id != order.retailer_id
    if chosen is None or chosen.location_id is None or elsewhere:  # a store's id means nothing to another
        return home, None
    ways: tuple[Fulfilment, Fulfilment] = (home, PickUp(chosen.location_id))
    first, second = ways if chosen.way == "ship" else reversed(ways)
    return first, second if chosen.fallback else None


def pickup_place(session: Session, order: PurchaseOrder, fulfilment: Fulfilment | None) -> str | None:
    """The name, or else the id, of the store where an order is collected; None where it is delivered."""
    if not isinstance(fulfilment, PickUp):
        return None
    chosen = session.get(SlotFulfilment, order.slot_id)
    if chosen is not None and chosen.location_id == fulfilment.location_id and chosen.location_name:
        return chosen.location_name
    return fulfilment.location_id
