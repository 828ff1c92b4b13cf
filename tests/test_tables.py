"""Rows taken from a column in chunks equal those taken from the entire column."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from importer.tables import take_rows


@given(
    chunks=st.lists(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=5), min_size=1, max_size=5),
    data=st.data(),
)
def test_taken_rows_equal_those_of_the_whole_column(chunks: list[list[str | None]], data: st.DataObject) -> None:
    whole = [text for chunk in chunks for text in chunk]
    places = st.integers(0, max(0, len(whole) - 1))
    at = data.draw(st.lists(places, max_size=12 if whole else 0))
    at = sorted(at) if data.draw(st.booleans()) else at
    column = pa.chunked_array(chunks, pa.string())
    found = take_rows(column, np.array(at, dtype=np.int64))
    assert isinstance(found, pa.Array)
    assert found.to_pylist() == [whole[place] for place in at]


def test_neighboring_rows_within_and_across_chunks_are_taken() -> None:
    column = pa.chunked_array([["a", "b", "c"], ["d", "e"], [], ["f"]])
    for at in ([0, 1, 2], [1, 2, 3], [0, 2, 4, 5], [2, 2, 3, 3], [5], []):
        assert take_rows(column, np.array(at, dtype=np.int64)).to_pylist() == ["abcdef"[place] for place in at]
