"""`ProductPages` on the database and the shop's shelf. The shop is asked outside any transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.products import choose_product
from replenish_server.fleet.registry import Product
from replenish_server.fleet.tables import Slot
from replenish_server.fleet.units import BY_BASE
from replenish_server.households.tables import Household, SlotFulfilment, SlotMandate
from replenish_server.ids import RetailerId
from replenish_server.retailers.port import Article, Line, Location, Need, ShipTo, TryLater
from replenish_server.retailers.prices import CATALOGUE, remember_price
from replenish_server.retailers.tables import Retailer
from replenish_server.retailers.ucp.shelf import NotOffered, UcpShelf
from replenish_server.web.products_views import ChoiceView, PlaceView, ProductView, WayForm
from replenish_server.web.views import Lang, Refused

_COMPARED = {"mg": 1_000_000, "ml": 1000, "page": 1000, "pack": 1}
"""Base units for which prices are compared: a kilogram, a litre, a thousand pages, a pack."""


@dataclass(frozen=True)
class _Facts:
    slot: Slot
    retailer: Retailer
    household: Household
    way: SlotFulfilment | None
    currency: str


class DatabaseProducts:
    """Choosing what a slot buys and how it comes.

    Args:
        database: where everything is.
        shelves: finds the shelf of a retailer; None for one that has none.
        clock: the server's clock.
        on_wish: called after a person's wish was committed.
    """

    def __init__(
        self,
        database: Database,
        shelves: Callable[[Retailer], UcpShelf | None],
        clock: Clock,
        on_wish: Callable[[], None],
    ) -> None:
        self._database, self._shelves, self._clock, self._on_wish = database, shelves, clock, on_wish

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def product(self, slot_id: str, lang: Lang, query: str, places: bool) -> ProductView | None:
        """What is bought now, and what else there is."""
        facts = self._facts(slot_id)
        if facts is None:
            return None
        shelf = self._shelves(facts.retailer)
        choices: list[ChoiceView] = []
        spots: list[Location] = []
        trouble = None
        if shelf is not None:
            try:
                if query:
                    found = shelf.search(query, facts.household.country)
                    self._remember(facts.retailer, found)
                    choices = [_choice(article, facts.slot) for article in found]
                    trouble = None if choices else "nothing"
                if places:
                    spots = shelf.locations(_need(facts))
            except NotOffered:
                trouble = "not_offered" if query else "no_places"
            except TryLater:
                trouble = "later"
        return _view(facts, shelf is not None, query, choices, spots, trouble)

    def _remember(self, retailer: Retailer, found: Sequence[Article]) -> None:
        """What the shop named in a search is known from now on: packs of a slot's list are compared by it
        before the first of them was ever ordered."""
        now = self._clock.now()
        if found:
            with self._database.write() as session:
                for article in found:
                    price = (article.price_minor, article.currency, CATALOGUE)
                    remember_price(session, retailer.id, article.item_id, *price, now)

    def choose(self, slot_id: str, item_id: str, pack: int | None) -> None:
        """The shop says once more what it is; then one transaction."""
        facts = self._known(slot_id)
        shelf = self._shelf(facts)
        try:
            article = shelf.find(item_id, facts.household.country)
        except (NotOffered, TryLater) as error:
            raise Refused("shop_unreachable") from error
        if article is None:
            raise Refused("product_gone")
        if article.currency != facts.currency:
            raise Refused("product_currency")
        content = _content(article, facts.slot.unit)
        if content is None:
            if pack is None:
                raise Refused("product_content")
            content = pack * BY_BASE[facts.slot.unit].factor
        product = Product(RetailerId(facts.retailer.id), item_id, article.title, content)
        with self._database.write() as session:
            slot = session.get(Slot, slot_id)
            if slot is None:
                raise Refused("slot_gone")
            now = self._clock.now()
            choose_product(session, slot, product, now)
            price = (article.price_minor, article.currency, CATALOGUE)
            remember_price(session, facts.retailer.id, item_id, *price, now)
        self._on_wish()

    def set_way(self, slot_id: str, form: WayForm) -> None:
        """A place that is new is looked up at the shop; then one transaction."""
        facts = self._known(slot_id)
        place_id: str | None = form.place_id or (facts.way.location_id if facts.way else None)
        name = facts.way.location_name if facts.way and facts.way.location_id == place_id else None
        if place_id is not None and name is None:
            try:
                spots = self._shelf(facts).locations(_need(facts))
            except (NotOffered, TryLater) as error:
                raise Refused("shop_unreachable") from error
            name = next((spot.name for spot in spots if spot.location_id == place_id), None)
            if name is None:
                raise Refused("place_gone")
        if form.way == "pickup" and place_id is None:
            raise Refused("place_missing")
        now = self._clock.now()
        with self._database.write() as session:
            kept = session.get(SlotFulfilment, slot_id) or SlotFulfilment(
                slot_id=slot_id, way=form.way, changed_at=now
            )
            kept.way, kept.location_id, kept.location_name = form.way, place_id, name
            kept.fallback, kept.changed_at = form.fallback and place_id is not None, now
            session.add(kept)
        self._on_wish()

    def _shelf(self, facts: _Facts) -> UcpShelf:
        shelf = self._shelves(facts.retailer)
        if shelf is None:
            raise Refused("no_shelf")
        return shelf

    def _known(self, slot_id: str) -> _Facts:
        facts = self._facts(slot_id)
        if facts is None:
            raise Refused("slot_gone")
        return facts

    def _facts(self, slot_id: str) -> _Facts | None:
        with self._database.read() as session:
            slot = session.get(Slot, slot_id)
            return None if slot is None else _gather(session, slot)


def _gather(session: Session, slot: Slot) -> _Facts:
    household = session.get_one(Household, slot.household_id)
    mandate = session.get(SlotMandate, slot.id)
    return _Facts(
        slot,
        session.get_one(Retailer, slot.retailer_id),
        household,
        session.get(SlotFulfilment, slot.id),
        household.currency if mandate is None else mandate.currency,
    )


def _need(facts: _Facts) -> Need:
    home = facts.household
    address = ShipTo(home.street, home.locality, home.postal_code, home.country)
    return Need((Line(facts.slot.item_id, 1),), home.buyer_name, home.buyer_email, address)


def _content(article: Article, base: str) -> int | None:
    """Base units of a slot in one pack; None where the shop counts something else."""
    if base == "pack":
        return 1
    if article.content is None or article.content.unit != base:
        return None
    return article.content.amount


def _choice(article: Article, slot: Slot) -> ChoiceView:
    content = _content(article, slot.unit)
    unit, compared = BY_BASE[slot.unit], _COMPARED[slot.unit]
    per = None if content is None else round(article.price_minor * compared / content)
    return ChoiceView(
        item_id=article.item_id,
        title=article.title,
        price_minor=article.price_minor,
        currency=article.currency,
        available=article.available,
        content=None if content is None else content // unit.factor,
        per_minor=per,
        per_amount=compared // unit.factor,
        chosen=article.item_id == slot.item_id,
    )


def _view(
    facts: _Facts,
    searchable: bool,
    query: str,
    choices: list[ChoiceView],
    spots: list[Location],
    trouble: str | None,
) -> ProductView:
    slot, way = facts.slot, facts.way
    unit = BY_BASE[slot.unit]
    return ProductView(
        slot_id=slot.id,
        slot_name=slot.name,
        product_name=slot.product_name,
        retailer_name=facts.retailer.name,
        unit=unit.shown,
        pack=slot.pack_amount // unit.factor,
        way="pickup" if way is not None and way.way == "pickup" else "ship",
        place_id=way.location_id if way else None,
        place_name=way.location_name if way else None,
        fallback=bool(way and way.fallback),
        searchable=searchable,
        query=query,
        choices=choices,
        places=[PlaceView(spot.location_id, spot.name, spot.address) for spot in spots],
        trouble=trouble,
        tz=facts.household.time_zone,
    )
