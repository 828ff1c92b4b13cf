"""Rows that are not customers: suppliers, inactive, deleted, placeholders; a Command column is never obeyed."""

from tests.mapping.support import apply, column
from tests.mapping.test_rows import assert_one_status_each, row_statuses

MAPPING = """
title: T
key: Code
skip:
  - {column: Kind, is: [Supplier, Vendor], reason: supplier}
  - {column: Inactive, flag: yes, reason: inactive}
  - {column: Customer, matches: "(?i)[(]deleted[)]", reason: deleted}
  - {column: Command, is: DELETE, reason: marked for deletion}
  - {only: Code, reason: placeholder}
customer: {company_name: Customer}
"""
ROWS = """
Code|Customer|Kind|Inactive|Command
1|Harbor Goods|Customer|No|
2|Kestrel & Sons|vendor|No|
3|Alder Supply|Customer|Y|
4|Thimble (deleted)|Customer||
5|Copper|||DELETE
6||||
7|Kettle|||UPDATE
"""


def test_non_customers_are_skipped_by_rules_and_counted_by_reason() -> None:
    made = apply(MAPPING, ROWS)
    assert_one_status_each(made)
    assert row_statuses(made) == ["0", "supplier", "inactive", "deleted", "marked for deletion", "placeholder", "1"]
    assert column(made, "company_name") == ["Harbor Goods", "Kettle"]


def test_command_column_without_a_rule_does_nothing() -> None:
    without = "\n".join(line for line in MAPPING.splitlines() if "Command" not in line)
    made = apply(without, ROWS)
    assert "Copper" in column(made, "company_name")
    assert made.tables.unused_columns == {"customers.csv": ("Command",)}
