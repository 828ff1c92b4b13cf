"""``importer suggest``: the table, the questions, the file that it writes, and what it refuses."""

import json
from collections.abc import Callable

import pytest
import yaml

from tests.cli.test_question import at_a_terminal, typing
from tests.workflow.desk import SAMPLES

CLEAN = "Customer Number,Company Name,Email,Street,City,Zip,Country\n" + "".join(
    f"{n},Firm {n} Ltd,a{n}@example.com,{n} High St,Bath,BA1 1A{letter},GB\n"
    for n, letter in enumerate("ABCDEF", start=100)
)
OPEN = "Customer Number,Company Name,City,Status\n" + "".join(
    f"{n},Firm {n} Ltd,Bath,{'Inactive' if n % 3 == 0 else 'Active'}\n" for n in range(100, 106)
)
COLUMN = {"name", "n", "file", "sheet", "header", "targets", "confidence", "why", "samples", "filled"}


@pytest.fixture
def suggest(desk) -> Callable:
    desk.write("clean.csv", CLEAN)
    desk.write("open.csv", OPEN)
    return lambda *words: desk.do("suggest", *words)


@pytest.mark.parametrize("width", [80, 120])
def test_table_fits_the_terminal(desk, suggest, width) -> None:
    desk.environment["COLUMNS"] = str(width)
    desk.write("wide.csv", "Customer Number,Company Name that is much longer than others in this table,City,Notes\n"
               + "".join(f"{n},{'Firm ' * 12}{n},Bath,\x1b[31mred {'x' * 200}\n" for n in range(5)))  # fmt: skip
    said = suggest("wide.csv")
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].split() == ["column", "samples", "filled", "field", "confidence", "why"]
    assert set(lines[1]) == {"-", " "}
    assert lines[2].startswith("Customer Number")
    assert "reference_id (key)" in lines[2]
    assert "\x1b" not in said.out
    assert "One row per customer. A customer is identified by: Customer Number." in said.out


@pytest.mark.parametrize("width", [80, 120])
def test_questions_show_the_assumption_and_how_to_answer(desk, suggest, width) -> None:
    desk.environment["COLUMNS"] = str(width)
    said = suggest("open.csv")
    assert said.code == 1
    assert max(map(len, said.out.splitlines())) <= width
    text = " ".join(said.out.split())
    assert '? Column Status has these values: Active (4), Inactive (2). Leave out the rows with "Inactive"?' in text
    assert "Assumed: leave out. Choices: leave out, keep. For example: --answer skip:Status=keep" in text
    assert "To write the mapping, add: -o mapping.yaml" in text


def test_json_is_one_object(suggest) -> None:
    said = suggest("open.csv", "--json")
    assert said.code == 1
    assert set(said.summary) == {"fits", "layout", "key", "columns", "notes", "questions", "mapping"}
    assert all(set(column) == COLUMN for column in said.summary["columns"])
    assert said.summary["questions"] == [
        {
            "id": "skip:Status",
            "text": 'Column Status has these values: Active (4), Inactive (2). Leave out the rows with "Inactive"?',
            "choices": ["leave out", "keep"],
            "proposed": "leave out",
        }
    ]
    assert yaml.safe_load(said.summary["mapping"])["key"] == "Customer Number"
    assert said.err == ""


def test_json_names_the_matching_mapping(suggest) -> None:
    said = suggest(SAMPLES / "xero", "--json")
    assert (said.code, said.summary["fits"]) == (0, {"mapping": "xero", "coverage": 1.0})
    assert said.summary["questions"] == []


def test_draft_passes_check(desk, suggest) -> None:
    said = suggest("clean.csv", "-o", "ours.yaml")
    assert said.code == 0
    command = "importer check clean.csv -m ours.yaml"
    assert command in said.out
    checked = desk.do(*command.split()[1:], "--json")
    assert (checked.code, checked.summary["customers"]["valid"]) == (0, 6)
    assert checked.summary["customers"]["rejected"] == 0


