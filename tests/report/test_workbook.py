"""``rejected.xlsx``: what is in which cell, what a workbook cannot hold, and its names."""

import pickle
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.catalogue import CODES
from importer.errors import OutputError
from importer.loader import LoadOptions, load
from importer.records import Severity
from importer.report import rejected_workbook as workbook_module
from importer.report import workbook_file
from importer.report.html.owner_page import owner_context
from importer.report.rejected_workbook import Workbook, choose_rows, sheet_names, write_workbook
from importer.report.report_input import OPERATOR, Reader, ReportInput
from importer.report.summary import build_summary
from importer.tables import ProblemTable, Sources
from tests.report.build import small_run, table, without_problems
from tests.report.test_round_trip import CELLS, all_rejected, sources_of
from tests.report.test_summary import FACTS

COMMAND = "importer run rejected.xlsx -m own --partial"
HEADERS = ("Id", "*ContactName", "-Phone", "Phone#2", "'=Note")
OPTIONS = LoadOptions(columns=(frozenset(HEADERS),))
HARD = [
    *CELLS,
    "a\x00b",
    "\x1b[1m",
    "cr\rcr",
    "_x0041_",
    "_x005F_",
    "<&>",
    "\x0b",
    "\x7f",
    "\u2028",
    "wide 😀",
    "''''=x",
    "=1",
    "<r><t>text</t></r>",
]


def write(path: Path, report: ReportInput) -> Workbook | None:
    return write_workbook(path, report, choose_rows(report), command=COMMAND)


def listed(count: int, **more: Any) -> Sources:
    columns = {"Id": [f"C-{number}" for number in range(count)], "Name": ["x"] * count} | more
    return Sources((table("list.csv", None, columns, list(range(2, count + 2))),))


def text_of(path: Path) -> str:
    return "\n".join(
        str(cell.value) for row in openpyxl.load_workbook(path).worksheets[0] for cell in row if cell.value
    )


@settings(max_examples=15)
@given(lines=st.lists(st.lists(st.sampled_from(HARD), min_size=4, max_size=4), min_size=1, max_size=8))
def test_cells_are_read_back(tmp_path_factory, lines: list[list[str]]) -> None:
    first = sources_of(HEADERS, lines)
    path = tmp_path_factory.mktemp("workbook") / "rejected.xlsx"
    write(path, all_rejected(first))
    (again,) = load([str(path)], OPTIONS).tables
    pd.testing.assert_frame_equal(again.frame, first.tables[0].frame)
    assert again.details["stands_for"] == ["list.csv", ""]


def test_workbook_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rejected.xlsx"
    write(path, all_rejected(listed(3)))
    book = openpyxl.load_workbook(path)
    (head,) = [cell for row in book.worksheets[0] for cell in row if cell.value == "Sheet in this workbook"]
    head.value = "Sheet here"
    book.save(path)
    (again,) = load([str(path)], LoadOptions(columns=(frozenset({"Id", "Name"}),))).tables
    assert again.details["stands_for"] == ["list.csv", ""]


