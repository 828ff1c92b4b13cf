"""Memory-mapped tables on disk: their content stays the same, however often their pages are released."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from importer.errors import OutputError
from importer.partitions import scratch
from importer.partitions.partition import SourceFile
from importer.partitions.scratch import (
    map_file,
    new_file,
    read_array,
    read_frame,
    release_memory,
    release_pages,
    watch_memory,
    write_array,
    write_frame,
)
from importer.tables import TEXT
from tests.support import make_source

CELLS = [{"Id": f"{number:03}", "Name": f"Käse {number}\n" * (number % 3)} for number in range(40)]


def test_frame_is_unchanged_after_its_pages_are_released(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": pd.Series(["a", None, "ü"] * 9000, dtype=TEXT), "number": np.arange(27_000)})
    write_frame(tmp_path / "frame", frame)
    again, numbers = read_frame(tmp_path / "frame"), read_frame(tmp_path / "frame", numbers=False)
    for _ in range(2):
        pd.testing.assert_frame_equal(again, frame)
        assert numbers["number"].to_numpy(np.int64).tolist() == frame["number"].to_list()
        release_pages()
        release_memory()
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize("array", [np.arange(5), np.array([True, False]), np.arange(10)[::3], np.zeros(0, np.int64)])
def test_array_on_disk_is_unchanged(tmp_path: Path, array: np.ndarray) -> None:
    write_array(tmp_path / "array", array)
    found = read_array(tmp_path / "array", array.dtype)
    release_pages()
    assert found.tolist() == array.tolist()


def test_file_appears_when_complete_and_the_last_one_wins(tmp_path: Path) -> None:
    with new_file(tmp_path / "file") as late:  # by a worker that was given up
        late.write(b"late")
        with new_file(tmp_path / "file") as file:
            file.write(b"first")
            assert not (tmp_path / "file").exists()
        assert (tmp_path / "file").read_bytes() == b"first"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"late"]


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="scratch folder"):
        write_array(tmp_path / "gone" / "file", np.arange(3))


@pytest.mark.skipif(not scratch._SIZES.exists(), reason="the system does not say how much is in memory")
def test_pages_are_released_under_memory_pressure(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10_000)
    buffer = map_file(tmp_path / "file")
    released = threading.Event()
    monkeypatch.setattr(scratch, "release_pages", released.set)
    monkeypatch.setattr(scratch, "_INTERVAL", 0.001)
    done = watch_memory(most=0)
    assert released.wait(60)
    done.set()
    assert buffer.to_pybytes() == b"x" * 10_000


@pytest.mark.parametrize("batch", [1, 7, 40, 1000])
@pytest.mark.parametrize("chosen", [[], [39], [0, 1, 2, 6, 7, 8, 21, 39], list(range(40))])
def test_cells_from_disk_match_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, chosen: list[int]
) -> None:
    monkeypatch.setattr(scratch, "_ROWS", batch)
    table = make_source("c.csv", CELLS)
    write_frame(tmp_path / "cells", table.frame)
    write_array(tmp_path / "numbers", table.row_numbers)
    rows = np.array(chosen, np.int64)
    known = replace(table, frame=table.frame.iloc[:0], row_numbers=table.row_numbers[:0])
    stored = SourceFile(tmp_path / "cells", tmp_path / "numbers", 0, known).rows(rows)
    plain = replace(table, frame=table.frame.iloc[rows], row_numbers=table.row_numbers[rows])
    assert len(stored) == len(plain) == len(chosen)
    assert stored.row_numbers.tolist() == plain.row_numbers.tolist()
    assert stored.frame.columns.tolist() == plain.frame.columns.tolist()
    at = np.arange(len(chosen))
    mixed = np.concatenate([at[::-2], at[:1], at[:1], at])  # in any order, some twice
    for name in plain.frame.columns:
        assert stored.column(name).to_pylist() == plain.column(name).to_pylist()
        assert stored.cells(name, mixed).to_pylist() == plain.cells(name, mixed).to_pylist()
        assert stored.cells(name, at[:0]).to_pylist() == []
