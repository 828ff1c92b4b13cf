"""What ``preview`` shows: every value is the one in the body, and every step between cell and value really ran."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from importer.commands.preview import preview
from importer.errors import UsageError
from importer.partitions.prepared_sources import prepared
from importer.report.preview_text import preview_text
from importer.run_folder import Stage
from importer.settings import Options
from importer.workflow.customer_steps import customer_steps
from importer.workflow.timings import Timings
from tests.samples.__main__ import SAMPLE_DATA

SYSTEMS = sorted(path.name for path in SAMPLE_DATA.glob("[a-z]*"))


def options(folder: Path, system: str, **more: Any) -> Options:
    given = {"sources": (str(SAMPLE_DATA / system),), "mapping": system, "country": "US", "out": folder / "out"}
    return Options(**{**given, **more})


def small(folder: Path, mapping: str, **files: str) -> Options:
    (folder / "small.yaml").write_text(f"title: Small\n{mapping}", encoding="utf-8")
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    sources = tuple(str(folder / f"{name}.csv") for name in files)
    return Options(sources=sources, mapping=str(folder / "small.yaml"), country="US", out=folder / "out")


def shown(folder: Path, mapping: str, customer: str = "1", **files: str) -> dict[str, Any]:
    (one,) = preview(small(folder, mapping, **files), customer)["customers"]
    return one


def fields(one: dict[str, Any], place: int = 0) -> dict[str, Any]:
    return {each["field"]: each for each in one["records"][place]["fields"]}


def steps(field: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(step["step"], step["before"], step["after"]) for step in field["steps"]]


def flat(body: dict[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in body.items() if name not in {"addresses", "contacts", "attributes"}}
    return own | {f"attributes.{one['name']}": one["value"] for one in body.get("attributes", [])}


def plain(value: Any) -> Any:
    """A value in the form that steps use."""
    return str(value).lower() if isinstance(value, bool) else value


def hold_values(one: dict[str, Any]) -> None:
    """The values shown are those in the body, in the same order."""
    body = one["body"]
    bodies = [body, *body.get("addresses", []), *body.get("contacts", [])]
    kept = [record for record in one["records"] if not record["left_out"]]
    assert len(kept) == len(bodies)
    for record, sent in zip(kept, bodies, strict=True):
        values = {each["field"]: each["value"] for each in record["fields"] if each["value"] is not None}
        assert values == flat(sent)


def hold_steps(record: dict[str, Any]) -> None:
    """The last step gives the value; if no step changed anything, the value is a cell's text."""
    for each in record["fields"]:
        unexplained = {"checked", "read", "result"} | ({"merged"} if each["field"] != "is_default" else set())
        assert not {step["step"] for step in each["steps"]} & unexplained
        ends = [each["steps"][-1]["after"]] if each["steps"] else [cell["text"].strip() for cell in each["cells"]]
        if ends or each["value"] is not None:
            assert plain(each["value"]) in [end for last in ends for end in (last, [last])], each


def one_of_each_kind(stage: Stage) -> list[int]:
    """One customer for each set of problems: the last one, which is often the oddest."""
    told = stage.problems.frame.groupby("customer")["code"].agg(lambda codes: " ".join(sorted(set(codes))))
    kinds = told.reindex(range(len(stage.rejected)), fill_value="")
    return kinds.groupby(kinds).tail(1).index.tolist()


@pytest.mark.parametrize("system", SYSTEMS)
def test_sample_values_match_the_body_and_the_last_step(tmp_path, system) -> None:
    with prepared(options(tmp_path, system), Timings(), hashed=False) as work:
        stage = work.validate(None)
        chosen = one_of_each_kind(stage)
        found = list(customer_steps(work, stage, chosen))
    assert [one["reference_id"] for one in found] == stage.tables.customers["reference_id"].iloc[chosen].tolist()
    for one, rejected in zip(found, stage.rejected[chosen].tolist(), strict=True):
        assert (one["status"] == "rejected", one["body"] is None) == (rejected, rejected)
        if not rejected:
            hold_values(one)
            for record in one["records"]:
                hold_steps(record)