def test_draft_of_an_unusual_file_passes_check(desk, suggest) -> None:
    """A title, semicolons, cp1252, and headers that YAML would not read as text."""
    rows = "".join(f"{n};Müller {n} GmbH;Weg {n};{50110 + n};Köln;0221 55501{n}\n" for n in range(5))
    desk.write("alt.csv", f"Kundenliste\n\nKunden-Nr.;Firma: Name;Straße #;PLZ;Ort;Tel.\n{rows}".encode("cp1252"))
    assert suggest("alt.csv", "--country", "DE", "-o", "alt.yaml").code == 0
    checked = desk.do("check", "alt.csv", "-m", "alt.yaml", "--json")
    assert (checked.code, checked.summary["customers"]["valid"]) == (0, 5), checked.out


def test_suggest_overwrites_nothing(desk, suggest) -> None:
    desk.write("ours.yaml", "mine")
    said = suggest("clean.csv", "-o", "ours.yaml")
    assert "ours.yaml: this file already exists" in said.err
    assert said.code in {2, 3}
    assert (desk.path / "ours.yaml").read_text() == "mine"
    said = suggest("clean.csv", "-o", "nowhere/ours.yaml")
    assert "cannot be written" in said.err
    assert "Traceback" not in said.err


def test_suggest_writes_only_the_mapping(desk, suggest) -> None:
    suggest("clean.csv", "-o", "ours.yaml")
    suggest("clean.csv")
    names = {path.name for path in desk.files() if "state" not in path.parts}
    assert names == {"clean.csv", "open.csv", "ours.yaml"}


def test_answers_resolve_questions(desk, suggest) -> None:
    said = suggest("open.csv", "--answer", "skip:Status=keep", "-o", "ours.yaml")
    assert said.code == 0
    assert "Answered: keep." in said.out
    checked = desk.do("check", "open.csv", "-m", "ours.yaml", "--json")
    assert checked.summary["customers"]["read"] == 6
    assert suggest("open.csv", "--answer", "skip:Status=leave out", "-o", "two.yaml").code == 0
    assert desk.do("check", "open.csv", "-m", "two.yaml", "--json").summary["customers"]["read"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open.csv", "--answer", "skip:Statsu=keep"), "Did you mean 'skip:Status'?"),
        (("open.csv", "--answer", "skip:Status=perhaps"), "Choose one of: leave out, keep."),
        (("open.csv", "--answer", "keep"), "Write it as ID=CHOICE"),
        (("open.csv", "--answer", "=keep"), "Write it as ID=CHOICE"),
        (("clean.csv", "--answer", "key=City"), "there is no question 'key'"),
        (("items.csv",), "items.csv: no column with customer names was recognized"),
        (("header.csv",), "no data row"),
        (("absent.csv",), "absent.csv"),
        ((), "SOURCE"),
        (("clean.csv", "--country", "Germany"), "--country"),
        (("clean.csv", "--country", "ZZ"), "--country"),
        (("clean.csv", "--update", "absent.yaml"), "absent.yaml: no such mapping file"),
        (("clean.csv", "--update", "sap-business-one", "-o", "a.yaml"), "several tables"),
        (("clean.csv", "--update", "xero"), "-o FILE"),
        (("clean.csv", "--from-scrach"), "--from-scratch"),
        ((SAMPLES / "xero", "--answer", "key=Name"), "there is no question 'key'"),
    ],
)
def test_wrong_input_is_reported_and_nothing_is_written(desk, suggest, words, said) -> None:
    desk.write("items.csv", "Item Number,Description,Price\n1,Chair,2.50\n2,Table,3.50\n")
    desk.write("header.csv", "Customer Number,Company Name\n")
    got = suggest(*words)
    assert (got.code, got.out) == (2, ""), got.err
    assert said in " ".join(got.err.split())
    assert not list(desk.path.glob("*.yaml"))


OWN = """\
title: Ours  # by hand
key: Customer Number
customer:
  company_name: Firm
"""


