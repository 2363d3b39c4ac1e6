"""The household's AP2 mandates: signed once for a shop, used up order by order, revoked at any time.

The limits hold here as well as at the shop: what a mandate does not cover is not signed. Never are two closed
mandates out at once under one open mandate.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from replenish_server.database import Database, Prepared
from replenish_server.ids import new_id
from replenish_server.retailers.port import TryLater
from replenish_server.retailers.tables import OpenMandate
from replenish_server.retailers.ucp import ap2
from replenish_server.retailers.ucp.ap2 import Terms
from replenish_server.retailers.ucp.signatures import Signer

MOST_PACKS = 12  # open mandates name a number of packs exactly, so one is signed for each up to this
CLOSED_FOR = timedelta(hours=1)  # how long a shop may take to complete under a closed mandate


class MandateRefused(Exception):
    """What is to be bought is not covered; the text says why."""


@dataclass(frozen=True)
class Closed:
    """The agent's word for one checkout and for its payment."""

    checkout_mandate: str
    payment_mandate: str


@dataclass(frozen=True)
class Keys:
    """Who signs: the household what it agrees to, the agent each order under it. `agent_named` finds the key
    that an earlier mandate confirms, None once it is no longer published."""

    household: Callable[[], Signer]
    agent: Callable[[], Signer]
    agent_named: Callable[[str], Signer | None]


class ShopMandates(Protocol):
    """The household's mandates for one shop."""

    def are_signed(self) -> bool:
        """Whether there are any that can be used now."""

    def close(self, checkout: dict[str, Any], packs: int, total_minor: int) -> Closed:
        """Sign for one checkout.

        Raises:
            MandateRefused: what was signed does not cover it.
        """

    def settle(self, checkout_id: str) -> None:
        """The shop has the order: what was signed for it is used up, and the next may be signed."""


class MandateBook:
    """Mandates on the database.

    Args:
        database: where they are kept.
        keys: who signs.
        now: the server's clock.
    """

    def __init__(self, database: Database, keys: Keys, now: Callable[[], datetime]) -> None:
        self._database, self._keys, self._now = database, keys, now

    def sign(self, household_id: str, retailer_id: str, terms: Terms, by: str) -> str:
        """Sign open mandates for a shop; an earlier one for the same shop is revoked. Returns its id."""
        household, agent = self._keys.household(), self._keys.agent()
        tokens = {}
        for packs in range(1, MOST_PACKS + 1):
            opened = ap2.open_checkout(terms, packs, household, agent)
            tokens[str(packs)] = [opened, ap2.open_payment(terms, opened, household, agent)]
        now = self._now()
        made = OpenMandate(
            id=new_id("mnd"),
            household_id=household_id,
            retailer_id=retailer_id,
            terms=asdict(terms),
            tokens=tokens,
            agent_kid=agent.kid,
            signed_by=by,
            signed_at=now,
            expires_at=now + timedelta(seconds=terms.expires_at - terms.issued_at),
        )
        with self._database.write() as session:
            for earlier in _valid(session, retailer_id, now):
                if earlier.household_id == household_id:
                    earlier.revoked_at = now
                    session.add(earlier)
            session.add(made)
        return made.id

    def revoke(self, mandate_id: str, household_id: str) -> bool:
        """Nothing more is signed under it; returns whether there was anything to revoke."""
        with self._database.write() as session:
            mandate = session.get(OpenMandate, mandate_id)
            if mandate is None or mandate.household_id != household_id or mandate.revoked_at is not None:
                return False
            mandate.revoked_at = self._now()
            session.add(mandate)
            return True

    def is_signed(self, retailer_id: str) -> bool:
        """Whether a mandate for this shop can be used now: signed by the one household that buys there, with
        the key that our agent still has."""
        found = self._database.glance(_AGENTS, retailer_id=retailer_id, now=self._now())
        return sum(self._keys.agent_named(kid) is not None for (kid,) in found) == 1

    def close(self, retailer_id: str, checkout: dict[str, Any], packs: int, total_minor: int) -> Closed:
        """Sign for one checkout; committed before it is returned.

        Raises:
            MandateRefused: it is not covered.
            TryLater: another checkout's mandate is still out, of a conversation beside this one.
            SignatureRefused: the checkout bears no authorization of the shop.
        """
        now = self._now()
        with self._database.write() as session:
            mandate = self._usable(session, retailer_id)
            if mandate is None:
                raise MandateRefused("no mandate of the household is valid for this shop")
            terms = _terms(mandate)
            checkout_id = str(checkout.get("id"))
            again = mandate.closed_checkout_id == checkout_id
            _check(mandate, terms, checkout, packs, total_minor, now, again=again)
            until = min(now + CLOSED_FOR, mandate.expires_at)
            agent = self._keys.agent_named(mandate.agent_kid)
            if agent is None:
                raise MandateRefused("the key that the mandate confirms is gone; sign it again")
            opened, paying = mandate.tokens[str(packs)]
            at, end = int(now.timestamp()), int(until.timestamp())
            closed = Closed(
                ap2.close_checkout(opened, checkout, agent, terms.merchant_id, at, end),
                ap2.close_payment(paying, terms, checkout, total_minor, agent, at, end),
            )
            if not again:
                mandate.spent_minor += total_minor
                mandate.occurrences += 1
            mandate.closed_checkout_id, mandate.closed_until = checkout_id, until
            session.add(mandate)
        return closed

    def settle(self, retailer_id: str, checkout_id: str) -> None:
        """A closed mandate was used; nothing happens for one that is not out."""
        with self._database.write() as session:
            query = select(OpenMandate).where(
                OpenMandate.retailer_id == retailer_id, OpenMandate.closed_checkout_id == checkout_id
            )
            for mandate in session.exec(query):
                mandate.closed_until = self._now()
                session.add(mandate)

    def _usable(self, session: Session, retailer_id: str) -> OpenMandate | None:
        valid = _valid(session, retailer_id, self._now())
        found = [mandate for mandate in valid if self._keys.agent_named(mandate.agent_kid) is not None]
        # A shop serves every household of this server; where several signed, none is taken for another.
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class BookedMandates:
    """`ShopMandates` of one retailer in the book."""

    book: MandateBook
    retailer_id: str

    def are_signed(self) -> bool:
        """See `MandateBook.is_signed`."""
        return self.book.is_signed(self.retailer_id)

    def close(self, checkout: dict[str, Any], packs: int, total_minor: int) -> Closed:
        """See `MandateBook.close`."""
        return self.book.close(self.retailer_id, checkout, packs, total_minor)

    def settle(self, checkout_id: str) -> None:
        """See `MandateBook.settle`."""
        self.book.settle(self.retailer_id, checkout_id)


