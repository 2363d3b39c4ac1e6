"""PURE: what a session offers, and what speaks against completing it.

Source: UCP checkout of every release that is spoken; what is never done, docs/retailers.md.
"""

from dataclasses import replace
from typing import Any

from replenish_server.retailers.port import Fulfilment, Need, Problem, Quote, Trouble
from replenish_server.retailers.ucp import bodies, documents, messages
from replenish_server.retailers.ucp.documents import Checkout
from replenish_server.retailers.ucp.release import Release

Document = dict[str, Any]


def quote_of(
    checkout: Checkout, document: Document, need: Need, way: Fulfilment, release: Release, permitted: bool
) -> Quote | Trouble:
    """The offer of a session, or why it is none.

    Args:
        checkout: the session as it was read.
        document: the same as it came.
        need: what was asked for.
        way: how it was to reach the household.
        release: in which the document speaks.
        permitted: whether the household signed limits for this shop.
    """
    if not bodies.same_goods(checkout, need):
        trouble = messages.trouble_of(document)
        detail = trouble.detail or "the shop changed what was asked for"
        item_id = bodies.changed_article(checkout, need) or trouble.item_id
        return Trouble(Problem.ITEM_UNAVAILABLE, detail, trouble.continue_url, item_id=item_id)
    if checkout.status != "ready_for_complete":
        trouble = messages.trouble_of(document)
        return replace(trouble, detail=trouble.detail or f"the session stays {checkout.status[:50]}")
    if unseen := _unseen(document):
        return unseen
    link = messages.web_link(checkout.continue_url)
    if not bodies.arrives(checkout, way):
        return Trouble(Problem.ADDRESS, "the shop took no delivery address", link)
    totals = documents.read_totals(checkout, release)
    return Quote(
        checkout.id,
        totals.total_minor,
        totals.currency,
        checkout.expiry,
        link,
        lines=documents.quoted_lines(checkout),
        subtotal_minor=totals.subtotal_minor,
        shipping_minor=totals.shipping_minor,
        tax_minor=totals.tax_minor,
        discount_minor=totals.discount_minor,
        fulfilment=way,
        permitted=permitted,
        instrument=need.instrument,
    )


def objection(current: Checkout, document: Document, quote: Quote, release: Release) -> Trouble | None:
    """Why an open session must not be completed now, or None."""
    if current.status != "ready_for_complete":
        return messages.trouble_of(document)
    if unseen := _unseen(document):
        return unseen
    if quote.fulfilment is not None and not bodies.arrives(current, quote.fulfilment):
        link = messages.web_link(current.continue_url)
        return Trouble(Problem.ADDRESS, "the shop changed where the goods go", link)
    totals = documents.read_totals(current, release)
    if (totals.total_minor, totals.currency) != (quote.total_minor, quote.currency):
        detail = f"{quote.total_minor} -> {totals.total_minor} {totals.currency}"
        return Trouble(Problem.PRICE_OVER_CAP, f"the price changed before the order: {detail}")
    if quote.lines and bodies.packs_held(current) != bodies.packs_of(quote.lines):
        return Trouble(Problem.ITEM_UNAVAILABLE, "the shop changed what was asked for")
    return None


def _unseen(document: Document) -> Trouble | None:
    """What only a person can settle, whatever the session's state says."""
    return messages.grave(document) or messages.disclosure(document) or messages.open_action(document)
