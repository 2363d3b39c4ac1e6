"""The household's API on a real database: what is shown, what a role may, and one effect per key."""

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from replenish_server.database import Database
from replenish_server.households.idempotency import Call, InFlight, KeyReused, answer_once
from replenish_server.households.people import Act, Role
from replenish_server.households.people_tables import ApiToken, IdempotentCall
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.web.api_reading import encode_cursor
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House, evaluate_now
from tests.support.two_homes import TwoHomes, example_body, operations


@pytest.fixture
def homes(house: House) -> TwoHomes:
    """Two homes and the API."""
    return TwoHomes(house)


def keyed(headers: dict[str, str], key: str = "key-1") -> dict[str, str]:
    """A request with a key."""
    return {**headers, "idempotency-key": key}


async def test_a_slot_is_told_with_its_position_its_decision_and_every_verdict(homes: TwoHomes) -> None:
    button = homes.house.slots["button-1"]
    with homes.database.write() as session:
        evaluate_now(session, homes.house.slots["level-1"], NOW)
    owner = homes.token(Role.OWNER)
    await homes.client.post(f"/slots/{button}/orders", headers=keyed(owner))
    slots = (await homes.client.get("/slots", headers=owner)).json()
    assert {slot["slot_id"] for slot in slots["items"]} == set(homes.house.slots.values())
    level = (await homes.client.get(f"/slots/{homes.house.slots['level-1']}", headers=owner)).json()
    assert level["position"] == {"loaded": None, "spare": 0, "on_order": 0, "total": None}
    assert level["decision"]["sentence"].startswith("Not ordering: there is no reading")
    assert "level_known" in {verdict["rule"] for verdict in level["decision"]["verdicts"]}
    korean = {**owner, "accept-language": "ko"}
    told = (await homes.client.get(f"/slots/{button}", headers=korean)).json()
    assert told["decision"]["trigger"] == "person"
    assert "주문" in told["decision"]["sentence"]
    assert told["open_order_id"] is not None


async def test_a_child_asks_and_an_adult_approves(homes: TwoHomes) -> None:
    """And the order tells who did what."""
    button = homes.house.slots["button-1"]
    child, adult = homes.token(Role.CHILD), homes.token(Role.ADULT)
    asked = (await homes.client.post(f"/slots/{button}/orders", headers=keyed(child))).json()
    assert asked["outcome"] == "waiting"
    assert "asks an adult" in asked["sentence"]
    path = f"/orders/{asked['order_id']}"
    approval = {"ceiling_minor": 2490}
    early = await homes.client.post(f"{path}/approve", headers=keyed(adult), json=approval)
    assert (early.status_code, early.json()["code"]) == (409, "not_possible")
    with homes.database.write() as session:
        session.get_one(PurchaseOrder, asked["order_id"]).quoted_minor = 2490
    refused = await homes.client.post(f"{path}/approve", headers=keyed(child, "c"), json=approval)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    done = await homes.client.post(f"{path}/approve", headers=keyed(adult), json=approval)
    assert (done.status_code, done.json()["state"]) == (200, "placing")
    again = await homes.client.post(f"{path}/approve", headers=keyed(adult), json=approval)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == done.json()
    names = [entry["by"].split()[0] for entry in done.json()["history"]]
    assert names == ["child", "adult"]
    assert homes.wishes == 2


async def test_a_token_may_only_what_it_was_made_for(homes: TwoHomes) -> None:
    looks = homes.token(Role.ADULT, HOUSEHOLD, Act.SEE)
    assert (await homes.client.get("/me", headers=looks)).json()["may"] == ["see"]
    path = f"/slots/{homes.house.slots['button-1']}/orders"
    assert (await homes.client.post(path, headers=keyed(looks))).status_code == 403
    guest = homes.token(Role.GUEST)
    assert (await homes.client.get("/orders", headers=guest)).status_code == 403
    assert (await homes.client.post(path, headers=keyed(guest))).json()["outcome"] == "waiting"


async def test_a_token_whose_scope_is_less_than_spending_asks(homes: TwoHomes) -> None:
    asks = homes.token(Role.ADULT, HOUSEHOLD, Act.SEE, Act.ASK)
    path = f"/slots/{homes.house.slots['button-1']}/orders"
    assert (await homes.client.post(path, headers=keyed(asks))).json()["outcome"] == "waiting"


async def test_one_key_is_one_order_and_one_answer(homes: TwoHomes) -> None:
    owner, adult = homes.token(Role.OWNER), homes.token(Role.ADULT)
    path = f"/slots/{homes.house.slots['button-1']}/orders"
    first = await homes.client.post(path, headers=keyed(owner))
    with homes.database.write() as session:
        session.exec(select(PurchaseOrder)).one().state = "canceled"
    again = await homes.client.post(path, headers=keyed(owner))
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    other = f"/slots/{homes.house.slots['level-1']}/orders"
    reused = await homes.client.post(other, headers=keyed(owner))
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    theirs = await homes.client.post(path, headers=keyed(adult))  # the same key of somebody else
    assert theirs.json()["order_id"] != first.json()["order_id"]


