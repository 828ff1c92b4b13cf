"""Leading zeros, IDs that a spreadsheet turned into ``1.23E+05`` (refused, never guessed), and leading apostrophes."""

import io
from pathlib import Path

import openpyxl

from tests.formats.loading import MAPPING, Checked


def test_leading_zeros_are_kept_and_damaged_ids_refused(tmp_path: Path) -> None:
    text = "Customer ID,Company Name\n01121212,A\n1.23E+05,B\n4.41E+11,C\n"
    checked = Checked(tmp_path, {"list.csv": text.encode()})
    assert checked.names == {"01121212": "A"}
    assert [(code, row) for code, row, _ in checked.problems] == [("excel_damaged", "3"), ("excel_damaged", "4")]


def test_leading_zeros_of_a_workbook_number_format_are_kept(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Customer ID", "Company Name"], [17, "A"], [441234567890, "B"]):
        book.worksheets[0].append(row)
    book.worksheets[0]["A2"].number_format = "0000"
    book.save(target := io.BytesIO())
    assert Checked(tmp_path, {"list.xlsx": target.getvalue()}).names == {"0017": "A", "441234567890": "B"}


def test_apostrophe_is_removed_if_the_mapping_says_so(tmp_path: Path) -> None:
    mapping = MAPPING.replace("key: Customer ID|Customer full name", "key: {from: Customer ID, as: unquote}")
    text = "Customer ID,Company Name\n'7210448301122,A\n"
    assert Checked(tmp_path, {"list.csv": text.encode()}, mapping).names == {"7210448301122": "A"}
