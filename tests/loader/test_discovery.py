"""Which files a source refers to, and what they are called."""

import hashlib
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from importer.errors import SourceError, UsageError
from importer.loader import LoadOptions, load
from tests.loader.support import options, problems, sources, write

CSV = "Id,Name\n1,Acme\n"


def names(*given: Path | str) -> list[str]:
    return [table.file for table in load([str(path) for path in given], LoadOptions()).tables]


def test_folder_files_are_sorted_without_hidden_lock_and_nested_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.tsv", "C.TXT", ".hidden.csv", "~$a.xlsx", "nested/d.csv"):
        write(tmp_path / name, CSV)
    assert names(tmp_path) == ["C.TXT", "a.tsv", "b.csv"]


def test_glob_and_file_with_brackets_in_its_name_are_found(tmp_path: Path) -> None:
    for name in ("x1.csv", "x2.csv", "y.csv", "x[1].csv"):
        write(tmp_path / name, CSV)
    assert names(tmp_path / "x?.csv", tmp_path / "x[1].csv") == ["x1.csv", "x2.csv", "x[1].csv"]


def test_same_file_given_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", CSV)
    (tmp_path / "link.csv").symlink_to(path)
    assert names(path, tmp_path / "." / "a.csv", tmp_path / "*.csv") == ["a.csv"]


def test_files_with_the_same_content_are_reported(tmp_path: Path) -> None:
    for name in ("list (1).csv", "list.csv"):
        write(tmp_path / name, CSV)
    write(tmp_path / "more.csv", CSV + "3,Kestrel\n")
    assert problems(sources(tmp_path)) == [("warning", "file_twice", "list.csv")]


def test_unread_files_in_subfolders_are_reported(tmp_path: Path) -> None:
    for name in ("list.csv", "2024/list.csv", "2025/list.csv.bak", ".git/config", "results/20250331-140502/errors.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Code,Name\n1,Harbor Goods\n", encoding="utf-8")
    (problem,) = sources(tmp_path).problems
    assert (problem.severity, problem.code) == ("info", "subfolder_unread")
    assert str(problem.location) == tmp_path.name
    assert problem.message == "files in its subfolders are not read: 2024"
    for others in ([tmp_path / "list.csv"], [tmp_path, tmp_path / "2024"]):
        assert "subfolder_unread" not in {problem.code for problem in sources(*others).problems}


def test_files_with_the_same_name_are_shown_with_the_shortest_path(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, CSV) for name in ("p/x/a.csv", "q/x/a.csv", "q/y/a.csv", "b.csv")]
    assert names(*paths) == ["b.csv", "p/x/a.csv", "q/x/a.csv", "y/a.csv"]
    assert names(*paths[1:]) == ["b.csv", "x/a.csv", "y/a.csv"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.csv", "no such file"),
        ("none*.csv", "no file matches"),
        ("empty", "the folder contains no readable files"),
        ("zero.csv", "the file is empty"),
        ("blank.csv", "the file is empty"),
        ("header.csv", "there is a header in row 2, but there are no data rows below it"),
        ("picture.csv", "binary data, not a table"),
        ("control.csv", "binary data, not a table"),
        ("page.xls", "a web page or XML document"),
        ("https:", "no such file"),
    ],
)
def test_unreadable_source_error_says_what_where_and_what_to_do(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty/.keep", "x")
    write(tmp_path / "zero.csv", "")
    write(tmp_path / "blank.csv", "\n , \n\n")
    write(tmp_path / "header.csv", "\nId,Name\n")
    write(tmp_path / "picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)
    write(tmp_path / "control.csv", b"a,b\n\x01\x02\x03\x04,\x05\n")
    write(tmp_path / "page.xls", "<html><table><tr><td>Id</td></tr></table></html>")
    with pytest.raises(SourceError, match=message) as caught:
        sources(tmp_path / source)
    assert source in caught.value.message
    assert caught.value.hint


PROSE = [
    "Customer export of March\nSee the manual\n",  # a header without rows below it
    "One line\n",
    "Dear team,\n\nthis is the export, as you asked, of all lists.\nCall me, Dana\nBest\n",
    "Exported: today; by Dana\nRows: 12\nNothing else; really; nothing\n\n",
]


@pytest.mark.parametrize("columns", [["Id", "Name"], []])
@pytest.mark.parametrize("prose", PROSE)
def test_notes_next_to_a_list_are_reported_unless_given_by_name(tmp_path: Path, prose: str, columns: list[str]) -> None:
    folder = tmp_path / "all"
    paths = write(folder / "README.txt", prose), write(folder / "list.csv", CSV + "2,Birch\n")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        for path in paths:
            packed.write(path, path.name)
    for source in (folder, folder / "*", tmp_path / "all.zip"):
        found = sources(source, using=options(*columns))
        assert [len(table) for table in found.tables] in ([0, 2], [2, 0])
        assert [(problem.code, Path(problem.location.file or "").name) for problem in found.problems] == [
            ("sheet_ignored", "README.txt")
        ]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            "Id,Name\n",
            "b.csv: there is a header in row 1, but there are no data rows below it",
        ),  # an export without results
        ("", "b.csv: the file is empty"),
    ],
)
def test_empty_list_next_to_another_is_not_a_note(tmp_path: Path, other: str, message: str) -> None:
    write(tmp_path / "a.csv", CSV)
    write(tmp_path / "b.csv", other)
    with pytest.raises(SourceError, match=message):
        sources(tmp_path, using=options("Id", "Name"))


