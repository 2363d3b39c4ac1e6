"""Quotes from a price list, kept in the step journal: what was judged is what is ordered."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from replenish_server.database import Database
from replenish_server.retailers.book.prices import Priced, price_lines
from replenish_server.retailers.port import (
    Journal,
    Need,
    PickUp,
    Quote,
    QuotedLine,
    Trouble,
)

VALID_FOR = timedelta(hours=24)
_STEP = "create"


@dataclass(frozen=True)
class OrderDraft:
    """What is about to be ordered, as it stands in the journal.

    `lines` are `{item_id, name, packs, unit_minor, total_minor, unit}`; `ship_to` is an address, or None for
    a pickup at `location_id`. Amounts in minor units of `currency`.
    """

    lines: list[dict[str, Any]]
    buyer_name: str
    buyer_email: str
    ship_to: dict[str, str] | None
    location_id: str | None
    currency: str
    subtotal_minor: int
    shipping_minor: int
    total_minor: int


@dataclass(frozen=True)
class KeptQuote:
    """A quote that is still valid: its key, what it was for, and until when it may be ordered."""

    key: str
    draft: OrderDraft
    valid_until: datetime


class PriceListQuotes:
    """Makes and keeps quotes for one retailer.

    Args:
        database: where its price list is.
        retailer_id: whose.
        shipping_minor: what carrying costs, in minor units of the list's currency.
        now: the server's clock.
    """

    def __init__(
        self, database: Database, retailer_id: str, shipping_minor: int, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._retailer_id = retailer_id
        self._shipping_minor = shipping_minor
        self._now = now

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble:
        """The quote of this attempt: the kept one, or one from today's list.

        Raises:
            JournalClosed: see `Journal.prepare`.
        """
        stored = journal.find(_STEP)
        if stored is None:
            with self._database.read() as session:
                priced = price_lines(session, self._retailer_id, need.lines)
            if isinstance(priced, Trouble):
                return priced
            body = json.dumps(asdict(self._draft(need, priced)), ensure_ascii=False).encode()
            stored = journal.prepare(_STEP, "QUOTE", "pricelist", body)
            journal.answered(_STEP, 200, b"")
        draft = OrderDraft(**json.loads(stored.body))
        return Quote(
            checkout_id=stored.key,
            total_minor=draft.total_minor,
            currency=draft.currency,
            expires_at=stored.prepared_at + VALID_FOR,
            lines=tuple(
                QuotedLine(line["item_id"], line["packs"], line["unit_minor"], line["total_minor"])
                for line in draft.lines
            ),
            subtotal_minor=draft.subtotal_minor,
            shipping_minor=draft.shipping_minor,
            tax_minor=0,
            discount_minor=0,
            fulfilment=need.fulfilment,
        )

    def draft(self, journal: Journal) -> KeptQuote | None:
        """What this attempt's quote was for, or None when it was never quoted or is no longer valid."""
        stored = journal.find(_STEP)
        if stored is None or self._now() >= stored.prepared_at + VALID_FOR:
            return None
        return KeptQuote(stored.key, OrderDraft(**json.loads(stored.body)), stored.prepared_at + VALID_FOR)

    def _draft(self, need: Need, priced: Priced) -> OrderDraft:
        where = need.fulfilment
        return OrderDraft(
            lines=[
                {**asdict(line), "name": name, "unit": unit}
                for line, name, unit in zip(priced.lines, priced.names, priced.units, strict=True)
            ],
            buyer_name=need.buyer_name,
            buyer_email=need.buyer_email,
            ship_to=None if isinstance(where, PickUp) else asdict(where),
            location_id=where.location_id if isinstance(where, PickUp) else None,
            currency=priced.currency,
            subtotal_minor=priced.subtotal_minor,
            shipping_minor=self._shipping_minor,
            total_minor=priced.subtotal_minor + self._shipping_minor,
        )
