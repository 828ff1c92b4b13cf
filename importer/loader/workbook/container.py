"""The parts of a workbook in a zip container, found as spreadsheet programs find them."""

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO
from urllib.parse import unquote

from importer.errors import SourceError
from importer.loader.workbook.sheet_cells import EXPORT, Allowance, SheetCells
from importer.loader.workbook.xml_stream import Attributes, BrokenXmlError, XmlStream, local

_ENCRYPTED = 1  # of a member's flags
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    BrokenXmlError,
    EOFError,
    LookupError,
    ValueError,
    RuntimeError,
)


class Container:
    """A zip file. Part names compare without case, and a backslash is a slash, whatever program wrote them."""

    def __init__(self, content: bytes) -> None:
        self.archive = zipfile.ZipFile(io.BytesIO(content))
        self.members = {_key(member.filename): member for member in self.archive.infolist()}
        self.size = sum(member.file_size for member in self.members.values())

    def __contains__(self, part: str) -> bool:
        return _key(part) in self.members

    def open(self, part: str) -> IO[bytes]:
        """Raises ``KeyError`` if there is no such part."""
        member = self.members[_key(part)]
        if member.flag_bits & _ENCRYPTED:
            raise RuntimeError("a part is password-protected")
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise NotImplementedError("a part uses an unsupported compression method")
        return self.archive.open(member)

    def relations(self, part: str) -> "Relations":
        """What a part refers to; ``""``: what the workbook as a whole does."""
        folder, name = posixpath.split(part)
        found = Relations(folder)
        source = posixpath.join(folder, "_rels", f"{name}.rels")
        if source in self:
            found.read(self.open(source))
        return found


class Relations(XmlStream):
    """The parts that one part refers to, by ID."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder
        self.targets: dict[str, tuple[str, str]] = {}  # (kind, part)
        self.starts["Relationship"] = self._add

    def _add(self, attributes: Attributes) -> None:
        kind = (local(attributes, "Type") or "").rpartition("/")[2]
        target = unquote(local(attributes, "Target") or "").replace("\\", "/")
        part = posixpath.normpath(posixpath.join("/", self.folder, target)).lstrip("/")
        self.targets[local(attributes, "Id") or ""] = kind.casefold(), part

    def of_kind(self, kind: str) -> str | None:
        """The first part of a kind, such as ``styles``."""
        return next((part for other, part in self.targets.values() if other == kind.casefold()), None)


def worksheets(
    sheets: Iterable[tuple[str, bool, str]], relations: Relations, allowance: Allowance, wanted: Callable[[str], bool]
) -> Iterator[tuple[SheetCells, str | None]]:
    """Each worksheet, without its cells yet, and its part; None for one that is not ``wanted``.

    ``sheets``: the name of each, whether it is hidden, and the ID of its part. Raises :class:`SourceError`.
    """
    parts = set()
    for name, hidden, relation in sheets:
        kind, part = relations.targets.get(relation, ("worksheet", ""))
        if kind != "worksheet":
            continue  # a chart, a dialog or macros
        if wanted(name):
            if part in parts:
                message = f"{allowance.file}: the sheet {name!r} uses the same part as another sheet"
                raise SourceError(message, EXPORT)
            parts.add(part)
        yield SheetCells(name, allowance, hidden), part if wanted(name) else None


def _key(part: str) -> str:
    return part.replace("\\", "/").lstrip("/").casefold()


@contextmanager
def explained(file: str, what: str = "the workbook") -> Iterator[None]:
    """A damaged container or part as a :class:`SourceError`."""
    hint = "Open it in a spreadsheet program and save it again as .xlsx, or export it as CSV."
    try:
        yield
    except _DAMAGE as error:
        reason = f"the part {error} is missing" if isinstance(error, KeyError) else str(error)
        raise SourceError(f"{file}: {what} cannot be read ({reason})", hint) from error