@pytest.mark.parametrize("system", ["netsuite", "odoo", "sap-business-one", "xero", "magento"])
def test_overview_covers_a_sample(tmp_path, system) -> None:
    found = preview(options(tmp_path, system))
    json.dumps(found)
    assert (found["command"], found["exit_code"], found["row"]) == ("preview", 0, None)
    assert len({one["reference_id"] for one in found["customers"]}) == 3
    most, fewest, rejected = found["customers"]
    assert most["why"].startswith("because it has the most addresses and contacts")
    assert fewest["why"].startswith(("because it has the fewest addresses", "because it is rejected"))
    assert "rejected" in {one["status"] for one in (most, fewest, rejected)}
    customers = found["fields"]["customer"]
    assert {"field": "reference_id", "filled": customers["records"]}.items() <= customers["fields"][0].items()
    assert all(0 <= own["filled"] <= part["records"] for part in found["fields"].values() for own in part["fields"])
    assert not (tmp_path / "out").exists()


def test_preview_is_the_same_in_partitions(tmp_path) -> None:
    lines = [f"C{n},Company {n},{n},{'' if n % 7 else 'wrong@'}" for n in range(5_000)]
    rows = "\n".join(["Id,Name,Terms,Mail", *lines, ""])
    given = small(tmp_path, "key: Id\ncustomer: {company_name: Name, payment_term: Terms, email: Mail}\n", rows=rows)
    seen = []
    for one in (given, replace(given, memory=1 << 30)):
        with prepared(one, Timings(), hashed=False) as work:
            stage = work.validate(None)
            seen.append((len(work.partitions), list(customer_steps(work, stage, [4_900, 2, 3_003, 1]))))
    assert (seen[0][0], seen[1][0] > 1) == (1, True)
    assert seen[0][1] == seen[1][1]
    assert [one["reference_id"] for one in seen[0][1]] == ["C4900", "C2", "C3003", "C1"]


def test_packed_address_shows_its_steps(tmp_path) -> None:
    mapping = "key: Id\ncustomer: {company_name: Name}\naddresses: [{type: billing, packed: Address}]\n"
    one = shown(tmp_path, mapping, rows='Id,Name,Address\n1,Acme,"12 Main St\nBoston, MA 02108"\n')
    found = fields(one, 1)
    assert steps(found["city"]) == [("split into its parts", "12 Main St\nBoston, MA 02108", "Boston")]
    assert found["city"]["cells"][0]["text"] == "12 Main St\nBoston, MA 02108"
    assert steps(found["type"]) == [("constant", None, "billing")]
    assert steps(found["reference_id"])[0][0] == "made id"
    assert steps(found["is_default"]) == [("chosen default", None, "true")]


def test_else_values_default_when_and_then_show_their_steps(tmp_path) -> None:
    mapping = """
key: Id
customer:
  company_name: {from: Name, else: {from: Person, as: upper}}
  payment_term: {from: Terms, values: {n30: Net 30}}
  freight_term: {from: Terms, when: {column: Terms, is: other}, default: none}
  display_name: {from: [Person, Name], take: first, then: lower}
"""
    rows = "Id,Name,Person,Terms\n1,,Ann,N30\n2,Acme,Bob,x\n"
    found = fields(shown(tmp_path, mapping, rows=rows))
    assert steps(found["company_name"]) == [("upper", "Ann", "ANN"), ("else", None, "ANN")]
    assert [cell["column"] for cell in found["company_name"]["cells"]] == ["Person"]
    assert steps(found["payment_term"]) == [("values", "N30", "Net 30")]
    assert steps(found["freight_term"]) == [("when", "N30", None), ("default", None, "none")]
    found = fields(shown(tmp_path, mapping, "2", rows=rows))
    assert steps(found["company_name"]) == []  # `else` is not shown if it is not used
    assert steps(found["display_name"]) == [("take first", ["Bob", "Acme"], "Bob"), ("then lower", "Bob", "bob")]


def test_values_replaced_or_left_out_by_a_table_show_their_steps(tmp_path) -> None:
    mapping = """
key: Id
customer:
  company_name: Name
  payment_term: {from: Terms, values: {N30: Net 30, N60: Net 60}, default: Cash}
  freight_term: {from: Old, else: {from: Freight}, default: none}
  shipping_method: {from: Ship, default: Truck}
  assigned_sales_rep_ids: {from: Reps, split: ",", take: all, lookup: sales_rep}
"""
    rows = 'Id,Name,Terms,Old,Freight,Ship,Reps\n1,Acme,n30,,own,pigeon,"Ann,Bob"\n2,Best,n60,x,own,UPS,Bob\n'
    given = small(tmp_path, mapping, rows=rows)
    words = "payment_term,n30,Thirty\nfreight_term,OWN,Collect\nshipping_method,pigeon,leave out\n"
    table = tmp_path / "words.csv"
    table.write_text(f"kind,word,value\n{words}assigned_sales_rep_ids,Ann,Cy;Bob\n", encoding="utf-8")
    given = replace(given, values=table)
    (first,), (second,) = (preview(given, one)["customers"] for one in "12")
    found = fields(first)
    assert steps(found["payment_term"]) == [("values table", "n30", "Thirty")]
    assert steps(found["freight_term"]) == [("values table", "own", "Collect"), ("else", None, "Collect")]
    assert steps(found["shipping_method"]) == [("values table", "pigeon", None)]
    assert ("values table", ["Ann", "Bob"], ["Cy", "Bob"]) in steps(found["assigned_sales_rep_ids"])
    found = fields(second)
    assert steps(found["payment_term"]) == [("values", "n60", "Net 60")]  # `values` applies if the table has no entry
    for one in (first, second):
        hold_values(one)


