"""``importer values``, and how checks, plans, and runs use the table that it writes."""

import json
import shlex
import stat

import openpyxl
import pytest

from importer.partitions import prepared_sources
from tests.workflow.desk import SAMPLES
from tests.workflow.strict_api import strict_api

SOURCE = """\
Code,Customer,Rep,Prices,Terms,Ship,Kind,Street,City,Color
1,One,robinvale,wholesale,Net 30,UPS,B,1 Main St,Marlow,red
2,Two,Robin Vail; Robin Vale,,net  30,UPS,S,2 Main St,Marlow,Gren
3,Three,Robin Vail,Nope,Net 60,,B,3 Main St,Marlow,Gren
4,Four,House,,Cash,DHL,Both,4 Main St,Marlow,
5,Five,House,,,DHL,S,5 Main St,Marlow,
"""
MAPPING = """\
title: Words
key: Code
customer:
  company_name: Customer
  assigned_sales_rep_ids: {from: Rep, split: ";", take: all, lookup: sales_rep}
  assigned_price_list_id: {from: Prices, lookup: price_list}
  payment_term: {from: Terms, values: {Net 30: NET30, Net 60: NET60}}
  shipping_method: {from: Ship, default: Ask}
  attributes: {Color: Color, Note: {from: Ship}}
addresses:
  - type: {from: Kind, values: {B: billing, S: shipping}}
    address_line_1: Street
    city: City
"""
OPTIONS = [{"label": "Red", "value": "r"}, {"label": "Green", "value": "g"}]
ATTRIBUTES = [
    {"name": "Color", "data_type": "select", "configuration": {"options": OPTIONS}},
    {"name": "Note", "data_type": "text"},
]


@pytest.fixture
def words(desk):
    """A desk with a source, its mapping, and lookups that were saved from a strict API."""
    desk.write("a.csv", SOURCE)
    desk.write("a.yaml", MAPPING)
    with strict_api(attributes={"customer": ATTRIBUTES}, read_only=True) as api:
        assert desk.do("lookups", "save", "--api", api.url, "--to", "lookups.json").code == 0
    return desk


def make(desk, *more: object):
    return desk.do("values", "a.csv", "-m", "a.yaml", "--lookups", "lookups.json", *more)


def check(desk, *more: object):
    return desk.do("check", "a.csv", "-m", "a.yaml", "--lookups", "lookups.json", "--json", *more)


def filled(desk, name: str, **values: str) -> None:
    """Fill in values in a workbook, as a user does; underscores in names are spaces."""
    book = openpyxl.load_workbook(desk.path / name)
    for row in book["Values"].iter_rows(min_row=2):
        if (value := values.get(str(row[1].value).replace(" ", "_"))) is not None:
            row[3].value = value
    book.save(desk.path / name)


def lines(said, *codes: str) -> list[tuple[str, ...]]:
    found = [line for line in said.table("errors.csv") if line["code"] in codes]
    return [(line["severity"], line["code"], line["row"], line["message"]) for line in found]


def test_each_value_is_listed_once_with_count_and_mapping_or_suggestion(words) -> None:
    said = make(words, "--json")
    assert said.code == 0
    assert [tuple(word.values()) for word in said.summary["words"]] == [
        ("assigned_sales_rep_ids", "House", 2, "", ""),
        ("assigned_sales_rep_ids", "Robin Vail", 2, "", "Robin Vale"),
        ("assigned_sales_rep_ids", "Robin Vale", 1, "Robin Vale", ""),
        ("assigned_sales_rep_ids", "robinvale", 1, "Robin Vale", ""),
        ("assigned_price_list_id", "Nope", 1, "", ""),
        ("assigned_price_list_id", "wholesale", 1, "Wholesale", ""),
        ("shipping_method", "DHL", 2, "", ""),
        ("shipping_method", "UPS", 2, "", ""),
        ("payment_term", "Net 30", 2, "NET30", ""),
        ("payment_term", "Cash", 1, "", ""),
        ("payment_term", "Net 60", 1, "NET60", ""),
        ("attributes.Color", "Gren", 2, "", "Green"),
        ("attributes.Color", "red", 1, "Red", ""),
        ("address type", "B", 2, "billing", ""),
        ("address type", "S", 2, "shipping", ""),
        ("address type", "Both", 1, "", ""),
    ]
    assert said.summary["exists"]["attributes.Color"] == ["Red", "Green"]
    assert "attributes.Note" not in said.summary["exists"]
    assert (said.summary["without_value"], said.summary["proposed"]) == (8, 2)
    text = make(words).out
    assert "Robin Vail  " in text
    assert "16 values, 8 not mapped yet (2 with a suggestion)." in text


