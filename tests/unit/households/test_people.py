"""Roles, membership, PINs, links, sessions and tokens, on a real SQLite file."""

import threading
from datetime import timedelta

import pytest

from replenish_server.households import sign_in
from replenish_server.households.membership import (
    PersonRefused,
    actor_of_token,
    add_person,
    create_token,
    ensure_owner,
    find_person,
    must_sign_in,
    people_of,
    remove_person,
    set_pin,
)
from replenish_server.households.people import Act, Role, acts_of, may, needs_sign_in
from replenish_server.households.people_tables import ApiToken, Person, SignInSession
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House


def added(house: House, name: str = "Mia", role: Role = Role.CHILD, pin: str | None = None) -> str:
    """The id of somebody new."""
    with house.database.write() as session:
        person = add_person(session, HOUSEHOLD, name, role, NOW + timedelta(seconds=1))
        if pin is not None:
            set_pin(session, person, pin)
        return person.id


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        (Role.OWNER, "see ask spend approve cancel stock settings people"),
        (Role.ADULT, "see ask spend approve cancel stock settings"),
        (Role.CHILD, "see ask"),
        (Role.GUEST, "ask"),
        (Role.HELPER, "see stock"),
    ],
)
def test_each_role_may_exactly_this(role: Role, acts: str) -> None:
    assert {act for act in Act if may(role, act)} == set(acts.split()) == acts_of(role)


def test_only_an_only_owner_without_a_pin_is_whoever_comes() -> None:
    assert [needs_sign_in(0, 0), needs_sign_in(1, 0), needs_sign_in(1, 1), needs_sign_in(2, 0)] == [
        False,
        False,
        True,
        True,
    ]


def test_the_buyer_becomes_the_owner_when_somebody_moves_in(house: House) -> None:
    with house.database.read() as session:
        assert not must_sign_in(session, HOUSEHOLD)
    added(house)
    with house.database.read() as session:
        assert [("Ada Byron", "owner"), ("Mia", "child")] == [
            (person.name, person.role) for person in people_of(session, HOUSEHOLD)
        ]
        assert must_sign_in(session, HOUSEHOLD)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\nb\x00", "mia", " MIA "])
def test_a_bad_or_taken_name_is_refused_with_what_to_do(house: House, name: str) -> None:
    added(house)
    with pytest.raises(PersonRefused, match=r"give a name|choose another"):
        added(house, name)


def test_a_name_is_free_again_after_its_person_left(house: House) -> None:
    person_id = added(house)
    with house.database.write() as session:
        remove_person(session, session.get_one(Person, person_id), NOW)
    assert added(house) != person_id


def test_a_household_keeps_an_owner(house: House) -> None:
    with pytest.raises(PersonRefused, match="add another one"), house.database.write() as session:
        remove_person(session, ensure_owner(session, HOUSEHOLD), NOW)
    with house.database.write() as session:
        second = add_person(session, HOUSEHOLD, "Bo", Role.OWNER, NOW + timedelta(days=1)).id
    with house.database.write() as session:
        remove_person(session, ensure_owner(session, HOUSEHOLD), NOW)
        assert find_person(session, HOUSEHOLD, "bo").id == second
        with pytest.raises(PersonRefused, match="nobody called"):
            find_person(session, HOUSEHOLD, "Ada Byron")


def test_a_link_signs_in_once_and_a_newer_one_replaces_it(house: House) -> None:
    person_id = added(house)
    with house.database.write() as session:
        person = session.get_one(Person, person_id)
        first, second = (sign_in.create_link(session, person, NOW) for _ in range(2))
    late = NOW + sign_in.LINK_LASTS
    with house.database.write() as session:
        assert sign_in.use_link(session, first, "Phone", NOW) is None
        assert sign_in.use_link(session, second, "Phone", late) is None
        token = sign_in.use_link(session, second, "Phone", NOW)
        assert sign_in.use_link(session, second, "Phone", NOW) is None
        assert token is not None
        found = sign_in.actor_of_session(session, token, NOW)
        assert found is not None
        assert (found[0].name, found[0].role, found[1].browser) == ("Mia", Role.CHILD, "Phone")
        assert sign_in.actor_of_session(session, token, NOW + sign_in.SESSION_LASTS) is None
        assert sign_in.actor_of_session(session, "rps_other", NOW) is None


def test_whoever_is_removed_is_signed_out_everywhere(house: House) -> None:
    person_id = added(house, "Bo", Role.ADULT)
    with house.database.write() as session:
        person = session.get_one(Person, person_id)
        browser = sign_in.start_session(session, person_id, "Laptop", NOW)
        link = sign_in.create_link(session, person, NOW)
        _, token = create_token(session, person, "home", acts_of(Role.ADULT), NOW)
        remove_person(session, person, NOW)
    with house.database.read() as session:
        assert sign_in.actor_of_session(session, browser, NOW) is None
        assert sign_in.person_of_link(session, link, NOW) is None
        assert actor_of_token(session, token) is None


