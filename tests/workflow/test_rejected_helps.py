"""``rejected.xlsx`` helps: it offers and explains valid values, and addresses can be entered in parts."""

import csv
import io
from pathlib import Path

import openpyxl

from tests.workflow.desk import Desk
from tests.workflow.test_plan import plan

MAPPING = """\
title: Words and places
key: Id
customer:
  company_name: Name
  payment_term: {from: Terms, values: {N30: Net 30, COD: Cash on delivery}, otherwise: error}
  payment_mode: Mode
addresses:
  - type: {from: Kind, values: {B: billing, S: shipping}, otherwise: error}
    address_line_1: Street
    city: City
    state: State
    country: Country
"""
ROWS = """\
Id,Name,Terms,Mode,Kind,Street,City,State,Country
1,One,N30,Card,B,1 Main St,Austin,TX,United States
2,Two,Later,Card,S,2 Main St,Toronto,ON,Canada
3,Three,COD,Wire,X,3 Main St,Austin,TX,Untied Sttes
"""
PACKED = """\
title: Packed
key: Code
customer: {company_name: Customer}
addresses:
  - {type: {constant: billing}, packed: Bill|Bill address}
"""
PACKED_ROWS = """\
Code,Customer,Bill address,Notes > City
0017,Harbor Goods,"4 Pier Rd, Suite 5, Marlow, OH 43000",
0018,Kestrel & Sons,over there,
0019,,,
"""


def offered(path: Path, sheet: str) -> dict[str, tuple[list[str], str | None, bool]]:
    """Header → the values that its cells offer, the style of the error for others, and whether it is shown."""
    book = openpyxl.load_workbook(path)
    found = {}
    for one in book[sheet].data_validations.dataValidation:
        name, _, cells = one.formula1.partition("!")
        first, last = (int(cell.rpartition("$")[2]) for cell in (cells.split(":")[0], cells.split(":")[-1]))
        column = book[name.strip("'")][cells.split("$")[1]]
        names = [cell.value for cell in column[first - 1 : last]]
        title = book[sheet].cell(1, next(iter(one.sqref.ranges)).min_col).value
        found[title] = (names, one.errorStyle, one.showErrorMessage)
    return found


def test_cells_offer_valid_values_and_notes_explain_them(desk: Desk) -> None:
    desk.write("list.csv", ROWS)
    desk.write("list.yaml", MAPPING)
    path = desk.do("check", "list.csv", "-m", "list.yaml", "--json").folder / "rejected.xlsx"
    lists = offered(path, "list")
    assert lists.keys() == {"Terms", "Mode", "Kind", "State", "Country"}
    assert lists["Terms"] == (["N30", "COD"], "warning", False)  # the values allowed in the list
    assert lists["Kind"] == (["B", "S"], "warning", True)
    assert sorted(lists["Mode"][0]) == ["Card", "Wire"]
    assert {"TX", "ON"} <= set(lists["State"][0])  # codes, as in the column, for the countries in the file
    assert "United States" in lists["Country"][0]
    assert "US" not in lists["Country"][0]
    sheet = openpyxl.load_workbook(path)["list"]
    notes = {sheet.cell(1, cell.column).value: cell.comment.text for row in sheet for cell in row if cell.comment}
    assert "Valid: B, S." in notes["Kind"]
    assert "more. See the cell's drop-down list." in notes["Country"]
    book = openpyxl.load_workbook(path)
    assert book["Lists"].sheet_state == "hidden"
    for row in book["list"].iter_rows(min_row=2):
        by_title = dict(zip([cell.value for cell in book["list"][1]], row, strict=True))
        by_title["Terms"].value = "N30"
        by_title["Kind"].value = "S"
        by_title["Country"].value = "United States" if by_title["State"].value == "TX" else "Canada"
    book.save(desk.path / "fixed.xlsx")
    again = desk.do("check", "fixed.xlsx", "-m", "list.yaml", "--partial", "--json")
    assert (again.code, again.summary["customers"]["valid"]) == (0, 2)
    assert not [problem for problem in again.summary["problems"] if problem["code"] == "sheet_hidden"]


