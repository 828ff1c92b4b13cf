"""gzip and zip: what they contain, under which names, and what is refused."""

import gzip
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from importer.errors import SourceError
from importer.loader import content as content_module
from tests.loader.support import cells, options, problems, sources, table, write

CSV = b"Id,Name\n1,Acme\n"


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return target.getvalue()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in (["Id", "Name"], [1, "Acme"]):
        book.worksheets[0].append(row)
    book.save(target := io.BytesIO())
    return target.getvalue()


def test_gzip_file_keeps_its_name(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv.gz", gzip.compress(CSV)))
    assert (read.name, cells(read)) == ("a.csv.gz", [["Id", "Name"], ["1", "Acme"]])
    book = table(write(tmp_path / "b.csv", gzip.compress(workbook())))
    assert (book.name, cells(book)) == ("b.csv!Sheet", [["Id", "Name"], ["1", "Acme"]])


def test_zip_files_are_read_in_name_order(tmp_path: Path) -> None:
    members = {
        "x/b.csv": CSV,
        "a.xlsx": workbook(),
        "__MACOSX/._a.xlsx": b"x",
        ".hidden": b"x",
        "x/": b"",
        "~$a.xlsx": b"x",
    }
    found = sources(write(tmp_path / "all.zip", zipped(members)))
    assert [item.name for item in found.tables] == ["all.zip/a.xlsx!Sheet", "all.zip/x/b.csv"]
    assert [len(item.frame) for item in found.tables] == [1, 1]


def test_problems_within_an_archive_have_locations(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "all.zip", zipped({"a.csv": b"Id,Name\n1,A\n2\n"})), using=options("Id", "Name"))
    assert problems(found) == [("warning", "row_short", "all.zip/a.csv:3")]


def encrypted() -> bytes:
    content = bytearray(zipped({"a.csv": CSV}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


@pytest.mark.parametrize(("start", "unpacked"), [(b"7z\xbc\xaf\x27\x1c", True), (b"%PDF-1.7\n", False)])
def test_only_archives_are_to_be_unpacked(start: bytes, *, unpacked: bool) -> None:
    with pytest.raises(SourceError) as caught:
        content_module.unpack(start + CSV, "a.csv")
    assert ("Unpack" in caught.value.hint) is unpacked


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped({"a.csv": CSV, "b.csv": CSV})[:-40], "damaged or cut off"),
        (zipped({"a.csv": CSV}).replace(b"PK\x01\x02", b"PK\x01\x03"), "damaged or cut off"),
        (gzip.compress(CSV * 100)[:-12], "damaged or cut off"),
        (gzip.compress(CSV)[:-8] + b"\0" * 8, "damaged or cut off"),
        (zipped({}), "the archive contains no files"),
        (zipped({".keep": b""}), "the archive contains no files"),
        (encrypted(), r"all\.zip/a\.csv: password-protected"),
        (zipped({"in.zip": zipped({"a.csv": CSV})}), r"all\.zip/in\.zip: an archive within an archive"),
        (zipped({"in.csv.gz": gzip.compress(CSV)}), "an archive within an archive"),
        (gzip.compress(gzip.compress(CSV)), "an archive within an archive"),
        (b"7z\xbc\xaf\x27\x1c" + b"x" * 50, "a 7-Zip archive"),
        (b"%PDF-1.7\n" + CSV, "a PDF document"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "a vCard file"),
        (b'ID;PWXL;N;E\r\nC;Y1;X1;K"Id"\r\nE\r\n', "a SYLK file"),
        (b'TABLE\r\n0,1\r\n"EXCEL"\r\n', "a DIF file"),
        (b"\0\1\0\0Standard Jet DB\0", "a Microsoft Access database"),
        (zipped({"Index/Document.iwa": b"x", "preview.jpg": b"x"}), "an Apple Numbers document"),
        (gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar\x0000" + CSV), "an archive within an archive"),
    ],
    ids=[
        *("cut zip", "damaged zip", "cut gzip", "damaged gzip", "empty zip", "only a hidden file", "encrypted"),
        *("zip in zip", "gzip in zip", "gzip in gzip", "7z", "pdf", "vcard", "sylk", "dif", "access"),
        *("numbers", "tar in gzip"),
    ],  # an ID made from the bytes would include gzip's timestamp and differ between processes
)
def test_unreadable_archive_is_refused_with_a_reason(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        sources(write(tmp_path / "all.zip", content))
    assert "all.zip" in caught.value.message
    assert caught.value.hint


PACKERS = [gzip.compress, lambda data: zipped({"a.csv": data}), lambda data: zipped({"mimetype": data})]


@pytest.mark.parametrize("pack", PACKERS, ids=["gzip", "zip", "workbook"])
def test_archive_bomb_is_refused_before_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack) -> None:
    path = write(tmp_path / "a.zip", pack(b"\n" * 1_000_000))
    monkeypatch.setattr(content_module, "_HARMLESS_BYTES", 100_000)
    monkeypatch.setattr(content_module, "_HARMLESS_WORKBOOK", 100_000)
    monkeypatch.setattr(content_module, "_PIECE", 10_000)
    with pytest.raises(SourceError, match="the archive would expand"):
        sources(path)
    monkeypatch.setattr(content_module, "_MAX_RATIO", 100_000)
    monkeypatch.setattr(content_module, "_MAX_BYTES", 500_000)
    with pytest.raises(SourceError, match="the archive would expand"):
        sources(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unbounded_compression_methods_are_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.csv", "Id,Name\n1,A\n")
    with pytest.raises(SourceError, match="uses an unsupported compression method"):
        sources(tmp_path / "a.zip")


def test_system_files_in_an_archive_are_ignored(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("x/Thumbs.db", "__MACOSX/._a.csv", "desktop.ini", "x/.DS_Store"):
            archive.writestr(name, b"\0\1")
        archive.writestr("x/a.csv", "Id,Name\n1,A\n")
    assert [read.name for read in sources(tmp_path / "a.zip").tables] == ["a.zip/x/a.csv"]
