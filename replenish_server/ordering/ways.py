"""How an order's goods reach the home: the way that the slot wants, and the one that it takes instead."""

from sqlmodel import Session

from replenish_server.database import fetch
from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import Household, SlotFulfilment
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import Fulfilment, PickUp, ShipTo

Ways = tuple[Fulfilment, Fulfilment | None]


def ways_of(session: Session, order: PurchaseOrder) -> Ways:
    """The wanted way and the accepted one, None where only the first will do."""
    household = session.get_one(Household, order.household_id)
    home = ShipTo(household.street, household.locality, household.postal_code, household.country)
    chosen = fetch(session, SlotFulfilment, order.slot_id)
    elsewhere = session.get_one(Slot, order.slot_id).retailer_id != order.retailer_id
    if chosen is None or chosen.location_id is None or elsewhere:  # a store's id means nothing to another
        return home, None
    ways: tuple[Fulfilment, Fulfilment] = (home, PickUp(chosen.location_id))
    first, second = ways if chosen.way == "ship" else reversed(ways)
    return first, second if chosen.fallback else None


def where_to(session: Session, order: PurchaseOrder, way: Fulfilment | None) -> str | None:
    """The name of the place where an order is to be fetched; None where it is sent."""
    if not isinstance(way, PickUp):
        return None
    chosen = session.get(SlotFulfilment, order.slot_id)
    if chosen is not None and chosen.location_id == way.location_id and chosen.location_name:
        return chosen.location_name
    return way.location_id
