"""Text read in blocks equals what the csv module reads at once, wherever the blocks end."""

import csv
import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import OutputError, SourceError
from importer.loader import content as content_module
from importer.loader.content import Content
from importer.loader.text import column_store, csv_blocks
from importer.loader.text.csv_blocks import blocks
from importer.loader.text.csv_reader import CsvFormat, CsvRecords, read_body
from tests.loader.support import cells, options, problems, skipped, sources, write

# Quoted line ends, doubled quotes, quotes within text and after the closing quote, and multi-byte characters.
CELLS = ["", "a", "b c", '"q"', '"x\ny"', '"x\r\ny"', '"a""b"', '""', '""""', '"",', 'p"q', '"z"w', 'w"', "é€"]
CELLS += ['"é\n,"', '"1,2,3\n4,5,6\n7,8,9"', '"']
ENDS = ["\n", "\r\n", "\r"]


def read(data: bytes, *, piece: int, scratch: Path | None = None, width: int = 3) -> CsvRecords:
    pieces = (data[at : at + piece] for at in range(0, len(data), piece))
    return read_body(pieces, CsvFormat(",", width, ("A", "B", "C")), start=2, file="a.csv", scratch=scratch)


def padded(rows: list[list[str]], width: int) -> list[list[str]]:
    return [[*row, *[""] * (width - len(row))] for row in rows]


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.sampled_from(CELLS), max_size=5), max_size=30),
    end=st.sampled_from(ENDS),
    block=st.sampled_from([1, 7, 16, 40, 1 << 20]),
    piece=st.sampled_from([1, 5, 64, 1 << 20]),
    on_disk=st.booleans(),
)
def test_blocks_of_any_size_match_the_csv_module(
    tmp_path: Path, rows: list[list[str]], end: str, block: int, piece: int, on_disk: bool
) -> None:
    data = "".join(",".join(row) + end for row in rows).encode()
    expected = list(csv.reader(io.StringIO(data.decode(), newline="")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "_BLOCK_BYTES", block)
        if _is_open(data.decode()):
            with pytest.raises(SourceError, match=rf"^a\.csv:{1 + len(expected)}: .*never closed"):
                read(data, piece=piece, scratch=tmp_path if on_disk else None)
            return
        body = read(data, piece=piece, scratch=tmp_path if on_disk else None).body
    assert [body.row(index) for index in range(len(body))] == padded(expected, len(body.columns))
    assert body.numbers.tolist() == list(range(2, 2 + len(expected)))
    for index, row in enumerate(expected):
        assert body.widths[index] == len(row) or (not row and body.widths[index] == 3)


def _is_open(text: str) -> bool:
    """Whether the text ends inside quotes, so that the csv module adds whatever follows to the last cell."""
    before = list(csv.reader(io.StringIO(text, newline="")))
    after = list(csv.reader(io.StringIO(text + "\nEND\n", newline="")))
    return bool(after) and after[-1] != ["END"] and len(after) == len(before)


@settings(max_examples=60)
@given(
    rows=st.lists(st.lists(st.sampled_from(CELLS[:-1]), min_size=3, max_size=3), max_size=30), end=st.sampled_from(ENDS)
)
def test_faults_do_not_depend_on_block_size(rows: list[list[str]], end: str) -> None:
    data = "".join(",".join(row) + end for row in rows).encode()
    whole = read(data, piece=1 << 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "_BLOCK_BYTES", 30)
        parted = read(data, piece=11)
    assert parted.faults == whole.faults


def test_blocks_end_at_record_boundaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 8)
    pieces = [b'1,"a\n', b'b",x\n2', b',5" pipe\n3,"c""\n', b'",y\n', b"4,d"]
    assert [block.data for block in blocks(iter(pieces), ",")] == [
        b'1,"a\nb",x\n',
        b'2,5" pipe\n',
        b'3,"c""\n",y\n',
        b"4,d",
    ]


def test_long_record_is_read_completely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 8)
    text = "a long cell, longer\nthan several blocks of this size"
    body = read(f'1,"{text}"\n\n2,b\n'.encode(), piece=3, width=2).body
    assert [body.row(index) for index in range(len(body))] == [["1", text], ["", ""], ["2", "b"]]


def test_rows_of_wrong_length_far_apart_are_located(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 400)
    rows = [[str(number), "B", "C"] for number in range(500)]
    rows[100], rows[300], rows[301] = ["100"], ["300", "B", "C", "x", "y"], ["301", "B", "C", "z"]
    path = write(tmp_path / "a.csv", "Id,Name,City\n" + "".join(",".join(row) + "\n" for row in rows))
    found = sources(path, using=options("Id", "Name", "City", scratch=tmp_path))
    (only,) = found.tables
    assert cells(only) == [["Id", "Name", "City", "Column 4", "Column 5"], *padded(rows, 5)]
    assert problems(found) == [
        ("error", "row_too_long", "a.csv:302"),
        ("error", "row_too_long", "a.csv:303"),
        ("error", "row_split", "a.csv:102"),
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-be", "mac-roman", "utf-8-sig"])
def test_encodings_do_not_depend_on_piece_boundaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    names = ["Café Zürich", "Müller", "Peñaranda", "Façade", "Hôtel Crème", "Søren", "Señor Güell", "Bäcker"] * 20
    text = "Id,Name\n" + "".join(f"{number},{name}\n" for number, name in enumerate(names))
    path = write(tmp_path / "a.csv", text, encoding)
    whole = sources(path)
    monkeypatch.setattr(content_module, "_PIECE", 7)
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 50)
    parted = sources(path)
    assert parted.tables[0].details == whole.tables[0].details
    assert cells(parted.tables[0]) == cells(whole.tables[0]) == [["Id", "Name"], *map(list, _numbered(names))]
    assert parted.problems == whole.problems