def test_table_with_other_columns_and_notes_given_by_name_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CSV)
    write(tmp_path / "b.csv", "Nr,Firma\n2,Birke\n3,Erle\n")  # the mapping check reports what is missing
    write(tmp_path / "c.csv", "Town\nBath\nLeeds\n")
    found = sources(tmp_path, using=options("Id", "Name"))
    assert [len(table) for table in found.tables] == [1, 2, 2]
    note = write(tmp_path / "README.txt", PROSE[1])
    with pytest.raises(SourceError, match=r"README\.txt: there is a header"):
        sources(tmp_path / "a.csv", note, using=options("Id", "Name"))


def test_notes_without_a_list_are_read_as_a_list(tmp_path: Path) -> None:
    write(tmp_path / "README.txt", PROSE[1])
    with pytest.raises(SourceError, match=r"README\.txt: there is a header"):
        sources(tmp_path)


def test_no_source_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no source"):
        load([], LoadOptions())


def test_permission_error_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "locked.csv", CSV)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root can read everything, so the refusal is simulated

        def refuse(self: Path, mode: str) -> bytes:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match=r"locked\.csv: the file cannot be read \(Permission denied\)"):
        sources(path)


def test_details_describe_what_was_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Report\n" + CSV.replace(",", ";"), "utf-16")
    os.utime(path, (0, 86400))
    (only,) = sources(path).tables
    assert dict(only.details) == {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "modified": "1970-01-02T00:00:00+00:00",
        "encoding": "utf-16-le",
        "delimiter": ";",
        "header_row": 2,
    }


def test_endless_device_is_refused() -> None:
    with pytest.raises(SourceError, match="zero: a device, not a file"):
        sources(Path("/dev/zero"))


def test_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(path.write_bytes, CSV.encode())
        (only,) = sources(path).tables
    assert written.result() == only.details["bytes"] == len(CSV)
    assert "modified" not in only.details  # writing to the pipe changes it


def test_unnamed_pipe_is_read_once(tmp_path: Path) -> None:
    read, write_end = os.pipe()
    with os.fdopen(read), os.fdopen(write_end, "wb") as end:
        end.write(CSV.encode())
        end.close()
        link = tmp_path / "in.csv"  # like /dev/stdin
        link.symlink_to(f"/dev/fd/{read}")
        (only,) = sources(link).tables
    assert (only.file, only.details["bytes"]) == ("in.csv", len(CSV))


@pytest.mark.parametrize(
    "name",
    [
        "Thumbs.db",
        "desktop.ini",
        ".DS_Store",
        "~$a.xlsx",
        "ehthumbs.db",
        "Icon\r",
        "._a.csv",
        "a.csv.bak",
        "a.csv~",
        "A.OLD",
    ],
)
def test_system_files_in_a_folder_are_ignored(tmp_path: Path, name: str) -> None:
    write(tmp_path / "a.csv", "Id,Name\n1,A\n")
    write(tmp_path / name, b"\x00\x01")
    assert names(tmp_path) == ["a.csv"]


def test_folder_file_with_a_non_utf_8_name_is_read_but_not_by_name(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    Path(os.fsdecode(path)).write_bytes(b"Id,Name\n1,A\n")
    for source in (str(tmp_path), str(tmp_path / "*.csv")):
        assert names(source) == ["caf\ufffd.csv"]
    with pytest.raises(UsageError, match=r"caf.?\.csv: the name is not UTF-8"):
        names(os.fsdecode(path))