def test_cells_have_the_expected_contents(tmp_path: Path) -> None:
    path = tmp_path / "rejected.xlsx"
    assert write(path, small_run()) == Workbook(rows=9, left_out=0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["rejected.xlsx"]
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["How to fix", "list", "staff"]
    sheet = book["list"]
    assert [[cell.value for cell in row] for row in sheet] == [
        ["import_errors", "Id", "Name", "Phone"],
        ["row 5\nPhone: Not a phone number. Write +15555550100.", "B", "Bob, Inc", "=2+2"],
        ["row 6\nCustomer rejected because of row 5.", "B", "Bob, Inc", "555"],
        ["row 9\nCustomer refused by WizCommerce: state: unknown.", "C", "Cäsar", "+15555550103"],
        ["row 10\nPart of this customer was left out because of row 5 of staff.xlsx!People.", "D", '"D"', "''-4"],
        ["row 11\nId: The key is blank.", None, "lost", None],
        ["row 12\nNo problem in this row, but it may be needed because of row 11.", "E", "E\nLtd", "007"],
    ]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:D7")
    wrong, blank, fine, reasons = sheet["D2"], sheet["B6"], sheet["C2"], sheet["A2"]
    assert wrong.comment.text == "Error: Not a phone number\nWrite +15555550100"
    assert blank.comment.text == "Error: The key is blank"
    assert {cell.fill.fgColor.rgb for cell in (wrong, blank)} == {"FFFFC7CE"}
    warned = book["staff"]["C4"]
    assert warned.comment.text.startswith("Warning: Bad is no e-mail address")
    assert (warned.fill.fgColor.rgb, warned.font.b, warned.border.left.style) == ("FFFFEB9C", False, "dashed")
    assert (wrong.font.b, wrong.border.left.style, fine.comment, fine.font.b) == (True, "medium", None, False)
    assert {cell.number_format for row in sheet for cell in row if cell.value} == {"@"}
    widths = list(sheet.column_dimensions.values())
    assert {kind.number_format for kind in widths} == {"@"}  # also for blank cells and added rows
    assert sum(kind.max - kind.min + 1 for kind in widths) == 4
    assert {cell.data_type for row in sheet for cell in row if cell.value} <= {"s", "inlineStr"}
    assert reasons.alignment.wrap_text
    assert sheet.column_dimensions["A"].width > 40
    said = text_of(path)
    assert COMMAND in said
    assert "invalid_phone" in said
    assert CODES["invalid_phone"].title in said
    assert "odd_cell" in said
    assert "footer" not in said  # it is only information, and about no row in this workbook


def test_same_run_gives_the_same_bytes_for_any_block_size(tmp_path: Path, monkeypatch) -> None:
    for name in "12":
        write(tmp_path / name, small_run())
    monkeypatch.setattr(workbook_file, "_BLOCK", 1)
    write(tmp_path / "3", small_run())
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == (tmp_path / "3").read_bytes()


def test_nothing_to_fix_removes_the_workbook(tmp_path: Path) -> None:
    path = tmp_path / "rejected.xlsx"
    write(path, small_run())
    report = without_problems(small_run())
    nobody = np.zeros(5, dtype=np.bool_)
    lines = report.tables.rows.assign(rejected=False)
    clean = replace(
        report, rejected=nobody, refused=nobody, lost_child=nobody, tables=replace(report.tables, rows=lines)
    )
    assert write(path, clean) is None
    assert list(tmp_path.iterdir()) == []


def test_text_too_long_for_a_cell_is_left_out_with_its_customer(tmp_path: Path) -> None:
    cells = ["fine", "x" * 32_767, "x" * 32_768, "😀" * 16_384, "\uffff", "ü" * 32_767]
    path = tmp_path / "rejected.xlsx"
    assert write(path, all_rejected(listed(6, Note=cells))) == Workbook(rows=3, left_out=3)
    sheet = openpyxl.load_workbook(path)["list"]
    assert [sheet.cell(row, 2).value for row in range(2, sheet.max_row + 1)] == ["C-0", "C-1", "C-5"]
    assert [sheet.cell(row, 4).value for row in (2, 3, 4)] == ["fine", "x" * 32_767, "ü" * 32_767]
    assert "3 rows of customers with text that a workbook cannot hold" in text_of(path)


def test_table_with_too_many_columns_is_left_out(tmp_path: Path, monkeypatch) -> None:
    assert workbook_module._MOST_COLUMNS == 16_384 - 1
    monkeypatch.setattr(workbook_module, "_MOST_COLUMNS", 3)
    wide = table("wide.csv", None, {f"Column {n}": ["x"] for n in range(4)}, [2])
    report = all_rejected(Sources((listed(1).tables[0], wide)))
    assert write(tmp_path / "rejected.xlsx", report) == Workbook(rows=1, left_out=1)


def test_full_workbook_has_whole_customers_and_says_what_is_missing(tmp_path: Path, monkeypatch) -> None:
    report = all_rejected(listed(7))
    owners = np.array([0, 1, 1, 0, 2, 3, 2])
    customers = report.tables.customers.iloc[:4]
    rows = report.tables.rows.assign(customer=owners)
    tables = replace(report.tables, customers=customers, rows=rows)
    ends = report.outcomes.iloc[:4]
    yes, no = np.ones(4, dtype=np.bool_), np.zeros(4, dtype=np.bool_)
    report = replace(report, tables=tables, rejected=yes, refused=no, lost_child=no, outcomes=ends)
    chosen = choose_rows(report, most=5)
    assert chosen.rows.tolist() == [True, True, True, True, False, False, False]
    assert (chosen.surplus, chosen.unheld) == (3, 0)
    monkeypatch.setattr(choose_rows, "__kwdefaults__", {"most": 5})
    assert write(tmp_path / "rejected.xlsx", report) == Workbook(rows=4, left_out=3)
    assert "3 more rows" in text_of(tmp_path / "rejected.xlsx")
    looked_at = []
    storable = workbook_module._storable_rows
    monkeypatch.setattr(
        workbook_module, "_storable_rows", lambda sources, rows: looked_at.append(len(rows)) or storable(sources, rows)
    )
    choose_rows(report, most=5)
    assert looked_at == [4]  # not at rows beyond the limit
    monkeypatch.setattr(workbook_module, "_MOST_BYTES", 8)
    assert choose_rows(report, most=7).rows.tolist() == [True, False, False, True, *[False] * 3]


def test_notes_beyond_the_limit_are_counted_and_their_cells_colored(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(workbook_module, "_MOST_NOTES", 2)
    report = all_rejected(listed(4))
    problems = ProblemTable.build(
        4, severity=Severity.ERROR, code="too_long", row=np.arange(4), column="Name", message="m" * 3000, hint="h"
    )
    path = tmp_path / "rejected.xlsx"
    write(path, replace(report, problems=problems))
    cells = [openpyxl.load_workbook(path)["list"].cell(row, 3) for row in range(2, 6)]
    assert [cell.comment is not None for cell in cells] == [True, True, False, False]
    assert {cell.fill.fgColor.rgb for cell in cells} == {"FFFFC7CE"}
    assert len(cells[0].comment.text) < 2100
    assert "The notes of 2 colored cells, because more notes would slow the workbook down." in text_of(path)


@pytest.mark.parametrize(("severity", "said"), [(Severity.ERROR, False), (Severity.WARNING, True)])
def test_yellow_cells_are_mentioned_if_there_are_any(tmp_path: Path, severity: Severity, said: bool) -> None:
    place = {"code": "too_long", "column": "Name", "message": "m"}
    problems = [ProblemTable.build(1, severity=one, row=n, **place) for n, one in enumerate([Severity.ERROR, severity])]
    report = replace(all_rejected(listed(3)), problems=ProblemTable.concat(problems))
    write(tmp_path / "rejected.xlsx", report)
    assert ("Review the yellow cells" in text_of(tmp_path / "rejected.xlsx")) == said
    summary = build_summary(report, replace(FACTS, workbook=Workbook(3, 0)))
    steps = owner_context(report, summary, [], Reader("owner"))["steps"]
    assert ("Review the yellow cells" in " ".join(steps)) == said


@pytest.mark.parametrize(
    ("ends", "title"),
    [
        ({"created": 2, "updated": 1}, "All 3 customers have been imported"),
        ({"created": 1, "unchanged": 1, "exists": 1}, "All 3 customers are in WizCommerce"),
        ({"created": 1, "pending": 2}, "1 of 3 customers is in WizCommerce"),
        ({"updated": 2, "failed": 1}, "2 of 3 customers are in WizCommerce"),
    ],
)
def test_owner_title_states_the_result(ends: dict[str, int], title: str) -> None:
    report = without_problems(small_run())
    summary = build_summary(report, FACTS)
    done = summary | {"command": "run", "customers": {"read": 3, **ends}, "rows": summary["rows"] | {"rejected": 0}}
    assert owner_context(report, done, [], Reader("owner"))["title"]["text"] == title


def test_problems_of_a_cell_share_one_note_and_the_worst_sets_the_color(tmp_path: Path) -> None:
    said = {"row": 1, "column": "Name", "message": "wrong"}
    problems = [
        ProblemTable.build(1, severity=Severity.WARNING, code="b", **said),
        ProblemTable.build(1, severity=Severity.ERROR, code="a", hint="fix it", **said),
        ProblemTable.build(1, severity=Severity.INFO, code="c", **said),
        ProblemTable.build(1, severity=Severity.WARNING, code="d", row=1, message="of the row"),
    ]
    path = tmp_path / "rejected.xlsx"
    write(path, replace(all_rejected(listed(3)), problems=ProblemTable.concat(problems)))
    sheet = openpyxl.load_workbook(path)["list"]
    assert sheet["C3"].comment.text == "Error: Wrong\nfix it\n\nWarning: Wrong"
    assert sheet["C3"].fill.fgColor.rgb == "FFFFC7CE"
    assert (sheet["A3"].fill.fgColor.rgb, sheet["A3"].comment) == ("FFFFEB9C", None)
    assert sheet["A2"].fill.fgColor.rgb != "FFFFEB9C"


@pytest.mark.parametrize("reader", [OPERATOR, Reader("owner", None)])
def test_row_of_a_text_file_has_workbook_instructions(tmp_path: Path, reader: Reader) -> None:
    said = {"message": "the row has more cells than the header (2)", "hint": "Put the cell in quotation marks."}
    problem = ProblemTable.build(1, severity=Severity.ERROR, code="row_too_long", row=1, **said)
    path, report = tmp_path / "rejected.xlsx", replace(all_rejected(listed(3)), problems=problem)
    write_workbook(path, report, choose_rows(report), command=COMMAND, reader=reader)
    book = openpyxl.load_workbook(path)
    shown = [str(cell.value) for sheet in book for row in sheet for cell in row if cell.value]
    assert any(
        "Move each value to its own column, and clear the cells beyond the last column." in text for text in shown
    )
    assert not any("in quotation marks" in text for text in shown)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        ([("contacts.csv", None)], ["contacts"]),
        ([("a/list.csv", None), ("b/list.csv", None)], ["list", "list (2)"]),
        ([("List.csv", None), ("list.xlsx", "Sheet1")], ["List", "list (2)"]),
        ([("b.xlsx", "Firms"), ("b.xlsx", "People: all [2]")], ["Firms", "People_ all _2_"]),
        ([("History.csv", None), ("how to fix.csv", None)], ["History (2)", "how to fix (2)"]),
        ([("'quoted'.csv", None), ("?.csv", None), (" .csv", None)], ["quoted", "_", "source"]),
        ([("x" * 40 + "Addresses.csv", None)], ["xxxxxxxxxxxxxxx…xxxxxxAddresses"]),
        ([("😀" * 30 + ".csv", None), ("😀" * 31 + ".csv", None)], ["😀" * 7 + "…" + "😀" * 7, None]),
    ],
)
def test_sheet_names_are_valid(places: list[tuple[str, str | None]], names: list[str | None]) -> None:
    found = sheet_names([table(file, sheet, {"Id": ["1"]}, [2]) for file, sheet in places])
    assert [name for name, wanted in zip(found, names, strict=True) if wanted] == [name for name in names if name]
    assert len({name.casefold() for name in found}) == len(found)
    assert all(0 < len(name.encode("utf-16-le")) // 2 <= 31 for name in found)


def test_folder_that_cannot_be_written_to_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="--out"):
        write(tmp_path / "taken" / "rejected.xlsx", small_run())
    assert (tmp_path / "taken").read_text() == "a file"


def test_remaining_work_can_be_done_in_another_process(tmp_path: Path) -> None:
    work = []
    report = small_run()
    storable = write_workbook(
        tmp_path / "2", report, choose_rows(report), command=COMMAND, begin=lambda *task: work.append(task)
    )
    assert storable == write(tmp_path / "1", report)
    ((save, *arguments),) = pickle.loads(pickle.dumps(work))
    save(*arguments)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
