"""Mandates, wishes and offers of every kind, for the judge's tests."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from replenish_server.households.calendar import QuietHours
from replenish_server.households.judge import Paid, Quoted, Spending, Wish
from replenish_server.households.mandate import AcceptedProduct, Mandate, Mode, Substitution

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CURRENCY = st.sampled_from(["EUR", "EUR", "EUR", "KRW"])
MINOR = st.integers(0, 50_000)
DAYS = st.dates(date(2026, 5, 1), date(2026, 5, 8))
PRODUCTS = (
    AcceptedProduct("shop-1", "det-1kg", "Detergent", 1_000_000),
    AcceptedProduct("shop-2", "det-2kg", "Large detergent", 1_900_000),
    AcceptedProduct("shop-1", "det-9kg", "Giant detergent", 9_000_000),
)


@st.composite
def mandates(draw: st.DrawFn) -> Mandate:
    """What a household may say, in all its corners."""
    return Mandate(
        draw(st.sampled_from(Mode)),
        draw(st.none() | MINOR),
        draw(CURRENCY),
        over_last_paid_percent=draw(st.none() | st.integers(0, 40)),
        budget_minor=draw(st.none() | MINOR),
        substitution=draw(st.sampled_from(Substitution)),
        retailers=draw(st.sampled_from([None, None, ("shop-1",), ("shop-2", "shop-3"), ()])),
        products=draw(st.sampled_from([(), PRODUCTS[:1], PRODUCTS])),
        quiet=draw(st.none() | st.builds(QuietHours, st.integers(0, 1439), st.integers(0, 1439))),
        paused_until=draw(st.none() | DAYS),
        valid_until=draw(st.none() | DAYS),
        time_zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Seoul"])),
    )


@st.composite
def months(draw: st.DrawFn) -> Spending:
    """A month of a home or of a slot."""
    return Spending(
        "2026-05",
        draw(CURRENCY),
        draw(st.none() | MINOR),
        draw(MINOR),
        draw(MINOR),
        draw(st.sampled_from(["home", "slot"])),
    )


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    """What might be ordered."""
    return Wish("shop-1", "Corner shop", draw(st.integers(0, 2)), draw(st.none() | MINOR), (draw(months()),))


@st.composite
def offers(draw: st.DrawFn) -> Quoted:
    """What a retailer might quote."""
    packs, item = draw(st.integers(1, 9)), draw(st.sampled_from(["det-1kg", "det-2kg"]))
    line = st.tuples(st.sampled_from(["det-1kg", "det-2kg"]), st.just(packs) | st.integers(1, 9), MINOR)
    paid = st.builds(Paid, st.integers(1, 50_000), st.sampled_from([1_000_000, 2_500_000]), CURRENCY)
    return Quoted(
        "shop-1",
        "Corner shop",
        item,
        packs,
        draw(st.sampled_from([1_000_000, 1_900_000, 9_000_000])),
        draw(st.integers(-100, 50_000)),
        draw(CURRENCY),
        draw(st.lists(line, max_size=1)),
        draw(st.none() | paid),
        draw(st.none() | MINOR),
        draw(st.booleans()),
    )