def test_split_take_join_and_blank_texts_show_their_steps(tmp_path) -> None:
    mapping = """
key: Id
customer:
  company_name: {from: [Name, Unit], join: " / "}
  email: {from: Mail, split: ";", take: 2}
  payment_term: Terms
  attributes: {Ext: {from: Code, as: {replace: [X, Y]}, default: none}}
"""
    found = fields(shown(tmp_path, mapping, rows="Id,Name,Unit,Mail,Terms,Code\n1,A,B,a@x.com; B@X.com,N/A,X1\n"))
    assert steps(found["company_name"]) == [("join", ["A", "B"], "A / B")]
    assert [name for name, _, _ in steps(found["email"])] == ["split", "split", "email", "take 2"]
    assert steps(found["email"])[-1][1] == ["a@x.com", found["email"]["value"]]
    assert steps(found["payment_term"]) == [("blanks", "N/A", None)]
    assert found["payment_term"]["cells"][0]["text"] == "N/A"
    assert steps(found["attributes.Ext"]) == [("replace", "X1", "Y1")]


def test_repeated_groups_and_numbered_parts_show_their_steps(tmp_path) -> None:
    mapping = """
key: Id
customer: {company_name: Name}
contacts:
  - repeat: 1..2
    first_name: {from: "First {n}"}
    email: {from: Mails, split: ";", take: "{n}"}
"""
    one = shown(tmp_path, mapping, rows="Id,Name,First 1,First 2,Mails\n1,Acme,Ann,Bob,ann@x.com;bob@x.com\n")
    second = fields(one, 2)
    assert second["first_name"]["cells"] == [{"source": "rows.csv", "row": 2, "column": "First 2", "text": "Bob"}]
    assert steps(second["email"]) == [("take 2", "ann@x.com;bob@x.com", "bob@x.com")]


def test_joined_tables_and_keys_show_their_steps(tmp_path) -> None:
    mapping = """
tables:
  customers: {key: {from: Id, as: upper}, has: [Name]}
  contacts: {key: {from: Cust, as: upper}, has: [First]}
customer: {company_name: Name}
contacts: [{table: contacts, first_name: First, email: Mail}]
"""
    one = shown(tmp_path, mapping, "A1", main="Id,Name\na1,Acme\n", people="Cust,First,Mail\nA1,Ann,ann@x.com\n")
    assert steps(fields(one)["reference_id"]) == [("upper", "a1", "A1")]
    assert one["records"][1]["rows"] == [{"source": "people.csv", "row": 2}]
    assert fields(one, 1)["first_name"]["cells"][0]["source"] == "people.csv"


def test_blank_cell_of_two_addresses_is_reported_for_both(tmp_path) -> None:
    entry = "{type: [billing, shipping], address_line_1: Street, city: Town}"
    mapping = f"key: Id\ncustomer: {{company_name: Name}}\naddresses: [{entry}]\n"
    one = shown(tmp_path, mapping, rows="Id,Name,Street,Town\n1,Acme,1 Main St,\n")
    for place in (1, 2):
        (problem,) = fields(one, place)["city"]["problems"]
        assert (problem["code"], problem["row"], problem["column"]) == ("required", 2, "Town")
    assert one["problems"] == []


def test_merged_address_is_the_default_if_any_row_says_so(tmp_path) -> None:
    entry = "{type: billing, address_line_1: Street, city: Town, is_default: Main}"
    mapping = f"key: Id\ncustomer: {{company_name: Name}}\naddresses: [{entry}]\n"
    rows = "Id,Name,Street,Town,Main\n1,Acme,1 Main St,Boston,N\n1,Acme,1 Main St,Boston,Y\n"
    one = shown(tmp_path, mapping, rows=rows)
    assert [place["row"] for place in one["records"][1]["rows"]] == [2, 3]
    assert steps(fields(one, 1)["is_default"]) == [("flag", "N", "false"), ("merged", "false", "true")]


