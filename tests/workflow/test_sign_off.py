"""``sign-off.xlsx``: every customer with what will be sent, and the run that sends exactly what was signed."""

import json
import stat
from pathlib import Path

import openpyxl
import pytest

from importer.report import sign_off as writing
from importer.sandbox import SandboxConfig
from tests.running_sandbox import running
from tests.workflow.desk import Desk, Said
from tests.workflow.strict_api import REP
from tests.workflow.test_plan import plan


def sheet_of(path: Path, name: str) -> list[dict[str, str]]:
    titles, *rows = openpyxl.load_workbook(path)[name].iter_rows(values_only=True)
    return [{title: cell or "" for title, cell in zip(titles, row, strict=True)} for row in rows]


def facts_of(path: Path) -> dict[str, str]:
    rows = openpyxl.load_workbook(path)["Summary"].iter_rows(values_only=True)
    return {row[0]: row[1] for row in rows if row[0] and len(row) > 1}


def edit(path: Path, sheet: str, cell: str, text: str) -> None:
    book = openpyxl.load_workbook(path)
    book[sheet][cell] = text
    book.save(path)


def apply(desk: Desk, what: object) -> Said:
    return desk.do("run", "--plan", what, "--json")


@pytest.fixture
def words(desk: Desk) -> tuple[str, ...]:
    words = desk.small(3)
    path = desk.path / "small.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Company 1", "=1+1").replace("C2,Company 2", "C2,"))
    return words


def test_sign_off_shows_everything_that_is_sent_and_its_plan_can_be_run(desk, api, words) -> None:
    shown = plan(desk, api, *words, "--contact", "Dana Reyes")
    path = shown.folder / "sign-off.xlsx"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    bodies = {
        body["reference_id"]: body
        for body in map(json.loads, (shown.folder / "payloads.jsonl").read_bytes().splitlines())
    }
    customers = {line["Customer ID"]: line for line in sheet_of(path, "Customers")}
    assert customers.keys() == bodies.keys() == {"C0", "C1"}
    assert customers["C1"]["Company name"] == "=1+1"  # as text, so that nothing runs
    cells = [cell for sheet in openpyxl.load_workbook(path) for row in sheet for cell in row if cell.value]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    assert customers["C0"]["What happens"] == "will be created"
    assert customers["C0"]["Phone"] == bodies["C0"]["phone"]
    (street,) = (line for line in sheet_of(path, "Addresses") if line["Customer ID"] == "C0")
    assert (street["Address line 1"], street["City"], street["Default"]) == ("0 Main Street", "Anytown", "yes")
    facts = facts_of(path)
    assert facts["Plan"] == shown.summary["run_id"]
    assert len(facts["Fingerprint"]) == 64
    assert facts["Rejected"].startswith("1:")
    assert "Dana Reyes" in str(facts)
    edit(path, "Summary", "B30", "a note of the owner")  # saved by another program, and signed
    said = apply(desk, path)
    assert set(said.outcomes.values()) == {"created", "rejected"}
    assert said.summary["options"]["plan"] == shown.summary["run_id"]
    assert json.loads(api.bodies["C1"]) == bodies["C1"]


def test_name_not_yet_looked_up_is_not_called_sent_unchanged(desk) -> None:
    desk.write("a.csv", "Id,Name,Rep,Terms\n1,One,Dana Reyes,Net 30\n")
    fields = "company_name: Name, payment_term: Terms, assigned_sales_rep_ids: {from: Rep, lookup: sales_rep}"
    desk.write("a.yaml", f"title: A\nkey: Id\ncustomer: {{{fields}}}\n")
    said = desk.do("check", "a.csv", "-m", "a.yaml", "--for", "owner", "--json")
    sent = {line["In your list"]: line["In WizCommerce"] for line in sheet_of(said.folder / "sign-off.xlsx", "Values")}
    assert sent == {"Net 30": "unchanged", "Dana Reyes": "looked up when sent"}
    for reader in ("owner", "operator"):
        desk.do("report", said.summary["run_id"], "--for", reader)
        page = (said.folder / "report.html").read_text(encoding="utf-8")
        assert "looked up when sent" in page


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in its folder", "sent by mail"])
def test_changed_sign_off_is_not_sent(desk, api, words, elsewhere) -> None:
    shown = plan(desk, api, *words)
    path = shown.folder / "sign-off.xlsx"
    if elsewhere:
        path = path.rename(desk.path / "signed.xlsx")
    book = openpyxl.load_workbook(path)
    book["Customers"].move_range("A2:Z2", rows=5)  # the customers have only moved
    book.save(path)
    edit(path, "Addresses", "D2", "billing address")
    said = apply(desk, path)
    assert (said.code, said.out, api.bodies) == (2, "", {})
    assert "the sheet Addresses was changed" in said.err
    edit(path, "Addresses", "D2", "billing")
    edit(path, "Summary", next(f"B{n}" for n, row in rows_of(path) if row[0] == "Fingerprint"), "0" * 64)
    said = apply(desk, path)
    assert (said.code, api.bodies) == (2, {})
    assert "does not match what plan" in said.err


