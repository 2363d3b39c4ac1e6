"""What a household's consent to orders without a person at a shop says: the terms that it signs."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import AcceptableProduct
from replenish_server.retailers.tables import Retailer
from replenish_server.retailers.ucp.ap2 import Terms

LONGEST = timedelta(days=366)


class ConsentRefused(ValueError):
    """These terms cannot be signed. `word` names why, for a page; the text says it for an operator."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


def terms_for(
    session: Session,
    household_id: str,
    retailer: Retailer,
    currency: str,
    limits: tuple[int, int, int],
    valid_for: timedelta,
    now: datetime,
) -> Terms:
    """The terms for one shop: every product that the household's slots accept there, within these limits.

    Args:
        session: for the products.
        household_id: who agrees.
        retailer: where.
        currency: ISO 4217 of the limits.
        limits: the most for one order and for all together, in minor units, and how many orders.
        valid_for: at most `LONGEST`.
        now: the moment.

    Raises:
        ConsentRefused: a limit makes no sense, or nothing is bought there.
    """
    max_minor, budget_minor, occurrences = limits
    if not 0 < max_minor <= budget_minor or not 0 < occurrences <= 1000:
        raise ConsentRefused("consent_limits", "the limits must be above zero, one order within all together")
    if not timedelta(0) < valid_for <= LONGEST:
        raise ConsentRefused("consent_days", f"valid for 1 to {LONGEST.days} days")
    wanted = select(Slot).where(Slot.household_id == household_id, col(Slot.retired_at).is_(None))
    slots = session.exec(wanted).all()
    items = {slot.item_id: slot.product_name for slot in slots if slot.retailer_id == retailer.id}
    for slot in slots:
        query = select(AcceptableProduct).where(
            AcceptableProduct.slot_id == slot.id, AcceptableProduct.retailer_id == retailer.id
        )
        items |= {product.item_id: product.name for product in session.exec(query)}
    if not items:
        raise ConsentRefused("consent_nothing", "no supply of this household is bought at this shop")
    return Terms(
        merchant_id=retailer.url,
        merchant_name=retailer.name,
        items=tuple(sorted(items.items())),
        currency=currency,
        max_minor=max_minor,
        budget_minor=budget_minor,
        max_occurrences=occurrences,
        instrument_id=retailer.payment_token,
        instrument_type=retailer.payment_handler,
        issued_at=int(now.timestamp()),
        expires_at=int((now + valid_for).timestamp()),
    )
