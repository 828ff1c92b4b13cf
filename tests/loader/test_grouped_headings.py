"""Headers in two rows, with group titles in the upper one."""

from pathlib import Path

import openpyxl
import pytest

from tests.loader.support import cells, options, skipped, table, write

UPPER = "Code,Customer,Bill To,,Ship To,\n"
LOWER = ",,Street,City,Street,City\n"
DATA = "1,Harbor,4 Pier Rd,York,9 Dock St,Leeds\n2,Kestrel,1 High St,Hull,,\n"
NAMES = ["Code", "Customer", "Bill To Street", "Bill To City", "Ship To Street", "Ship To City"]


@pytest.mark.parametrize("hints", [(), ("Code", "Customer", "Bill To Street", "Ship To City")])
@pytest.mark.parametrize(
    ("upper", "lower"), [(UPPER, LOWER), (",,Bill To,,Ship To,\n", "Code,Customer,Street,City,Street,City\n")]
)
def test_group_title_becomes_part_of_the_column_names(
    tmp_path: Path, upper: str, lower: str, hints: tuple[str, ...]
) -> None:
    read = table(write(tmp_path / "a.csv", f"Customer list\n{upper}{lower}{DATA}"), options(*hints))
    assert list(read.frame.columns) == NAMES
    assert read.frame["Code"].tolist() == ["1", "2"]
    assert skipped(read) == [(1, "title"), (2, "header"), (3, "header")]


def test_repeated_header_rows_are_both_skipped(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", (UPPER + LOWER + DATA) * 2))
    assert read.frame["Code"].tolist() == ["1", "2", "1", "2"]


def test_groups_in_a_workbook_are_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Code", "Bill To", None, "Ship To", None], [None, "Street", "City", "Street", "City"], list("1abcd")):
        book.active.append(row)
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("D1:E1")
    book.active.merge_cells("A1:A2")
    book.save(tmp_path / "a.xlsx")
    read = table(tmp_path / "a.xlsx")
    assert cells(read) == [["Code", "Bill To Street", "Bill To City", "Ship To Street", "Ship To City"], list("1abcd")]


@pytest.mark.parametrize(
    "title", ["Harbor Goods Inc,,,", "Customer list,,As of 2024-05-01,", ",,Report,", "Page 1,,,Printed"]
)
def test_title_rows_are_not_groups(tmp_path: Path, title: str) -> None:
    read = table(write(tmp_path / "a.csv", f"{title}\nCode,Customer,Street,City\n1,A,x,y\n2,B,z,w\n"))
    assert list(read.frame.columns) == ["Code", "Customer", "Street", "City"]


def test_mapping_decides_for_known_column_names(tmp_path: Path) -> None:
    text = ",,Bill To,,Ship To,\nCode,Customer,Street,City,Street,City\n" + DATA
    read = table(write(tmp_path / "a.csv", text), options("Code", "Customer", "Street", "City", "Street#2"))
    assert list(read.frame.columns) == ["Code", "Customer", "Street", "City", "Street#2", "City#2"]


def test_title_above_known_columns_does_not_change_them(tmp_path: Path) -> None:
    text = "Code,Customer,Address,,\n,,Street,City,ZIP\n1,Harbor,4 Pier Rd,Marlow,43000\n"
    hints = ("Code", "Customer", "Street", "City")
    read = table(write(tmp_path / "a.csv", text), options(*hints))
    assert list(read.frame.columns) == [*hints, "ZIP"]
    assert skipped(read) == [(1, "header"), (2, "header")]
    two = table(write(tmp_path / "b.csv", UPPER + LOWER + DATA), options("Code", "Customer", "Street"))
    assert list(two.frame.columns) == NAMES


def test_row_with_gaps_below_the_header_is_data(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Code,Customer,Street,City\n1,Acme,,\n2,B,x,y\n3,C,x,y\n"))
    assert list(read.frame.columns) == ["Code", "Customer", "Street", "City"]
    assert read.frame["Code"].tolist() == ["1", "2", "3"]


@pytest.mark.parametrize("hints", [(), ("Kunden-Nr.", "Firmenname")])
def test_hyphenated_names_continue_in_the_row_below(tmp_path: Path, hints: tuple[str, ...]) -> None:
    text = "Kundenliste,,,,\nKunden-,Firmen-,Straße und,,Telefon\nNr.,name,Hausnr.,Ort,Zentrale\n"
    text += "1,A,Kai 2,Kiel,0\n2,B,Weg 3,Ulm,0\n"
    read = table(write(tmp_path / "a.csv", text), options(*hints))
    assert list(read.frame.columns) == ["Kunden-Nr.", "Firmenname", "Straße und Hausnr.", "Ort", "Telefon Zentrale"]
    assert skipped(read) == [(1, "title"), (2, "header"), (3, "header")]


def test_upper_one_of_two_levels_of_groups_becomes_part_of_the_column_names(tmp_path: Path) -> None:
    rows = [
        "Customer,,Ship To,,,Bill To,,",
        ",,Address,,Place,Address,,Place",
        "No,Name,Line 1,Line 2,City,Line 1,Line 2,City",
    ]
    read = table(write(tmp_path / "a.csv", "\n".join([*rows, "C1,Harbor,4 Pier Rd,,Ulm,9 Dock St,,Reno", ""])))
    assert list(read.frame.columns)[2:6] == ["Ship To Line 1", "Ship To Line 2", "Ship To City", "Bill To Line 1"]
    assert read.row_numbers.tolist() == [4]
