"""Rejected rows are fixed once and recorded: the next export still has the errors, but is accepted."""

import csv
import io
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import importer
from importer.partitions import prepared_sources
from importer.workflow.supervision import nothing_new
from tests.samples import sap_business_one
from tests.workflow.desk import Desk, Said, read_table
from tests.workflow.test_fixed_workbooks import SYSTEMS, a_rejected_partner, bodies, fix, without_faults


def statuses(said: Said) -> dict[str, int]:
    return {name: count for name, count in said.summary["corrections"].items() if name != "file"}


@pytest.mark.parametrize("system", SYSTEMS)
def test_rejected_rows_are_fixed_recorded_and_applied_nightly(desk: Desk, system: str) -> None:
    """Reject, fix, record; then nights with the same export, with the ERP fixed, and with other changes."""
    sample = SYSTEMS[system]()
    for file, content in sample.files.items():
        desk.write(f"source/{file}", content)
    common = ("-m", system, "--country", "US")
    first = desk.do("check", "source", *common, "--json")
    keys = dict.fromkeys(sap_business_one.ORPHANS, a_rejected_partner(first))
    done = fix(first.folder / "rejected.xlsx", desk.path / "fixed.xlsx", keys=keys)
    recorded = desk.do("correct", "fixed.xlsx", "--to", "corrections.csv", "--json")
    assert (recorded.code, len(recorded.summary["recorded"])) == (0, len(done)), recorded.out + recorded.err
    assert stat.S_IMODE((desk.path / "corrections.csv").stat().st_mode) == 0o600
    again = desk.do("correct", "fixed.xlsx", "--to", "corrections.csv", "--json").summary
    assert (len(again["recorded"]), len(again["unchanged"])) == (0, len(done))

    corrected = (*common, "--corrections", "corrections.csv")
    clean = desk.do("check", "source", *corrected, "--json")
    assert (clean.code, statuses(clean)) == (0, {"applied": len(done), "removable": 0, "stale": 0})
    files = without_faults(sample, done, desk.path / "faultless")
    assert bodies(clean) == bodies(desk.do("check", *files, *common, "--json"))
    lines = clean.table("corrections.csv")
    assert {(Path(line["source"]).stem, int(line["row"]), line["column"]): line["new"] for line in lines} == done
    assert all(line["reference_id"] and line["status"] == "applied" for line in lines)

    for file, content in sample.files.items():
        (desk.path / "source" / file).unlink()
        desk.write(f"source/{Path(file).stem}_2026-11-28{Path(file).suffix}", content)
    night = desk.do("check", "source", *corrected, "--json")
    assert (night.code, statuses(night)["applied"]) == (0, len(done))
    assert bodies(night) == bodies(clean)

    erp = desk.do("check", *files, *corrected, "--json")
    assert (erp.code, statuses(erp)) == (0, {"applied": 0, "removable": len(done), "stale": 0})
    other = {cell: f"{text}9" if text.startswith("+1") else "Other" for cell, text in done.items()}
    changed = desk.do("check", *without_faults(sample, other, desk.path / "other"), *corrected, "--json")
    assert statuses(changed) == {"applied": 0, "removable": 0, "stale": len(done)}


SMALL = "Id,Name,Phone,Mail,Street,Town,Zip,Card number\n"
MAPPING = """\
title: Small
key: Id
ignore: [Zip]
customer: {company_name: Name, phone: {from: Phone, optional: true}, email: {from: Mail, optional: true}}
addresses:
  - {type: {constant: billing}, address_line_1: Street, city: Town}
"""
ROWS = [
    "0017,Ann & Co,bad,ann@example.com,1 Main Street,Ulm,02134,4111111111111111",
    "0018,Bob Inc,+14155550101,no mail,2 Main Street,Ulm,02135,4111111111111111",
    "0019,Cid Ltd,+14155550102,cid@example.com,3 Main Street,Ulm,02136,4111111111111111",
]


@pytest.fixture
def small(desk: Desk) -> Desk:
    desk.write("small.csv", SMALL + "\n".join([*ROWS, ""]))
    desk.write("small.yaml", MAPPING)
    return desk


def rejected(desk: Desk, *words: object) -> Said:
    said = desk.do("check", "small.csv", "-m", "small.yaml", *words, "--json")
    assert said.summary is not None
    return said


def change(said: Said, to: Path, cells: Mapping[str, str], *, rows: tuple[int, ...] = ()) -> None:
    """Change cells of the workbook by address, and delete some rows."""
    book = openpyxl.load_workbook(said.folder / "rejected.xlsx")
    sheet = book.worksheets[1]
    for address, text in cells.items():
        sheet[address] = text
    for row in sorted(rows, reverse=True):
        sheet.delete_rows(row)
    book.save(to)


