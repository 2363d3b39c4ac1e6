"""The list of what a shop is paid with: its order, its bounds, and what a signature holds fast."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session

from replenish_server.retailers.instruments import (
    Instrument,
    InstrumentRefused,
    add_instrument,
    instruments_of,
    remove_instrument,
    use_first,
)
from replenish_server.retailers.tables import OpenMandate, Retailer
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House

GIRO, CARD = Instrument("Giro", "pay-2", "tok-giro"), Instrument("Card", "pay-1", "tok-card")


def names(house: House) -> list[str]:
    """The list as it is tried."""
    with house.database.read() as session:
        return [one.name for one in instruments_of(session, session.get_one(Retailer, RETAILER))]


def change(house: House, how: Callable[..., None], *what: Any) -> None:
    """One transaction."""
    with house.database.write() as session:
        how(session, RETAILER, *what)


def refused(house: House, how: Callable[..., None], *what: Any) -> str:
    """Why a change is refused; it leaves the list as it was."""
    before = names(house)
    with pytest.raises(InstrumentRefused) as refusal:
        change(house, how, *what)
    assert before == names(house)
    return refusal.value.word


def test_the_list_is_kept_in_order(house: House) -> None:
    """Added at the end, moved to the front, removed; each keeps its own handler and token."""
    assert ["pay-1"] == names(house)
    change(house, add_instrument, GIRO)
    change(house, add_instrument, CARD)
    change(house, use_first, "Card")
    assert ["Card", "pay-1", "Giro"] == names(house)
    change(house, remove_instrument, "pay-1")
    with house.database.read() as session:
        retailer = session.get_one(Retailer, RETAILER)
        assert (CARD, GIRO) == instruments_of(session, retailer)
        assert ("pay-1", "tok-card") == (retailer.payment_handler, retailer.payment_token)


def test_what_makes_no_sense_is_refused(house: House) -> None:
    """With a word for the page each."""
    change(house, add_instrument, GIRO)
    assert "instrument_twice" == refused(house, add_instrument, GIRO)
    assert "instrument_name" == refused(house, add_instrument, Instrument("", "h", "t"))
    assert "instrument_name" == refused(house, add_instrument, Instrument("a\nb", "h", "t"))
    assert "instrument_token" == refused(house, add_instrument, Instrument("X", "h", ""))
    assert "instrument_gone" == refused(house, use_first, "Nobody")
    for number in range(3):
        change(house, add_instrument, Instrument(f"N{number}", "h", "t"))
    assert "instrument_most" == refused(house, add_instrument, CARD)
    for name in names(house)[1:]:
        change(house, remove_instrument, name)
    assert "instrument_last" == refused(house, remove_instrument, "pay-1")


def test_signed_limits_hold_the_first_one(house: House) -> None:
    """They name it, so it is not replaced; others may be added behind it."""

    def sign(session: Session) -> None:
        made = {"id": "mnd-1", "household_id": HOUSEHOLD, "retailer_id": RETAILER, "terms": {}, "tokens": {}}
        session.add(OpenMandate(**made, agent_kid="k", signed_by="", signed_at=NOW, expires_at=NOW))

    with house.database.write() as session:
        sign(session)
    change(house, add_instrument, GIRO)
    assert "instrument_signed" == refused(house, use_first, "Giro")
    assert "instrument_signed" == refused(house, remove_instrument, "pay-1")
    change(house, remove_instrument, "Giro")