def rows_of(path: Path) -> list[tuple[int, tuple[str, ...]]]:
    return list(enumerate(openpyxl.load_workbook(path)["Summary"].iter_rows(values_only=True), start=1))


def test_plan_with_changed_files_is_refused(desk, api, words) -> None:
    shown = plan(desk, api, *words)
    facts = shown.folder / "work" / "plan.json"
    text = facts.read_text(encoding="utf-8")
    facts.write_text(text.replace(json.loads(text)["fingerprint"], "1" * 64), encoding="utf-8")
    for what in (shown.summary["run_id"], shown.folder / "sign-off.xlsx"):
        said = apply(desk, what)
        assert (said.code, api.bodies) == (2, {})
        assert "were changed after it was made" in said.err


def test_dry_run_for_the_owner_has_a_sign_off_that_cannot_be_sent(desk) -> None:
    words = desk.small(2)
    assert not (desk.do("check", *words, "--json").folder / "sign-off.xlsx").exists()
    path = desk.do("check", *words, "--for", "owner", "--json").folder / "sign-off.xlsx"
    assert "Signed by" not in facts_of(path)
    said = apply(desk, path)
    assert said.code == 2
    assert "dry run" in said.err
    said = apply(desk, desk.write("other.xlsx", b"no workbook"))
    assert said.code == 2
    assert "cannot be read as a workbook" in said.err


def test_nothing_is_dropped_if_a_sheet_or_cell_is_full(desk, monkeypatch) -> None:
    monkeypatch.setattr(writing, "MOST_ROWS", 3)
    words = desk.small(5)
    source = (desk.path / "small.csv").read_text().replace("Company 1", "y" * 40)
    desk.write("small.csv", source)
    monkeypatch.setattr(writing, "LONGEST_CELL", 20)
    said = desk.do("check", *words, "--for", "owner", "--json")
    path = said.folder / "sign-off.xlsx"
    names = openpyxl.load_workbook(path).sheetnames
    assert names.count("Customers 2") == 1
    split = [line["Customer ID"] for name in names if name.startswith("Customers") for line in sheet_of(path, name)]
    assert split == [f"C{n}" for n in range(5)]
    assert facts_of(path)["Shortened"].startswith("8 values are too lo")


def test_reports_are_rewritten_for_another_reader(desk) -> None:
    with running(SandboxConfig()) as sandbox:
        for command, more in (("check", ()), ("plan", ("--api", sandbox.url))):
            first = desk.do(command, *desk.small(3), *more, "--json")
            page = (first.folder / "report.html").read_text(encoding="utf-8")
            again = desk.do("report", first.summary["run_id"], "--for", "owner", "--json")
            assert again.code == first.code == 0
            owner = (first.folder / "report.html").read_text(encoding="utf-8")
            assert "ready for WizCommerce" in owner
            assert (first.folder / "sign-off.xlsx").exists()
            different = {"files", "timings", "next", "seconds"}
            assert {k: v for k, v in again.summary.items() if k not in different} == {
                k: v for k, v in first.summary.items() if k not in different
            }
            back = desk.do("report", first.summary["run_id"], "--json")
            assert back.code == 0
            once = (first.folder / "report.html").read_text(encoding="utf-8")
            assert once.partition("<dt>Seconds")[0] == page.partition("<dt>Seconds")[0]


def test_sales_reps_are_shown_by_name(desk, api) -> None:
    reps = "{company_name: Name, assigned_sales_rep_ids: {from: Rep, lookup: sales_rep}}"
    desk.write("reps.yaml", f"title: R\nkey: Id\ncustomer: {reps}\n")
    desk.write("reps.csv", "Id,Name,Rep\n1,One,Robin Vale\n")
    shown = plan(desk, api, "reps.csv", "-m", "reps.yaml", "--for", "owner")
    (line,) = sheet_of(shown.folder / "sign-off.xlsx", "Customers")
    assert line["Sales reps"] == f"Robin Vale ({REP['id']})"
    page = (shown.folder / "report.html").read_text(encoding="utf-8")
    assert "Robin Vale" in page
    assert REP["id"] not in page
