"""Unusual quoting, and what is reported if it is ambiguous."""

from pathlib import Path

import pytest

from importer.errors import SourceError
from importer.loader.text import csv_blocks
from tests.loader.support import cells, options, problems, sources, table, write

HEADER = "Code,Customer,City\n"
USING = options("Code", "Customer", "City")


def names(tmp_path: Path, *rows: str, header: str = HEADER) -> list[str]:
    found = sources(write(tmp_path / "a.csv", header + "".join(f"{row}\n" for row in rows)), using=USING)
    assert problems(found) == []
    return list(found.tables[0].frame["Customer"])


def test_backslash_escapes_a_quote(tmp_path: Path) -> None:
    rows = r'1,"Harbor \"Blue\" Goods",York', r'2,"Smith\, Sons",York', r'3,"O\'Neil",York', r'4,"6\"",York'
    assert names(tmp_path, *rows) == ['Harbor "Blue" Goods', "Smith, Sons", "O'Neil", '6"']


def test_backslash_before_a_delimiter_or_line_end_is_an_escape(tmp_path: Path) -> None:
    rows = r"1,Smith\, Sons,York", "2,Long\\\nLane,York", r"3,C:\\new,\N", r"4,\N,C:\dir"
    assert names(tmp_path, *rows) == ["Smith, Sons", "Long\nLane", r"C:\new", r"\N"]


def test_trailing_backslash_in_a_cell_is_text(tmp_path: Path) -> None:
    assert names(tmp_path, '1,"C:\\data\\",York', '2,"D:\\","York"', "3,\\,York") == ["C:\\data\\", "D:\\", "\\"]


def test_single_quotes_are_recognized(tmp_path: Path) -> None:
    rows = "'1','Smith, Sons','York'", "'2','O''Neil','York'", "'3','Say \"Hi\"','York'", "4,,'York'"
    header = "'Code','Customer','City'\n"
    assert names(tmp_path, *rows, header=header) == ["Smith, Sons", "O'Neil", 'Say "Hi"', ""]


def test_apostrophes_are_not_quotes(tmp_path: Path) -> None:
    assert names(tmp_path, "'0017,'s Hertogenbosch,York", "2,O'Neil,'t Goy") == ["'s Hertogenbosch", "O'Neil"]


def test_spaces_after_the_delimiter_are_read(tmp_path: Path) -> None:
    rows = '1, "Smith, Sons", "York"', '2, "Harbor ""Blue""" , York', "3, Kestrel, York"
    assert names(tmp_path, *rows, header="Code, Customer, City\n") == ["Smith, Sons", 'Harbor "Blue"', " Kestrel"]


def test_spaces_within_a_quoted_cell_are_kept(tmp_path: Path) -> None:
    assert names(tmp_path, '1,"A, ""B"" C",York', '2,"D,\t""E""",York') == ['A, "B" C', 'D,\t"E"']


def test_literal_quotes_are_kept(tmp_path: Path) -> None:
    rows = '1,""Harbor Goods"",York', '2,"""Kestrel""",York', '3,Alder "West" Supply,York', '4,5" Pipe,York'
    assert names(tmp_path, *rows) == ['"Harbor Goods"', '"Kestrel"', 'Alder "West" Supply', '5" Pipe']


def test_two_blank_quoted_cells_are_not_doubled_quotes(tmp_path: Path) -> None:
    assert names(tmp_path, '"",x,""', '1,""Smith, Sons"",York', '"2","a,""b"",c","York"') == [
        "x",
        '"Smith, Sons"',
        'a,"b",c',
    ]


@pytest.mark.parametrize("row", ['2,"Cord "East" Ltd",York', '2,"6" Pipe",York', '2,"A" B,York', '2,"x","y"z'])
def test_bare_quote_in_a_quoted_cell_is_an_error_in_its_row(tmp_path: Path, row: str) -> None:
    found = sources(write(tmp_path / "a.csv", f"{HEADER}1,A,York\n{row}\n3,B,York\n"), using=USING)
    assert problems(found) == [("error", "quote_inside", "a.csv:3")]
    assert found.tables[0].broken.tolist() == [False, True, False]


@pytest.mark.parametrize("header", [HEADER, f'"{HEADER.strip()}"\n'])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_around_whole_rows(tmp_path: Path, header: str, end: str) -> None:
    rows = ['1,"Smith, ""Blue"" Sons",York', "2,O'Neil,York", f'3,"Long{end}Lane",York']
    quoted = ('"' + row.replace('"', '""') + f'"{end}' for row in rows)
    assert names(tmp_path, header=header + "".join(quoted)) == ['Smith, "Blue" Sons', "O'Neil", f"Long{end}Lane"]


