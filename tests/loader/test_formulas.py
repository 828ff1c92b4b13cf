"""The marker that keeps spreadsheets from running a cell as a formula."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.cell_text import mark_formulas, unmark_formulas

RUNS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001
CELLS = st.lists(st.one_of(st.text(), st.text(alphabet=f"'{RUNS}x", max_size=5)), min_size=1)


@settings(max_examples=50)
@given(CELLS)
def test_unmarking_formulas_reverses_marking(cells: list[str]) -> None:
    column = pa.array(cells, pa.string())
    marked = mark_formulas(column)
    assert not any(cell[:1] in tuple(RUNS) for cell in marked.to_pylist() if cell)
    assert unmark_formulas(marked).to_pylist() == cells


def test_only_possible_formulas_are_marked() -> None:
    column = pa.chunked_array([["=1+1", "'=1", "a=1"], ["x\n=1", "", "'x", "@a"]])
    assert mark_formulas(column).to_pylist() == ["'=1+1", "''=1", "a=1", "x\n=1", "", "'x", "'@a"]


def test_full_width_signs_and_line_breaks_are_marked_too() -> None:
    column = pa.array(["＝1", "＋1", "－1", "＠a", "\n=1", "'＝1", "1＝"])  # noqa: RUF001
    marked = ["'＝1", "'＋1", "'－1", "'＠a", "'\n=1", "''＝1", "1＝"]  # noqa: RUF001
    assert mark_formulas(column).to_pylist() == marked
    assert unmark_formulas(pa.array(marked)).equals(column)
