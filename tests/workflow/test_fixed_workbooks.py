"""``rejected.xlsx`` fixed according to its notes and imported again gives the same result as a faultless file."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from tests.samples import netsuite, sap_business_one, xero
from tests.samples.dirt import Sample
from tests.workflow.desk import Desk, Said, read_table

SYSTEMS: dict[str, Callable[[], Sample]] = {
    "xero": xero.make,
    "netsuite": netsuite.make,
    "sap-business-one": sap_business_one.make,
}
READING = {"xero": ("utf-8", ","), "netsuite": ("cp1252", ","), "sap-business-one": ("utf-8-sig", "\t")}
ROW = re.compile(r"row (\d+)\n")
NEW = (  # words in a note → what a user then writes
    ("enter the number", "+1 415 555 0132"),
    ("email", "fixed@example.com"),
    ("city", "Marlow"),
    ("country", "US"),
    ("company name", "Fixed & Sons"),
)

Cell = tuple[str, int, str]


def fix(path: Path, to: Path, *, keys: Mapping[str, str] | None = None) -> dict[Cell, str]:
    """Fix every red cell according to its note; returns (sheet, row number in the source, column) → the new text."""
    workbook = openpyxl.load_workbook(path)
    done: dict[Cell, str] = {}
    for sheet in (sheet for sheet in workbook.worksheets[1:] if sheet.sheet_state == "visible"):
        titles = [str(cell.value) for cell in sheet[1]]
        assert titles[0] == "import_errors"
        for row in sheet.iter_rows(min_row=2):
            said = ROW.match(str(row[0].value))
            assert said, row[0].value
            for title, cell in zip(titles, row, strict=True):
                if cell.comment is not None and cell.comment.text.startswith("Error: "):
                    assert cell.font.b
                    assert cell.number_format == "@"
                    cell.value = done[sheet.title, int(said[1]), title] = answer_to(cell, keys or {})
    workbook.save(to)
    return done


def answer_to(cell: Any, keys: Mapping[str, str]) -> str:
    """What a user writes into a cell after reading only its note."""
    note = cell.comment.text
    other = re.search(r", but row \d+ of \S+ has '([^']*)'", note)
    orphan = re.search(r"No customer '([^']*)'", note)
    if other or orphan:
        return other[1] if other else keys[orphan[1]]
    if "which customer it belongs to" in note:
        return f"Fixed & Sons, {cell.row}"
    found = next((text for word, text in NEW if word in note.lower()), None)
    assert found is not None, note
    return found


def bodies(said: Said) -> dict[str, Any]:
    lines = (said.folder / "payloads.jsonl").read_text(encoding="utf-8").splitlines()
    return {body["reference_id"]: body for body in map(json.loads, lines)}


def without_faults(sample: Sample, done: Mapping[Cell, str], folder: Path) -> list[Path]:
    """The sample's files with these cells corrected."""
    encoding, delimiter = READING[sample.system]
    paths = []
    for file, content in sample.files.items():
        rows = list(csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter, strict=True))
        header = next(row for row in rows if sum(map(bool, row)) > 4)
        for (sheet, number, column), text in done.items():
            if sheet == Path(file).stem:
                rows[number - 1][header.index(column)] = text
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
        paths.append(folder / file)
        folder.mkdir(exist_ok=True)
        paths[-1].write_bytes(text.getvalue().encode(encoding))
    return paths


@pytest.mark.parametrize("system", SYSTEMS)
def test_fixed_samples_give_the_same_bodies_as_clean_files(desk: Desk, system: str) -> None:
    sample = SYSTEMS[system]()
    for file, content in sample.files.items():
        desk.write(f"source/{file}", content)
    common = ("-m", system, "--country", "US", "--json")
    first = desk.do("check", "source", *common)
    assert first.code == 1
    keys = dict.fromkeys(sap_business_one.ORPHANS, a_rejected_partner(first))
    done = fix(first.folder / "rejected.xlsx", desk.path / "fixed.xlsx", keys=keys)
    rejected = {line["reference_id"] for line in first.table("results.csv") if line["outcome"] == "rejected"}
    lost = {"", *sap_business_one.ORPHANS, *rejected}
    wrong = {(Path(dirt.file).stem, dirt.row) for dirt in sample.planted if dirt.harmful and dirt.customer in lost}
    assert {(sheet, row) for sheet, row, _ in done} == wrong

    second = desk.do("check", "fixed.xlsx", "--partial", *common)
    assert (second.code, second.summary["rows"]["rejected"]) == (0, 0), second.summary["problems"]
    named = {text for (_, _, column), text in done.items() if column == "*ContactName" and text.startswith("Fixed")}
    assert {name for name, outcome in second.outcomes.items() if outcome == "valid"} == rejected | named
    assert all(re.search(r"fixed\.xlsx!\w+:\d", line["rows"]) for line in second.table("results.csv"))
    assert "sheet_ignored" not in {problem["code"] for problem in second.summary["problems"]}
    assert second.summary["workbook"] is None
    assert not (second.folder / "rejected.xlsx").exists()

    faultless = desk.do("check", *without_faults(sample, done, desk.path / "faultless"), *common)
    assert faultless.code == 0
    assert bodies(second) == {name: body for name, body in bodies(faultless).items() if name in rejected | named}
    assert bodies(first) | bodies(second) == bodies(faultless)


