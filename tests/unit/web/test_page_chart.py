"""The chart holds for any series: valid XML, finite numbers, everything inside the view box, no peak lost."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replenish_server.web import chart, chart_scale
from replenish_server.web.formats import Formatter, zone
from replenish_server.web.views import ChartView, Lang, RunOut, Unit
from tests.fakes.pages import NOW, at, make_slot, run_out

moments = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))
levels = st.integers(-1_000, 10**12)
run_outs = st.builds(
    lambda times, rate: RunOut(*sorted(times), rate_per_day=rate),  # type: ignore[misc]
    st.tuples(moments, moments, moments),
    st.floats(0, 1e9),
)
charts = st.builds(
    ChartView,
    points=st.lists(st.tuples(moments, levels), max_size=40),
    threshold=st.none() | levels,
    capacity=st.none() | levels,
    orders=st.lists(st.tuples(moments, st.text(max_size=20)), max_size=4),
    refills=st.lists(moments, max_size=4),
    run_out=st.none() | run_outs,
    now=moments,
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Seoul", "America/St_Johns", "Pacific/Apia"])
sizes = st.sampled_from([chart.WIDE, chart.NARROW])
PLAIN = make_slot().chart
assert PLAIN is not None


def coordinates(svg: ET.Element) -> list[tuple[float, float]]:
    """Every (x, y) that the drawing names."""
    found = []
    for element in svg.iter():
        for x, y in (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy")):
            if x in element.attrib:
                found.append((float(element.attrib[x]), float(element.attrib[y])))
        for pair in element.attrib.get("points", "").split():
            x, y = pair.split(",")
            found.append((float(x), float(y)))
    return found


def drawn(
    view: ChartView, size: chart_scale.Size = chart.WIDE, lang: Lang = "en", tz: str = "UTC"
) -> ET.Element:
    fmt = Formatter(lang, zone(tz), view.now)
    return ET.fromstring(str(chart.draw(view, "g", fmt, size)))


def by_class(svg: ET.Element, name: str) -> list[ET.Element]:
    return [e for e in svg.iter() if name in e.attrib.get("class", "").split()]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(charts, sizes, zones, st.sampled_from(["en", "ko"]), st.sampled_from(["g", "pages"]))
def test_any_series_draws_inside_the_view_box(
    view: ChartView, size: chart_scale.Size, tz: str, lang: Lang, unit: Unit
) -> None:
    fmt = Formatter(lang, zone(tz), view.now)
    text = str(chart.draw(view, unit, fmt, size))
    # XML knows no control characters; HTML shows them as nothing, so only they are set aside here.
    svg = ET.fromstring(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text))
    for x, y in coordinates(svg):
        assert 0 <= x <= size.width
        assert 0 <= y <= size.height
    chart.table(view, unit, fmt)
    chart.has_gap(view)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10**6)), max_size=400).map(sorted))
def test_thinning_keeps_the_ends_and_the_extremes(points: list[tuple[float, int]]) -> None:
    scale = chart_scale.Scale(chart.NARROW, 0.0, 1e6, 10**6)
    kept = chart_scale.thin(points, scale)
    assert kept == sorted(kept, key=lambda p: p[0])
    assert len(kept) <= 4 * chart.NARROW.width
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
        assert {min(p[1] for p in points), max(p[1] for p in points)} <= {p[1] for p in kept}


def test_a_hundred_thousand_readings_stay_a_small_drawing() -> None:
    points = [(NOW - timedelta(minutes=n), n % 3000) for n in range(100_000)]
    fmt = Formatter("en", UTC, NOW)
    assert len(chart.draw(replace(PLAIN, points=points), "g", fmt, chart.WIDE)) < 60_000


def test_it_draws_line_threshold_marks_and_forecast() -> None:
    svg = drawn(PLAIN)
    for name in ("level", "threshold", "order", "refill", "fan", "median", "now"):
        assert by_class(svg, name), name


@pytest.mark.parametrize(
    "view",
    [
        replace(PLAIN, points=[], orders=[], refills=[]),
        replace(PLAIN, points=[(at(-1), 500)]),
        replace(PLAIN, points=[(at(-5), 500), (at(-4), 500), (at(-3), 500)]),
        replace(PLAIN, points=[(at(-1), 0)], capacity=None, threshold=None, run_out=None),
        replace(PLAIN, points=[(at(-1), 5), (at(-1), 9)], capacity=0),
    ],
    ids=["empty", "one point", "flat", "zero", "same moment"],
)
def test_thin_data_still_makes_a_chart(view: ChartView) -> None:
    assert bool(by_class(drawn(view), "last")) == bool(view.points)


def test_no_readings_means_no_forecast() -> None:
    assert by_class(drawn(replace(PLAIN, points=[])), "fan") == []


def test_a_far_run_out_leaves_the_past_its_room() -> None:
    svg = drawn(replace(PLAIN, run_out=run_out(900)))
    now = float(by_class(svg, "now")[0].attrib["x1"])
    assert now > chart.WIDE.width * 0.4


def test_a_silence_is_dashed_not_measured() -> None:
    view = replace(PLAIN, points=[(at(-9), 900), (at(-8.9), 890), (at(-3), 500), (at(-2.9), 490)])
    svg = drawn(view)
    assert len(by_class(svg, "gap")) == 1
    assert len([e for e in by_class(svg, "level") if e.tag.endswith("polyline")]) == 2
    assert chart.has_gap(view)
    assert not chart.has_gap(PLAIN)


def test_days_begin_at_the_households_midnight() -> None:
    labels = {tz: [e.text for e in by_class(drawn(PLAIN, tz=tz), "tick")] for tz in ("UTC", "Pacific/Apia")}
    assert labels["UTC"] != labels["Pacific/Apia"] or labels["UTC"]
    berlin = chart_scale.Scale(chart.WIDE, at(-1).timestamp(), at(1).timestamp(), 10)
    days = [at_s for at_s, whole in chart_scale.time_ticks(berlin, zone("Europe/Berlin"), 68) if whole]
    assert [datetime.fromtimestamp(s, UTC).hour for s in days] == [23, 23]


def test_the_level_axis_is_round() -> None:
    assert chart_scale.level_ticks(3000) == [0, 1000, 2000, 3000]
    assert chart_scale.level_ticks(1) == [0, 1]
    assert all(3 <= len(chart_scale.level_ticks(top)) <= 6 for top in range(2, 5000))


def test_labels_cannot_break_out() -> None:
    view = replace(PLAIN, orders=[(at(-2), "</title><script>alert(1)</script>")])
    assert [e.tag for e in drawn(view).iter() if e.tag.endswith("script")] == []


def test_the_description_says_what_the_eye_sees() -> None:
    said = chart.describe(PLAIN, "g", Formatter("en", UTC, NOW)).replace("\u00a0", " ")
    assert "lowest 190 g, highest 2,760 g" in said
    assert "Orders: 1. Refills: 1." in said
    assert "Expected to run out around Mon 30 Nov" in said


def test_the_table_has_a_row_per_day_newest_first() -> None:
    rows = chart.table(PLAIN, "g", Formatter("en", UTC, NOW))
    assert len(rows) == 31
    assert rows[0].day == "Tue\u00a024\u00a0Nov"
    assert [row.events for row in rows if row.events] == ["Refilled", "1 pack ordered"]
