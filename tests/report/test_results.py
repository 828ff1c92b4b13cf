import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from importer.records import Severity
from importer.report import problem_list as located_module
from importer.report import rejected as rejected_module
from importer.report import results as results_module
from importer.report.rejected import write_rejected
from importer.report.report_files import BLOCK, write_blocks
from importer.report.results import results
from importer.tables import ProblemTable
from tests.report.build import rows, small_run, without_problems

RESULTS = '''\
"reference_id","company_name","action","outcome","customer_id","display_id","http_status","attempts",\
"error_code","error_message","source","rows","seconds"
"A","Ann & Co","create","created","c-1","WC-1",201,1,,,"list.csv","list.csv:3-4; staff.xlsx!People:2",0.123
"B","Bob, Inc","none","rejected",,,,,"invalid_phone","Not a phone number; and 1 more",\
"list.csv","list.csv:5-6; staff.xlsx!People:3",
"C","Cäsar","create","failed",,,422,1,"validation_error","state: unknown","list.csv","list.csv:9",0.5
"D","""D""","create","created","c-2",,201,2,,,"list.csv","list.csv:10; staff.xlsx!People:4-5",1
"E","E
Ltd","create","created","c-3",,201,1,,,"list.csv","list.csv:12",0.25
'''
ERRORS = """\
"severity","code","reference_id","entity","field","value","message","hint","source","sheet","row","column"
"warning","mixed_encoding",,,,,"Odd bytes",,"list.csv",,,
"error","invalid_phone","B","customer","phone","'=2+2","Not a phone number","Write +15555550100","list.csv",,5,"Phone"
"error","blank_key",,,,,"The key is blank",,"list.csv",,11,"Id"
"info","no_address","E",,,,"E has no address",,"list.csv",,12,
"info","footer",,,,,"A total was left out",,"list.csv",,13,
"error","invalid_email","B","contact","email","b@","B@ is no e-mail address","Mend it","staff.xlsx","People",3,"Mail"
"warning","odd_cell","B",,,,"Odd","Look","staff.xlsx","People",3,"Mail"
"warning","invalid_email","D","contact","email","bad","Bad is no e-mail address",\
"the contact was left out","staff.xlsx","People",5,"Mail"
"""
REJECTED_LIST = '''\
"import_errors","Id","Name","Phone"
"row 5: Phone: Not a phone number. Write +15555550100.","B","Bob, Inc","'=2+2"
"row 6: Customer rejected because of row 5.","B","Bob, Inc","555"
"row 9: Customer refused by WizCommerce: state: unknown.","C","Cäsar","'+15555550103"
"row 10: Part of this customer was left out because of row 5 of staff.xlsx!People.","D","""D""","''-4"
"row 11: Id: The key is blank.",,"lost",
"row 12: No problem in this row, but it may be needed because of row 11.","E","E
Ltd","007"
'''
REJECTED_PEOPLE = """\
"import_errors","Customer","Mail"
"row 3: Mail: B@ is no e-mail address. Mend it. Mail: Odd. Look.","B","b@"
"row 4: Part of this customer was left out because of row 5.","D","d@example.com"
"row 5: Mail: Bad is no e-mail address. the contact was left out.","D","bad"
"""


def content(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


@pytest.mark.parametrize("size", [1, 2, 4, 5, BLOCK])
def test_files_are_identical_for_any_block_size(tmp_path: Path, monkeypatch, size: int) -> None:
    for module in (results_module, rejected_module, located_module):
        monkeypatch.setattr(module, "BLOCK", size)
    run = small_run()
    write_blocks(tmp_path / "results.csv", results(run))
    assert content(tmp_path / "results.csv") == RESULTS
    write_blocks(tmp_path / "errors.csv", run.located.blocks())
    assert content(tmp_path / "errors.csv") == ERRORS
    written = write_rejected(tmp_path / "rejected", run)
    assert written == [tmp_path / "rejected" / "list.csv", tmp_path / "rejected" / "staff.csv"]
    assert [content(path) for path in written] == [REJECTED_LIST, REJECTED_PEOPLE]


def test_rejection_without_a_problem_keeps_the_text_of_the_outcome() -> None:
    run = without_problems(small_run())
    said = run.outcomes.assign(error_code="late", error_message="found late")
    (block,) = results(replace(run, outcomes=said))
    line = block.iloc[1]
    assert (line["error_code"], line["error_message"]) == ("late", "found late")


def test_nothing_to_fix_writes_nothing_and_removes_old_files(tmp_path: Path) -> None:
    run = without_problems(small_run())
    nobody = np.zeros(5, dtype=np.bool_)
    used = replace(run.tables, rows=rows([0, 0, 1, 1, -1, 2, 3, -1, 4, 0, 1, 3, 3], {4: "supplier", 7: "inactive"}))
    write_rejected(tmp_path, small_run())
    (tmp_path / "mine.csv").write_text("left alone")
    clean = replace(run, tables=used, rejected=nobody, refused=nobody, lost_child=nobody)
    assert write_rejected(tmp_path, clean) == []
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
    assert write_rejected(tmp_path / "never", clean) == []
    assert not (tmp_path / "never").exists()


def test_rows_without_a_known_problem_still_state_a_reason(tmp_path: Path) -> None:
    first, second = write_rejected(tmp_path, without_problems(small_run()))
    assert [line["import_errors"] for line in csv.DictReader(io.StringIO(content(first)))] == [
        "row 5: Customer rejected.",
        "row 6: Customer rejected because of row 5.",
        "row 9: Customer refused by WizCommerce: state: unknown.",
        "row 10: Part of this customer was left out.",
        "row 11: Row rejected.",
        "row 12: No problem in this row, but it may be needed because of row 11.",
    ]
    assert content(second).splitlines()[1].split('"')[1] == "row 3: Customer rejected because of row 5 of list.csv."


def test_refusal_with_a_location_is_reported_there(tmp_path: Path) -> None:
    run = small_run()
    refusal = ProblemTable.build(
        1, severity=Severity.ERROR, code="refused", customer=2, row=5, column="Phone", message="unknown area code"
    )
    found = replace(run, problems=ProblemTable.concat([run.problems, refusal]))
    assert '"row 9: Phone: Unknown area code.","C"' in content(write_rejected(tmp_path, found)[0])