def test_format_changes_are_asked_about_and_sensitive_ones_not_recorded(small: Desk) -> None:
    first = rejected(small)
    change(first, small.path / "fixed.xlsx", {"D2": "+14155550132", "H2": "2134", "H3": "2135", "I3": "4111"})
    said = small.do("correct", "fixed.xlsx", "--to", "c.csv", "--json")
    assert said.code == 1
    assert [(one["column"], one["old"], one["new"]) for one in said.summary["recorded"]] == [
        ("Phone", "bad", "+14155550132")
    ]
    (question,) = said.summary["open"]
    assert (question["id"], question["count"], question["proposed"]) == ("format:customers.Zip", 2, "leave")
    assert "'02134' → '2134'" in question["text"]
    assert small.do("correct", "fixed.xlsx", "--to", "c.csv", "--yes").code == 0
    assert small.do("correct", "fixed.xlsx", "--to", "c.csv", "--answer", "nothing=leave").code == 2
    kept = small.do("correct", "fixed.xlsx", "--to", "c.csv", "--answer", f"{question['id']}=record", "--json")
    assert [one["new"] for one in kept.summary["recorded"]] == ["2134", "2135"]
    assert "4111" not in (small.path / "c.csv").read_text()


def test_contradiction_is_an_error_unless_replace_uses_the_later_one(small: Desk) -> None:
    first = rejected(small)
    for name, phone in (("one.xlsx", "+14155550132"), ("two.xlsx", "+14155550133")):
        change(first, small.path / name, {"D2": phone})
    assert small.do("correct", "one.xlsx", "--to", "c.csv").code == 0
    before = (small.path / "c.csv").read_bytes()
    said = small.do("correct", "two.xlsx", "--to", "c.csv")
    assert said.code == 2
    assert "two.xlsx!small:2: Phone of '0017': 'bad' → '+14155550133' contradicts c.csv:2: Phone" in said.err
    assert (small.path / "c.csv").read_bytes() == before
    replaced = small.do("correct", "two.xlsx", "--to", "c.csv", "--replace", "--json").summary
    assert [one["new"] for one in replaced["replaced"]] == ["+14155550132"]
    again = rejected(small, "--corrections", "c.csv")
    change(again, small.path / "three.xlsx", {"E2": "bob@example.com"})  # the workbook has only what is still wrong
    assert small.do("correct", "three.xlsx", "--to", "c.csv").code == 0
    assert rejected(small, "--corrections", "c.csv").code == 0


def test_lists_may_be_in_any_order_and_uncertain_rows_are_refused(small: Desk) -> None:
    first = rejected(small)
    path = first.folder / "rejected" / "small.csv"
    lines = list(csv.reader(io.StringIO(path.read_text())))
    head, one, two = lines
    one[3], two[4] = "+14155550132", "bob@example.com"
    foreign = ["row 99: x", "9", "Z", "", "", "", "", "", ""]
    text = io.StringIO()
    csv.writer(text).writerows([head, ["", *two[1:]], one, foreign])  # without its row number: found by its key
    path.write_text(text.getvalue())
    said = small.do("correct", path, "--to", "c.csv", "--json")
    assert said.code == 1
    assert {(line["key"], line["column"]) for line in said.summary["recorded"]} == {("0017", "Phone"), ("0018", "Mail")}
    assert said.summary["not_recorded"] == ["small.csv:4: row 99 was not rejected in that run"]
    small.write("other.csv", "import_errors,A,B,C\n,1,2,3\n")
    assert "its columns match no table" in small.do("correct", "other.csv", "--to", "c.csv", "--run", first.folder).err
    assert (
        "first column is not import_errors"
        in small.do("correct", "small.csv", "--to", "c.csv", "--run", first.folder).err
    )
    assert "do not say which run" in small.do("correct", "other.csv", "--to", "c.csv").err


def test_missing_rows_are_left_out_only_on_request(small: Desk) -> None:
    first = rejected(small)
    change(first, small.path / "fixed.xlsx", {"D2": "+14155550132"}, rows=(3,))
    assert len(small.do("correct", "fixed.xlsx", "--to", "c.csv", "--json").summary["recorded"]) == 1
    assert len(small.do("correct", "fixed.xlsx", "--to", "c.csv", "--removed", "--json").summary["recorded"]) == 1
    said = rejected(small, "--corrections", "c.csv")
    assert (said.code, said.summary["customers"]["valid"], said.summary["customers"]["read"]) == (0, 2, 2)
    assert said.summary["rows"]["skipped_by_reason"] == {"header": 1, "left out by a correction": 1}
    assert said.summary["cells"]["skipped_row"] == 8
    assert [line["column"] for line in said.table("corrections.csv") if line["new"] == "leave out"] == [""]