@pytest.mark.parametrize("key", [None, "", "two words", "ü", "x" * 256])
async def test_a_post_that_orders_needs_a_key(homes: TwoHomes, key: str | None) -> None:
    headers = homes.token(Role.OWNER)
    if key is not None:
        headers["idempotency-key"] = key
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    path = f"/slots/{homes.house.slots['button-1']}/orders"
    answer = await homes.client.post(path, headers=raw)  # type: ignore[arg-type]
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    with homes.database.read() as session:
        assert session.exec(select(PurchaseOrder)).all() == []


async def test_pages_join_without_gap_or_repeat(homes: TwoHomes) -> None:
    owner = homes.token(Role.OWNER)
    for number in range(7):
        homes.event("button-1", number, minutes=number // 3)
    path = f"/slots/{homes.house.slots['button-1']}/readings"
    whole = (await homes.client.get(path, headers=owner)).json()
    paged: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await homes.client.get(path, headers=owner, params=query)).json()
        paged += page["items"]
        cursor = page["next_cursor"]
    assert paged == whole["items"]
    assert len(paged) == 7
    slots = (await homes.client.get("/slots", headers=owner, params={"limit": "1"})).json()
    rest = await homes.client.get("/slots", headers=owner, params={"cursor": slots["next_cursor"]})
    assert len(rest.json()["items"]) == 1
    bent = [encode_cursor((NOW, key)) for key in ("a:²", f"a:{10**30}", "\ud800", "a\x00")]
    for wrong in ("x", "bm8", "WyJ4IiwieSJd", *bent):
        answer = await homes.client.get(path, headers=owner, params={"cursor": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor")


async def test_orders_are_listed_by_state_and_canceled_once(homes: TwoHomes) -> None:
    owner = homes.token(Role.OWNER)
    order_id = homes.order(homes.house.slots["button-1"], HOUSEHOLD)
    path = {"state": "needs_approval"}
    listed = (await homes.client.get("/orders", headers=owner, params=path)).json()
    assert [order["order_id"] for order in listed["items"]] == [order_id]
    canceled = await homes.client.post(f"/orders/{order_id}/cancel", headers=keyed(owner))
    assert canceled.json()["state"] == "canceled"
    assert (await homes.client.get("/orders", headers=owner, params=path)).json()["items"] == []
    late = await homes.client.post(f"/orders/{order_id}/cancel", headers=keyed(owner, "2"))
    assert late.status_code == 409
    with homes.database.read() as session:
        assert [event.by for event in session.exec(select(OrderEvent))] == ["", "Ada Byron"]


async def test_a_pause_is_kept_shown_told_and_ended(homes: TwoHomes) -> None:
    owner, child = homes.token(Role.OWNER), homes.token(Role.CHILD)
    slot = homes.house.slots["button-1"]
    day = (NOW + timedelta(days=9)).date().isoformat()
    for path in (f"/slots/{slot}/pause", f"/households/{HOUSEHOLD}/pause"):
        assert (await homes.client.post(path, headers=child, json={"until": day})).status_code == 403
        for wrong in ("2026-05-04", "2020-01-01", "soon"):
            answer = await homes.client.post(path, headers=owner, json={"until": wrong})
            assert answer.status_code == 422
        paused = await homes.client.post(path, headers=owner, json={"until": day})
        assert paused.json() == {"until": day}
        shown = (await homes.client.get(f"/slots/{slot}", headers=owner)).json()
        assert shown["paused_until"] == day
        await homes.client.post(path, headers=owner, json={"until": None})
    shown = (await homes.client.get(f"/slots/{slot}", headers=owner)).json()
    assert shown["paused_until"] is None
    told = (await homes.client.get("/notices", headers=owner)).json()["items"]
    assert sorted(notice["kind"] for notice in told) == ["paused", "paused", "resumed", "resumed"]


async def test_notices_are_read_and_seen(homes: TwoHomes) -> None:
    owner = homes.token(Role.OWNER)
    homes.order(homes.house.slots["button-1"], HOUSEHOLD)
    (notice,) = (await homes.client.get("/notices", headers=owner)).json()["items"]
    assert (notice["kind"], notice["seen_by"]) == ("asked_adult", None)
    marked = await homes.client.post("/notices/seen", headers=owner, json={"until": notice["at"]})
    assert marked.json() == {"marked": 1}
    (home,) = (await homes.client.get("/households", headers=owner)).json()["items"]
    assert home["notices_unseen"] == 0


async def test_the_document_shows_an_example_of_everything(homes: TwoHomes) -> None:
    """And says of every operation what can go wrong, and of every order that it takes a key."""
    document = (await homes.client.get("/openapi.json")).json()
    assert document["servers"] == [{"url": "/api/v1"}]
    schemas = document["components"]["schemas"]
    for method, path, operation in operations(document):
        assert "401" in operation["responses"], path
        assert operation["description"], path
        if "requestBody" in operation:
            assert example_body(document, operation) is not None, path
        if method == "POST" and "order" in path:
            header = next(p for p in operation["parameters"] if p["name"] == "Idempotency-Key")
            assert header["required"], path
            assert header["schema"]["examples"], path
    for name in ("Caller", "Household", "Slot", "Order", "Wish", "Reading", "Notice", "ProblemDetails"):
        assert schemas[name]["example"], name


def test_the_effect_and_its_answer_are_one_and_refusals_are_not_kept(house: House) -> None:
    call = Call("pers-1", "k", b"request")

    def fail(_session: Any) -> dict[str, Any]:
        raise LookupError

    with pytest.raises(LookupError):
        answer_once(house.database, call, fail, NOW)
    assert answer_once(house.database, call, lambda _: {"n": 1}, NOW) == ({"n": 1}, False)
    assert answer_once(house.database, call, lambda _: {"n": 2}, NOW) == ({"n": 1}, True)
    with pytest.raises(KeyReused):
        answer_once(house.database, Call("pers-1", "k", b"other"), lambda _: {}, NOW)


def test_while_the_first_runs_the_second_is_in_flight_and_a_killed_one_is_taken_over(house: House) -> None:
    call = Call("pers-1", "k", b"request")
    running, go_on = threading.Event(), threading.Event()
    seen: list[Any] = []

    def slow(_session: Any) -> dict[str, Any]:
        running.set()
        go_on.wait(30)
        return {"n": 1}

    def first() -> None:
        seen.append(answer_once(house.database, call, slow, NOW))

    with house.database.write() as session:  # a process that claimed the key and was killed
        session.add(IdempotentCall(caller="pers-1", key="dead", fingerprint=call.fingerprint, claimed_at=NOW))
    dead = Call("pers-1", "dead", b"request")
    with pytest.raises(InFlight):
        answer_once(house.database, dead, lambda _: {"n": 3}, NOW)
    later = NOW.replace(minute=NOW.minute + 2)
    assert answer_once(house.database, dead, lambda _: {"n": 3}, later) == ({"n": 3}, False)
    thread = threading.Thread(target=first)
    thread.start()
    assert running.wait(30)
    go_on.set()
    thread.join(30)
    assert seen == [({"n": 1}, False)]
    assert json.dumps(answer_once(house.database, call, slow, NOW)[0]) == '{"n": 1}'


class Overtaken:
    """A database on which something happens between the two transactions of `answer_once`."""

    def __init__(self, database: Database, meanwhile: Callable[[], object]) -> None:
        self._database, self._meanwhile, self._begun = database, meanwhile, 0

    def write(self) -> AbstractContextManager[Session]:
        """A unit of work."""
        self._begun += 1
        if self._begun == 2:
            self._meanwhile()
        return self._database.write()


@pytest.mark.parametrize("answered", [True, False])
def test_who_claimed_the_key_and_slept_until_another_took_over_does_nothing(
    house: House, answered: bool
) -> None:
    """A machine that was suspended after the claim wakes up and finds the answer, or the other at work."""
    call, later, done = Call("pers-1", "k", b"request"), NOW + timedelta(minutes=2), []

    def act(_session: Session) -> dict[str, Any]:
        done.append(1)
        return {"n": len(done)}

    def take_over() -> None:
        if answered:
            answer_once(house.database, call, act, later)
        else:
            with house.database.write() as session:
                session.get_one(IdempotentCall, ("pers-1", "k")).claimed_at = later

    database: Any = Overtaken(house.database, take_over)
    if answered:
        assert answer_once(database, call, act, NOW) == ({"n": 1}, True)
    else:
        with pytest.raises(InFlight):
            answer_once(database, call, act, NOW)
        with house.database.read() as session:
            assert session.get_one(IdempotentCall, ("pers-1", "k")).claimed_at == later
    assert len(done) == answered


async def test_the_last_use_of_a_token_is_kept_once_an_hour(homes: TwoHomes) -> None:
    owner = homes.token(Role.OWNER)
    used = []
    for minutes in (0, 59, 60):
        homes.clock.moment = NOW + timedelta(minutes=minutes)
        await homes.client.get("/me", headers=owner)
        with homes.database.read() as session:
            used.append(session.exec(select(ApiToken.last_used_at)).one())
    assert used == [NOW, NOW, NOW + timedelta(hours=1)]
