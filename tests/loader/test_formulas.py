"""The marker that keeps a spreadsheet from running a cell."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.tables import mark_formulas, unmark_formulas

CELLS = st.lists(st.one_of(st.text(), st.text(alphabet="'=+-@\t\r\nx", max_size=5)), min_size=1)


@settings(max_examples=50, deadline=None)
@given(CELLS)
def test_marking_is_undone_exactly(cells: list[str]) -> None:
    column = pa.array(cells, pa.string())
    marked = mark_formulas(column)
    assert not any(cell[:1] in tuple("=+-@\t\r") for cell in marked.to_pylist() if cell)
    assert unmark_formulas(marked).to_pylist() == cells


def test_only_what_could_be_run_is_marked() -> None:
    column = pa.chunked_array([["=1+1", "'=1", "a=1"], ["\n=1", "", "'x", "@a"]])
    assert mark_formulas(column).to_pylist() == ["'=1+1", "''=1", "a=1", "\n=1", "", "'x", "'@a"]