def test_update_writes_in_place_or_to_a_new_file(desk, suggest) -> None:
    desk.write("ours.yaml", OWN)
    said = suggest("clean.csv", "--update", "ours.yaml", "-o", "new.yaml")
    assert said.code == 0
    assert "new.yaml:" in said.out
    assert "Firm is also called Company Name" in said.out
    assert (desk.path / "ours.yaml").read_text() == OWN
    assert suggest("clean.csv", "--update", "ours.yaml").code == 0
    new = (desk.path / "new.yaml").read_text()
    assert (desk.path / "ours.yaml").read_text() == new
    assert new.startswith("title: Ours  # by hand\n")
    assert "  company_name: Firm|Company Name\n" in new
    assert "  email: Email\n" in new
    assert "#   Street: " in new


def test_update_with_json_writes_only_to_the_output_option(desk, suggest) -> None:
    desk.write("ours.yaml", OWN)
    said = suggest("clean.csv", "--update", "ours.yaml", "--json", "-o", "new.yaml")
    assert said.code == 0
    assert (desk.path / "new.yaml").read_text() == said.summary["mapping"]
    suggest("clean.csv", "--update", "ours.yaml", "--json")
    assert (desk.path / "ours.yaml").read_text() == OWN


def test_update_keeps_the_file_mode(desk, suggest) -> None:
    desk.write("ours.yaml", OWN)
    (desk.path / "ours.yaml").chmod(0o640)
    assert suggest("clean.csv", "--update", "ours.yaml").code == 0
    assert (desk.path / "ours.yaml").stat().st_mode & 0o777 == 0o640


def test_update_of_a_complete_mapping_changes_nothing(desk, suggest) -> None:
    desk.write("ours.yaml", OWN.replace("Firm", "Company Name") + "ignore: [City, Status]\n")
    said = suggest("open.csv", "--update", "ours.yaml")
    assert (said.code, said.out) == (0, "ours.yaml covers all columns; nothing is changed.\n")


def test_from_scratch_ignores_a_matching_mapping(suggest) -> None:
    assert "The mapping xero fits: it recognizes 100% of the filled columns." in suggest(SAMPLES / "xero").out
    assert "Next: importer check" in suggest(SAMPLES / "xero").out
    assert "fits" not in suggest(SAMPLES / "xero", "--from-scratch").out


@pytest.mark.parametrize(
    ("typed", "customers"), [("\n", 4), ("2\n", 6), ("1\n", 4), ("keep\n", 6), ("", 4), ("7\nwhat\n2\n", 6)]
)
def test_questions_are_asked_at_a_terminal(desk, suggest, typed, customers) -> None:
    code, shown = typing(desk, typed, "suggest", "open.csv", "-o", "ours.yaml")
    assert code == 0, shown
    asked = '? Column Status has these values: Active (4), Inactive (2). Leave out the rows with "Inactive"?'
    assert f"{asked} 1. leave out (suggested) 2. keep" in shown
    assert "The mapping is in ours.yaml." in shown
    checked = desk.do("check", "open.csv", "-m", "ours.yaml", "--json")
    assert checked.summary["customers"]["read"] == customers


def test_ctrl_c_at_a_question_writes_nothing(desk, suggest) -> None:
    prompt = b"Enter for the suggested one: "
    code, shown = at_a_terminal(desk, b"\x03", "suggest", "open.csv", "-o", "ours.yaml", prompt=prompt)
    assert code == 3, shown
    assert "Traceback" not in shown
    assert not (desk.path / "ours.yaml").exists()


def test_nothing_is_asked_without_a_terminal_or_with_json(desk, suggest) -> None:
    said = suggest("open.csv", "-o", "ours.yaml")
    assert (said.code, said.err) == (1, "")
    assert (desk.path / "ours.yaml").exists()
    code, shown = typing(desk, "", "suggest", "open.csv", "--json")
    assert code == 1
    assert json.loads(shown)["questions"][0]["id"] == "skip:Status"