def mandates_of(session: Session, household_id: str) -> list[OpenMandate]:
    """All that a household ever signed, the newest first."""
    query = select(OpenMandate).where(OpenMandate.household_id == household_id)
    return list(session.exec(query.order_by(col(OpenMandate.signed_at).desc(), col(OpenMandate.id))))


_IS_VALID = (
    col(OpenMandate.retailer_id) == bindparam("retailer_id"),
    col(OpenMandate.revoked_at).is_(None),
    col(OpenMandate.expires_at) > bindparam("now"),
)
_VALID = select(OpenMandate).where(*_IS_VALID)
_AGENTS: Prepared[str] = Prepared(select(OpenMandate.agent_kid).where(*_IS_VALID))


def _valid(session: Session, retailer_id: str, now: datetime) -> list[OpenMandate]:
    return list(session.exec(_VALID, params={"retailer_id": retailer_id, "now": now}))


def _terms(mandate: OpenMandate) -> Terms:
    kept = dict(mandate.terms)
    kept["items"] = tuple((str(item_id), str(title)) for item_id, title in kept["items"])
    return Terms(**kept)


def _check(
    mandate: OpenMandate,
    terms: Terms,
    checkout: dict[str, Any],
    packs: int,
    total_minor: int,
    now: datetime,
    *,
    again: bool,
) -> None:
    agreed = {item_id for item_id, _ in terms.items}
    bought = {str(line["item"]["id"]) for line in checkout["line_items"]}
    spent = 0 if again else mandate.spent_minor + total_minor
    refusals = (
        (bought <= agreed, "an article is not among those that the household agreed to"),
        (str(packs) in mandate.tokens, f"mandates are signed for 1 to {MOST_PACKS} packs"),
        (checkout.get("currency") == terms.currency, f"the household agreed to {terms.currency}"),
        (total_minor <= terms.max_minor, f"{total_minor} is more than {terms.max_minor} for one order"),
        (spent <= terms.budget_minor, f"{spent} is more than {terms.budget_minor} for all orders"),
        (again or mandate.occurrences < terms.max_occurrences, "all agreed orders are used up"),
    )
    for covered, why in refusals:
        if not covered:
            raise MandateRefused(why)
    if not again and mandate.closed_until is not None and mandate.closed_until > now:
        raise TryLater("a mandate for another checkout is still out")
