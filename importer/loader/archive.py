"""gzip and zip: the files in them, unpacked within bounds."""

import gzip
import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from importer.errors import SourceError

__all__ = ["is_packed", "is_workbook_container", "unpack"]

_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
_OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "7-Zip archive",
    b"Rar!\x1a\x07": "RAR archive",
    b"\xfd7zXZ\x00": "xz archive",
    b"BZh": "bzip2 archive",
    b"\x28\xb5\x2f\xfd": "Zstandard archive",
    b"%PDF-": "PDF document",
    b"MIME-Version:": "web archive",
    b"{\\rtf": "text document",
}
_WORKBOOK_PARTS = frozenset({"[Content_Types].xml", "mimetype", "content.xml", "xl/workbook.xml", "xl/workbook.bin"})
_WORKBOOK_NAMES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
# Real exports shrink to a tenth or a thirtieth. What grows more than a hundredfold to something large is no export.
_HARMLESS, _RATIO, _MOST = 64 * 1024**2, 100, 4 * 1024**3
_MOST_MEMBERS = 1000
_PIECE = 4 * 1024**2


def is_packed(start: bytes) -> bool:
    """Whether a file that begins so is an archive, a workbook in a ZIP container, or of a kind that is no table."""
    return start.startswith((_GZIP, _ZIP, _EMPTY_ZIP, *_OTHERS))


def is_workbook_container(content: bytes, file: str) -> bool:
    """Whether a zip file is a workbook; one too damaged to tell goes by its name. Raises :class:`SourceError`.

    A workbook that would grow beyond all bounds is refused here, before anything reads it.
    """
    if not content.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return file.casefold().endswith(_WORKBOOK_NAMES) or b"[Content_Types].xml" in content
    if _WORKBOOK_PARTS.isdisjoint(member.filename for member in members):
        return False
    _check_size(sum(member.file_size for member in members), len(content), file)
    return True


def unpack(content: bytes, file: str) -> list[tuple[str, bytes]]:
    """(name for reports, content) of a source's files: those within an archive, else the source itself.

    The file in ``a.csv.gz`` keeps that name, those of ``a.zip`` are ``a.zip/b.csv`` in the order of their names.
    Raises :class:`SourceError` for an archive that is damaged, protected, empty, too large, or holds archives.
    """
    kind = next((kind for start, kind in _OTHERS.items() if content.startswith(start)), None)
    if kind is not None:
        raise SourceError(f"{file}: a {kind}, not a table", "Unpack it or export the table again as CSV or .xlsx.")
    if content.startswith(_GZIP):
        files = [(file, _gunzip(content, file))]
    elif content.startswith((_ZIP, _EMPTY_ZIP)) and not is_workbook_container(content, file):
        files = list(_members(content, file))
    else:
        return [(file, content)]
    for name, inner in files:
        if inner.startswith(_GZIP) or (inner.startswith(_ZIP) and not is_workbook_container(inner, name)):
            raise SourceError(f"{name}: an archive within an archive", "Unpack the outer one and give what is in it.")
    return files


def _gunzip(content: bytes, file: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            return _read(packed, len(content), file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(file, error) from error


def _members(content: bytes, file: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if _is_ordinary(member)]
            if not members:
                raise SourceError(f"{file}: the archive holds no file", "Export the table again.")
            if len(members) > _MOST_MEMBERS:
                raise SourceError(
                    f"{file}: the archive holds {len(members):,} files", "Unpack it, and give the tables."
                )
            unpacked = 0
            for member in sorted(members, key=lambda member: member.filename):
                name = f"{file}/{member.filename}"
                if member.flag_bits & 1:
                    raise SourceError(f"{name}: protected by a password", "Unpack the archive and give what is in it.")
                with archive.open(member) as packed:
                    data = _read(packed, len(content), file, unpacked)
                unpacked += len(data)
                yield name, data
    except (zipfile.BadZipFile, EOFError, zlib.error, OSError, ValueError) as error:
        raise _damaged(file, error) from error
    except (NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{file}: the archive is packed in an unusual way ({error})", "Unpack it first.") from error


def _is_ordinary(member: zipfile.ZipInfo) -> bool:
    """No folder, no hidden or lock file, nothing of those that macOS adds."""
    base = posixpath.basename(member.filename)
    return not (member.is_dir() or base.startswith((".", "~$")) or member.filename.startswith("__MACOSX/"))


def _read(packed: IO[bytes] | gzip.GzipFile, size: int, file: str, before: int = 0) -> bytes:
    """All of it, looking at the bounds on the way: what an archive says of its sizes may be untrue."""
    pieces = []
    unpacked = before
    while piece := packed.read(_PIECE):
        pieces.append(piece)
        unpacked += len(piece)
        _check_size(unpacked, size, file)
    return b"".join(pieces)


def _check_size(unpacked: int, packed: int, file: str) -> None:
    if unpacked > _MOST or (unpacked > _HARMLESS and unpacked > _RATIO * packed):
        raise SourceError(
            f"{file}: the archive would grow from {packed:,} to more than {unpacked:,} bytes",
            "That is no usual export. If it is one all the same, unpack it and give what is in it.",
        )


def _damaged(file: str, error: Exception) -> SourceError:
    return SourceError(
        f"{file}: the archive is damaged or cut off ({error})", "Copy or download it again, or give what is in it."
    )