def test_corrected_cell_that_is_still_wrong_is_reported_with_its_source_text(small: Desk) -> None:
    change(rejected(small), small.path / "fixed.xlsx", {"D2": "worse", "E3": "bob@example.com"})
    assert small.do("correct", "fixed.xlsx", "--to", "c.csv").code == 0
    said = rejected(small, "--corrections", "c.csv")
    (line,) = [line for line in said.table("errors.csv") if line["severity"] == "error"]
    assert (line["row"], line["column"], line["value"]) == ("2", "Phone", "worse")
    assert "(corrected; the source has 'bad')" in line["message"]
    page = (said.folder / "report.html").read_text()
    assert page.count(">applied<") == 2
    shown = small.do("check", "small.csv", "-m", "small.yaml", "--corrections", "c.csv")
    assert "Corrections from c.csv\n  applied    2\n" in shown.out
    preview = small.do("preview", "small.csv", "-m", "small.yaml", "--corrections", "c.csv", "--row", "small.csv:3")
    assert "bob@example.com" in preview.out


def test_plan_is_applied_with_its_corrections_or_not_at_all(small: Desk) -> None:
    change(rejected(small), small.path / "fixed.xlsx", {"D2": "+14155550132"})
    assert small.do("correct", "fixed.xlsx", "--to", "c.csv").code == 0
    words = ("small.csv", "-m", "small.yaml", "--corrections", "c.csv", "--invalid", "blank=email", "--api", "sandbox")
    first, second = (small.do("plan", *words, "--json").summary["run_id"] for _ in range(2))
    assert small.do("run", "--plan", first, "--json").summary["customers"]["created"] == 3
    (small.path / "c.csv").write_bytes((small.path / "c.csv").read_bytes().replace(b"0132", b"0134"))
    refused = small.do("run", "--plan", second)
    assert refused.code == 2
    assert f"the corrections have changed since plan {second} was made" in refused.err


def test_nights_report_only_new_problems(small: Desk) -> None:
    """Ann is imported and then gets an error; Bob is wrong from the first night on, which is reported once."""
    change(rejected(small), small.path / "fixed.xlsx", {"D2": "+14155550132"})
    assert small.do("correct", "fixed.xlsx", "--to", "c.csv").code == 0
    words = ("small.csv", "-m", "small.yaml", "--corrections", "c.csv", "--mode", "upsert")
    first = small.run("sandbox", *words)
    assert (first.summary["since"], first.summary["imported_before"]) == (None, None)
    small.write("small.csv", SMALL + "\n".join([*ROWS[::-1], ""]))
    second = small.run("sandbox", *words)
    assert second.summary["since"] == {"run_id": first.summary["run_id"], "problems": [], "stale": 0}
    assert second.summary["next"] == []
    assert nothing_new(second.summary)  # so that no notification is sent
    assert second.summary["problems"]
    small.write("small.csv", SMALL + "\n".join([ROWS[0].replace("bad", "other"), *ROWS[1:], ""]))
    third = small.run("sandbox", *words)
    since = third.summary["since"]
    assert not nothing_new(third.summary)
    assert ([(one["code"], one["count"]) for one in since["problems"]], since["stale"]) == ([("invalid_phone", 1)], 1)
    assert third.summary["imported_before"]["customers"] == 1
    shown = small.do("report", third.summary["run_id"]).out
    assert re.search(r"1 of them was imported on \w+ \d+, \d{4}, and stays as it is\.", " ".join(shown.split()))
    assert f"New since run {second.summary['run_id']}" in shown
    assert "stale" in shown


def test_forget_erases_corrections_and_names_other_places(small: Desk) -> None:
    first = rejected(small)
    change(first, small.path / "fixed.xlsx", {"D2": "+14155550132", "E3": "bob@example.com"})
    assert small.do("correct", "fixed.xlsx", "--to", "c.csv").code == 0
    sent = small.run("sandbox", "small.csv", "-m", "small.yaml", "--corrections", "c.csv")
    assert "Ann" not in (small.path / "c.csv").read_text()
    said = small.do("ledger", "forget", "0017", "--yes")
    assert "Erased 1 line in corrections files." in said.out
    assert str(first.folder) in said.out
    assert str(sent.folder) in said.out
    assert [line["key"] for line in read_table(small.path / "c.csv")] == ["0018"]