def _numbered(names: list[str]) -> list[tuple[str, str]]:
    return [(str(number), name) for number, name in enumerate(names)]


def test_other_encoding_late_in_a_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_module, "_PIECE", 1000)
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 1000)
    monkeypatch.setattr("importer.loader.text.delimited._HEAD_BYTES", 1000)
    rows = "".join(f"{number},Café\n" for number in range(1000)).encode()
    found = sources(write(tmp_path / "a.csv", b"Id,Name\n" + rows + b"x,Caf\xe9\n" + rows))
    assert problems(found) == [("error", "encoding_mixed", "a.csv:1002 [Name]")]
    assert set(found.tables[0].frame["Name"]) == {"Café"}
    with pytest.raises(SourceError, match=r"line 1,002 contains a NUL byte"):
        sources(write(tmp_path / "b.csv", b"Id,Name\n" + rows + b"x,\0\n"))
    with pytest.raises(SourceError, match=r"not valid utf-16-le \(line 1,002\)"):
        sources(write(tmp_path / "c.csv", b"\xff\xfe" + ("Id,Name\n" + rows.decode()).encode("utf-16-le") + b"x"))


def test_late_damage_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 100)
    found = sources(write(tmp_path / "a.csv", "Id,Name\n" + "1,A\n" * 400 + "2,B\x01\n" + "3,C\n" * 400))
    assert problems(found) == [("warning", "damaged_text", "a.csv:402 [Name]")]


def test_digest_is_of_the_file_in_any_encoding(tmp_path: Path) -> None:
    contents = [b"Id,Name\n1,A\n", "Id,Name\n1,Zo\xeb\n".encode("cp1252"), "\ufeffId,Name\n1,A\n".encode("utf-16-le")]
    for content in contents:
        (only,) = sources(write(tmp_path / "a.csv", content)).tables
        assert only.details["sha256"] == hashlib.sha256(content).hexdigest()
        assert (only.details["bytes"], skipped(only)) == (len(content), [(1, "header")])


def test_full_disk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, *_: object) -> None:
            pass

        def write_batch(self, _: object) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(column_store.ipc, "new_file", Full)
    path = write(tmp_path / "a.csv", b"Id,Name\n1,A\n")
    with pytest.raises(OutputError, match="scratch folder cannot be written: No space left on device"):
        sources(path, using=options(scratch=tmp_path))


def test_file_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_module, "_PIECE", 4)
    assert list(Content(write(tmp_path / "a", b"0123456789")).pieces()) == [b"0123", b"4567", b"89"]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Id,Name\n1,A\n2,B\n", True),
        ("Title\n\nId,Name\n1,A\n\n2,B\nTotal,5\n", True),  # the file is rewritten without its non-data rows
        ("Id,Name\n" + "1,A\n\n" * 300, True),
        ("Id,Name,,\n1,A,,\n2,B,,\n", False),  # columns are left out
        ("Id,Card Number\n1,4111111111111111\n", False),
        ("Id,Name\n1,A\n2,B\n2,B,x\n", False),
        ("import_errors,Id,Name\nwrong,1,A\n", False),
    ],
)
def test_cells_on_disk_match_the_table_or_are_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, *, stored: bool
) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 20)
    path, scratch = write(tmp_path / "a.csv", text), tmp_path / "scratch"
    scratch.mkdir(mode=0o700)
    in_memory, on_disk = sources(path), sources(path, using=options(scratch=scratch))
    (expected,), (found,) = in_memory.tables, on_disk.tables
    assert (cells(found), found.row_numbers.tolist()) == (cells(expected), expected.row_numbers.tolist())
    assert (skipped(found), on_disk.problems) == (skipped(expected), in_memory.problems)
    assert (expected.stored, found.stored is not None) == (None, stored)
    assert list(scratch.iterdir()) == ([found.stored] if found.stored else [])
    if found.stored:
        assert found.stored.stat().st_mode & 0o777 == 0o600
        with pa.memory_map(str(found.stored)) as file:
            read_back = pa.ipc.open_file(file).read_all()
        assert read_back.to_pydict() == {name: expected.frame[name].tolist() for name in expected.frame.columns}


def test_control_characters_are_found_in_any_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 100)
    text = "Id,Name\n" + "1,A\n" * 100 + "2,B\x01\n" + "3,\ufffd\n" + "4,é\ue000\n" * 100 + "5,\x1f\n" + "6,\tx\n"
    found = sources(write(tmp_path / "a.csv", text), using=options(scratch=tmp_path))
    assert problems(found) == [("warning", "damaged_text", f"a.csv:{row} [Name]") for row in (102, 103, 204)]