def test_a_session_ends_when_somebody_ends_it(house: House) -> None:
    person_id = added(house)
    with house.database.write() as session:
        token = sign_in.start_session(session, person_id, "Phone", NOW)
        (row,) = sign_in.sessions_of(session, [person_id], NOW)
        sign_in.end_session(session, row, NOW)
    with house.database.read() as session:
        assert sign_in.actor_of_session(session, token, NOW) is None
        assert list(sign_in.sessions_of(session, [person_id], NOW)) == []


@pytest.mark.sqlite
def test_secrets_are_kept_as_hashes_only(house: House) -> None:
    pin = "83510294"  # four digits would now and then stand among those of a hash
    person_id = added(house, pin=pin)
    with house.database.write() as session:
        person = session.get_one(Person, person_id)
        link = sign_in.create_link(session, person, NOW)
        browser = sign_in.start_session(session, person_id, "Phone", NOW)
        _, token = create_token(session, person, "home", frozenset({Act.SEE}), NOW)
    house.database.close()  # the write-ahead log is folded into the file
    kept = house.database.path.read_bytes()
    assert [secret for secret in (link, browser, token, pin) if secret.encode() in kept] == []


def test_five_wrong_pins_lock_for_longer_and_longer(house: House) -> None:
    person_id = added(house, pin="4711")
    now = NOW
    for _ in range(sign_in.FREE_TRIES - 1):
        assert sign_in.try_pin(house.database, person_id, "0000", now) == sign_in.PinAnswer(None, None)
    minutes = []
    for _ in range(8):
        answer = sign_in.try_pin(house.database, person_id, "0000", now)
        assert answer.locked_until is not None
        minutes.append((answer.locked_until - now).seconds // 60)
        before = answer.locked_until - timedelta(seconds=1)
        locked = sign_in.try_pin(house.database, person_id, "4711", before)
        assert locked == answer, "not even the right one is tried while it is locked"
        now = answer.locked_until
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]
    assert sign_in.try_pin(house.database, person_id, "4711", now).person_id == person_id
    assert sign_in.try_pin(house.database, person_id, "0000", now) == sign_in.PinAnswer(None, None)


def test_many_guesses_at_once_are_no_more_than_one_by_one(house: House) -> None:
    """Each try is counted before it is judged, so a crowd of requests judges five."""
    person_id = added(house, pin="4711")
    judged: list[sign_in.PinAnswer] = []

    def guess(pin: str) -> None:
        judged.append(sign_in.try_pin(house.database, person_id, pin, NOW))

    guesses = [f"{number:04}" for number in range(12)]
    crowd = [threading.Thread(target=guess, args=(pin,)) for pin in guesses]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    with house.database.read() as session:
        assert session.get_one(Person, person_id).pin_failures == sign_in.FREE_TRIES
    assert len(judged) == len(guesses)
    assert sum(answer.locked_until is None for answer in judged) == sign_in.FREE_TRIES - 1


def test_nobody_signs_in_with_the_pin_of_somebody_who_has_none(house: House) -> None:
    person_id = added(house)
    for who in (person_id, "pers-none"):
        assert sign_in.try_pin(house.database, who, "", NOW) == sign_in.PinAnswer(None, None)


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", " 1234", "１２３４"])
def test_what_is_no_pin_is_refused(house: House, pin: str) -> None:
    with pytest.raises(PersonRefused, match="4 to 12 digits"):
        added(house, pin=pin)


def test_a_token_may_no_more_than_its_person_and_its_scopes(house: House) -> None:
    child, adult = added(house), added(house, "Bo", Role.ADULT)
    with house.database.write() as session:
        with pytest.raises(PersonRefused, match="child Mia may not approve, spend"):
            create_token(
                session, session.get_one(Person, child), "x", frozenset({Act.SPEND, Act.APPROVE}), NOW
            )
        person = session.get_one(Person, adult)
        row, token = create_token(session, person, "x", frozenset({Act.SEE, Act.SPEND}), NOW)
        actor = actor_of_token(session, token)
        assert actor is not None
        assert {act for act in Act if actor.may(act)} == {Act.SEE, Act.SPEND}
        person.role = Role.HELPER
        session.flush()
        weaker = actor_of_token(session, token)
        assert weaker is not None
        assert {act for act in Act if weaker.may(act)} == {Act.SEE}
        session.get_one(ApiToken, row.id).ended_at = NOW
        session.flush()
        assert actor_of_token(session, token) is None
        assert session.get(SignInSession, row.id) is None
