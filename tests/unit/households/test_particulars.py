"""What a household says of itself is checked before anything is made: no shop could mend it later."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from replenish_server.households.calendar import month_of
from replenish_server.households.particulars import Address, ParticularsRefused, check_particulars

ADDRESS = Address("Ada Park", "ada@example.org", "Lindenstrasse 12", "Berlin", "10969", "DE")
GOOD = {"name": "Home", "time_zone": "Europe/Berlin", "language": "en", "currency": "EUR"}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul", "America/Argentina/Buenos_Aires"])
def test_what_can_be_reckoned_with_is_taken(zone: str) -> None:
    """And every zone that is taken is one that the calendar counts by."""
    check_particulars(**GOOD | {"time_zone": zone, "language": "ko", "currency": "KRW"}, address=ADDRESS)
    assert month_of(datetime(2026, 5, 4, tzinfo=UTC), zone)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"time_zone": "Europe/Berln"}, "such as Europe/Berlin"),
        ({"time_zone": "Europe"}, "IANA"),
        ({"time_zone": "../etc/passwd"}, "IANA"),
        ({"language": "de"}, "en or ko"),
        ({"currency": "EURO"}, "ISO 4217"),
        ({"currency": "eur"}, "capital"),
        ({"name": " "}, "name"),
        ({"country": "Germany"}, "such as DE"),
        ({"country": "UK"}, "GB"),
        ({"buyer_email": "ada"}, "ada@example.org"),
        ({"street": "Lindenstrasse 12\nback door"}, "one line"),
        ({"postal_code": ""}, "postal code"),
    ],
)
def test_what_no_shop_or_calendar_can_use_is_refused(wrong: dict[str, Any], says: str) -> None:
    """With what would be right."""
    mine = {name: text for name, text in wrong.items() if name in GOOD}
    address = replace(ADDRESS, **{name: text for name, text in wrong.items() if name not in GOOD})
    with pytest.raises(ParticularsRefused, match=says):
        check_particulars(**GOOD | mine, address=address)
