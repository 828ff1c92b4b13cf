"""Counts over time: to the second for a while, then coarser, so that their number stays small and the sum exact."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from importer.api.limiter import MOST_SLICES, Timeline


def test_first_minutes_are_counted_per_second() -> None:
    line = Timeline()
    for moment in (100.0, 100.5, 102.1, 103.999):
        line.count(moment)
    line.count(102.2, refused=True)
    assert line.series() == {"every": 1.0, "requests": [2, 0, 1, 1], "throttled": [0, 0, 1, 0]}


def test_empty_timeline_has_no_slices() -> None:
    assert Timeline().series() == {"every": 1.0, "requests": [], "throttled": []}


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=60), st.floats(0, 1e6))
def test_nothing_is_lost_in_a_long_timeline(gaps: list[float], start: float) -> None:
    line = Timeline()
    moments = list(accumulate(gaps, initial=start))
    for moment in moments:
        line.count(moment)
        line.count(moment, refused=True)
    series = line.series()
    requests, throttled = series["requests"], series["throttled"]
    assert isinstance(requests, list)
    assert requests == throttled
    assert sum(requests) == len(moments)
    assert len(requests) <= MOST_SLICES
    assert requests[-1] > 0
    assert series["every"] * len(requests) > (moments[-1] - moments[0]) * 0.999