def test_workbook_is_private_and_has_lists_to_choose_from(words) -> None:
    assert make(words, "-o", "values.xlsx").out.startswith("values.xlsx: 16 values, 8 not mapped yet")
    assert stat.S_IMODE((words.path / "values.xlsx").stat().st_mode) == 0o600
    book = openpyxl.load_workbook(words.path / "values.xlsx")
    lists = {str(one.sqref): one.formula1 for one in book["Values"].data_validations.dataValidation}
    assert lists["D2:D5"] == "'Choices'!$A$2:$A$3"
    assert [cell.value for cell in book["Choices"]["A"][:3]] == [
        "assigned_sales_rep_ids",
        "Robin Vale",
        "leave out",
    ]
    assert lists["D15:D17"] == "'Choices'!$F$2:$F$4"
    assert book["Values"]["F13"].value == "Red, Green"
    first = (words.path / "values.xlsx").read_bytes()
    make(words, "-o", "again.xlsx")
    assert (words.path / "again.xlsx").read_bytes() == first


@pytest.mark.parametrize("name", ["values.xlsx", "values.csv"])
def test_entered_values_are_kept_and_new_ones_added(words, name: str) -> None:
    make(words, "-o", "values.xlsx")
    filled(words, "values.xlsx", House="leave out", Cash="CASH", DHL="DHL Express")
    make(words, "-o", name, "--values", "values.xlsx")
    words.write("a.csv", SOURCE.replace("Cash", "Net 45"))
    said = make(words, "-o", name)
    assert "Mapped before: 11; new: 1; no longer in the files: 1." in said.out
    kept = {
        word["word"]: (word["count"], word["value"])
        for word in make(words, "--values", name, "--json").summary["words"]
    }
    assert [kept[word] for word in ("House", "Cash", "DHL", "Net 45")] == [
        (2, "leave out"), (0, "CASH"), (2, "DHL Express"), (1, ""),
    ]  # fmt: skip


def test_values_are_replaced_and_left_out_by_the_table(words) -> None:
    make(words, "-o", "values.xlsx")
    filled(words, "values.xlsx", House="leave out", Robin_Vail="Robin Vale", Nope="leave out", Gren="Green",
           Cash="CASH", DHL="leave out", Both="billing; shipping")  # fmt: skip
    said = check(words, "--values", "values.xlsx")
    assert said.code == 0
    bodies = [json.loads(line) for line in (said.folder / "payloads.jsonl").read_text().splitlines()]
    one, two, three, four, _ = bodies
    assert one["assigned_sales_rep_ids"] == two["assigned_sales_rep_ids"] == three["assigned_sales_rep_ids"]
    assert [one["payment_term"], three["payment_term"], four["payment_term"]] == ["NET30", "NET60", "CASH"]
    assert one["attributes"][0] == {"name": "Color", "value": "r"}
    assert two["attributes"][0] == three["attributes"][0] == {"name": "Color", "value": "g"}
    assert [address["type"] for address in four["addresses"]] == ["billing", "shipping"]
    assert "assigned_sales_rep_ids" not in four
    assert "shipping_method" not in four
    assert three["shipping_method"] == "Ask"
    assert lines(said, "word_left_out") == [
        ("info", "word_left_out", "4", "'Nope' is left out, as values.xlsx says (1 customer)"),
        ("info", "word_left_out", "5", "'House' is left out, as values.xlsx says (2 customers)"),
        ("info", "word_left_out", "5", "'DHL' is left out, as values.xlsx says (2 customers)"),
    ]
    assert said.summary["cells"]["left_out"] == len(lines(said, "cell_left_out")) == 3  # DHL is used by Note
    assert said.summary["options"]["values"] == "values.xlsx"


