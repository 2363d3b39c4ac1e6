"""One suite for every implementation of a port: what the fake does, the real adapter does."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from replenish_server.ordering.journal import DatabaseJournal
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import Parcel, PurchaseOrder
from replenish_server.retailers.port import Journal, JournalClosed
from tests.fakes.retailer_house import NOW, House
from tests.fakes.retailer_journal import MemoryJournal

URL = "https://shop.test/checkout-sessions"


class Bench:
    """A journal, the way to close it, and what a restarted worker would hold.

    Args:
        journal: under test.
        close: lets nothing more be sent.
        again: the same journal after a restart.
    """

    def __init__(self, journal: Journal, close: Callable[[], None], again: Callable[[], Journal]) -> None:
        self.journal, self.close, self.again = journal, close, again


def memory_bench() -> Bench:
    """The fake."""
    journal = MemoryJournal(lambda: NOW)

    def close() -> None:
        journal.closed = True

    return Bench(journal, close, lambda: journal)


def database_bench(house: House, attempt: int = 1) -> Bench:
    """The real one."""
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        parcel_id = session.get_one(PurchaseOrder, create_order(session, new, NOW)).parcel_id

    def made() -> Journal:
        return DatabaseJournal(house.database, parcel_id, attempt, 0, lambda: NOW)

    def close() -> None:
        with house.database.write() as session:
            session.get_one(Parcel, parcel_id).fence += 1

    return Bench(made(), close, made)


@pytest.fixture(params=["memory", "database"])
def bench(request: pytest.FixtureRequest, house: House) -> Bench:
    """Each implementation in turn."""
    return memory_bench() if request.param == "memory" else database_bench(house)


def test_a_step_is_unknown_until_it_is_prepared(bench: Bench) -> None:
    """And then it is what was prepared, unanswered."""
    assert bench.journal.find("create") is None
    call = bench.journal.prepare("create", "POST", URL, b"{}")
    assert ("POST", URL, b"{}", NOW, None, None) == (
        call.method, call.url, call.body, call.prepared_at, call.status, call.answer,
    )  # fmt: skip
    assert call == bench.journal.find("create")


def test_preparing_again_gives_the_first_key_and_the_first_bytes(bench: Bench) -> None:
    """A repetition cannot become another request."""
    first = bench.journal.prepare("create", "POST", URL, b"one")
    assert first == bench.journal.prepare("create", "PUT", URL + "/x", b"two")


def test_a_body_may_carry_the_key(bench: Bench) -> None:
    """Bindings that have no header for it put it there; a repetition still sends the first bytes."""
    call = bench.journal.prepare("create", "POST", URL, lambda key: key.encode())
    assert call.body == call.key.encode()
    assert call == bench.journal.prepare("create", "POST", URL, lambda key: b"other")


def test_every_step_has_a_key_of_its_own(bench: Bench) -> None:
    """None is short, none is used twice."""
    keys = {bench.journal.prepare(f"step-{n}", "POST", URL, b"").key for n in range(5)}
    assert len(keys) == 5


def test_what_was_prepared_and_answered_outlives_the_worker(bench: Bench) -> None:
    """Whoever comes next finds it."""
    call = bench.journal.prepare("create", "POST", URL, b"\x00\xff")
    assert call == bench.again().find("create")
    bench.journal.answered("create", 201, b"\xfe")
    found = bench.again().find("create")
    assert found is not None
    assert (201, b"\xfe", call.key) == (found.status, found.answer, found.key)


def test_the_first_answer_stays(bench: Bench) -> None:
    """A late second one changes nothing."""
    bench.journal.prepare("complete", "POST", URL, b"")
    bench.journal.answered("complete", 200, b"first")
    bench.journal.answered("complete", 402, b"second")
    found = bench.journal.find("complete")
    assert found is not None
    assert (200, b"first") == (found.status, found.answer)


def test_an_answer_to_nothing_is_dropped(bench: Bench) -> None:
    """There is no call to keep it with."""
    bench.journal.answered("create", 200, b"")
    assert bench.journal.find("create") is None


def test_a_closed_journal_prepares_nothing_new_and_still_tells_what_was(bench: Bench) -> None:
    """What was stored is there to be asked about."""
    old = bench.journal.prepare("create", "POST", URL, b"")
    bench.close()
    with pytest.raises(JournalClosed):
        bench.journal.prepare("complete", "POST", URL, b"")
    assert bench.journal.find("complete") is None
    assert old == bench.journal.prepare("create", "POST", URL, b"")


def test_who_was_overtaken_holds_nothing(bench: Bench) -> None:
    """Asked right before a completing call is sent."""
    bench.journal.prepare("complete", "POST", URL, b"")
    bench.journal.hold()
    bench.close()
    with pytest.raises(JournalClosed):
        bench.journal.hold()


def test_who_slept_past_the_lease_holds_nothing(house: House) -> None:
    """Even if nobody has taken over yet."""
    bench = database_bench(house)
    with house.database.write() as session:
        parcel = session.exec(select(Parcel)).one()
        parcel.lease_until = NOW + timedelta(seconds=1)
    bench.journal.hold()
    with house.database.write() as session:
        session.exec(select(Parcel)).one().lease_until = NOW
    with pytest.raises(JournalClosed):
        bench.journal.hold()


# --- what only the database can be asked ----------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("step", ["create", "complete"])
def test_only_an_order_that_may_leave_opens_the_journal(house: House, state: State, step: str) -> None:
    """A quote for those that wait for approval too, a complete only while placing."""
    bench = database_bench(house)
    with house.database.write() as session:
        order = session.exec(select(PurchaseOrder)).one()
        order.state = state
    allowed = {State.PLACING} | ({State.NEEDS_APPROVAL} if step == "create" else set())
    if state in allowed:
        assert bench.journal.prepare(step, "POST", URL, b"").status is None
    else:
        with pytest.raises(JournalClosed):
            bench.journal.prepare(step, "POST", URL, b"")


def test_an_overtaken_worker_stores_no_answer(bench: Bench) -> None:
    """It may be of a session that the worker who took over does not use."""
    bench.journal.prepare("create", "POST", URL, b"{}")
    bench.close()
    with pytest.raises(JournalClosed):
        bench.journal.answered("create", 201, b"late")
    call = bench.again().find("create")
    assert call is not None
    assert (call.status, call.answer) == (None, None)


def test_attempts_do_not_share_steps(house: House) -> None:
    """A new checkout session starts with an empty journal."""
    bench = database_bench(house)
    bench.journal.prepare("create", "POST", URL, b"")
    with house.database.read() as session:
        parcel_id = session.exec(select(PurchaseOrder.parcel_id)).one()
    other = DatabaseJournal(house.database, parcel_id, 2, 0, lambda: NOW + timedelta(hours=1))
    assert other.find("create") is None
    assert (
        other.prepare("create", "POST", URL, b"").key != bench.journal.prepare("create", "POST", URL, b"").key
    )
