"""Files without a header; the mapping names their columns."""

from pathlib import Path

import pytest

import importer
from importer.errors import SourceError
from importer.loader import LoadOptions
from tests.loader.support import cells, problems, skipped, sources, table, write

NAMES = ["Code", "Firm", "Town", "Phone"]
USING = LoadOptions(columns=(frozenset({"Code", "Firm"}),), headerless=((NAMES, ()),))
MAPPING = {"title": "t", "columns": ["Code", "Firm"], "key": "Code", "customer": {"company_name": "Firm"}}


def test_every_row_is_data(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '"A1","Harbor Goods","Leeds","0113 496 0000"\r\nA2,Kestrel,York,\r\n')
    read = table(path, USING)
    assert cells(read) == [NAMES, ["A1", "Harbor Goods", "Leeds", "0113 496 0000"], ["A2", "Kestrel", "York", ""]]
    assert (read.row_numbers.tolist(), skipped(read)) == ([1, 2], [])


def test_rows_of_words_only_are_data(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Ash,Harbor,Leeds,none\n\nElm,Kestrel,York,none\n"), USING)
    assert read.row_numbers.tolist() == [1, 3]


def test_sep_line_is_not_data(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "sep=;\nA1;Harbor;Leeds;1\nA2;Kestrel;York;2\n"), USING)
    assert (read.frame["Firm"].tolist(), skipped(read)) == (["Harbor", "Kestrel"], [(1, "title")])


@pytest.mark.parametrize("numbers", ["1,2,3,4", "0,1,2,3", "A,B,C,D"])
def test_numbers_of_the_columns_are_not_data(tmp_path: Path, numbers: str) -> None:
    read = table(write(tmp_path / "a.csv", f"{numbers}\nA1,Harbor,Leeds,1\nA2,Kestrel,York,2\n"), USING)
    assert (read.frame["Firm"].tolist(), skipped(read)) == (["Harbor", "Kestrel"], [(1, "title")])


@pytest.mark.parametrize("header", ["Code,Firm,Town,Phone", "import_errors,Code,Firm,Town,Phone", "Phone,firm,CODE"])
def test_file_with_a_matching_header_is_read_by_it(tmp_path: Path, header: str) -> None:
    row = ",".join("x" for _ in header.split(","))
    read = table(write(tmp_path / "a.csv", f"{header}\n{row}\n"), USING)
    assert len(read) == 1
    assert skipped(read) == [(1, "header")]


def test_only_matching_file_names_are_headerless(tmp_path: Path) -> None:
    using = LoadOptions(headerless=((NAMES, ["raw*"]),))
    paths = write(tmp_path / "raw_1.csv", "A1,H,L,1\n"), write(tmp_path / "other.csv", "Id,Name\n1,A\n")
    assert [list(read.frame.columns) for read in sources(*paths, using=using).tables] == [["Id", "Name"], NAMES]


def test_row_with_more_cells_than_names_is_an_error(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", "A1,H,L,1\nA2,K,Y,2,more\n"), using=USING)
    assert problems(found) == [("error", "row_too_long", "a.csv:2")]


def test_fewer_names_than_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"most rows have more cells than the 4 names under `columns` in the mapping"):
        sources(write(tmp_path / "a.csv", "A1,H,L,1,x\nA2,K,Y,2,y\nA3,B,Y,3,\n"), using=USING)
    assert problems(sources(write(tmp_path / "b.csv", "A1,H,L,1,\nA2,K,Y,2, \n"), using=USING)) == []


def test_mapping_names_the_columns(tmp_path: Path) -> None:
    result = importer.check(
        str(write(tmp_path / "a.csv", "A1,Harbor\nA2,Kestrel\n")), mapping=MAPPING, out=str(tmp_path)
    )
    assert [body["reference_id"] for body in result.bodies()] == ["A1", "A2"]


@pytest.mark.parametrize(("columns", "said"), [(["Code", "code"], "used twice"), (["Code", " "], "needs a name")])
def test_duplicate_or_missing_column_names_are_refused(tmp_path: Path, columns: list[str], said: str) -> None:
    path = write(tmp_path / "a.csv", "A1,Harbor\n")
    with pytest.raises(importer.errors.MappingError, match=said):
        importer.check(str(path), mapping={**MAPPING, "columns": columns}, out=str(tmp_path))
