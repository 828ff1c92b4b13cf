"""A part reads the same cells from disk as if its rows were a table in memory."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from importer.partitions import scratch
from importer.partitions.partition import SourceFile
from importer.partitions.scratch import write_frame
from tests.support import make_source

CELLS = [{"Id": f"{number:03}", "Name": f"Käse {number}\n" * (number % 3)} for number in range(40)]


@pytest.mark.parametrize("batch", [1, 7, 40, 1000])
@pytest.mark.parametrize("chosen", [[], [39], [0, 1, 2, 6, 7, 8, 21, 39], list(range(40))])
def test_cells_from_disk_are_those_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, chosen: list[int]
) -> None:
    monkeypatch.setattr(scratch, "_ROWS", batch)
    whole = make_source("c.csv", CELLS)
    write_frame(tmp_path / "cells", whole.frame)
    rows = np.array(chosen, np.int64)
    known = replace(whole, frame=whole.frame.iloc[:0], row_numbers=whole.row_numbers[:0])
    stored = SourceFile(tmp_path / "cells", 0, known).rows(rows, rows + 2)
    plain = replace(whole, frame=whole.frame.iloc[rows], row_numbers=whole.row_numbers[rows])
    assert len(stored) == len(plain) == len(chosen)
    assert stored.row_numbers.tolist() == plain.row_numbers.tolist()
    assert stored.frame.columns.tolist() == plain.frame.columns.tolist()
    at = np.arange(len(chosen))
    mixed = np.concatenate([at[::-2], at[:1], at[:1], at])  # in any order, some twice
    for name in plain.frame.columns:
        assert stored.column(name).to_pylist() == plain.column(name).to_pylist()
        assert stored.cells(name, mixed).to_pylist() == plain.cells(name, mixed).to_pylist()
        assert stored.cells(name, at[:0]).to_pylist() == []
