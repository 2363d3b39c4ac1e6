"""With what a household pays at a UCP retailer: an ordered list, the first being the retailer's own.

Tokens are opaque credentials that the shop's payment handler issued; they are never shown or logged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, select

from replenish_server.database import Prepared
from replenish_server.retailers.kinds import RetailerKind
from replenish_server.retailers.tables import OpenMandate, PaymentInstrument, Retailer

MOST = 5
NAME_OPTION = "payment_name"
_LONGEST_NAME, _LONGEST_HANDLER, _LONGEST_TOKEN = 60, 200, 4096


@dataclass(frozen=True)
class Instrument:
    """One way to pay: what people call it, the id of the payment handler, and the token it issued."""

    name: str
    handler: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Account:
    """Who we are at one shop: its origin, the id of a payment handler, and the opaque token that the handler
    issued, which is never logged; `others` are the instruments after that one."""

    url: str
    payment_handler: str
    payment_token: str
    others: tuple[Instrument, ...] = ()

    def instrument(self, place: int) -> Instrument:
        """The one at a place; where there is none any more, the last."""
        known = (Instrument("", self.payment_handler, self.payment_token), *self.others)
        return known[min(place, len(known) - 1)]


class InstrumentRefused(ValueError):
    """The list stays as it was. `word` names why, for a page; the text says it for an operator."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


_FURTHER: Prepared[PaymentInstrument] = Prepared(
    select(PaymentInstrument)
    .where(col(PaymentInstrument.retailer_id) == bindparam("retailer_id"))
    .order_by(col(PaymentInstrument.place))
)


def instruments_of(session: Session, retailer: Retailer) -> tuple[Instrument, ...]:
    """The list in its order; never empty for a UCP retailer."""
    return _listed(retailer, _FURTHER.all(session, retailer_id=retailer.id))


def instruments_at(session: Session, retailers: Sequence[Retailer]) -> dict[str, tuple[Instrument, ...]]:
    """The lists of several retailers by their ids, with one statement."""
    further: dict[str, list[PaymentInstrument]] = {retailer.id: [] for retailer in retailers}
    query = select(PaymentInstrument).where(col(PaymentInstrument.retailer_id).in_(further))
    for row in session.exec(query.order_by(col(PaymentInstrument.place))):
        further[row.retailer_id].append(row)
    return {retailer.id: _listed(retailer, further[retailer.id]) for retailer in retailers}


def _listed(retailer: Retailer, rows: Sequence[PaymentInstrument]) -> tuple[Instrument, ...]:
    name = retailer.options.get(NAME_OPTION, retailer.payment_handler)
    first = Instrument(name, retailer.payment_handler, retailer.payment_token)
    return (first, *(Instrument(row.name, row.handler, row.token) for row in rows))


def add_instrument(session: Session, retailer_id: str, new: Instrument) -> None:
    """Put a way to pay at the end of the list.

    Raises:
        InstrumentRefused: see there.
    """
    retailer = _retailer(session, retailer_id)
    known = instruments_of(session, retailer)
    if not 0 < len(new.name) <= _LONGEST_NAME or not new.name.isprintable():
        raise InstrumentRefused("instrument_name", f"give it a name of 1 to {_LONGEST_NAME} characters")
    if not 0 < len(new.handler) <= _LONGEST_HANDLER or not 0 < len(new.token) <= _LONGEST_TOKEN:
        raise InstrumentRefused("instrument_token", "name the payment handler, and the token that it issued")
    if new.name in {instrument.name for instrument in known}:
        raise InstrumentRefused("instrument_twice", f"there is one called {new.name!r} already")
    if len(known) >= MOST:
        raise InstrumentRefused("instrument_most", f"at most {MOST} ways to pay are kept; remove one first")
    _write(session, retailer, (*known, new))


def use_first(session: Session, retailer_id: str, name: str) -> None:
    """Move one to the front; the others keep their order.

    Raises:
        InstrumentRefused: there is none of this name, or signed limits name the first one.
    """
    retailer = _retailer(session, retailer_id)
    known = instruments_of(session, retailer)
    chosen = _named(known, name)
    if chosen != known[0]:
        _check_unsigned(session, retailer)
    _write(session, retailer, (chosen, *(one for one in known if one != chosen)))


def remove_instrument(session: Session, retailer_id: str, name: str) -> None:
    """Forget one and its token.

    Raises:
        InstrumentRefused: there is none of this name, it is the last, or signed limits name it.
    """
    retailer = _retailer(session, retailer_id)
    known = instruments_of(session, retailer)
    chosen = _named(known, name)
    if len(known) == 1:
        raise InstrumentRefused("instrument_last", "a UCP retailer needs one way to pay; add another first")
    if chosen == known[0]:
        _check_unsigned(session, retailer)
    _write(session, retailer, tuple(one for one in known if one != chosen))


def _retailer(session: Session, retailer_id: str) -> Retailer:
    retailer = session.get(Retailer, retailer_id)
    if retailer is None or retailer.kind != RetailerKind.UCP:
        raise InstrumentRefused("instrument_gone", f"there is no UCP retailer {retailer_id!r}")
    return retailer


def _named(known: tuple[Instrument, ...], name: str) -> Instrument:
    for instrument in known:
        if instrument.name == name:
            return instrument
    raise InstrumentRefused("instrument_gone", f"there is no way to pay called {name!r}")


def _check_unsigned(session: Session, retailer: Retailer) -> None:
    """AP2 limits are signed for one instrument: another one in its place would be refused by the shop."""
    query = select(OpenMandate.id).where(
        OpenMandate.retailer_id == retailer.id, col(OpenMandate.revoked_at).is_(None)
    )
    if session.exec(query).first() is not None:
        raise InstrumentRefused("instrument_signed", "signed limits name the first one; revoke them first")


def _write(session: Session, retailer: Retailer, wanted: tuple[Instrument, ...]) -> None:
    first = wanted[0]
    retailer.payment_handler, retailer.payment_token = first.handler, first.token
    retailer.options = {**retailer.options, NAME_OPTION: first.name}
    session.add(retailer)
    session.execute(delete(PaymentInstrument).where(col(PaymentInstrument.retailer_id) == retailer.id))
    for place, one in enumerate(wanted[1:], 1):
        row = PaymentInstrument(
            retailer_id=retailer.id, place=place, name=one.name, handler=one.handler, token=one.token
        )
        session.add(row)
    session.flush()
