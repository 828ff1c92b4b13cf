"""A mapping is updated for a newer export: renamed and new columns are added, and nothing else changes."""

import difflib

import pytest

from importer.commands.suggest import update
from importer.errors import MappingError
from importer.mapping.language.mapping_files import load_mapping
from importer.settings import Options
from importer.tables import Sources
from tests.mapping.support import apply_mapping
from tests.support import make_source

MAPPING = """\
# Our list. Mail is old.
title: The Mail list
country: GB

key: Code
customer:
  # the name
  company_name: Customer
  email: Mail
addresses:
  - {type: {constant: billing}, address_line_1: Street, city: Town}
"""
KNOWN = {"Code": "1", "Customer": "Acme Ltd", "Mail": "a@example.com", "Street": "1 High St", "Town": "Bath"}


def updated(tmp_path, row: dict[str, str], text: str = MAPPING) -> tuple[list[str], list[str], list[str]]:
    """Lines removed, lines added, and the reported changes, after a check that the new mapping reads the new file."""
    path = tmp_path / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    rows = [{name: cell.replace("1", f"{n}") for name, cell in row.items()} for n in range(1, 5)]
    sources = Sources((make_source("list.csv", rows),))
    new, changes = update(Options(), str(path), sources=sources)
    path.write_text(new, encoding="utf-8")
    assert len(apply_mapping(load_mapping(str(path)), sources).tables.customers) == 4
    lines = list(difflib.ndiff(text.splitlines(), new.splitlines()))
    gone, came = ([line[2:] for line in lines if line.startswith(sign)] for sign in "-+")
    return gone, [line for line in came if line], changes


def test_file_that_matches_the_mapping_changes_nothing(tmp_path) -> None:
    assert updated(tmp_path, KNOWN) == ([], [], [])


def test_blank_new_column_changes_nothing(tmp_path) -> None:
    assert updated(tmp_path, KNOWN | {"Phone": ""}) == ([], [], [])


def test_renamed_key_gets_both_names(tmp_path) -> None:
    row = {"Customer No": "1"} | {name: cell for name, cell in KNOWN.items() if name != "Code"}
    assert updated(tmp_path, row) == (
        ["key: Code"], ["key: Code|Customer No"], ["Code is also called Customer No"],
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Accessing the 'model_fields'")
def test_new_customer_field_is_added(tmp_path) -> None:
    gone, came, changes = updated(tmp_path, KNOWN | {"Phone": "+44 1225 555011", "Payment Terms": "30 days"})
    assert (gone, sorted(came)) == ([], ["  payment_term: Payment Terms", "  phone: Phone"])
    assert changes == ["Phone maps to phone", "Payment Terms maps to payment_term"]


def test_other_new_columns_are_listed_at_the_end(tmp_path) -> None:
    gone, came, changes = updated(tmp_path, KNOWN | {"Hobby": "Chess"})
    assert (gone, came[1:]) == ([], ["#   Hobby: no field"])
    assert changes == ["Hobby is new and not used: see the end of the file"]


def renamed_mail() -> dict[str, str]:
    return {("E-Mail Address" if name == "Mail" else name): cell for name, cell in KNOWN.items()}


def test_renamed_column_gets_both_names(tmp_path) -> None:
    gone, came, changes = updated(tmp_path, renamed_mail())
    assert "  email: Mail" in gone
    assert "  email: Mail|E-Mail Address" in came
    assert changes == ["Mail is also called E-Mail Address"]


def test_only_the_affected_line_changes(tmp_path) -> None:
    assert updated(tmp_path, renamed_mail())[0] == ["  email: Mail"]


def test_name_inside_another_name_is_not_replaced(tmp_path) -> None:
    text = "title: T\nkey: Code\ncustomer:\n  company_name: Name\n  display_name: Short Name\n"
    gone, came, _ = updated(tmp_path, {"Code": "1", "Company": "Acme Ltd 1", "Short Name": "Acme 1"}, text)
    assert (gone, came) == (["  company_name: Name"], ["  company_name: Name|Company"])


def test_renamed_address_column_gets_both_names(tmp_path) -> None:
    row = {("City" if name == "Town" else name): cell for name, cell in KNOWN.items()}
    assert "city: Town|City" in "".join(updated(tmp_path, row)[1])


def test_second_update_changes_nothing(tmp_path) -> None:
    row = KNOWN | {"Hobby": "Chess"}
    updated(tmp_path, row)
    assert updated(tmp_path, row, (tmp_path / "ours.yaml").read_text(encoding="utf-8"))[:2] == ([], [])


@pytest.mark.filterwarnings("ignore:Accessing the 'model_fields'")
def test_update_of_a_shipped_mapping_does_not_fail(tmp_path) -> None:
    sources = Sources((make_source("list.csv", [{**KNOWN, "Company": f"Firm {n}"} for n in range(4)]),))
    update(Options(), "netsuite", sources=sources)


def test_mapping_is_updated_for_two_files_at_once(tmp_path) -> None:
    """What both files have is added once; what only one of them has is also listed."""
    path = tmp_path / "ours.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    new = {**{name: cell for name, cell in KNOWN.items() if name != "Customer"}, "Company Name": "Acme Ltd"}
    files = []
    for at, column in enumerate(("Shoe size", "Hat size")):
        rows = [{**new, "Code": f"{at}{n}", "Phone": "555-0100", column: f"{n}"} for n in range(1, 5)]
        files.append(make_source(f"{at}.csv", rows))
    sources = Sources(tuple(files))
    text, changes = update(Options(), str(path), sources=sources)
    assert "company_name: Customer|Company Name\n" in text
    assert "#   Shoe size: no field\n#   Hat size: no field\n" in text
    assert len(changes) == len(set(changes))
    path.write_text(text, encoding="utf-8")
    assert len(apply_mapping(load_mapping(str(path)), sources).tables.customers) == 8
    assert update(Options(), str(path), sources=sources) == (text, [])


def test_list_of_new_columns_is_removed_once_all_are_known(tmp_path) -> None:
    path = tmp_path / "ours.yaml"
    listed = (
        f"{MAPPING}\n# New columns that are not used, with the fields that they may map to:\n#   Shoe size: no field\n"
    )
    path.write_text(listed, encoding="utf-8")
    sources = Sources((make_source("list.csv", [{**KNOWN, "Code": f"{n}"} for n in range(4)]),))
    text, changes = update(Options(), str(path), sources=sources)
    assert text == MAPPING
    assert len(changes) == 1


def test_mapping_with_several_tables_is_refused(tmp_path) -> None:
    with pytest.raises(MappingError, match="several tables"):
        update(Options(), "sap-business-one", sources=Sources((make_source("list.csv", [KNOWN]),)))
