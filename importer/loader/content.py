"""The bytes of a source: of a file, or of the files in a gzip or zip archive, which is unpacked within limits."""

import gzip
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from importer.errors import SourceError

_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
_OTHER_KINDS = {
    b"7z\xbc\xaf\x27\x1c": "7-Zip archive",
    b"Rar!\x1a\x07": "RAR archive",
    b"\xfd7zXZ\x00": "xz archive",
    b"BZh": "bzip2 archive",
    b"\x28\xb5\x2f\xfd": "Zstandard archive",
    b"%PDF-": "PDF document",
    b"MIME-Version:": "saved web page",
    b"{\\rtf": "text document",
    b"BEGIN:VCARD": "vCard file",
    b"ID;PWXL": "SYLK file",
    b"ID;PCALC": "SYLK file",
    b"TABLE\r\n0,1": "DIF file",
    b"dn: ": "directory file (LDIF)",
    b"INSERT INTO ": "SQL script",
    b"\0\1\0\0Standard ": "Microsoft Access database",
}
_WORKBOOK_PARTS = frozenset({"[content_types].xml", "mimetype", "content.xml", "xl/workbook.xml", "xl/workbook.bin"})
_WORKBOOK_NAMES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
# Real exports compress to between a tenth and a thirtieth. A file that unpacks to 100 times its size is not an export.
_MAX_RATIO, _MAX_BYTES = 100, 4 * 1024**3
_HARMLESS_BYTES, _HARMLESS_WORKBOOK = 16 * 1024**2, 32 * 1024**2  # at any ratio: these are read in seconds
_MAX_MEMBERS = 1000
_CLUTTER = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon", "$recycle.bin"})
_COPIES = ("~", ".bak", ".old", ".swp", ".tmp")
_PIECE = 2 * 1024**2


@dataclass(frozen=True)
class Content:
    """A file's bytes, on disk (a path) or in memory. All methods raise ``OSError``."""

    source: Path | bytes

    def start(self, count: int) -> bytes:
        with self._open() as file:
            return file.read(count)

    def pieces(self, skip: int = 0) -> Iterator[bytes]:
        """All bytes in order, without the first ``skip``; only one piece is in memory at a time."""
        with self._open() as file:
            file.seek(skip)
            while piece := file.read(_PIECE):
                yield piece

    def details(self) -> dict[str, Any]:
        """Hash and size, as in the details of a table."""
        with self._open() as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"sha256": digest, "bytes": file.seek(0, os.SEEK_END)}

    def _open(self) -> io.BufferedReader | io.BytesIO:
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")


def is_clutter(name: str) -> bool:
    """Whether a file is hidden, a backup, or left behind by Excel, Windows, or macOS, according to its name or path."""
    base = re.split(r"[/\\]", name)[-1]
    plain = base.strip().casefold()
    return base.startswith((".", "~$")) or plain in _CLUTTER or plain.endswith(_COPIES)


def is_packed(start: bytes) -> bool:
    """Whether a file that starts with these bytes is an archive, a workbook in a ZIP container, or not a table."""
    return start.startswith((_GZIP, _ZIP, _EMPTY_ZIP, *_OTHER_KINDS))


def unpack(content: bytes, file: str) -> list[tuple[str, bytes]]:
    """(name for reports, content) of each file in an archive, or of the source itself if it is not an archive.

    The file in ``a.csv.gz`` keeps that name; those of ``a.zip`` are ``a.zip/b.csv``, in the order of their names.
    Raises :class:`SourceError` for an archive that is damaged, protected, empty or too large, or contains archives.
    """
    kind = next((kind for start, kind in _OTHER_KINDS.items() if content.startswith(start)), None)
    if kind is not None:
        unpack_it = "Unpack it, or export" if kind.endswith(" archive") else "Export"
        raise SourceError(f"{file}: a {kind}, not a table", f"{unpack_it} the table as CSV or .xlsx.")
    is_gzip = content.startswith(_GZIP)
    if not is_gzip and (not content.startswith((_ZIP, _EMPTY_ZIP)) or _is_workbook_container(content, file)):
        return [(file, content)]
    try:
        if is_gzip:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                files = [(file, _read(packed, len(content), file))]
        else:
            files = list(_members(content, file))
    except (zipfile.BadZipFile, EOFError, zlib.error, OSError, ValueError) as error:
        raise SourceError(
            f"{file}: the archive is damaged or cut off ({error})",
            "Copy or download it again, or import the files in it.",
        ) from error
    except (NotImplementedError, RuntimeError) as error:
        raise SourceError(
            f"{file}: the archive uses an unsupported compression method ({error})", "Unpack it first."
        ) from error
    for name, inner in files:
        is_tar = inner[257:262] == b"ustar"
        if is_tar or inner.startswith(_GZIP) or (inner.startswith(_ZIP) and not _is_workbook_container(inner, name)):
            raise SourceError(
                f"{name}: an archive within an archive", "Unpack the outer archive, and import the files in it."
            )
    return files


def _is_workbook_container(content: bytes, file: str) -> bool:
    """Whether a zip file is a workbook; if it is damaged, its name decides. Raises :class:`SourceError` if too big."""
    if not content.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return file.casefold().endswith(_WORKBOOK_NAMES) or b"[Content_Types].xml" in content
    if _WORKBOOK_PARTS.isdisjoint(member.filename.replace("\\", "/").lstrip("/").casefold() for member in members):
        return False
    _check_size(sum(member.file_size for member in members), len(content), file, _HARMLESS_WORKBOOK)
    return True


def _members(content: bytes, file: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [
            member
            for member in archive.infolist()
            if not (member.is_dir() or member.filename.startswith("__MACOSX/") or is_clutter(member.filename))
        ]
        if not members:
            raise SourceError(f"{file}: the archive contains no files that can be read", "Export the table again.")
        if any(member.filename.endswith(".iwa") for member in members):
            raise SourceError(
                f"{file}: an Apple Numbers document", "In Numbers, export it as an Excel workbook or as CSV."
            )
        if len(members) > _MAX_MEMBERS:
            message = f"{file}: the archive contains {len(members):,} files"
            raise SourceError(message, "Unpack it, and import only the tables.")
        unpacked = 0
        for member in sorted(members, key=lambda member: member.filename):
            name = f"{file}/{member.filename}"
            if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise NotImplementedError("not deflated")  # other methods unpack without bounds
            if member.flag_bits & 1:
                raise SourceError(f"{name}: password-protected", "Unpack the archive, and import the files in it.")
            with archive.open(member) as packed:
                data = _read(packed, len(content), file, unpacked)
            unpacked += len(data)
            yield name, data


def _read(packed: IO[bytes] | gzip.GzipFile, size: int, file: str, before: int = 0) -> bytes:
    """Read everything, and check the size while reading, because an archive may state false sizes."""
    pieces = []
    unpacked = before
    while piece := packed.read(_PIECE):
        pieces.append(piece)
        unpacked += len(piece)
        _check_size(unpacked, size, file, _HARMLESS_BYTES)
    return b"".join(pieces)


def _check_size(unpacked: int, packed: int, file: str, harmless: int) -> None:
    if unpacked > _MAX_BYTES or (unpacked > harmless and unpacked > _MAX_RATIO * packed):
        raise SourceError(
            f"{file}: the archive would expand from {packed:,} to more than {unpacked:,} bytes",
            "Normal exports do not look like this. If you trust it, unpack it yourself, and import its files.",
        )
