"""``importer mappings check``: everything that is wrong with a mapping at once, with line numbers."""

import shutil

import pytest

from importer.mapping.language.mapping_files import list_mappings

WRONG = """\
titel: Wrong
key: Id
key: No
country: usa
skip:
  - {column: A, matches: "(", reason: x}
  - {is: Z, matches: "["}
customer:
  compnay_name: {from: [A, B]}
  phone: {from: Phone, as: [fone, {date: xx}, {extract: "("}], take: firts}
  payment_term: {from: T, constant: X}
  shipping_method: {from: T, otherwise: error, lookup: sales_rep}
  attributes: {Color: C, color: D}
addresses:
  - city: C
  - {type: bill, table: nowhere, address_line_1: X}
  - {type: {constant: invoice}, address_line_1: "Line {n}"}
severity: {lookup_pending: error}
"""
TOLD = [
    (1, "unknown key 'titel'; did you mean 'title'?"),
    (3, "'key' is in the same table twice"),
    (4, "country: must be a code of two capital letters"),
    (6, "the first skip rule, matches: not a regular expression"),
    (7, "the second skip rule, matches: not a regular expression"),
    (7, "the second skip rule: reason is missing"),
    (7, "the second skip rule: a condition must have exactly one of"),
    (9, "customer: unknown key 'compnay_name'; did you mean 'company_name'?"),
    (9, "customer.company_name: several columns or parts need take"),
    (10, "customer.phone, the first item of as: no transform 'fone'; did you mean 'phone'?"),
    (10, "customer.phone, the second item of as: date: needs the format"),
    (10, "customer.phone, the third item of as: extract: not a regular expression"),
    (10, "customer.phone.take: `take` must be first, last, all, or a number"),
    (11, "customer.payment_term: a field must have exactly one of from (columns), constant, or flags"),
    (12, "customer.shipping_method.otherwise: `otherwise` can be used only with `values`"),
    (12, "customer.shipping_method.lookup: is for assigned_sales_rep_ids and assigned_price_list_id only"),
    (13, "customer.attributes.color: 'color' and 'Color' differ only in case"),
    (15, "the first address: an address needs a type"),
    (16, "the second address, table: there is no table 'nowhere'"),
    (17, "the third address: `repeat` must be used together with {n} in a column name"),
    (18, "severity.lookup_pending: its severity cannot be changed"),
]


def test_all_problems_are_reported_at_once_in_line_order(desk) -> None:
    desk.write("mine.yaml", WRONG)
    said = desk.do("mappings", "check", "mine.yaml", "--json")
    assert (said.code, said.summary["ok"]) == (2, False)
    problems = said.summary["problems"]
    assert [problem["line"] for problem in problems] == [line for line, _ in TOLD]
    for problem, (_, text) in zip(problems, TOLD, strict=True):
        assert problem["message"].startswith(text)
        assert problem["file"] == "mine.yaml"
    text = desk.do("mappings", "check", "mine.yaml")
    assert text.code == 2
    assert text.out.startswith("mine.yaml:1: unknown key 'titel'; did you mean 'title'?\nmine.yaml:3: 'key' is in")
    assert text.out.splitlines()[-1].startswith(f"mine.yaml: {len(TOLD)} problems. ")


def test_each_problem_is_reported_on_its_own(desk) -> None:
    """Nothing in the list is merely a consequence of another item."""
    desk.write("mine.yaml", WRONG.replace("titel", "title").replace("compnay_name: {from: [A, B]}", "company_name: N"))
    problems = desk.do("mappings", "check", "mine.yaml", "--json").summary["problems"]
    assert [problem["line"] for problem in problems] == [line for line, _ in TOLD if line not in {1, 9}]


@pytest.mark.parametrize("name", list_mappings())
def test_shipped_mappings_have_no_problems(desk, name: str) -> None:
    said = desk.do("mappings", "check", name)
    assert (said.code, said.out, said.err) == (0, f"{name}: no problems\n", "")


def test_extended_and_referenced_files_are_checked(desk) -> None:
    desk.write("base.yaml", "title: Base\nkey: Id\ncustomer: {company_name: N, fone: P}\n")
    desk.write("own.yaml", "extends: base.yaml\ncustomer: {email: {from: E, as: [emial]}}\n")
    said = desk.do("mappings", "check", "own.yaml")
    assert [line.partition(": ")[0] for line in said.out.splitlines()] == ["own.yaml:2", "base.yaml:3", "own.yaml"]
    step = "{from: N, as: [{python: 'mine.py:number'}, {python: 'mine.py:text'}, {python: 'none.py:x'}]}"
    desk.write("right.yaml", f"title: T\nkey: Id\nword_table: words.csv\ncustomer: {{company_name: {step}}}\n")
    desk.write("mine.py", "def text(value):\n    raise SystemExit\n")
    assert desk.do("mappings", "check", "right.yaml").out.splitlines()[:-1] == [
        "right.yaml: python: mine.py has no function 'number'",
        "right.yaml: python: none.py: no such Python file; put it beside the mapping file",
        "words.csv: there is no such value table",
    ]


def test_syntax_error_is_reported_as_one_problem(desk) -> None:
    desk.write("mine.yaml", "title: T\n key: Id\n")
    said = desk.do("mappings", "check", "mine.yaml", "--json")
    assert said.summary["problems"] == [
        {
            "file": "mine.yaml",
            "line": 2,
            "message": "not valid YAML: there is an extra colon, or the line is indented incorrectly",
        }
    ]
    assert desk.do("mappings", "check", "absent.yaml").out.startswith("absent.yaml: no such mapping file\n")


def test_mappings_command_lists_and_explains(desk) -> None:
    assert "netsuite" in desk.do("mappings").out
    assert desk.do("mappings", "netsuite").out.startswith("NetSuite ")
    shutil.copy(list_mappings()["xero"], desk.path / "check")
    assert desk.do("mappings", "./check").out.startswith("Xero ")
    assert "To explain a mapping that is called check, write ./check." in desk.do("mappings", "check").err
    assert "Write: importer mappings check FILE." in desk.do("mappings", "netsuite", "xero").err
    assert desk.do("mappings", "netsuite", "--json").code == 2


def test_other_commands_report_all_problems_at_once(desk) -> None:
    source, *_ = desk.small()
    desk.write("mine.yaml", WRONG)
    said = desk.do("check", source, "-m", "mine.yaml")
    assert said.code == 2
    assert len([line for line in said.err.splitlines() if "mine.yaml:" in line]) == len(TOLD)