def test_unknown_values_are_summarized_once_and_listed_per_cell(words) -> None:
    said = check(words)
    assert said.code == 1
    assert [line[2] for line in lines(said, "lookup_unresolved")] == ["2", "3", "4", "4", "5", "6"]
    assert lines(said, "word_unknown") == [
        ("warning", "word_unknown", "3", "'Gren' is not an option of the attribute 'Color' (2 customers)"),
        ("warning", "word_unknown", "3", "'Robin Vail' is not a sales rep in WizCommerce (2 customers)"),
        ("warning", "word_unknown", "5", "'House' is not a sales rep in WizCommerce (2 customers)"),
    ]
    hints = [line["hint"] for line in said.table("errors.csv") if line["code"] == "word_unknown"]
    assert "Did you mean 'Robin Vale'?" in hints[1]
    assert "WizCommerce has Robin Vale." in hints[2]
    assert all(hint.endswith("Run `importer values` to map it once, in a table.") for hint in hints)
    assert set(said.outcomes.values()) == {"rejected"}


def test_value_missing_in_the_table_is_reported_once(words) -> None:
    make(words, "-o", "values.csv")
    words.write("a.csv", SOURCE.replace("Net 60", "Net 45").replace("Cash", "net 45"))
    said = check(words, "--values", "values.csv")
    assert lines(said, "word_not_in_table") == [
        ("warning", "word_not_in_table", "4", "'Net 45' is not in values.csv; it is sent unchanged (2 customers)")
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "kind,word,value\npayment_term,N,A\npayment_term,n,B\n",
            "t.csv:3: the word 'n' is listed with two values, 'A' (line 2)",
        ),
        ("kind,word,value\npayment_trem,N,A\n", "there is no kind 'payment_trem'"),
        ("kind,word,value\naddress type,B,bill\n", "t.csv:2: an address type must be billing or shipping, not 'bill'"),
        ("kind,word,value\npayment_term,,A\n", "t.csv:2: the cell in the `word` column is blank"),
        ("kind,word,value\nassigned_sales_rep_ids,House,Robin Vail\n", "t.csv:2: 'Robin Vail' cannot be used"),
        ("kind,word,value\nattributes.Color,x,Grean\n", "t.csv:2: 'Grean' is not an option of the attribute 'Color'"),
        ("Id,Name\n1,2\n", "t.csv is not a value table"),
    ],
)  # fmt: skip
def test_wrong_table_is_refused_with_its_line(words, table: str, message: str) -> None:
    words.write("t.csv", table)
    said = check(words, "--values", "t.csv")
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert make(words, "--values", "t.csv").code == 2
    assert not list(words.path.glob("results/*/payloads.jsonl"))


def test_wrong_usage_is_reported(words) -> None:
    absent = check(words, "--values", "absent.csv").err
    assert "there is no such value table" in absent
    command = absent.partition("To create it: importer ")[2].strip()
    assert words.do(*shlex.split(command)).code == 0  # writes what was missing
    assert check(words, "--values", "absent.csv").summary["options"]["values"].endswith("absent.csv")
    assert "is a workbook or a CSV file" in make(words, "-o", "values.txt").err
    assert "--api and --lookups cannot be combined" in make(words, "--api", "sandbox").err
    words.write("report.csv", "Id,Name\n1,2\n")
    assert "report.csv is not a value table" in make(words, "-o", "report.csv").err
    assert (words.path / "report.csv").read_text() == "Id,Name\n1,2\n"