def a_rejected_partner(said: Said) -> str:
    return next(line["reference_id"] for line in said.table("results.csv") if line["outcome"] == "rejected")


def test_fixed_workbook_is_sent_after_the_rest(desk: Desk) -> None:
    common = ("-m", "sap-business-one", "--country", "US")
    first = desk.run("sandbox", SAMPLES_SAP, *common)
    keys = dict.fromkeys(sap_business_one.ORPHANS, a_rejected_partner(first))
    fix(first.folder / "rejected.xlsx", desk.path / "fixed.xlsx", keys=keys)
    (step,) = [step for step in first.summary["next"] if "rejected.xlsx" in step and "correct" not in step]
    assert " --partial --mode upsert -m sap-business-one --api sandbox --country US" in step
    second = desk.run("sandbox", "fixed.xlsx", "--partial", *common)
    assert second.code == 0
    assert second.summary["customers"]["created"] == first.summary["customers"]["rejected"]
    assert second.summary["options"]["partial"] is True
    assert desk.do("verify", "--json").code == 0


SAMPLES_SAP = Path(__file__).parents[2] / "sample_data" / "sap-business-one"


MAPPING = """\
title: Two tables that columns alone do not tell apart
tables:
  firms: {has: [Code, Text], names: ["*of-the-north"], key: Code, two_headers: true}
  addresses: {has: [Code, Text], names: ["addresses*"], key: Code}
customer:
  company_name: {from: Text, optional: true}
  phone: {from: "Phone#2", optional: true}
  attributes:
    Since: {from: Since, optional: true}
    Note: {from: Column 6, optional: true}
addresses:
  - table: addresses
    type: {constant: billing}
    address_line_1: Text
    city: Town
"""
FIRMS = "2026 Export of the regional office, firms-of-the-north.xlsx"
ADDRESSES = "addresses of every kind, exported for the regional office.csv"
NASTY = [
    "007",
    "=1+1",
    "'=2",
    "''-3",
    "2024-05-01",
    "1.50",
    "a\r\nb",
    " x ",
    "http://example.com",
    "'7",
    "@me",
    "_x0041_",
]


def sources(desk: Desk) -> tuple[str, str]:
    """A workbook with a title, two header rows, and a hidden, a repeated, and a blank header; a file of addresses."""
    workbook = xlsxwriter.Workbook(desk.path / FIRMS, {"strings_to_formulas": False})
    sheet = workbook.add_worksheet("Sheet1")
    sheet.set_column(3, 3, None, None, {"hidden": True})
    rows: list[Sequence[str]] = [
        ["Firms of the north"],
        [],
        ["Code", "Text", "Phone", "Phone", "Since", "", "Card number"],
        ["Customer code", "Firm's text", "Phone label", "Phone label two", "Since when", "", "Card label"],
    ]
    rows += [[f"0{n}", f"Firm {n}", "x", "+14155550101", "2024-05-01", note, "4111"] for n, note in enumerate(NASTY)]
    for number, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write_string(number, column, cell)
    workbook.close()
    towns = ["" if n % 2 else "Marlow" for n in range(len(NASTY))]
    lines = [
        "Code,Text,Town",
        *(f"0{n},{n} Main Street,Oldtown\n0{n},{n} Side Street,{t}" for n, t in enumerate(towns)),
    ]
    desk.write(ADDRESSES, "\n".join([*lines, ""]))
    desk.write("own.yaml", MAPPING)
    return FIRMS, ADDRESSES


