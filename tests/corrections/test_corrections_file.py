"""The corrections file can be read back; damaged, contradictory, or foreign content is an error."""

import csv
import fcntl
import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from importer.corrections.corrections_file import changing, read_corrections
from importer.corrections.format_changes import only_format
from importer.errors import UsageError
from tests.corrections.tables import recorded, source_table

NAMES = ("Key", "Name", "Phone", "Zip")
ROWS = [("0017", "Ann", "=1+1", "02134"), ("a|b", "Ännchen", "'-1", "x\ny"), ("", "+Bob", "", "")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = source_table(NAMES, ROWS)
    cells = [(0, "Phone", "+14155550132"), (0, "Zip", "02135"), (1, "Phone", ""), (2, "Key", "=x")]
    file = replace(recorded(table, *cells), path=tmp_path / "c.csv")
    file.write()
    return file.path


def test_written_corrections_are_read_back(path: Path) -> None:
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file = read_corrections(path)
    assert [(one.identity.key, one.column, one.identity.old, one.new) for one in file.corrections] == [
        ("0017", "Phone", "=1+1", "+14155550132"),
        ("0017", "Zip", "02134", "02135"),
        ("a|b", "Phone", "'-1", ""),
        ("", "Key", "", "=x"),
    ]
    assert "'=1+1" in content.decode()
    file.write()
    assert path.read_bytes() == content
    path.write_bytes(content.replace(b"\n", b"\r\n").replace(b",", b";"))  # as Excel saves it in other locales
    assert [one.identity for one in read_corrections(path).corrections] == [one.identity for one in file.corrections]


@contextmanager
def held_open(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_concurrent_changes_to_a_file_wait_for_each_other(path: Path) -> None:
    def leave_out(at: int) -> None:
        with changing(path) as file:
            if at:
                other.start()
                with pytest.raises(BlockingIOError), held_open(path.parent) as folder:
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            kept = file.corrections[:at] + file.corrections[at + 1 :]
            replace(file, corrections=kept).write()

    other = threading.Thread(target=leave_out, args=(0,))
    leave_out(3)
    other.join()
    assert [one.column for one in read_corrections(path).corrections] == ["Zip", "Phone"]


def edited(path: Path, change: Callable[[list[list[str]]], object]) -> None:
    lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    change(lines)
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    path.write_text(text.getvalue(), encoding="utf-8-sig")


def put(line: int, column: str, text: str) -> Callable[[list[list[str]]], object]:
    return lambda lines: lines[line - 1].__setitem__(lines[0].index(column), text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(2, "key", "17"), "c.csv:2: table, key, column, old, or rows was changed after it was recorded"),
        (put(3, "old", "2134"), "c.csv:3: table, key, column, old, or rows was changed after it was recorded"),
        (put(3, "new", "2135"), "c.csv:3: the new value '2135' was changed after it was recorded"),
        (put(4, "fingerprint", "x"), "c.csv:4: the fingerprint or the number of rows is damaged"),
        (put(3, "new", "02134"), "c.csv:3: the new value equals the old one"),
        (lambda lines: lines.__delitem__(0), "c.csv:1: not a corrections file"),
        (lambda lines: lines.append(["customers", "x"]), "c.csv:6: the line has 2 cells"),
        (
            lambda lines: lines.append([*lines[2][:5], "99999", *lines[2][6:]]),
            "c.csv:6: Zip of '0017': '02134' → '99999' contradicts line 3: Zip of '0017': '02134' → '02135'",
        ),
    ],
)  # fmt: skip
def test_invalid_corrections_file_is_refused_with_its_line(
    path: Path, change: Callable[[list[list[str]]], object], message: str
) -> None:
    edited(path, change)
    with pytest.raises(UsageError) as caught:
        read_corrections(path)
    assert message in str(caught.value)


def test_other_files_are_refused(path: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_text(encoding="utf-8-sig").encode("cp1252") + b"\xe4")
    with pytest.raises(UsageError, match=r"c\.csv:6: not UTF-8"):
        read_corrections(path)
    path.write_text("")
    with pytest.raises(UsageError, match="it is empty"):
        read_corrections(path)
    with pytest.raises(UsageError, match="does not exist"):
        read_corrections(tmp_path / "none.csv")
    assert not read_corrections(tmp_path / "none.csv", may_be_absent=True).corrections


def test_new_text_may_be_edited_and_lines_deleted(path: Path) -> None:
    edited(path, lambda lines: (put(2, "new", "+14155550199")(lines), lines.__delitem__(3)))
    assert [one.new for one in read_corrections(path).corrections] == ["+14155550199", "02135", "=x"]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("0017", "17", True),
        ("1.50", "1.5", True),
        ("7.0", "7", True),
        ("1,234.50", "1234.5", True),
        ("1234,5", "1234.5", True),
        ("+14155550132", "14155550132", True),
        ("4111111111111111", "4.11111E+15", True),
        ("12345678901234567", "12345678901234500", True),
        ("5%", "0.05", True),
        ("TRUE", "true", True),
        ("TRUE", "WAHR", True),
        ("2024-05-01", "5/1/2024", True),
        ("2024-05-01", "01.05.2024", True),
        ("2024-05-01", "45413", True),
        ("2024-05-01", "2024-05-01 00:00:00", True),
        ("3-5", "2026-03-05", True),
        ("1-May-24", "2024-05-01", True),
        ("0017", "18", False),
        ("02134", "02135", False),
        ("marlow", "Marlow", False),
        (" x ", "x", False),
        ("17", "", False),
        ("2024-05-01", "2024-05-02", False),
        ("TRUE", "FALSE", False),
        ("555", "+1 415 555 0132", False),
        ("3-5", "2026-03-06", False),
    ],
)
def test_format_changes_are_recognized(before: str, after: str, same: bool) -> None:
    assert only_format(before, after) is same
