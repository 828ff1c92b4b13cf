"""What ``importer preview`` shows on a terminal: narrow, of 80 columns, and wide."""

import re
from typing import Any

import pytest

from importer.report.preview_text import preview_text
from importer.report.terminal import columns_of

PAINT = re.compile(r"\x1b\[[0-9;]*m")
CELL = {
    "source": "customers.csv",
    "row": 2,
    "column": "Street",
    "text": "12 Main  St\nSuite 4, the third door on the left",
}
PROBLEM = {
    "severity": "warning", "code": "too_wide", "message": "is\nodd", "hint": "Fix it.",
    "source": "customers.csv", "row": 2, "column": "Street",
}  # fmt: skip


def step(name: str, before: Any, after: Any) -> dict[str, Any]:
    return {"step": name, "row": 2, "column": None, "before": before, "after": after}


def field(name: str, value: Any, *, cells: Any = (), steps: Any = (), problems: Any = ()) -> dict[str, Any]:
    return {"field": name, "cells": [*cells], "steps": [*steps], "value": value, "problems": [*problems]}


def record(entity: str, number: int | None, *fields: dict[str, Any], left_out: bool = False) -> dict[str, Any]:
    rows = [{"source": "customers.csv", "row": row} for row in (2, 3, 5)]
    return {"entity": entity, "number": number, "rows": rows, "left_out": left_out, "fields": [*fields], "problems": []}


def customer(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {
        "reference_id": "1", "company_name": "株式会社 with a name", "why": None, "status": "valid",
        "problems": [], "other_cells": [], "body": {"reference_id": "1"},
    }  # fmt: skip
    return {**given, "records": [*records], **more}


def shown(*customers: dict[str, Any], width: int = 80, color: bool = False, unicode: bool = True, **more: Any) -> str:
    preview = {"fields": None, "unused": None, "row": None, "customers": [*customers], **more}
    return preview_text(preview, width=width, color=color, unicode=unicode)


def made() -> dict[str, Any]:
    line = field(
        "address_line_1",
        "12 MAIN",
        cells=[CELL],
        steps=[step("split", CELL["text"], "12 Main"), step("upper", "12 Main", "12 MAIN")],
    )
    mail = field("email", None, cells=[CELL], steps=[step("email", "x", None)], problems=[PROBLEM])
    kind = field("type", "billing", steps=[step("constant", None, "billing")])
    return customer(record("customer", None, field("display_name", None)), record("address", 1, line, mail, kind))


@pytest.mark.parametrize("width", [40, 60, 72, 80, 100, 120])
def test_lines_fit_and_colors_change_no_text(width) -> None:
    plain, painted = (shown(made(), width=width, color=color) for color in (False, True))
    assert PAINT.sub("", painted) == plain
    assert painted != plain
    assert max(map(columns_of, plain.splitlines())) <= width


def test_cells_steps_and_values_are_side_by_side() -> None:
    lines = shown(made(), width=120).splitlines()
    line = next(line for line in lines if "address_line_1" in line)
    assert re.search(r'Street: "12 Main  St\S*\s.* split: "12 Main" .*"12 MAIN"', line)
    text = " ".join(" ".join(lines).split())
    assert "warning too_wide at customers.csv:2 [Street]: is odd. Fix it." in text
    assert "Address 1, from customers.csv:2-3,5" in text
    assert "Blank: display_name" in text
    assert "Street: as above" in text


def test_narrow_terminal_shows_them_one_below_the_other() -> None:
    lines = shown(made(), width=60).splitlines()
    at = lines.index('  address_line_1: "12 MAIN"')
    assert lines[at + 1].startswith('    Street: "12 Main  St\\nSuite 4')
    assert '    split: "12 Main"' in lines
    assert "    upper" in lines


def test_input_of_a_step_is_shown_if_not_directly_above() -> None:
    several = [
        step("split", "a;b", "a"),
        step("split", "a;b", "b"),
        step("upper", "a", "A"),
        step("take first", ["A", "b"], "A"),
    ]
    one = field("email", "A", cells=[{**CELL, "text": "a;b"}], steps=several)
    text = shown(customer(record("customer", None, one)), width=60)
    assert 'upper: "a" → "A"' in text
    assert '"a" -> "A"' in shown(customer(record("customer", None, one)), width=60, unicode=False)
    assert "    take first\n" in text


def test_overview_shows_some_records_of_each_customer() -> None:
    many = customer(*(record("contact", number) for number in range(1, 9)), why="the most")
    fields = {
        "customer": {
            "records": 1,
            "fields": [
                {"field": "phone", "filled": 1, "columns": ["Phone"]},
                {"field": "email", "filled": 0, "columns": []},
            ],
        }
    }
    unused = [{"source": "customers.csv", "column": "Fax", "filled": 7}]
    text = shown(many, fields=fields, unused=unused)
    assert "Contact 3," in text
    assert "Contact 4," not in text
    assert "5 more addresses and contacts, and the body:\n  --customer 1" in text
    assert "phone  1  100%  Phone" in text
    assert "No values: email" in text
    assert "customers.csv: Fax (7 filled)" in text
    assert "JSON body" not in text
    assert "Contact 8," in shown(many)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("no_data", "customers.csv:2 is not a data row: header"),
        ("skipped", "customers.csv:2 is skipped: header"),
        ("rejected", "customers.csv:2 is rejected and belongs to no customer"),
    ],
)
def test_row_without_a_customer_is_explained(state, expected) -> None:
    row = {"source": "customers.csv", "row": 2, "state": state, "reason": "header", "problems": [PROBLEM]}
    text = shown(row=row)
    assert text.startswith(expected)
    assert ("too_wide" in text) == (state == "rejected")


def test_rejected_customer_and_customer_with_other_cells_are_shown() -> None:
    cells = [{**CELL, "row": row, "category": "unused"} for row in (2, 3)]
    text = shown(customer(status="rejected", body=None, problems=[PROBLEM], other_cells=cells), width=120)
    assert "(rejected)" in text
    assert "No body: the customer is rejected." in text
    assert "(no rule mentions the column), customers.csv:2-3" in text