def test_keep_covers_checks_and_plans(small: Desk) -> None:
    checks = [rejected(small).folder for _ in range(3)]
    kept = rejected(small, "--keep", 2).folder
    assert [folder.exists() for folder in (*checks, kept)] == [False, False, True, True]
    plan = ("plan", "small.csv", "-m", "small.yaml", "--api", "sandbox", "--json")
    plans = [small.do(*plan).folder for _ in range(2)]
    sent = small.run("sandbox", "small.csv", "-m", "small.yaml", "--keep", 1)
    assert [folder.exists() for folder in (*checks, kept, *plans, sent.folder)] == [False] * 3 + [
        True,
        False,
        True,
        True,
    ]


def test_corrections_can_be_made_from_python(small: Desk) -> None:
    first = rejected(small)
    cells = [("small.csv", 2, "Phone", "+14155550132"), ("small.csv", 3, "Mail", "bob@example.com")]
    to = small.path / "c.csv"
    done = importer.correct_cells(first.folder, cells, to)
    assert ([one["key"] for one in done.recorded], done.exit_code) == (["0017", "0018"], 0)
    assert importer.correct(first.folder / "rejected.xlsx", to).recorded == ()
    frame = pd.read_csv(small.path / "small.csv", dtype=str)
    checked = importer.check({"export": frame}, small.path / "small.yaml", corrections=to, out=small.path / "results")
    assert (checked.ok, checked.summary["corrections"]["applied"]) == (True, 2)
    with pytest.raises(importer.errors.UsageError, match="found no problem in this row"):
        importer.correct_cells(first.folder, [("small.csv", 4, "Phone", "x")], to)
    with pytest.raises(importer.errors.UsageError, match="is sensitive and never imported"):
        importer.correct_cells(first.folder, [("small.csv", 2, "Card number", "x")], to)


def test_partitions_change_nothing(small: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    change(rejected(small), small.path / "fixed.xlsx", {"D2": "worse", "E3": "bob@example.com"}, rows=())
    assert small.do("correct", "fixed.xlsx", "--to", "c.csv").code == 0
    whole = rejected(small, "--corrections", "c.csv")
    monkeypatch.setattr(prepared_sources, "rows_per_partition", lambda *_: 1)
    parts = rejected(small, "--corrections", "c.csv")
    for name in ("errors.csv", "corrections.csv", "payloads.jsonl", "results.csv"):
        assert (parts.folder / name).read_bytes() == (whole.folder / name).read_bytes()


PACKED = """\
title: Packed
key: Code
customer: {company_name: Customer, phone: Phone}
addresses:
  - {type: {constant: billing}, packed: Bill address}
"""


def test_address_parts_are_corrections_too(desk: Desk) -> None:
    """For columns that only the workbook has: they are applied to later exports; a missing column is reported."""
    desk.write("packed.yaml", PACKED)
    desk.write("packed.csv", "Code,Customer,Phone,Bill address\n0018,Kestrel,bad,over there\n")
    words = ("packed.csv", "-m", "packed.yaml", "--country", "US", "--json")
    first = desk.do("check", *words)
    book = openpyxl.load_workbook(first.folder / "rejected.xlsx")
    (sheet,) = (sheet for sheet in book if sheet.cell(1, 2).value == "Code")
    column = {cell.value: cell.column for cell in sheet[1]}
    parts = {"Street": "4 Pier Rd", "City": "Marlow", "State": "OH", "Postal code": "43000", "Country": "US"}
    for name, text in {"Phone": "+14155550132", **{f"Bill address > {part}": parts[part] for part in parts}}.items():
        sheet.cell(2, column[name]).value = text
    book.save(desk.path / "fixed.xlsx")
    said = desk.do("correct", "fixed.xlsx", "--to", "c.csv", "--json")
    assert (said.code, len(said.summary["recorded"])) == (0, 6), said.out + said.err
    clean = desk.do("check", *words, "--corrections", "c.csv")
    assert (clean.code, statuses(clean)["applied"]) == (0, 6), clean.table("corrections.csv")
    (address,) = bodies(clean)["0018"]["addresses"]
    assert (address["address_line_1"], address["city"], address["zip_code"]) == ("4 Pier Rd", "Marlow", "43000")
    desk.write("packed.csv", "Code,Customer,Bill address\n0018,Kestrel,over there\n")
    desk.write("packed.yaml", PACKED.replace(", phone: Phone", ""))
    gone = desk.do("check", *words, "--corrections", "c.csv")
    assert [line["reason"] for line in gone.table("corrections.csv") if line["column"] == "Phone"] == [
        "the source has no column 'Phone'"
    ]
