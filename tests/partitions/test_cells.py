"""Every filled cell of a data row is in one category, and lost cells are reported with their place."""

import csv
from pathlib import Path
from typing import Any

import pytest

import importer
from importer.errors import InternalError, UsageError
from importer.partitions.cell_accounts import all_cells
from importer.sandbox import SandboxConfig
from importer.tables import CELL_CATEGORIES
from tests.report.build import small_run
from tests.running_sandbox import running

MAPPING: dict[str, Any] = {
    "title": "cells",
    "key": "Code",
    "skip": [{"column": "Status", "is": "closed", "reason": "closed"}],
    "ignore": ["Fax"],
    "customer": {
        "company_name": "Name",
        "phone": {"from": ["Phone", "Mobile"], "take": "first", "invalid": "blank"},
        "payment_term": {"from": "Terms", "values": {"N30": "NET30"}, "otherwise": "blank"},
    },
    "addresses": [
        {
            "type": {"from": "Kind", "values": {"B": "billing", "S": "shipping"}},
            "when": {"column": "Main", "flag": True},
            "address_line_1": "Street",
            "city": "City",
        }
    ],
}
HEADER = "Code,Name,Status,Phone,Mobile,Terms,Fax,Kind,Main,Street,City,Notes,Password"
ROWS = [
    "1,Acme,open,415-362-1000,415-362-1001,N30,415-362-1002,B,yes,4 Pier Rd,Marlow,gold,secret",
    "1,Acme,open,,,,,S,yes,4 Pier Rd,Marlow,,",
    "2,Bolt,open,12,,other,,B,no,5 Pier Rd,Marlow,,",
    "3,Cord,closed,415-362-1003,,N30,,B,yes,6 Pier Rd,Marlow,silver,secret",
    ",Lost,open,415-362-1004,,,,B,yes,7 Pier Rd,Marlow,,secret",
    "5,,open,415-362-1005,,,,B,yes,8 Pier Rd,Marlow,bronze,secret",
]


def checked(tmp_path: Path, rows: list[str] = ROWS, **options: Any) -> Any:
    source = tmp_path / "list.csv"
    source.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return importer.check(str(source), mapping=MAPPING, country="US", out=tmp_path / "out", **options)


def categories(result: Any) -> dict[str, dict[str, int]]:
    return {line["column"]: line["categories"] for line in result.summary["columns"]}


def test_each_cell_is_in_the_first_matching_category(tmp_path: Path) -> None:
    found = categories(checked(tmp_path))
    assert found == {
        "Code": {"skipped_row": 1, "rejected_row": 1, "used": 3},
        "Name": {"skipped_row": 1, "rejected_row": 1, "used": 3},
        "Status": {"skipped_row": 1, "rejected_row": 2, "rule": 3},
        "Phone": {"skipped_row": 1, "rejected_row": 2, "used": 1, "left_out": 1},
        "Mobile": {"passed_over": 1},
        "Terms": {"skipped_row": 1, "used": 1, "left_out": 1},
        "Fax": {"ignored": 1},
        "Kind": {"skipped_row": 1, "rejected_row": 2, "rule": 3},
        "Main": {"skipped_row": 1, "rejected_row": 2, "rule": 3},
        "Street": {"skipped_row": 1, "rejected_row": 2, "used": 2, "unclaimed": 1},
        "City": {"skipped_row": 1, "rejected_row": 2, "used": 2, "unclaimed": 1},
        "Notes": {"skipped_row": 1, "rejected_row": 1, "unused": 1},
        "Password": {"skipped_row": 1, "rejected_row": 2, "sensitive": 1},
    }


def test_totals_are_sums_of_all_filled_cells(tmp_path: Path) -> None:
    summary = checked(tmp_path).summary
    filled = sum(cell != "" for row in csv.reader(ROWS) for cell in row)
    assert summary["cells"]["filled"] == filled == sum(line["filled"] for line in summary["columns"])
    assert filled == sum(summary["cells"][name] for name in CELL_CATEGORIES)


def test_every_lost_cell_is_listed_with_its_location(tmp_path: Path) -> None:
    result = checked(tmp_path)
    with (Path(result.summary["folder"]) / "errors.csv").open(encoding="utf-8") as file:
        lines = [(line["code"], line["row"], line["column"], line["value"]) for line in csv.DictReader(file)]
    assert ("cell_passed_over", "2", "Mobile", "415-362-1001") in lines
    assert ("cell_left_out", "4", "Terms", "other") in lines
    assert ("cell_unclaimed", "4", "Street", "5 Pier Rd") in lines
    assert [line for line in lines if line[1:3] == ("4", "Phone")] == [("invalid_phone", "4", "Phone", "12")]
    assert not [line for line in lines if line[2] in {"Notes", "Fax", "Password"}]


