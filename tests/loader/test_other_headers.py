"""Rows among the data that look like another header: no customer is lost, and no cell gets the wrong column name."""

from pathlib import Path

import pytest

from importer.errors import SourceError
from tests.loader.support import problems, skipped, sources, write

HEADER = "Code,Customer,City"


def found_in(tmp_path: Path, *rows: str, header: str = HEADER):
    found = sources(write(tmp_path / "a.csv", "\n".join([header, "0017,Harbor,Marlow", *rows, ""])))
    return found.tables[0], problems(found)


@pytest.mark.parametrize(
    "again", ["Code,City,Customer", "city,customer,code", '"Customer "," Code",City', "City,Code,"]
)
def test_header_in_another_order_is_refused(tmp_path: Path, again: str) -> None:
    with pytest.raises(SourceError) as raised:
        found_in(tmp_path, again, "0018,Austin,Kestrel")
    assert raised.value.message == "a.csv:3: the header in row 1 is repeated with the columns in a different order"


@pytest.mark.parametrize(
    "rows",
    [
        [",,", "Vendor No,Vendor Name,City", "V1,Acme,Dallas"],
        [",,", ",,", "Vendors,,", "Vendor No,Vendor Name,City", "V1,Acme,Dallas"],
        ["Code,Company,City", "0018,Kestrel,Austin"],
        ["CODE,Customer ,Town", "0018,Kestrel,Austin"],
        ["Code,,City", "0018,Kestrel,Austin"],
        ["Acme LLC,Customer List,Page 2", HEADER, "0018,Kestrel,Austin"],
        ["Code: A-L,,", HEADER, "0018,Kestrel,Austin"],
        ["Acme AG,Seite 2 von 3,", HEADER, "0018,Kestrel,Austin"],
    ],
)
def test_row_like_a_header_is_reported(tmp_path: Path, rows: list[str]) -> None:
    table, found = found_in(tmp_path, *rows)
    row = 2 + next(
        at for at, text in enumerate(rows, 1) if text.count(",,") == 0 or text.startswith(("Code", "Acme AG"))
    )
    assert found == [("warning", "row_like_header", f"a.csv:{row}")]
    left_out = [number for number, _ in skipped(table)]
    assert sorted([*table.row_numbers.tolist(), *left_out]) == list(range(1, len(rows) + 3))
    assert row in table.row_numbers


@pytest.mark.parametrize(
    "rows",
    [
        ["City,Code & Co,Austin"],
        ["0018,City,Austin", "0019,Customer,Code"],
        [",,", "0018,Kestrel,City"],  # it has a number; headers have none
        [",,", "Kestrel,K,Austin"],
        ["Code,Kestrel,Austin"],
        ["0018,Page 2,Austin", "0019,Alder,Reno"],
        ["Page 2 of 3,,", HEADER, "0018,Kestrel,Austin"],  # a footer, which is left out
        ["03/05/2024,,", HEADER, "0018,Kestrel,Austin"],
        ["0018,Kestrel,Austin", HEADER],
    ],
)
def test_other_rows_are_customers(tmp_path: Path, rows: list[str]) -> None:
    assert found_in(tmp_path, *rows)[1] == []


@pytest.mark.parametrize(
    ("ids", "told"),
    [(["0018", "0019"], True), ([], False), (["A", "B"], False), (["0018", "0019", "A", "B"], False)],
)
def test_words_where_other_rows_have_numbers_are_reported_below_a_gap(
    tmp_path: Path, ids: list[str], told: bool
) -> None:
    rows = [*(f"{each},Kestrel,Reno" for each in ids), ",,", "Number,Name,Town", "V1,Acme,Dallas"]
    found = found_in(tmp_path, *rows)[1]
    assert found == [("warning", "row_like_header", f"a.csv:{len(ids) + 4}")] * told


def test_type_named_like_a_column_is_not_a_header(tmp_path: Path) -> None:
    rows = ["Customer,A,Yes,", "Contact,B,No,Customer", "Customer,Contact,,"]
    found = found_in(tmp_path, *rows, header="Type,Customer,Contact,Note")[1]
    assert "row_like_header" not in {code for _, code, _ in found}


def test_customer_matching_under_half_a_header_row_is_not_a_header(tmp_path: Path) -> None:
    found = found_in(tmp_path, "Code,Customer,Austin,78701,TX", header=f"{HEADER},Zip,State")[1]
    assert "row_like_header" not in {code for _, code, _ in found}


def test_many_blank_rows_do_not_separate_tables(tmp_path: Path) -> None:
    rows = [*[",,"] * 1001, "Kestrel,Alder,City", "0018,Kestrel,Austin"]
    assert found_in(tmp_path, *rows)[1] == []


@pytest.mark.parametrize("text", ["Ohio", "* preliminary data", "Revised 2024-01-02 for Dana"])
def test_single_text_in_a_row_is_reported(tmp_path: Path, text: str) -> None:
    header, row = f"{HEADER},Zip", "0018,Kestrel,Austin,78701"
    table, found = found_in(tmp_path, f"{text},,,", row, header=header)
    assert ("warning", "row_like_header", "a.csv:3") in found
    assert 3 in table.row_numbers


@pytest.mark.parametrize(
    "rows",
    [["0019,,,", "C-19,,,"], ["Alder,,,", "Reno,,,"], ["Alder,Alder,,"], [",Alder,,"]],
)
def test_single_ids_and_many_names_are_not_headings(tmp_path: Path, rows: list[str]) -> None:
    found = found_in(tmp_path, *rows, header=f"{HEADER},Zip")[1]
    assert "row_like_header" not in {code for _, code, _ in found}


@pytest.mark.parametrize(
    ("rows", "reported"),
    [
        (["West,,,", "1,A,Ulm,7", "2,B,Ulm,7", "East,,,", "3,C,Ulm,7"], [2, 5]),
        ([",-- WEST --,,", "1,A,Ulm,7", "2,B,Ulm,", ",-- EAST --,,", "3,C,Ulm,7"], [2, 5]),
        (["West,,,", "1,A,Ulm,7", "2,B,,", "East,,,", "South,,,", "3,C,Ulm,7"], []),  # these may be customers
        (["Alder,,,", "1,A,Ulm,7", "Birch,,,"], []),
        (["1,A,Ulm,7", "Alder,,,", "2,B,Ulm,7", "Birch,,,", "3,C,Ulm,7"], []),
        (["Alder,,,", "1,A,,", "Birch,,,", "2,B,,"], []),
    ],
)
def test_headings_that_divide_the_rows_are_reported(tmp_path: Path, rows: list[str], reported: list[int]) -> None:
    found = sources(write(tmp_path / "a.csv", "\n".join([f"{HEADER},Zip", *rows, ""])))
    assert found.tables[0].row_numbers.tolist() == list(range(2, len(rows) + 2))
    messages = [problem.message for problem in found.problems if problem.code == "row_like_header"]
    listed = ", ".join(map(str, reported))
    assert messages == [f"2 rows have text in only one column ({listed}): they were read like any other row"] * bool(
        reported
    )


def test_row_is_reported_once_as_a_heading(tmp_path: Path) -> None:
    header = f"{HEADER},Zip"
    found = found_in(tmp_path, "East,,,", header, "0018,Kestrel,Austin,78701", header=header)[1]
    assert found.count(("warning", "row_like_header", "a.csv:3")) == 1
