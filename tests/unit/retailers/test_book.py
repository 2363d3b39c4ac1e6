"""The book's rules: states that never go back, price lists that are read or refused, buckets."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.retailers.book.prices import PriceListRefused, read_price_list
from replenish_server.retailers.book.states import Act, BookState, OutOfTurn, after, may

HEAD = "item_id,name,unit_price,currency,unit,available\n"


@pytest.mark.parametrize(("state", "act"), list(product(BookState, Act)))
def test_every_pair_leads_on_or_is_refused(state: BookState, act: Act) -> None:
    """With what is possible instead."""
    if may(state, act):
        assert after(state, act) is not state
    else:
        with pytest.raises(OutOfTurn, match="possible now"):
            after(state, act)


@given(st.lists(st.sampled_from(list(Act)), max_size=12))
def test_no_order_of_acts_leads_back_or_out_of_an_end(acts: list[Act]) -> None:
    """Delivered and canceled are for good; nothing is acknowledged twice."""
    state, seen = BookState.PLACED, [BookState.PLACED]
    for act in acts:
        try:
            state = after(state, act)
        except OutOfTurn:
            continue
        assert state not in seen
        assert seen[-1] not in (BookState.DELIVERED, BookState.CANCELED)
        seen.append(state)


def test_a_price_list_is_read() -> None:
    """With and without what may be left out, and with the mark that spreadsheets write."""
    lines = ['a,"Soap, green",12.9,EUR,BX,yes', "b,Tea,1200,KRW,,no", "c,Oil,1.250,KWD,,"]
    rows = read_price_list("\ufeff" + HEAD + "\n".join(lines))
    assert [1290, 1200, 1250] == [row.unit_minor for row in rows]
    assert [("BX", True), ("EA", False), ("EA", True)] == [(row.unit, row.available) for row in rows]
    assert "Soap, green" == rows[0].name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the column 'item_id'"),
        ("item_id,name,currency\n", "column 'unit_price'"),
        (HEAD, "no articles"),
        (HEAD + "a,A,1.00,EUR,,\na,A,1.00,EUR,,\n", "line 3: item_id 'a' stands twice"),
        (HEAD + "a,A,1.005,EUR,,\n", "line 2, column unit_price: '1.005'"),
        (HEAD + "a,A,1.5,KRW,,\n", "at most 0 digits"),
        (HEAD + "a,A,1,50,EUR,,\n", "line 2 has more values than columns"),
        (HEAD + 'a,A,"1,50",EUR,,\n', "is no price"),
        (HEAD + "a,A,-1,EUR,,\n", "is no price"),
        (HEAD + "a,A,0.00,EUR,,\n", "is nothing"),
        (HEAD + "a,A,1,euro,,\n", "ISO 4217"),
        (HEAD + "a,A,1,EUR,box,\n", "UN/CEFACT"),
        (HEAD + "a,A,1,EUR,,maybe\n", "yes nor no"),
        (HEAD + ",A,1,EUR,,\n", "is no id"),
        (HEAD + "a,,1,EUR,,\n", "is no name"),
        (HEAD + 'a,"A,1,EUR,,\n', "no CSV"),
    ],
)
def test_a_price_list_with_a_mistake_is_refused_whole(text: str, says: str) -> None:
    """And the line is named."""
    with pytest.raises(PriceListRefused, match=says):
        read_price_list(text)
