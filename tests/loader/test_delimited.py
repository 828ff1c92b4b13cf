"""Delimited text: encodings, delimiters, line ends, quotes, and rows that do not fit."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from importer.errors import SourceError, UsageError
from importer.loader.text import csv_blocks
from importer.loader.text.delimited import _choose_delimiter
from importer.tables import TEXT
from tests.loader.support import cells, options, problems, skipped, sources, table, write

KEYED = options("Id", "Name", "City")


@pytest.mark.parametrize(
    ("encoding", "bom", "named"),
    [
        ("utf-8", "", "utf-8"),
        ("utf-8", "\ufeff", "utf-8"),
        ("utf-16-le", "\ufeff", "utf-16-le"),
        ("utf-16-be", "\ufeff", "utf-16-be"),
        ("utf-16-le", "", "utf-16-le"),
        ("utf-16-be", "", "utf-16-be"),
        ("cp1252", "", "cp1252"),
    ],
)
def test_encoding_is_detected(tmp_path: Path, encoding: str, bom: str, named: str) -> None:
    read = table(write(tmp_path / "a.csv", f"{bom}Id,Name\n1,Café “Zoë” €\n", encoding))
    assert cells(read) == [["Id", "Name"], ["1", "Café “Zoë” €"]]
    assert read.details["encoding"] == named


def test_latin_1_is_used_for_bytes_undefined_in_cp1252(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", b"Id,Name\n1,Caf\xe9 \x81\n"))
    assert (read.details["encoding"], read.frame.at[0, "Name"]) == ("latin-1", "Café \x81")


def test_given_encoding_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Id,Name\n1,Łódź\n", "cp1250")
    assert table(path, options(encoding="cp1250")).frame.at[0, "Name"] == "Łódź"
    with pytest.raises(SourceError, match=r"a\.csv: byte 11 is not valid utf-8"):
        table(path, options(encoding="utf8"))
    with pytest.raises(UsageError, match="'no-such' is not an encoding"):
        table(path, options(encoding="no-such"))
    with pytest.raises(UsageError, match="'base64' is not an encoding"):
        table(path, options(encoding="base64"))


def test_invalid_utf_8_after_a_bom_and_invalid_utf_16_are_refused(tmp_path: Path) -> None:
    for content in (b"\xef\xbb\xbfId,Name\n1,\xe9\n", "\ufeffId,Name\n1,x\n".encode("utf-16-le") + b"\x0a"):
        with pytest.raises(SourceError, match=r"b\.csv: byte .* is not valid utf-"):
            table(write(tmp_path / "b.csv", content))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "~", "^"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a.xlsx"])
def test_delimiter_is_found_for_any_file_name(tmp_path: Path, delimiter: str, name: str) -> None:
    rows = [
        ["Id", "Full Name", "Amount"],
        ["1", "Doe, J; x|y", "1,5"],
        ["2", "Roe, A; z|y", "2,5"],
        ["3", "Poe", "3,5"],
    ]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    read = table(write(tmp_path / name, text.getvalue()))
    assert cells(read) == rows
    assert read.details["delimiter"] == delimiter


def test_known_headers_decide_the_delimiter(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Id;Name\n1,5;A,b\n2,5;C,d\n3,5;E,f\n")
    assert cells(table(path, KEYED))[0] == ["Id", "Name"]


def test_delimiter_is_given_or_named_by_sep_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Id^Name\n1^A\n")
    assert cells(table(path, options(delimiter="^"))) == [["Id", "Name"], ["1", "A"]]
    with pytest.raises(UsageError, match="cannot be a delimiter"):
        table(path, options(delimiter="::"))
    read = table(write(tmp_path / "b.csv", "sep=^\r\nId^Name\r\n1^A,b\r\n"))
    assert (cells(read), skipped(read)) == ([["Id", "Name"], ["1", "A,b"]], [(1, "title"), (2, "header")])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_endings_and_quoted_or_doubled_quotes_are_read(tmp_path: Path, end: str) -> None:
    text = f'Id,Name{end}1,"Acme ""Inc"", Ltd"{end}{end}2,"12 High St{end}Leeds"{end}3,"5"" pipe"{end}'
    read = table(write(tmp_path / "a.csv", text))
    assert cells(read)[1:] == [["1", 'Acme "Inc", Ltd'], ["2", f"12 High St{end}Leeds"], ["3", '5" pipe']]
    assert read.row_numbers.tolist() == [2, 4, 5]
    assert skipped(read) == [(1, "header"), (3, "blank")]


def test_cells_are_unchanged_text_and_never_null(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Id,Zip,Flag,None\n 0012 ,02138,TRUE,NA\n1.23E+05,,null,\n"))
    assert all(dtype == TEXT for dtype in read.frame.dtypes)
    assert cells(read)[1:] == [[" 0012 ", "02138", "TRUE", "NA"], ["1.23E+05", "", "null", ""]]
    assert not read.frame.isna().to_numpy().any()


def test_headers_are_trimmed_numbered_and_filled_in(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Id , Phone,Phone,phone#2,,,Phone\n1,a,b,c,,d,e\n2,,,,,,\n"))
    assert list(read.frame.columns) == ["Id", "Phone", "Phone#2", "phone#2#2", "Column 6", "Phone#3"]
    assert read.frame.loc[0].tolist() == ["1", "a", "b", "c", "d", "e"]


def test_each_short_row_is_padded_with_a_warning(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", "Id,Name,City\n1,A,X\n2\n3,C\n4,D,Y\n"))
    assert cells(found.tables[0])[1:] == [["1", "A", "X"], ["2", "", ""], ["3", "C", ""], ["4", "D", "Y"]]
    assert problems(found) == [("warning", "row_short", "a.csv:3"), ("warning", "row_short", "a.csv:4")]
    assert not found.tables[0].broken.any()


@pytest.mark.parametrize(
    ("rows", "pieces"),
    [
        ("1,A,4 Pier Rd,X\n2,B,9 Dock\nSt,Y\n3,C,Z,Z\n", [3, 4]),
        ("1,A,4 Pier Rd,X\n2,B,Dock 7\n\nPier\nRd,Y\n3,C,Z,Z\n", [3, 5, 6]),
        ("1,A,4 Pier Rd,X\nDock 7\n3,C,Z,Z\n", [3]),
        ("1,A,4 Pier Rd,X\n2,B,9 Dock\nSt,Y\n3,C,Z\n", []),
        ("1,A,4 Pier Rd,X\n2,B,9 Dock\n3,C,Z\n4,D,Z,Z\n", []),
    ],
)
def test_rows_split_by_a_line_break_are_errors(tmp_path: Path, rows: str, pieces: list[int]) -> None:
    found = sources(write(tmp_path / "a.csv", f"Id,Name,Street,City\n{rows}"))
    assert [problem for problem in problems(found) if problem[0] == "error"] == [
        ("error", "row_split", f"a.csv:{row}") for row in pieces
    ]


def test_part_of_a_split_row_reports_its_cell_count(tmp_path: Path) -> None:
    found = sources(
        write(tmp_path / "a.csv", "Id,Name,Street,City\n1,A,4 Pier Rd,X\nDock 7\n2,B,9 Dock\nSt,Y\n3,C,Z,Z\n")
    )
    assert [problem.message.rpartition(": ")[2] for problem in found.problems] == [
        f"it has {cells}, and the header has 4" for cells in ("1 cell", "3 cells", "2 cells")
    ]


def test_some_short_rows_of_a_long_file_are_warnings(tmp_path: Path) -> None:
    rows = "".join(f"{number},B\n" if number % 10 == 3 else f"{number},B,C,D\n" for number in range(200))
    found = sources(write(tmp_path / "a.csv", f"Id,Name,City,Zip\n{rows}"))
    assert problems(found) == [("warning", "row_short", f"a.csv:{row}") for row in range(5, 202, 10)]


def test_many_short_rows_are_one_warning_for_the_file(tmp_path: Path) -> None:
    rows = "".join(f"{number},B\n" if number % 2 else f"{number},B,C,D\n" for number in range(200))
    found = sources(write(tmp_path / "a.csv", f"Id,Name,City,Zip\n{rows}"))
    assert problems(found) == [("warning", "row_short", "a.csv")]
    assert "100 rows" in found.problems[0].message
    assert found.tables[0].frame["Zip"].tolist() == ["D", ""] * 100
    assert found.tables[0].frame["Id"].tolist() == [str(number) for number in range(200)]


def test_row_with_more_cells_than_the_header_is_broken_but_kept(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", "Id,Name\n1,A,,\n2,B,x,\n3,Doe, J,y\n4,D\n"))
    (only,) = found.tables
    assert cells(only) == [
        ["Id", "Name", "Column 3", "Column 4"],
        ["1", "A", "", ""],
        ["2", "B", "x", ""],
        ["3", "Doe", " J", "y"],
        ["4", "D", "", ""],
    ]
    assert only.broken.tolist() == [False, True, True, False]
    assert problems(found) == [("error", "row_too_long", "a.csv:3"), ("error", "row_too_long", "a.csv:4")]
    assert found.problems[1].value == " J | y"
    assert "in quotation marks" in found.problems[1].hint


@pytest.mark.parametrize("rows_after", [0, 40_000])
@pytest.mark.parametrize("row", ['3,"Acme', '3,"', '"3'])
def test_unclosed_quote_stops_and_names_its_row(tmp_path: Path, row: str, rows_after: int) -> None:
    tail = "".join(f"{number},Some Name,Town\n" for number in range(rows_after))
    path = write(tmp_path / "a.csv", f"Id,Name,City\n1,A,B\n\n2,A,B\n{row},x\n{tail}")
    with pytest.raises(SourceError, match=r"a\.csv:5: .*a quotation mark|a\.csv:5: the row cannot be read") as caught:
        table(path)
    assert "quotation mark" in str(caught.value)


def test_unclosed_quote_in_a_last_row_without_line_end(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.csv:3: a quotation mark opened in this row is never closed"):
        table(write(tmp_path / "a.csv", 'Id,Name\n1,A\n2,"cut o'))


def test_quote_closed_in_a_later_row_rejects_the_row_that_absorbed_it(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", 'Id,Name,City\n1,"A,x\n2,"B,y\n3,C,z\n4,"D\nE",z\n'))
    (only,) = found.tables
    assert only.row_numbers.tolist() == [2, 3, 4]
    assert only.broken.tolist() == [True, False, False]
    assert problems(found) == [("error", "quote_unclosed", "a.csv:2")]


def test_quoted_text_that_looks_like_rows_is_kept(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", 'Id,Name,City\n1,"A, b, c\nd, e, f",x\n2,"5"" pipe",5" pipe\n'))
    assert problems(found) == []
    assert cells(found.tables[0])[1:] == [["1", "A, b, c\nd, e, f", "x"], ["2", '5" pipe', '5" pipe']]


def test_many_rows_use_the_arrow_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("read by the csv module")

    monkeypatch.setattr(csv_blocks, "_parse_slowly", refuse)
    monkeypatch.setattr(csv_blocks, "_parse_ragged", refuse)
    row = ",".join(["value"] * 17 + ['"two\nlines"', ""])
    text = ",".join(f"H{number}" for number in range(20)) + "\n"
    text += "".join(f"{number},{row}\n" + "\n" * (number % 1000 == 0) for number in range(20_000))
    read = table(write(tmp_path / "a.csv", text))
    assert read.frame.shape == (20_000, 20)
    assert read.frame["H0"].tolist() == [str(number) for number in range(20_000)]
    assert read.row_numbers[-1] == 20_000 + 1 + 20
    assert len(read.skipped) == 21


WESTERN = st.characters(codec="cp1252", exclude_characters="\x00")
ANY = st.characters(exclude_categories=("Cs",), exclude_characters="\x00\ufeff")


def header_cells(count: int) -> list[str]:
    return [f"Header {chr(65 + number)}" for number in range(count)]


@st.composite
def written_tables(draw: st.DrawFn) -> tuple[list[list[str]], str, str, str, int]:
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    letters = WESTERN if encoding == "cp1252" else ANY
    special = st.sampled_from(["", "", "x", ",", ";", "\t", "|", '"', '""', "\n", "\r\n", "\r", " ", "0", "'", "é"])
    cell = st.one_of(special, st.text(letters, max_size=6), st.lists(special, max_size=4).map("".join))
    width = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=12))
    return rows, encoding, draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"])), width


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=written_tables(), quote_all=st.booleans())
def test_csv_module_output_is_read_back_with_row_numbers(
    tmp_path: Path, written: tuple[list[list[str]], str, str, str, int], quote_all: bool
) -> None:
    rows, encoding, delimiter, end, width = written
    foreign = {"\r", "\n"} & set("".join("".join(row) for row in rows))  # the writer quotes only its own line ends
    quoting = csv.QUOTE_ALL if quote_all or foreign - set(end) else csv.QUOTE_MINIMAL
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([header_cells(width), *rows])
    content = text.getvalue().encode(encoding)
    control = sum(byte < 32 and byte not in (9, 10, 12, 13, 26) for byte in text.getvalue().encode())
    assume(control <= 0.04 * len(text.getvalue()))
    assume(encoding != "cp1252" or content.isascii() or _holds_no_utf8(content))
    assume(any("".join(row).strip() for row in rows))
    assume(not text.getvalue().rstrip("\r\n").endswith("\x1a"))  # the end-of-file mark of DOS
    path = write(tmp_path / "a.csv", content)
    given = "cp1252" if encoding == "cp1252" else None  # random letters belong to no language
    read = table(path, options(*header_cells(width), encoding=given))
    expected = [(number, row) for number, row in enumerate(rows, start=2) if "".join(row).strip()]
    assert list(zip(read.row_numbers.tolist(), cells(read)[1:], strict=True)) == expected
    assert read.records == len(rows) + 1
    assert read.details["delimiter"] == delimiter


def _holds_no_utf8(content: bytes) -> bool:
    """Western text without bytes that happen to be valid UTF-8; otherwise, it counts as a mixture."""
    return not re.search(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", content)


def test_giant_cell_is_refused_with_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 1000)
    monkeypatch.setattr(csv_blocks, "_LONG_RECORD", 2000)
    with pytest.raises(SourceError, match=r"a\.csv:3: a quotation mark opened in this row"):
        table(write(tmp_path / "a.csv", 'Id,Name\n1,A\n2,"' + "xé\n" * 100_000))


def test_delimiters_are_tried_only_on_the_head(tmp_path: Path) -> None:
    delimiter, rows, ends = _choose_delimiter(b"Id,Name\n" + b"1,A\n" * 300_000, options())
    assert (delimiter, len(rows), ends[-1]) == (",", 60, 8 + 59 * 4)


@pytest.mark.parametrize(
    ("rows", "told"), [(65_535, []), (65_536, [("warning", "sheet_full", "a.csv:65536")]), (65_537, [])]
)
def test_full_sheet_row_count_is_reported(tmp_path: Path, rows: int, told: list[tuple[str, str, str]]) -> None:
    found = sources(write(tmp_path / "a.csv", "Id,Name\n" + "1,A\n" * (rows - 1)))
    assert problems(found) == told
