"""XML read piece by piece, whatever its prefixes, quotes, and encoding; nothing is kept of what has been read."""

import re
from collections.abc import Callable
from typing import Protocol, TypeVar
from xml.parsers import expat

T = TypeVar("T")

Attributes = dict[str, str]
_PIECE = 64 * 1024
_MAX_OPEN = 1_000_000  # tags that are not closed; counted roughly, because a call for each costs too much
_MAX_TAG = 1024 * 1024  # bytes; expat reads an unfinished tag or comment again with each piece


class Readable(Protocol):
    """What has bytes to read."""

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes, or more; none at the end."""


class BrokenXmlError(Exception):
    """The XML is not well-formed, or like no program writes it."""


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


def new_parser() -> expat.XMLParserType:
    """A parser that reads no entities but those that all XML has."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = _refuse_entities
    return parser


def feed(parser: expat.XMLParserType, stream: Readable) -> None:
    """Read all of a stream, as far as its tags are as short, and as little nested, as programs write them."""
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
    """The value of an attribute as a whole number. Raises :class:`BrokenXmlError` if it is none."""
    value = local(attributes, name)
    if value is None:
        return default
    if not re.fullmatch(r"\s*[+-]?\d{1,15}\s*", value):
        raise BrokenXmlError(f"{name} is {value[:40]!r}, not a number")
    return int(value)


def _refuse_entities(*_: object) -> None:
    raise BrokenXmlError("it declares its own entities")