def test_names_from_the_api_are_offered(desk: Desk, api) -> None:
    reps = "{company_name: Name, assigned_sales_rep_ids: {from: Rep, lookup: sales_rep}}"
    desk.write("reps.yaml", f"title: R\nkey: Id\ncustomer: {reps}\n")
    desk.write("reps.csv", "Id,Name,Rep\n1,One,nobody\n")
    shown = plan(desk, api, "reps.csv", "-m", "reps.yaml")
    names, style, asks = offered(shown.folder / "rejected.xlsx", "reps")["Rep"]
    assert "Robin Vale" in names
    assert (style, asks) == ("warning", True)


def fill(path: Path, to: Path, values: dict[str, str]) -> None:
    """Fill in cells of customer 0018's row, by header, in the workbook or the CSV file."""
    if path.suffix == ".csv":
        lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        with to.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(line | (values if line["Code"] == "0018" else {"Customer": "Nineteen"}) for line in lines)
        return
    book = openpyxl.load_workbook(path)
    sheet = book["list"]
    titles = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        own = values if row[titles.index("Code")].value == "0018" else {"Customer": "Nineteen"}
        for title, text in own.items():
            row[titles.index(title)].value = text
    book.save(to)


def test_address_is_given_in_parts_and_read_back(desk: Desk) -> None:
    desk.write("list.csv", PACKED_ROWS)
    desk.write("packed.yaml", PACKED)
    first = desk.do("check", "list.csv", "-m", "packed.yaml", "--country", "US", "--json")
    sheet = openpyxl.load_workbook(first.folder / "rejected.xlsx")["list"]
    parts = [f"Bill address > {name}" for name in ("Street", "Street 2", "City", "State", "Postal code", "Country")]
    assert [cell.value for cell in sheet[1]][3:] == ["Bill address", *parts, "Notes > City"]
    fills = [cell.fill.fgColor.rgb for cell in sheet[2]][4:10]
    assert set(fills) == {"FFDDEBF7"}
    assert {cell.fill.fgColor.rgb for cell in sheet[3]}.isdisjoint(fills)  # another customer's row
    given = {parts[0]: "5 New St", parts[2]: "Austin", parts[3]: "Texas", parts[4]: "78701"}
    ids = set()
    for name in ("rejected.xlsx", "rejected/list.csv"):
        fixed = desk.path / f"fixed{Path(name).suffix}"
        fill(first.folder / name, fixed, given)
        said = desk.do("check", fixed, "-m", "packed.yaml", "--country", "US", "--partial", "--json")
        (line,) = (line for line in said.table("results.csv") if line["reference_id"] == "0018")
        assert (said.code, line["outcome"]) == (0, "valid")
        body = (said.folder / "payloads.jsonl").read_text(encoding="utf-8").splitlines()[0]
        assert '"address_line_1":"5 New St","city":"Austin"' in body
        assert '"state":"TX"' in body
        cells = {line["column"]: line["categories"] for line in said.summary["columns"]}
        assert cells[parts[2]] == {"used": 1}
        assert cells["Bill address"] == {"passed_over": 1}
        assert not said.summary["unused_columns"].get(said.summary["sources"][0]["name"], ())[1:]
        ids.add(body.partition('"addresses":[{"reference_id":"')[2].partition('"')[0])
    assert len(ids) == 1
    fill(first.folder / "rejected.xlsx", desk.path / "half.xlsx", {parts[0]: "5 New St"})
    half = desk.do("check", "half.xlsx", "-m", "packed.yaml", "--partial", "--json")
    again = openpyxl.load_workbook(half.folder / "rejected.xlsx")["list"]
    assert [cell.value for cell in again[1]][3:] == ["Bill address", *parts, "Notes > City"]  # no column twice


def test_columns_for_parts_change_no_other_ids(desk: Desk) -> None:
    desk.write("packed.yaml", PACKED)
    bodies = []
    for columns in ("", ",Bill address > Street"):
        desk.write("list.csv", f'Code,Customer,Bill address{columns}\n0017,Harbor,"4 Pier Rd, Marlow, OH 43000"\n')
        said = desk.do("check", "list.csv", "-m", "packed.yaml", "--country", "US", "--json")
        bodies.append((said.folder / "payloads.jsonl").read_bytes())
        assert not (said.folder / "rejected.xlsx").exists()
    assert bodies[0] == bodies[1]
