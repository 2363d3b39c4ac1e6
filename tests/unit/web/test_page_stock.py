"""The slot's page on stock: use, purchases elsewhere, the sensor; and the form for a unit that was fitted."""

from dataclasses import replace

import httpx
import pytest

from replenish_server.web.views import StockView
from tests.fakes.pages import NOW, FakePages

SLOT = "slt-washer"


def shown(**more: object) -> StockView:
    """A week's use, a pack from elsewhere, a noisy sensor."""
    view = StockView(7, 420, 95, [(NOW, 2)], ["The sensor is noisy."], counted=False)
    return replace(view, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lang", "texts"),
    [
        (
            "en",
            ("Used in the last 7 days", "at most 95", "Bought elsewhere", "brought: 2", "is noisy"),
        ),
        ("ko", ("지난 7일 사용량", "하루 최대 95", "다른 곳에서 구입", "팩 2개가 채워짐", "센서 상태")),
    ],
)
async def test_what_became_of_the_stock_is_said_in_both_languages(
    client: httpx.AsyncClient, pages: FakePages, lang: str, texts: tuple[str, ...]
) -> None:
    """Where something is known."""
    pages.slots[SLOT] = replace(pages.slots[SLOT], stock=shown())
    client.cookies.set("lang", lang)
    page = (await client.get(f"/slots/{SLOT}", headers={"accept-language": lang})).text
    assert all(text in page for text in texts), [text for text in texts if text not in page]
    assert "/fitted" not in page


async def test_nothing_is_said_of_what_is_not_known(client: httpx.AsyncClient, pages: FakePages) -> None:
    """No empty headings."""
    view = shown(used=None, used_days=0, most_in_a_day=None, elsewhere=[], sensor=[])
    pages.slots[SLOT] = replace(pages.slots[SLOT], stock=view)
    page = (await client.get(f"/slots/{SLOT}")).text
    assert "Used in the last" not in page
    assert "Bought elsewhere" not in page


async def test_a_person_says_that_a_unit_was_fitted_or_what_remains(
    client: httpx.AsyncClient, pages: FakePages
) -> None:
    """A number that cannot be is refused, with the form kept."""
    pages.slots[SLOT] = replace(pages.slots[SLOT], stock=shown(counted=True))
    assert "A new one was fitted" in (await client.get(f"/slots/{SLOT}")).text
    new = await client.post(f"/slots/{SLOT}/fitted", data={"what": "new"})
    rest = await client.post(f"/slots/{SLOT}/fitted", data={"what": "rest", "remaining": " 1,200 "})
    assert (new.status_code, rest.status_code) == (303, 303)
    assert pages.calls == [("fit_unit", SLOT, None), ("fit_unit", SLOT, 1200)]
    assert "counted from here" in (await client.get(new.headers["location"])).text
    for wrong in ("-1", "many", "", "999999"):
        refused = await client.post(f"/slots/{SLOT}/fitted", data={"remaining": wrong})
        assert refused.status_code == 422
        assert 'id="remaining-error"' in refused.text
    assert (await client.post(f"/slots/{SLOT}/fitted")).status_code == 422
    assert len(pages.calls) == 2
    assert (await client.get(f"/slots/{SLOT}/fitted")).status_code == 303
