import csv
import resource
import stat
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.cell_text import unmark_formulas
from importer.errors import OutputError
from importer.report.rejected import rejected_names
from importer.report.report_files import whole_file, write_csv
from tests.report.build import table, text


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_files_and_folders_are_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "a.csv"
    write_csv(path, pd.DataFrame({"a": text(["1"])}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert [item.name for item in path.parent.iterdir()] == ["a.csv"]


def test_csv_bytes_are_portable(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    numbers = pd.Series([7, None], dtype=pd.ArrowDtype(pa.int64()))
    write_csv(path, pd.DataFrame({"Näme": text(['a "b", c', ""]), "=x": text([None, "two\r\nlines"]), "n": numbers}))
    expected = '"Näme","\'=x","n"\n"a ""b"", c",,7\n,"two\r\nlines",\n'
    assert path.read_bytes() == expected.encode()


def test_table_without_rows_has_a_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"a": text([]), "b": text([])}))
    assert read(tmp_path / "a.csv") == [["a", "b"]]


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            *[
                st.text(
                    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
                    | st.sampled_from("'=+-@\t\r\n\",")
                )
                for _ in range(2)
            ]
        ),
        max_size=20,
    )
)
def test_every_cell_is_read_back(tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    first = ["x", *(f"x{left}" for left, _ in cells)]  # never blank, like import_errors; otherwise, a line could vanish
    second = ["=1", *(right for _, right in cells)]
    write_csv(path, pd.DataFrame({"a": text(list(first)), "b": text(list(second))}))
    header, *lines = read(path)
    assert header == ["a", "b"]
    assert [line[0] for line in lines] == first
    assert unmark_formulas(pa.array([line[1] for line in lines], pa.string())).to_pylist() == second


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "''=1"])
def test_formulas_get_one_apostrophe(tmp_path: Path, cell: str) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"a": text([cell, "1=1", "'a"])}), comes_back=True)
    assert read(tmp_path / "a.csv")[1:] == [["'" + cell], ["1=1"], ["'a"]]


@pytest.mark.parametrize("value", ["-12.50", "+1 (206) 555-0159", "+12065550159 ext. 204"])
def test_numbers_are_not_marked_in_files_that_are_only_read(tmp_path, value) -> None:
    path = tmp_path / "errors.csv"
    write_csv(path, pd.DataFrame({"a": text([value, "-2+3+cmd|' /C calc'!A0"])}))
    assert path.read_text(encoding="utf-8").splitlines() == ['"a"', f'"{value}"', "\"'-2+3+cmd|' /C calc'!A0\""]


def test_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # the system refuses to write more
    try:
        with pytest.raises(OutputError) as caught:
            write_csv(path, pd.DataFrame({"a": text(["x" * 1000] * 1000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(path) in caught.value.message
    assert "--out" in caught.value.hint
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError), whole_file(tmp_path / "a.json") as file:  # noqa: PT012 - the block is what is tested
        file.write(b"half")
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_folder_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        write_csv(tmp_path / "out" / "a.csv", pd.DataFrame({"a": text(["1"])}))
    assert "--out" in caught.value.hint


def test_rejected_files_have_valid_unique_names() -> None:
    places = [
        *[
            ("contacts.csv", None),
            ("list.xlsx", "One"),
            ("book.xlsx", "A/B"),
            ("book.xlsx", "a\\b"),
            ("x/y/Contacts.CSV", None),
        ],
        *[("con.txt", None), ("..", None), ("data.csv.gz", None), ("ü" * 150 + ".csv", None)],
    ]
    names = rejected_names([table(file, sheet, {"a": []}, []) for file, sheet in places])
    assert names == [
        *["contacts.csv", "list.csv", "book.A_B.csv", "book.a_b-2.csv", "Contacts-2.csv"],
        *["_con.csv", "source.csv", "data.csv", "ü" * 90 + ".csv"],
    ]
