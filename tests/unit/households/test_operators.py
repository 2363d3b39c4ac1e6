"""Operators: a token shown once, sessions that end, and a house that then asks who acts."""

from datetime import timedelta

import pytest

from replenish_server.households.membership import must_sign_in
from replenish_server.households.operators import (
    SESSION_LASTS,
    OperatorRefused,
    add_operator,
    end_operator_session,
    operator_of_session,
    operator_of_token,
    operators,
    remove_operator,
    start_operator_session,
)
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House


def test_a_token_signs_in_and_a_session_ends(house: House) -> None:
    """By time, by signing out, and with the operator."""
    with house.database.write() as session:
        operator, token = add_operator(session, "  Olga   P ", NOW)
        assert (operator.name, operator_of_token(session, token)) == ("Olga P", operator)
        assert operator_of_token(session, token + "x") is None
        assert token not in operator.token_hash
        cookies = [start_operator_session(session, operator, NOW) for _ in range(2)]
        session.flush()
        assert (
            operator_of_session(session, cookies[0], NOW + SESSION_LASTS - timedelta(seconds=1)) == operator
        )
        assert operator_of_session(session, cookies[0], NOW + SESSION_LASTS) is None
        assert operator_of_session(session, token, NOW) is None
        end_operator_session(session, cookies[0], NOW)
        end_operator_session(session, "unknown", NOW)
        assert [operator_of_session(session, cookie, NOW) for cookie in cookies] == [None, operator]
        remove_operator(session, "olga p", NOW)
        assert operator_of_session(session, cookies[1], NOW) is None
        assert (operator_of_token(session, token), list(operators(session))) == (None, [])
        with pytest.raises(OperatorRefused, match="no operator"):
            remove_operator(session, "olga p", NOW)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x07b"])
def test_a_name_that_is_none_is_refused(house: House, name: str) -> None:
    """And so is one that is taken."""
    with house.database.write() as session:
        with pytest.raises(OperatorRefused, match="1 to 60"):
            add_operator(session, name, NOW)
        add_operator(session, "Olga", NOW)
        with pytest.raises(OperatorRefused, match="already"):
            add_operator(session, "OLGA", NOW)


def test_a_house_that_others_look_after_asks_who_acts(house: House) -> None:
    """Also after the last operator has gone: their browser must not be taken for the owner."""
    with house.database.write() as session:
        assert not must_sign_in(session, HOUSEHOLD)
        add_operator(session, "Olga", NOW)
        assert must_sign_in(session, HOUSEHOLD)
        remove_operator(session, "Olga", NOW)
        assert must_sign_in(session, HOUSEHOLD)