@pytest.mark.parametrize("text", ['Name\n"Smith, Sons"\n"Lee, Ray"\n', '"Name"\n"Smith"\n', '"Name, all"\n"Smith"\n'])
def test_a_column_in_quotes_is_no_list_of_whole_rows(tmp_path: Path, text: str) -> None:
    found = table(write(tmp_path / "a.csv", text))
    assert len(found.frame.columns) == 1


def test_bare_quote_between_single_quotes_is_an_error(tmp_path: Path) -> None:
    text = "'Code','Customer','City'\n'1','Smith, Sons','York'\n'2','Cord 'East' Ltd','York'\n"
    assert problems(sources(write(tmp_path / "a.csv", text), using=USING)) == [("error", "quote_inside", "a.csv:3")]


@pytest.mark.parametrize("cell", ['="0017"', '"=""0017"""', ' ="0017" ', '"=""0017"" "'])
def test_text_with_a_leading_equals_sign_is_unwrapped(tmp_path: Path, cell: str) -> None:
    read = table(write(tmp_path / "a.csv", f'="Code",Customer,City\n{cell},="A ""B""",=1+1\n'), USING)
    assert cells(read) == [["Code", "Customer", "City"], ["0017", 'A "B"', "=1+1"]]


def test_delimiter_in_text_with_a_leading_equals_sign_is_text(tmp_path: Path) -> None:
    rows = '1,="Smith, Sons",York', '="2",="Harbor ""Blue"", Ltd",York', '3,="Kestrel",="York"'
    assert names(tmp_path, *rows) == ["Smith, Sons", 'Harbor "Blue", Ltd', "Kestrel"]
    assert names(tmp_path, '1,="Long\nLane",York') == ["Long\nLane"]


def test_delimiter_in_such_text_far_below_is_an_error_in_its_row(tmp_path: Path) -> None:
    rows = ["0,A,York"] * 9_000 + ['1,="Smith, Sons"']
    found = sources(write(tmp_path / "a.csv", HEADER + "\n".join(rows) + "\n"), using=USING)
    assert problems(found) == [("error", "quote_inside", "a.csv:9002 [Customer]")]


def test_joined_files_with_a_bom_each_are_read(tmp_path: Path) -> None:
    text = f'\ufeff{HEADER}1,A,York\n\ufeff"Code","Customer","City"\n\ufeff"2","B, C",York\n'
    read = table(write(tmp_path / "a.csv", text), USING)
    assert cells(read)[1:] == [["1", "A", "York"], ["2", "B, C", "York"]]


@pytest.mark.parametrize("size", [200_000, 3_000_000])
@pytest.mark.parametrize("short", ["", ",York"])
def test_very_long_cells_are_read(tmp_path: Path, size: int, short: str) -> None:
    long = "x" * size
    read = table(write(tmp_path / "a.csv", f'{HEADER}1,"{long}"{short}\n2,{long}{short}\n3,B,York\n'), USING)
    assert read.frame["Customer"].str.len().tolist() == [size, size, 1]


def test_row_that_is_too_long_is_an_error_with_its_location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 1000)
    monkeypatch.setattr(csv_blocks, "_LONG_RECORD", 2000)
    text = HEADER + "1,A,York\n2," + "x" * 5_000_000 + ",York\n3,B,York\n"
    with pytest.raises(SourceError, match=r"a\.csv:3: the row is longer than"):
        table(write(tmp_path / "a.csv", text), USING)


def test_row_with_more_cells_than_a_table_allows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.csv:3: the row has 50,000 cells"):
        table(write(tmp_path / "a.csv", f"{HEADER}1,A,York\n{','.join(['x'] * 50_000)}\n"), USING)


def test_row_count_mismatch_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks.Block, "records", property(lambda _: 4))
    with pytest.raises(
        SourceError, match=r"a\.csv:2: 2 rows were read from here on, but the number of line breaks is 4"
    ):
        table(write(tmp_path / "a.csv", f"{HEADER}1,A,York\n2,B,York\n"), USING)


@pytest.mark.parametrize("end", ["\x1a", "\x1a\x1a\x1a", "\x1a\r\n"])
def test_dos_end_of_file_mark_is_ignored(tmp_path: Path, end: str) -> None:
    found = sources(write(tmp_path / "a.csv", f"{HEADER}1,A,York\r\n2,B,Hull\r\n{end}"), using=USING)
    assert cells(found.tables[0])[1:] == [["1", "A", "York"], ["2", "B", "Hull"]]
    assert problems(found) == []


@pytest.mark.parametrize("row", ["", ",,", ";"])
def test_file_with_too_many_blank_rows_is_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(SourceError, match=r"more than 1,048,576 rows are blank"):
        table(write(tmp_path / "a.csv", HEADER + "1,A,York\n" + f"{row}\n" * 4_000_000), USING)
