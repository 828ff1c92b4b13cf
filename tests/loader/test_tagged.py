"""Files with tagged sections (IIF)."""

from pathlib import Path

import pytest

from importer.errors import SourceError
from tests.loader.support import cells, options, problems, skipped, sources, write

IIF = """!HDR\tPROD\tVER
HDR\tQuickBooks Pro\tVersion 30
!CUSTNAMEDICT\tINDEX\tLABEL
CUSTNAMEDICT\t0\tBirthday
!CUST\tNAME\tBADDR1\tPHONE1\tHIDDEN
CUST\tAcme\t"12 ""High"" St"\t555-0101\tN

CUST\tBeta\t4 Mill Ln\t555-0102\tY
!VEND\tNAME\tADDR1\tPHONE1
VEND\tSupplies Ltd\t9 Dock St\t555-0103
!CUST\tNAME\tPHONE1\tEMAIL
CUST\tGamma\t555-0104\tg@example.com
"""
KNOWN = ("NAME", "BADDR1", "PHONE1", "EMAIL")


def test_each_tag_is_a_sheet_with_original_row_numbers(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.iif", IIF), using=options(*KNOWN, names=("CUST",)))
    named = {item.name: item for item in found.tables}
    assert list(named) == ["a.iif!HDR", "a.iif!CUSTNAMEDICT", "a.iif!CUST", "a.iif!VEND"]
    customers = named["a.iif!CUST"]
    assert cells(customers) == [
        ["NAME", "BADDR1", "PHONE1", "HIDDEN", "EMAIL"],
        ["Acme", '12 "High" St', "555-0101", "N", ""],
        ["Beta", "4 Mill Ln", "555-0102", "Y", ""],
        ["Gamma", "", "555-0104", "", "g@example.com"],
    ]
    assert customers.row_numbers.tolist() == [6, 8, 12]
    assert skipped(customers) == [(5, "header"), (7, "blank"), (11, "header")]
    assert skipped(named["a.iif!VEND"]) == [(9, "sheet not mapped"), (10, "sheet not mapped")]
    assert found.record_count == 12
    assert {code for _, code, _ in problems(found)} == {"sheet_ignored"}


def test_sections_are_chosen_by_columns_if_no_pattern_matches(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.iif", IIF), using=options(*KNOWN, names=("*Partners*",)))
    assert [(item.sheet, len(item.frame)) for item in found.tables] == [
        ("HDR", 0),
        ("CUSTNAMEDICT", 0),
        ("CUST", 3),
        ("VEND", 1),
    ]


def test_rows_of_wrong_length_or_without_a_header_are_reported(tmp_path: Path) -> None:
    text = "!CUST\tNAME\tBADDR1\tEMAIL\nCUST\tAcme\nCUST\tBeta\tx\ty\tz\nEND\tx\nCUST\tGamma\ta\tb\n"
    found = sources(write(tmp_path / "a.iif", text), using=options(*KNOWN))
    customers, end = found.tables
    assert customers.broken.tolist() == [False, True, False]
    assert skipped(end) == [(4, "sheet not mapped")]
    assert problems(found) == [
        ("error", "row_too_long", "a.iif!CUST:3"),
        ("warning", "row_short", "a.iif!CUST:2"),
        ("warning", "sheet_ignored", "a.iif!END"),
    ]


def test_exclamation_marks_in_other_files_are_kept(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", "!Id,Name\n1,Acme\n2,Beta\n"))
    assert cells(found.tables[0])[0] == ["!Id", "Name"]


def test_too_many_sections_are_refused(tmp_path: Path) -> None:
    text = "".join(f"!T{number}\tNAME\nT{number}\tx\n" for number in range(501))
    with pytest.raises(SourceError, match=r"a\.iif: the file has 501 sections; at most 500 are read"):
        sources(write(tmp_path / "a.iif", text))