def test_mapping_may_name_its_table_directly_or_through_extends(words) -> None:
    words.write("maps/base.yaml", f"word_table: words.csv\n{MAPPING}")
    words.write("own.yaml", "extends: maps/base.yaml\ntitle: Own\n")
    given = ("a.csv", "-m", "own.yaml", "--lookups", "lookups.json")
    assert words.do("values", *given, "-o", "maps/words.csv").code == 0
    path = words.path / "maps/words.csv"
    path.write_text(path.read_text().replace('"Cash",1,', '"Cash",1,"CASH"'))
    said = words.do("check", *given, "--json")
    assert [line["value"] for line in said.table("errors.csv") if line["code"] == "word_not_in_table"] == []
    assert "word_table" not in said.err
    words.write("none.csv", "kind,word,value\npayment_term,Cash,\n")
    assert lines(words.do("check", *given, "--values", "none.csv", "--json"), "word_not_in_table")


def test_values_command_uses_the_sandbox_and_the_table_works_in_a_run(words) -> None:
    said = words.do("values", "a.csv", "-m", "a.yaml", "--api", "sandbox", "-o", "values.csv", "--json")
    assert said.code == 0
    assert "Sam Okoro" in said.summary["exists"]["assigned_sales_rep_ids"]
    text = (words.path / "values.csv").read_text()
    text = text.replace('"House",2,', '"House",2,"leave out"').replace('"Robin Vail",2,', '"Robin Vail",2,"Sam Okoro"')
    text = text.replace('"Nope",1,', '"Nope",1,"Retail"').replace('"Both",1,', '"Both",1,"billing"')
    words.write("values.csv", text)
    words.write("job.toml", 'sources = ["a.csv"]\nmapping = "a.yaml"\napi = "sandbox"\nvalues = "values.csv"\n')
    planned = words.do("plan", "a.csv", "-m", "a.yaml", "--api", "sandbox", "--values", "values.csv", "--json")
    assert planned.code == 0
    assert words.do("run", "--plan", planned.summary["run_id"], "--json").summary["customers"]["created"] == 5
    assert words.do("run", "--config", "job.toml", "--json").summary["customers"]["unchanged"] == 5


def test_partitions_change_nothing(words, monkeypatch) -> None:
    make(words, "-o", "values.xlsx")
    filled(words, "values.xlsx", House="leave out")
    words.write("a.csv", SOURCE.replace("Net 60", "Net 45").replace("Cash", "net 45"))
    whole = check(words, "--values", "values.xlsx")
    monkeypatch.setattr(prepared_sources, "rows_per_partition", lambda *_: 1)
    parts = check(words, "--values", "values.xlsx")
    assert parts.table("errors.csv") == whole.table("errors.csv")
    assert {"word_left_out", "word_not_in_table", "word_unknown"} <= {
        line["code"] for line in whole.table("errors.csv")
    }
    assert any("Map 2 unknown values once" in step for step in whole.summary["next"])


def test_several_options_are_certain_if_each_one_is(words) -> None:
    several = {"name": "Color", "data_type": "multi_select", "configuration": {"options": OPTIONS}}
    with strict_api(attributes={"customer": [several]}, read_only=True) as api:
        words.write("b.csv", SOURCE.replace("Marlow,red", 'Marlow,"Red, Green"').replace("Gren", "g"))
        said = words.do("values", "b.csv", "-m", "a.yaml", "--api", api.url, "--json")
    assert [(word["word"], word["value"]) for word in said.summary["words"] if "Color" in word["kind"]] == [
        ("g", "g"), ("Red, Green", "Red, Green"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["netsuite", "odoo"])
def test_table_with_only_certain_values_does_not_change_what_is_sent(desk, name: str) -> None:
    assert desk.do("lookups", "save", "--api", "sandbox", "--to", "lookups.json").code == 0
    given = (SAMPLES / name, "-m", name, "--country", "US", "--lookups", "lookups.json")
    made = desk.do("values", *given, "-o", "values.xlsx", "--json")
    assert made.code == 0
    assert {"Robin Vale", "Kim Larsen"} <= {word["value"] for word in made.summary["words"]}
    without, table = desk.do("check", *given, "--json"), desk.do("check", *given, "--values", "values.xlsx", "--json")
    assert (table.folder / "payloads.jsonl").read_bytes() == (without.folder / "payloads.jsonl").read_bytes()
    assert table.summary["cells"] == without.summary["cells"]
    assert not lines(table, "word_left_out", "word_not_in_table")