def test_problems_are_shown_at_their_field(tmp_path) -> None:
    mapping = """
key: Id
customer: {company_name: Name, phone: {from: Phone, invalid: blank}, email: Mail}
ignore: Note
"""
    files = {"rows": "Id,Name,Phone,Mail,Note,Extra\n1,Acme,12,a@x.com,n,e\n2,Best,,b@,,\n1,Acme,,,,\n"}
    one = shown(tmp_path, mapping, **files)
    phone = fields(one)["phone"]
    assert (phone["value"], [problem["code"] for problem in phone["problems"]]) == (None, ["invalid_phone"])
    assert {cell["column"]: cell["category"] for cell in one["other_cells"]} == {"Note": "ignored", "Extra": "unused"}
    one = shown(tmp_path, mapping, "2", **files)
    assert (one["status"], one["body"]) == ("rejected", None)
    assert [problem["severity"] for problem in fields(one)["email"]["problems"]] == ["error"]


ROWS = "List of customers\n\nId,Name,State\n1,Acme,ok\n2,Gone,closed\n,Nobody,ok\n1,Acme,ok\n"
SKIPPING = "key: Id\nskip: [{column: State, is: closed, reason: closed}]\ncustomer: {company_name: Name}\n"


@pytest.mark.parametrize(
    ("row", "state", "reason"),
    [(1, "no_data", "title"), (3, "no_data", "header"), (4, "used", None), (5, "skipped", "closed")],
)
def test_row_shows_its_status(tmp_path, row, state, reason) -> None:
    found = preview(small(tmp_path, SKIPPING, rows=ROWS), None, f"rows.csv:{row}")
    assert (found["row"]["state"], found["row"]["reason"]) == (state, reason)
    assert [one["reference_id"] for one in found["customers"]] == ["1"] * (state == "used")
    assert ("Shown because it includes row 4" in preview_text(found, width=80, color=False)) == (state == "used")
    assert found["fields"] is None


def test_customers_without_children_are_examples(tmp_path) -> None:
    found = preview(small(tmp_path, "key: Id\ncustomer: {company_name: Name}\n", rows="Id,Name\n1,Acme\n2,Best\n"))
    assert [one["why"] for one in found["customers"]] == ["as an example", "as another example"]
    text = preview_text(found, width=80, color=False)
    assert "Shown as an example\n" in text
    assert "Shown as another example\n" in text


def test_row_rejected_individually_shows_the_reason(tmp_path) -> None:
    found = preview(small(tmp_path, SKIPPING, rows=ROWS), None, f"{tmp_path}/rows.csv:6")
    assert found["row"]["state"] == "rejected"
    assert [problem["code"] for problem in found["row"]["problems"]] == ["key_blank"]


@pytest.mark.parametrize(
    ("customer", "row", "said", "hint"),
    [
        ("11", None, "the files have no customer '11'", "Did you mean '1'?"),
        (None, "rows.csv:99", "rows.csv has no row 99", "its data rows are 4 to 7"),
        (None, "row.csv:4", "there is no source 'row.csv'", "Did you mean 'rows.csv'?"),
        (None, "rows.csv", "is not a row of a file", "such as customers.csv:5"),
        (None, "rows.csv:0", "is not a row of a file", "such as customers.csv:5"),
        ("1", "rows.csv:4", "cannot be combined", ""),
    ],
)
def test_unknown_customer_or_row_is_reported(tmp_path, customer, row, said, hint) -> None:
    with pytest.raises(UsageError) as error:
        preview(small(tmp_path, SKIPPING, rows=ROWS), customer, row)
    assert said in error.value.message
    assert hint in error.value.hint


def test_row_of_a_sheet_shows_only_its_own_records(tmp_path) -> None:
    found = preview(options(tmp_path, "netsuite"), None, "customers.csv:379")
    (one,) = found["customers"]
    assert [(record["entity"], record["number"]) for record in one["records"]] == [
        ("customer", None),
        ("address", 3),
        ("contact", 3),
    ]
    assert {"source": "customers.csv", "row": 379} in one["records"][1]["rows"]
    assert len(one["body"]["addresses"]) == 3
