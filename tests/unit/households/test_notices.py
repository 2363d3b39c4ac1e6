"""Notices: told once, said in both languages, seen only when they were there to be seen."""

import re
import string
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from replenish_server.households.notice_texts import _TEXTS, KINDS, notice_text
from replenish_server.households.notices import (
    Notice,
    count_unseen,
    list_notices,
    mark_seen,
    notify,
    outdate,
)
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House

DATA = {"device": "Scale", "slot": "Powder", "slot_id": "slot-1"}


def note(key: str = "k", minutes: int = 0, **data: str) -> Notice:
    """A notice about a device."""
    return Notice(HOUSEHOLD, key, "device_added", {**DATA, **data}, NOW + timedelta(minutes=minutes))


def test_the_same_key_is_told_once(house: House) -> None:
    """Whatever the rest says; another key is another notice."""
    with house.database.write() as session:
        assert [True, False, True] == [
            notify(session, note("a")),
            notify(session, note("a", 5, device="Other")),
            notify(session, note("b")),
        ]
    with house.database.read() as session:
        rows = list_notices(session, HOUSEHOLD, 10)
        assert ["Scale", "Scale"] == [row.data["device"] for row in rows]


def test_a_notice_of_a_transaction_that_fails_was_never_told(house: House) -> None:
    """It travels with the change that it tells of."""

    def fail() -> None:
        with house.database.write() as session:
            notify(session, note())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with house.database.read() as session:
        assert count_unseen(session, HOUSEHOLD) == 0


def test_what_came_after_the_page_was_drawn_stays_new(house: House) -> None:
    """Seen means seen."""
    with house.database.write() as session:
        for minute in range(3):
            notify(session, note(f"k{minute}", minute))
        assert mark_seen(session, HOUSEHOLD, NOW, "Ada", NOW + timedelta(minutes=1)) == 2
        assert mark_seen(session, "home-2", NOW, "Eve", NOW + timedelta(days=1)) == 0
    with house.database.read() as session:
        assert count_unseen(session, HOUSEHOLD) == 1
        assert [None, "Ada", "Ada"] == [row.seen_by for row in list_notices(session, HOUSEHOLD, 10)]


def test_pages_of_notices_join_without_gap_or_repeat(house: House) -> None:
    """Also where several happened at the same moment."""
    with house.database.write() as session:
        for number in range(7):
            notify(session, note(f"k{number}", number // 3))
    with house.database.read() as session:
        whole = [row.id for row in list_notices(session, HOUSEHOLD, 100)]
        paged, before = [], None
        while rows := list_notices(session, HOUSEHOLD, 2, before):
            paged += [row.id for row in rows]
            before = (rows[-1].at, rows[-1].id)
    assert whole == paged
    assert len(whole) == 7


def test_a_notice_without_words_is_a_mistake_of_the_caller() -> None:
    """Found where it is written, not where it is read."""
    with pytest.raises(ValueError, match="no words"):
        Notice(HOUSEHOLD, "k", "nonsense", {}, NOW)
    with pytest.raises(ValueError, match="needs slot"):
        Notice(HOUSEHOLD, "k", "device_added", {"device": "x"}, NOW)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_both_languages_say_the_same(kind: str) -> None:
    """With the same values, and Korean is Korean."""
    english, korean = _TEXTS[kind]
    places = [
        sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in (english, korean)
    ]
    assert places[0] == places[1]
    assert re.search("[가-힣]", korean)
    filled = dict.fromkeys(places[0], "x") | {"month": "2026-05"}
    assert notice_text(kind, filled, "en", UTC, NOW) != notice_text(kind, filled, "ko", UTC, NOW)


def test_prices_and_moments_are_written_for_people() -> None:
    """Money with its currency, moments in the household's zone, whatever the place is called."""
    data = {"device_minor": 2490, "currency": "EUR", "slot_at": NOW.isoformat()}
    said = notice_text("device_added", data, "en", ZoneInfo("Europe/Berlin"), NOW)
    assert said == "A device was added: €24.90, for Mon\u00a04\u00a0May, 14:00."


def test_what_is_no_longer_so_needs_nobody(house: House) -> None:
    """Only of that order, and only what asked."""
    told = {"ord-1:a": "order_ready", "ord-1:b": "order_refunded", "ord-10:a": "order_ready"}
    data = {"product": "Tea", "place": "", "refunded_minor": 1, "currency": "EUR"}
    with house.database.write() as session:
        for key, kind in told.items():
            notify(session, Notice(HOUSEHOLD, key, kind, data, NOW))
        outdate(session, HOUSEHOLD, "ord-1:", ("order_ready",), NOW)
    with house.database.read() as session:
        seen = {row.key: row.seen_by for row in list_notices(session, HOUSEHOLD, 10)}
        assert seen == {"ord-1:a": "", "ord-1:b": None, "ord-10:a": None}
        assert count_unseen(session, HOUSEHOLD) == 2