def test_wrong_child_brings_its_whole_customer_into_the_workbook(desk: Desk) -> None:
    first = desk.do("check", *sources(desk), "-m", "own.yaml", "--json")
    assert first.summary["customers"] == {"read": 12, "valid": 6, "rejected": 6}
    book = openpyxl.load_workbook(first.folder / "rejected.xlsx")
    guide, firms, addresses = book.worksheets
    assert guide.cell(1, 1).value == "How to fix this workbook (this sheet is never imported)"
    assert len(addresses.title) == len(firms.title) == 31
    assert [cell.value for cell in firms[1]] == [
        *("import_errors", "Code", "Text", "Phone", "Phone#2", "Since", "Column 6", "Card number"),
    ]
    assert (addresses.max_row, firms.max_row) == (13, 7)
    assert {row[0].value.split("\n")[1] for row in firms.iter_rows(min_row=2)} == {
        f"Customer rejected because of row {row} of {ADDRESSES}." for row in (5, 9, 13, 17, 21, 25)
    }
    assert all(cell.value is None for cell in firms["H"][1:])
    assert any("Card number" in str(cell.value) for cell in guide["A"])
    done = fix(first.folder / "rejected.xlsx", desk.path / "fixed.xlsx")
    assert {column for _, _, column in done} == {"Town"}
    second = desk.do("check", "fixed.xlsx", "-m", "own.yaml", "--partial", "--json")
    assert second.summary["customers"] == {"read": 6, "valid": 6, "rejected": 0}
    desk.write(ADDRESSES, re.sub("Street,$", "Street,Marlow", (desk.path / ADDRESSES).read_text(), flags=re.MULTILINE))
    faultless = desk.do("check", FIRMS, ADDRESSES, "-m", "own.yaml", "--json")
    assert bodies(first) | bodies(second) == bodies(faultless)


def test_workbook_that_is_still_wrong_is_rejected_again(desk: Desk) -> None:
    """The second workbook refers to the first files, and its guide still does not count as data."""
    first = desk.do("check", *sources(desk), "-m", "own.yaml", "--json")
    second = desk.do("check", first.folder / "rejected.xlsx", "-m", "own.yaml", "--partial", "--json")
    assert second.summary["customers"] == {"read": 6, "valid": 0, "rejected": 6}
    assert second.summary["rows"]["skipped_by_reason"] == {"header": 2}
    guides = [openpyxl.load_workbook(said.folder / "rejected.xlsx").worksheets[0] for said in (first, second)]
    listed = [[[cell.value for cell in row] for row in guide.iter_rows() if row[1].value] for guide in guides]
    assert listed[0] == listed[1]
    assert [row[1] for row in listed[0]][1:3] == [FIRMS, ADDRESSES] or [row[1] for row in listed[0]][1:3] == [
        ADDRESSES,
        FIRMS,
    ]
    fix(second.folder / "rejected.xlsx", desk.path / "fixed.xlsx")
    third = desk.do("check", "fixed.xlsx", "-m", "own.yaml", "--partial", "--json")
    assert third.code == 0


@pytest.mark.parametrize("change", ["moved", "last", "gone"])
def test_guide_sheet_may_be_changed_or_removed(desk: Desk, change: str) -> None:
    first = desk.do("check", *sources(desk), "-m", "own.yaml", "--json")
    fix(first.folder / "rejected.xlsx", desk.path / "fixed.xlsx")
    book = openpyxl.load_workbook(desk.path / "fixed.xlsx")
    if change == "gone":
        del book[book.sheetnames[0]]
    elif change == "last":
        book.move_sheet(book.sheetnames[0], 2)
        book.worksheets[-1].title = "Anleitung"
    else:
        book.worksheets[0].insert_rows(1, 3)
        book.worksheets[0].insert_cols(1, 2)
    book.save(desk.path / "fixed.xlsx")
    second = desk.do("check", "fixed.xlsx", "-m", "own.yaml", "--partial", "--json")
    assert second.code == 0, second.err
    assert second.summary["rows"]["skipped_by_reason"] == {"header": 2}


@pytest.mark.parametrize("sentence", ["These rows are from the results folder ", "These rows were rejected by run "])
def test_guide_sheet_of_an_older_version_names_its_folder(desk: Desk, sentence: str) -> None:
    first = desk.do("check", *sources(desk), "-m", "own.yaml", "--json")
    fix(first.folder / "rejected.xlsx", desk.path / "fixed.xlsx")
    book = openpyxl.load_workbook(desk.path / "fixed.xlsx")
    (cell,) = (row[0] for row in book.worksheets[0].iter_rows() if str(row[0].value).startswith("These rows are from"))
    cell.value = f"{sentence}{first.summary['run_id']}."
    book.save(desk.path / "fixed.xlsx")
    assert desk.do("correct", "fixed.xlsx", "--to", "corrections.csv", "--yes").code != 2


