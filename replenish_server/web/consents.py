"""`ConsentPages` on the database and the mandate book. Shops are asked outside any transaction."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import Household
from replenish_server.retailers.consent import ConsentRefused, terms_for
from replenish_server.retailers.instruments import (
    Instrument,
    InstrumentRefused,
    add_instrument,
    instruments_at,
    remove_instrument,
    use_first,
)
from replenish_server.retailers.kinds import RetailerKind
from replenish_server.retailers.port import TryLater
from replenish_server.retailers.tables import OpenMandate, Retailer
from replenish_server.retailers.ucp.connection import Connection
from replenish_server.retailers.ucp.mandates import MandateBook, mandates_of
from replenish_server.retailers.ucp.profile import ProfileUnusable
from replenish_server.web.consents_views import (
    ConsentForm,
    ConsentsView,
    Offer,
    ShopView,
    SignedView,
    WayToPay,
)
from replenish_server.web.views import Refused


class DatabaseConsents:
    """What the household signed for shops, and signing it.

    Args:
        database: where everything is.
        lines: finds the line to a retailer; None for one that has none.
        book: the household's mandates.
        clock: the server's clock.
    """

    def __init__(
        self,
        database: Database,
        lines: Callable[[Retailer], Connection | None],
        book: MandateBook,
        clock: Clock,
    ) -> None:
        self._database, self._lines, self._book, self._clock = database, lines, book, clock

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def consents(self, household_id: str | None) -> ConsentsView | None:
        """Every shop of the household that speaks UCP."""
        with self._database.read() as session:
            household = session.get(Household, household_id) if household_id else None
            if household is None:
                return None
            shops = _shops(session, household.id)
            instruments = instruments_at(session, [shop for shop, _ in shops])
            ways = {shop_id: [one.name for one in listed] for shop_id, listed in instruments.items()}
            signed = {m.retailer_id: m for m in mandates_of(session, household.id) if self._holds(m)}
        return ConsentsView(
            household.currency,
            [
                ShopView(
                    shop.id,
                    shop.name,
                    self._offers(shop),
                    shop.agreement is not None,
                    names,
                    _signed(signed.get(shop.id)),
                    ways[shop.id],
                )
                for shop, names in shops
            ],
            household.time_zone,
        )

    def sign(self, household_id: str | None, form: ConsentForm, by: str) -> None:
        """The terms are read and signed with the household's key."""
        with self._database.read() as session:
            household = session.get(Household, household_id) if household_id else None
            retailer = session.get(Retailer, form.retailer_id)
            if household is None or retailer is None or retailer.kind != RetailerKind.UCP:
                raise Refused("consent_gone")
            limits = (form.max_minor, form.budget_minor, form.max_occurrences)
            days = timedelta(days=form.days)
            try:
                terms = terms_for(
                    session, household.id, retailer, household.currency, limits, days, self._clock.now()
                )
            except ConsentRefused as refusal:
                raise Refused(refusal.word) from refusal
        self._book.sign(household.id, retailer.id, terms, by)

    def revoke(self, household_id: str | None, mandate_id: str) -> None:
        """At once."""
        if household_id is None or not self._book.revoke(mandate_id, household_id):
            raise Refused("consent_gone")

    def add_way_to_pay(self, household_id: str | None, retailer_id: str, way: WayToPay) -> None:
        """At the end of the list."""
        new = Instrument(way.name.strip(), way.handler.strip(), way.token.strip())
        self._change(household_id, retailer_id, lambda session: add_instrument(session, retailer_id, new))

    def use_first(self, household_id: str | None, retailer_id: str, name: str) -> None:
        """To the front of the list."""
        self._change(household_id, retailer_id, lambda session: use_first(session, retailer_id, name))

    def remove_way_to_pay(self, household_id: str | None, retailer_id: str, name: str) -> None:
        """And its token."""
        self._change(household_id, retailer_id, lambda session: remove_instrument(session, retailer_id, name))

    def _change(self, household_id: str | None, retailer_id: str, change: Callable[[Session], None]) -> None:
        """One change of the list, at a shop where this household buys."""
        try:
            with self._database.write() as session:
                shops = _shops(session, household_id) if household_id else []
                if retailer_id not in {shop.id for shop, _ in shops}:
                    raise Refused("instrument_gone")
                change(session)
        except InstrumentRefused as refusal:
            raise Refused(refusal.word) from refusal

    def _holds(self, mandate: OpenMandate) -> bool:
        return mandate.revoked_at is None and mandate.expires_at > self._clock.now()

    def _offers(self, shop: Retailer) -> Offer:
        line = self._lines(shop)
        if line is None:
            return "no"
        try:
            business = line.business()
        except (ProfileUnusable, TryLater):
            return "unknown"
        return "yes" if business.release.ap2.name in business.capabilities else "no"


def _shops(session: Session, household_id: str) -> list[tuple[Retailer, list[str]]]:
    """The household's UCP shops with the names of what is bought there."""
    slots = session.exec(select(Slot).where(Slot.household_id == household_id)).all()
    query = select(Retailer).where(
        Retailer.kind == RetailerKind.UCP, col(Retailer.id).in_({slot.retailer_id for slot in slots})
    )
    return [
        (shop, sorted({slot.product_name for slot in slots if slot.retailer_id == shop.id}))
        for shop in session.exec(query.order_by(col(Retailer.created_at), col(Retailer.id)))
    ]


def _signed(mandate: OpenMandate | None) -> SignedView | None:
    if mandate is None:
        return None
    terms = mandate.terms
    return SignedView(
        mandate_id=mandate.id,
        items=[str(title) for _, title in terms["items"]],
        currency=terms["currency"],
        max_minor=terms["max_minor"],
        budget_minor=terms["budget_minor"],
        spent_minor=mandate.spent_minor,
        max_occurrences=terms["max_occurrences"],
        occurrences=mandate.occurrences,
        signed_by=mandate.signed_by,
        signed_at=mandate.signed_at,
        expires_at=mandate.expires_at,
    )
