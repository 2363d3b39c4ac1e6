"""Linking a buyer's account: a person agrees on the shop's page, and a token opens what was agreed to."""

import base64
import hashlib
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

CLIENT, CALLBACK = "household-platform", "http://127.0.0.1:4711/oauth/callback"
HISTORY, SAVED = "dev.ucp.shopping.order:history", "dev.ucp.shopping.checkout:saved"
MANAGE = "dev.ucp.shopping.checkout:manage"
VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def request(**changes):
    fields = {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": CALLBACK,
        "scope": HISTORY,
        "state": "s-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def sent_back(answer) -> dict[str, str]:
    assert answer.status_code == 302
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


async def post(client, path, fields, **headers):
    form = {"Content-Type": "application/x-www-form-urlencoded"} | headers
    return await client.http.post(path, content=urlencode(fields), headers=form)


async def linked(client, scope=HISTORY):
    """The token answer after a person said yes."""
    page = await client.get("/oauth2/authorize", params=request(scope=scope))
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    back = sent_back(await post(client, "/oauth2/authorize", hidden | {"answer": "yes"}))
    assert (back["state"], back["iss"]) == ("s-1", "http://shop.test")
    fields = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": CALLBACK}
    fields |= {"code_verifier": VERIFIER, "client_id": CLIENT}
    answer = await post(client, "/oauth2/token", fields)
    assert answer.status_code == 200, answer.text
    return answer.json() | {"code": back["code"]}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_a_person_sees_what_is_asked_and_says_yes(client):
    page = await client.get("/oauth2/authorize", params=request(scope=f"{HISTORY} {SAVED}"))
    assert "see your past orders" in page.text
    assert "use your saved address" in page.text
    tokens = await linked(client)
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", HISTORY)
    seen = await client.get("/account/orders", headers=bearer(tokens["access_token"]))
    assert (seen.status_code, seen.json()["orders"]) == (200, [])
    no = sent_back(await post(client, "/oauth2/authorize", request(answer="no")))
    assert (no["error"], no["iss"]) == ("access_denied", "http://shop.test")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
async def test_a_bad_request_goes_back_with_an_error(client, changes, error):
    back = sent_back(await client.get("/oauth2/authorize", params=request(**changes)))
    assert back["error"] == error
    assert "code" not in back


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "stranger"}, {"redirect_uri": "https://evil.test/"}, {"redirect_uri": f"{CALLBACK}/more"}],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(client, changes):
    assert (await client.get("/oauth2/authorize", params=request(**changes))).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": "another"}, {"code_verifier": ""}, {"redirect_uri": "http://127.0.0.1/other"}],
)
async def test_a_code_is_worth_nothing_without_its_secret_and_only_once(client, changes):
    await client.http.post("/testing/faults", json={"consents_at_once": True})
    code = sent_back(await client.get("/oauth2/authorize", params=request()))["code"]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    fields |= {"code_verifier": VERIFIER, "client_id": CLIENT}
    for attempt in (fields | changes, fields):
        answer = await post(client, "/oauth2/token", attempt)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_confidential_client_needs_its_secret(client):
    known = {"client_id": "c", "redirect_uris": [CALLBACK], "client_secret": "right"}
    await client.http.post("/testing/oauth/clients", json=known)
    for secret, error in (("wrong", "invalid_client"), ("right", "invalid_grant")):
        basic = base64.b64encode(f"c:{secret}".encode()).decode()
        fields = {"grant_type": "authorization_code", "code": "x"}
        answer = await post(client, "/oauth2/token", fields, Authorization=f"Basic {basic}")
        assert answer.json()["error"] == error


async def test_a_revoked_refresh_token_takes_its_access_tokens_with_it(client):
    tokens = await linked(client)
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": CLIENT}
    newer = (await post(client, "/oauth2/token", fields)).json()["access_token"]
    revoked = await post(client, "/oauth2/revoke", {"token": tokens["refresh_token"], "client_id": CLIENT})
    assert revoked.status_code == 200
    for token in (tokens["access_token"], newer):
        assert (await client.get("/account/orders", headers=bearer(token))).status_code == 401
    assert (await post(client, "/oauth2/token", fields)).json()["error"] == "invalid_grant"


async def test_a_challenge_says_what_to_link_and_for_what(client, clock):
    nothing = await client.get("/account/orders")
    assert nothing.status_code == 401
    assert nothing.headers["WWW-Authenticate"].startswith('Bearer realm="http://shop.test", scope="')
    assert nothing.json()["messages"][0]["code"] == "identity_required"
    assert "oauth2" not in nothing.json()["continue_url"]
    tokens = await linked(client)
    more = await client.get("/account", headers=bearer(tokens["access_token"]))
    assert (more.status_code, more.json()["messages"][0]["code"]) == (403, "insufficient_scope")
    assert f'scope="{HISTORY} {SAVED}"' in more.headers["WWW-Authenticate"]
    clock.pass_hours(1.1)
    late = await client.get("/account/orders", headers=bearer(tokens["access_token"]))
    assert (late.status_code, 'error="invalid_token"' in late.headers["WWW-Authenticate"]) == (401, True)


async def test_a_token_of_one_platform_is_refused_to_another(client):
    mine = "https://platform.test/.well-known/ucp"
    known = {"client_id": CLIENT, "redirect_uris": [CALLBACK], "profiles": [mine]}
    await client.http.post("/testing/oauth/clients", json=known)
    token = (await linked(client))["access_token"]
    assert (await client.get("/account/orders", headers=bearer(token))).status_code == 200
    another = bearer(token) | {"UCP-Agent": 'profile="https://another.test/.well-known/ucp"'}
    assert (await client.get("/account/orders", headers=another)).status_code == 403


async def test_a_checkout_for_the_buyer_knows_the_buyer_and_the_order_is_theirs(client, some_lines):
    token = (await linked(client))["access_token"]
    client.http.headers["Authorization"] = f"Bearer {token}"
    session = (await client.create(some_lines())).json()
    assert session["buyer"]["email"] == "ada@example.org"
    method = session["fulfillment"]["methods"][0]
    assert method["selected_destination_id"] == "saved-home"
    body = some_lines() | {
        "fulfillment": {"methods": [{**method, "groups": [{"selected_option_id": "std"}]}]}
    }
    await client.send("PUT", f"/checkout-sessions/{session['id']}", body)
    order_id = (await client.complete(session["id"])).json()["order"]["id"]
    (order,) = (await client.get("/account/orders")).json()["orders"]
    assert order["id"] == order_id
    another = {"UCP-Agent": 'profile="https://another.test/.well-known/ucp"'}
    assert (await client.get(f"/orders/{order_id}", headers=another)).json()["id"] == order_id
    del client.http.headers["Authorization"]
    stranger = (await client.get(f"/orders/{order_id}", headers=another)).json()
    assert stranger["messages"][0]["code"] == "not_found"


async def test_a_shop_can_insist_on_a_linked_buyer(client, a_cart):
    await client.http.post("/testing/faults", json={"requires_sign_in": True})
    refused = await client.create(a_cart())
    assert (refused.status_code, f'scope="{MANAGE}"' in refused.headers["WWW-Authenticate"]) == (401, True)
    entry = (await client.get("/.well-known/ucp")).json()["ucp"]["capabilities"]
    assert MANAGE in entry["dev.ucp.common.identity_linking"][0]["config"]["scopes"]
    client.http.headers["Authorization"] = f"Bearer {(await linked(client, MANAGE))['access_token']}"
    assert (await client.create(a_cart())).status_code == 201
