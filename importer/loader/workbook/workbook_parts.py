"""The parts of a workbook: found in its zip container as spreadsheet programs find them, and XML read piece by piece.

XML is read whatever its prefixes, quotes, and encoding; nothing is kept of what has been read.
"""

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Protocol, TypeVar
from urllib.parse import unquote
from xml.parsers import expat

from importer.errors import SourceError
from importer.loader.workbook.sheet_cells import EXPORT, Allowance, SheetCells

T = TypeVar("T")

Attributes = dict[str, str]
_PIECE = 64 * 1024
_MAX_OPEN = 1_000_000  # open tags; they are counted roughly, because a call for each would cost too much
_MAX_TAG = 1024 * 1024  # bytes; expat reads an unfinished tag or comment again with each piece
_ENCRYPTED = 1  # of a member's flags


class Readable(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """About ``size`` bytes, possibly more; none at the end."""


class BrokenXmlError(Exception):
    """The XML is not well-formed, or no program writes such XML."""


class ByLocalName(dict[str, T | None]):
    """What belongs to the names of elements, found also with a prefix; None for other names."""

    def __missing__(self, name: str) -> T | None:
        without_prefix = name.rpartition(":")[2]
        found = self[name] = self[without_prefix] if without_prefix != name else None
        return found


class XmlStream:
    """Calls a method for the start and the end of each element that a subclass names, without prefixes.

    ``starts`` take the attributes, ``ends`` nothing. :meth:`text`: what was read or added since
    :meth:`clear`.
    """

    def __init__(self) -> None:
        self.starts: dict[str, Callable[[Attributes], None]] = {}
        self.ends: dict[str, Callable[[], None]] = {}
        self._parts: list[str] = []
        self.clear = self._parts.clear
        self.add = self._parts.append

    def text(self) -> str:
        return "".join(self._parts)

    def read(self, stream: Readable) -> None:
        """Read all of it. Raises :class:`BrokenXmlError`, and what the stream and the handlers raise."""
        parser = new_parser()
        starts, ends = ByLocalName(self.starts), ByLocalName(self.ends)

        def start(name: str, attributes: Attributes) -> None:
            if handler := starts[name]:
                handler(attributes)

        def end(name: str) -> None:
            if handler := ends[name]:
                handler()

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = self.add
        feed(parser, stream)


class XmlSheets(XmlStream):
    """The sheets of one part. ``cells``: the one that is being read; None outside of sheets and in unwanted ones."""

    def __init__(self, allowance: Allowance, wanted: Callable[[str], bool]) -> None:
        super().__init__()
        self.allowance, self.wanted = allowance, wanted
        self.sheets: list[SheetCells] = []
        self.cells: SheetCells | None = None

    def start_sheet(self, name: str, *, hidden: bool = False) -> None:
        self.sheets.append(SheetCells(name, self.allowance, hidden))
        self.cells = self.sheets[-1] if self.wanted(name) else None

    def read_document(self, content: bytes) -> list[SheetCells]:
        """The worksheets of a workbook that is one XML document, in their order; empty ones for the unwanted.

        Raises :class:`SourceError` if it is damaged.
        """
        with explained(self.allowance.file, "the XML workbook"):
            self.read(io.BytesIO(content))
        return self.sheets


def new_parser() -> expat.XMLParserType:
    """A parser that accepts no entities except the predefined ones."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = _refuse_entities
    return parser


def feed(parser: expat.XMLParserType, stream: Readable) -> None:
    """Read a whole stream. Raises an error if its tags are longer, or nested more deeply, than programs write them."""
    given = depth = 0
    try:
        while piece := stream.read(_PIECE):
            parser.Parse(piece)
            given += len(piece)
            text = piece.replace(b"\0", b"")  # UTF-16
            depth += text.count(b"<") - 2 * text.count(b"</") - text.count(b"/>")
            if depth > _MAX_OPEN or given - parser.CurrentByteIndex > _MAX_TAG + _PIECE:
                raise BrokenXmlError(
                    "a tag or comment of more than a million characters, or more than a million nested tags"
                )
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise BrokenXmlError(str(error)) from error


def local(attributes: Attributes, name: str) -> str | None:
    """The value of an attribute, whatever its prefix."""
    value = attributes.get(name)
    if value is None:
        value = next((value for key, value in attributes.items() if key.rpartition(":")[2] == name), None)
    return value


def whole_number(attributes: Attributes, name: str, default: int) -> int:
    """The value of an attribute as a whole number. Raises :class:`BrokenXmlError` if it is not one."""
    value = local(attributes, name)
    if value is None:
        return default
    if not re.fullmatch(r"\s*[+-]?\d{1,15}\s*", value):
        raise BrokenXmlError(f"{name} is {value[:40]!r}, not a number")
    return int(value)


def _refuse_entities(*_: object) -> None:
    raise BrokenXmlError("it declares its own entities")


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


_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, BrokenXmlError),
    *(EOFError, LookupError, ValueError, RuntimeError),
)


@contextmanager
def explained(file: str, what: str = "the workbook") -> Iterator[None]:
    """A damaged container or part as a :class:`SourceError`."""
    hint = "Open it in a spreadsheet program and save it again as .xlsx, or export it as CSV."
    try:
        yield
    except _DAMAGE as error:
        reason = f"the part {error} is missing" if isinstance(error, KeyError) else str(error)
        raise SourceError(f"{file}: {what} cannot be read ({reason})", hint) from error