def test_fields_have_api_names(tmp_path: Path) -> None:
    fields = {line["column"]: line["fields"] for line in checked(tmp_path).summary["columns"]}
    assert fields["Code"] == ["reference_id"]
    assert fields["Phone"] == fields["Mobile"] == ["phone"]
    assert fields["Street"] == ["address address_line_1"]
    assert fields["Notes"] == []


def test_same_column_name_in_two_files_has_the_fields_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("Code,Name,Phone\n0017,Harbor Goods,+14155550101\n", encoding="utf-8")
    people = "Code,First,Phone\n0017,Dana,+14155550102\n0017,Kim,+14155550103\n"
    (tmp_path / "p.csv").write_text(people, encoding="utf-8")
    mapping = {
        "title": "two files",
        "tables": {"customers": {"has": ["Name"], "key": "Code"}, "people": {"has": ["First"], "key": "Code"}},
        "customer": {"company_name": "Name", "phone": "Phone"},
        "contacts": [{"table": "people", "first_name": "First", "phone": "Phone"}],
    }
    found = importer.check([str(tmp_path / "c.csv"), str(tmp_path / "p.csv")], mapping, out=str(tmp_path / "out"))
    fields = {(line["source"], line["column"]): line["fields"] for line in found.summary["columns"]}
    assert fields["c.csv", "Phone"] == ["phone"]
    assert fields["p.csv", "Phone"] == ["contact phone"]
    assert fields["p.csv", "Code"] == ["reference_id"]


def test_headline_names_unused_columns_and_unclaimed_cells(tmp_path: Path) -> None:
    page = (Path(checked(tmp_path, ROWS[:3]).summary["folder"]) / "report.html").read_text(encoding="utf-8")
    assert "1 of 13 filled columns is not used: Notes; no customer has a contact." in page
    assert "2 filled cells are not sent, although the mapping uses their columns: Street (1), City (1)." in page
    assert "not everything in the source is used" in page


@pytest.mark.parametrize(("wanted", "count"), [("blank=phone", 1), ("blank", 3)])
def test_invalid_option_leaves_invalid_values_out_and_counts_them(tmp_path: Path, wanted: str, count: int) -> None:
    mapping = {**MAPPING, "customer": {"company_name": "Name", "phone": "Phone", "email": "Notes"}, "addresses": []}
    source = tmp_path / "list.csv"
    rows = ["1,Acme,open,12,,,,,,,,mail,", "2,Bolt,open,12,,,,,,,,b@example.com,"]
    source.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    result = importer.check(str(source), mapping=mapping, country="US", out=tmp_path / "out", invalid=wanted)
    assert result.summary["cells"]["left_out"] == count
    assert result.ok is (wanted == "blank")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("phon", "there is no field 'phon'\nDid you mean 'phone'"), ("company_name", "cannot be sent without the field")],
)
def test_invalid_option_requires_fields_that_can_be_left_out(tmp_path: Path, wanted: str, told: str) -> None:
    source = tmp_path / "list.csv"
    source.write_text(f"{HEADER}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        importer.check(str(source), mapping=MAPPING, out=tmp_path / "out", invalid=f"blank={wanted}")


@pytest.mark.parametrize(("ignored", "complete"), [(False, True), (True, True), (False, False)])
def test_complete_sends_nothing_if_filled_cells_are_unused(tmp_path: Path, ignored: bool, complete: bool) -> None:
    sends = ignored or not complete
    mapping = {"title": "t", "key": "Code", "customer": {"company_name": "Name"}, "ignore": ["Notes"] * ignored}
    source = tmp_path / "list.csv"
    source.write_text("Code,Name,Notes\n1,Acme,gold\n", encoding="utf-8")
    with running(SandboxConfig(keys=("key",))) as box:
        target, ledger = importer.Target(box.url, key="key"), f"sqlite:///{tmp_path}/ledger.db"
        sent = importer.run(str(source), mapping, target, ledger=ledger, out=tmp_path / "out", complete=complete)
        assert box.counts()["customers"] == int(sends)
    assert sent.exit_code == (0 if sends else 3)
    assert sends or "filled cells of 1 column are not used: 'Notes'" in str(sent.stopped)


def test_different_sums_are_an_internal_error() -> None:
    report = small_run()
    with pytest.raises(InternalError, match="filled cells, but 1 are accounted for"):
        all_cells([], report.sources, report.tables.rows, report.rejected)
