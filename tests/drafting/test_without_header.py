"""Files without a header: the first row is a customer, and the draft names the columns."""

from pathlib import Path

import pytest

import importer

ROWS = (
    "0017,Harbor Goods LLC,1 Pier Rd,Portland,ME,04101,(207) 555-0130,dana@example.com",
    "0018,Kestrel & Sons Inc.,2 Alder Ave,Boise,ID,83702,(208) 555-0137,lee@example.com",
    "0019,Blue Heron Gifts,77 Canal Rd,New Hope,PA,18938,(215) 555-0144,marisol@example.com",
)
NAMES = ["Customer Number", "Company", "Street", "City", "State", "Zip Code", "Phone", "Email"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text("\n".join([*ROWS, ""]), encoding="utf-8")
    return path


def test_columns_are_named_by_their_values_and_the_first_row_is_a_question(file: Path, tmp_path: Path) -> None:
    draft = importer.suggest(file, country="US")
    assert [column.header for column in draft.columns] == NAMES
    assert [question.id for question in draft.open] == ["header:list.csv"]
    mapping = tmp_path / "drafted.yaml"
    mapping.write_text(draft.mapping, encoding="utf-8")
    checked = importer.check(file, mapping, country="US", out=tmp_path / "out")
    bodies = {body["reference_id"]: body for body in checked.bodies()}
    assert [bodies[number]["company_name"] for number in ("0017", "0018", "0019")] == [
        "Harbor Goods LLC", "Kestrel & Sons Inc.", "Blue Heron Gifts",
    ]  # fmt: skip
    assert bodies["0017"]["addresses"][0]["zip_code"] == "04101"


def test_postal_codes_with_letters_are_not_streets(tmp_path: Path) -> None:
    rows = ("A1,A1 Design Ltd,Leeds,LS1 1AA,ann@example.com", "B2,Bobs Garages Ltd,York,YO1 7HH,bob@example.com")
    (tmp_path / "list.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    draft = importer.suggest(tmp_path / "list.csv", country="GB")
    assert draft.columns[3].header == "Column 4"


def test_header_that_looks_like_data_can_be_kept(file: Path) -> None:
    draft = importer.suggest(file, country="US", answers={"header:list.csv": "header"})
    assert [column.header for column in draft.columns] == ROWS[0].split(",")
    assert draft.columns[1].samples == ["Kestrel & Sons Inc.", "Blue Heron Gifts"]


@pytest.mark.parametrize("first", ["", "1,2,3,4\n", "0,1,2,3\n"])
def test_first_row_of_the_same_form_as_the_others_is_a_customer(tmp_path: Path, first: str) -> None:
    (tmp_path / "list.csv").write_text(
        f"{first}C1,Harbor LLC,4 Pier Rd,Marlow\nC2,Kestrel LLC,77 Hill Ave,Albany\n", "utf-8"
    )
    draft = importer.suggest(tmp_path / "list.csv", country="US")
    assert [column.samples[0] for column in draft.columns] == ["C1", "Harbor LLC", "4 Pier Rd", "Marlow"]
    (tmp_path / "drafted.yaml").write_text(draft.mapping, "utf-8")
    checked = importer.check(tmp_path / "list.csv", tmp_path / "drafted.yaml", out=tmp_path / "out")
    assert [body["company_name"] for body in checked.bodies()] == ["Harbor LLC", "Kestrel LLC"]


@pytest.mark.parametrize("header", ["Code,Company,Street", "Code,Company,2024", "No. 1,Name 1,Name 2"])
def test_header_is_not_data(tmp_path: Path, header: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{header}\n1,Harbor Goods LLC,x\n2,Kestrel LLC,y\n", encoding="utf-8")
    draft = importer.suggest(path, country="US")
    assert [column.header for column in draft.columns] == header.split(",")
    assert not any(question.id.startswith("header:") for question in draft.questions)