def test_orphan_can_be_assigned_to_a_customer_in_the_workbook(desk: Desk) -> None:
    desk.write("firms.csv", "Code,Name\n1,One\n")
    desk.write("people.csv", "Firm,First,Mail\n1,Ann,ann@example.com\n2,Bob,bob@example.com\n")
    desk.write(
        "own.yaml",
        "title: T\ntables:\n  firms: {has: [Code, Name], key: Code}\n  people: {has: [Firm, First], key: Firm}\n"
        "customer: {company_name: Name}\ncontacts:\n  - {table: people, first_name: First, email: Mail}\n",
    )
    first = desk.do("check", "firms.csv", "people.csv", "-m", "own.yaml", "--json")
    assert first.summary["workbook"] == {"rows": 3, "left_out": 0}
    book = openpyxl.load_workbook(first.folder / "rejected.xlsx")
    assert [cell.value for cell in book["firms"][1]] == ["import_errors", "Code", "Name"]
    assert book["people"]["B3"].comment.text.startswith("Error: No customer '2'")
    book["firms"].append([None, "2", "Two"])
    book.save(desk.path / "fixed.xlsx")
    second = desk.do("check", "fixed.xlsx", "-m", "own.yaml", "--partial", "--json")
    assert (second.code, second.outcomes) == (0, {"1": "valid", "2": "valid"})


FIRMS_AND_PEOPLE = """\
title: Firms and people
tables:
  firms: {has: [Code, Name], key: Code}
  people: {has: [Firm, First], key: Firm}
customer: {company_name: Name}
contacts:
  - {table: people, first_name: First, email: Mail}
"""


def test_fixed_orphan_joins_its_previously_sent_customer(desk: Desk) -> None:
    desk.write("firms.csv", "Code,Name\n001,One\n002,Two\n003,Three\n004,Four\n005,Five\n")
    people = ["001,Ann", "1,Bob", "002,Cid", ",Dot", "003,Eve", "004,Fay", "005,Gus"]
    desk.write("people.csv", "Firm,First,Mail\n" + "".join(f"{one},{one[-3:]}@example.com\n" for one in people))
    desk.write("own.yaml", FIRMS_AND_PEOPLE)
    first = desk.run("sandbox", "firms.csv", "people.csv", "-m", "own.yaml")
    assert first.summary["customers"]["created"] == 5
    book = openpyxl.load_workbook(first.folder / "rejected.xlsx")
    assert [cell.value for cell in book["firms"]["B"]] == ["Code", "001", "002", "003"]  # and no other customer
    assert book["firms"]["A2"].value == (
        "row 2\nNo problem in this row, but it may be needed because of row 3 of people.csv."
    )
    assert not book["firms"]["A2"].font.b
    sheet = book["people"]
    assert [cell.value for cell in sheet["C"]] == ["First", "Ann", "Bob", "Cid", "Dot", "Eve"]
    assert "Did you mean '001'?" in sheet["B3"].comment.text
    sheet["B3"], sheet["B5"] = "001", "003"
    book.save(desk.path / "fixed.xlsx")
    (step,) = [step for step in first.summary["next"] if "rejected.xlsx" in step and "correct" not in step]
    words = step.split(" importer ", 1)[1].split()
    second = desk.do(*("fixed.xlsx" if "rejected.xlsx" in word else word for word in words), "--json")
    assert second.code == 0
    assert second.outcomes == {"001": "updated", "002": "unchanged", "003": "updated"}
    sent = {body["reference_id"]: [one["first_name"] for one in body["contacts"]] for body in bodies(second).values()}
    assert sent == {"001": ["Ann", "Bob"], "002": ["Cid"], "003": ["Dot", "Eve"]}
    assert desk.do("verify", "--json").code == 0


def test_rewritten_reports_keep_the_workbook_valid(desk: Desk) -> None:
    desk.write("list.csv", "Id,Name,Phone,Mail,Street,Town\n1,One,,no address,,\n")
    desk.small()
    said = desk.run("sandbox", "list.csv", "-m", "small.yaml")
    path = said.folder / "rejected.xlsx"
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"stale")
    assert desk.do("report", said.summary["run_id"], "--json").summary["workbook"] == {"rows": 1, "left_out": 0}
    assert path.read_bytes() == before
    assert read_table(said.folder / "rejected" / "list.csv")
    assert not [item.name for item in said.folder.iterdir() if item.name.startswith(".")]  # no partly written file
