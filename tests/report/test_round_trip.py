"""The loader reads the same cells back from a file of rejected rows."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.loader import LoadOptions, load
from importer.report.rejected import write_rejected
from importer.report.report_input import ReportInput
from importer.tables import EntityTables, ProblemTable, Sources
from tests.report.build import outcomes, rows, table, text

CELLS = [
    *["", " ", "007", "1.23E+05", "+15555550101", "=SUM(A1)", "-", "'-4", "''=x", "'7210448301122", "\tx", "@me"],
    *['say "hi"', '"', "a,b;c\td|e", "two\nlines", "crlf\r\nlines", "trailing ", "\u00a0wide\u00a0", "Ünïcödé ✓", "'"],
]
HEADERS = ("Id", "*ContactName", "-Phone", "Phone#2", "Note")
OPTIONS = LoadOptions(columns=(frozenset(HEADERS),))


def all_rejected(sources: Sources) -> ReportInput:
    count = sources.row_count
    owner = list(range(count))
    customers = pd.DataFrame(
        {"reference_id": text([str(number) for number in owner]), "_row": np.array(owner, dtype=np.int64)}
    )
    yes, no = np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    tables = EntityTables(customers, customers.iloc[:0], customers.iloc[:0], (), rows(owner))
    ends = outcomes(*[(str(number), "none", "rejected", *[None] * 7) for number in owner])
    return ReportInput(sources, tables, ProblemTable.empty(), yes, no, no, ends)


def sources_of(headers: Sequence[str], lines: list[list[str]]) -> Sources:
    """A file with these lines, each with its own ID in front."""
    cells = [[f"C-{number}" for number in range(len(lines))], *map(list, zip(*lines, strict=True))]
    return Sources((table("list.csv", None, dict(zip(headers, cells, strict=True)), list(range(2, len(lines) + 2))),))


def back(run: ReportInput, folder: Path) -> Sources:
    return load([str(path) for path in write_rejected(folder, run)], OPTIONS)


@settings(max_examples=15)
@given(lines=st.lists(st.lists(st.sampled_from(CELLS), min_size=4, max_size=4), min_size=1, max_size=8))
def test_cells_are_read_back(tmp_path_factory, lines: list[list[str]]) -> None:
    first = sources_of(HEADERS, lines)
    again = back(all_rejected(first), tmp_path_factory.mktemp("rejected"))
    kept = [name for name, cells in first.tables[0].frame.items() if any(cells)]
    pd.testing.assert_frame_equal(again.tables[0].frame[kept], first.tables[0].frame[kept])
    assert set(again.tables[0].frame.columns) == set(HEADERS)


def test_rejected_file_is_read_back_twice(tmp_path: Path) -> None:
    source = tmp_path / "wide.csv"
    source.write_text(
        "Contacts of Example Ltd;;;;\n\nId;*ContactName;-Phone;Phone#2;Note\n"
        '01;Ann;;=1;\n;;;;\n02;"Bob; ""B""";-4;;"x\ny"\n',
        encoding="cp1252",
    )
    first = load([str(source)], OPTIONS)
    once = back(all_rejected(first), tmp_path / "1")
    twice = back(all_rejected(once), tmp_path / "2")
    assert list(first.tables[0].frame["Id"]) == ["01", "02"]
    pd.testing.assert_frame_equal(once.tables[0].frame, first.tables[0].frame)
    pd.testing.assert_frame_equal(twice.tables[0].frame, first.tables[0].frame)
    one, two = ((tmp_path / name / "wide.csv").read_bytes() for name in "12")
    assert re.sub(rb"row \d+: ", b"", one) == re.sub(rb"row \d+: ", b"", two)  # the row numbers in the previous file
