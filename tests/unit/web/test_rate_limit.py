"""The rate limit gives out no more than flows in."""

from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.web.rate_limit import RateLimit


@settings(max_examples=60)
@given(st.lists(st.floats(0, 5), max_size=60))
def test_a_bucket_never_gives_more_than_flowed_in(pauses: list[float]) -> None:
    """However the asking is spread."""
    at, given_out, start = 100.0, 0, 100.0
    buckets = RateLimit(2.0, 5, lambda: at)
    for pause in pauses:
        at += pause
        wait = buckets.take("k")
        given_out += wait == 0
        assert given_out <= 5 + (at - start) * 2.0 + 1e-6
        assert 0 <= wait <= 0.5
