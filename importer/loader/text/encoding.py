"""Converts text of unknown encoding to UTF-8."""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import numpy as np
import pyarrow as pa

from importer.errors import SourceError, UsageError
from importer.loader.content import Content
from importer.loader.text.encoding_guess import guess

# Put before every character that is not in the encoding of the rest of the file. Unicode reserves this code point for
# internal use (chapter 23.7), so it never occurs in a real text.
FOREIGN_MARK = "\ufdd0"
_SAMPLE = 64 * 1024
_SOME_ASCII, _MUCH_ASCII = 0.03, 0.3  # of the characters
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # starts with the BOM of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ISO_2022 = {b"\x1b$B": "iso2022_jp", b"\x1b$@": "iso2022_jp", b"\x1b$)C": "iso2022_kr"}  # what switches to its letters
_EXPORT_AGAIN = "Export the table again as CSV or as an Excel workbook."
_ASCII, _NOT_ASCII = bytes(range(128)), bytes(range(128, 256))
# Letters and signs of western text in UTF-8: U+00A0 to U+017F, dashes and quotes, the euro and trade mark signs.
_WESTERN_UTF8 = re.compile(rb"(\xc2[\xa0-\xbf]|[\xc3-\xc5][\x80-\xbf]|\xe2(?:\x80[\x90-\xba]|\x82\xac|\x84\xa2))")
_ANY_UTF8 = re.compile(
    rb"([\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})"
)
# A run of UTF-7, which looks like plain text, and what it may stand for: letters of Europe, dashes, quotes, the euro.
_UTF7 = re.compile(rb"\+[A-Za-z0-9+/]{3,}-")
_IN_UTF7 = re.compile("[\xa0-\u052f\u2010-\u203a\u20ac]+")
_REPLACEMENT = "\ufffd".encode()
_LINE_END = re.compile(r"\r\n|\r|\n")
_UNDEFINED_AS_LATIN_1 = {0xDC00 + code: code for code in range(0x80, 0x100)}  # bytes without a character
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_LATIN = frozenset({"cp1252", "latin-1", "cp1250", "cp1254", "cp1257"})
_GUESS_BYTES, _MANY_LINES = 4 * 1024 * 1024, 1000  # what an encoding is guessed from
_NO_TEXT_ENCODINGS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})


class NotUtf8Error(Exception):
    """Bytes that looked like UTF-8 but are not."""


class NulByteError(Exception):
    """A NUL byte, which no text contains."""


@dataclass(frozen=True)
class Text:
    """A file's text and its encoding.

    ``pieces``: the text as UTF-8 without a byte order mark; can be called again. It raises :class:`SourceError` where
    the bytes are not valid. ``certain``: the encoding was given or is unmistakable; otherwise its words are like those
    of a language. ``mixed``: characters of another encoding occur, each after a :data:`FOREIGN_MARK`.
    """

    pieces: Callable[[], Iterator[bytes]]
    encoding: str
    certain: bool = True
    mixed: bool = False


def decode(
    content: Content, file: str, encoding: str | None = None, *, utf8: bool = True, country: str | None = None
) -> Text:
    """The text of ``content``: by ``encoding`` if given, otherwise by BOM, NUL pattern, UTF-8, then single bytes.

    Unless ``utf8`` is False, what may be UTF-8 is returned as UTF-8 unchecked: the reader has to call
    :func:`check_text`, and to decode again with ``utf8=False`` if it fails. Raises :class:`UsageError` for an unknown
    encoding and :class:`SourceError` for bytes that are not text.
    """
    start = content.start(_SAMPLE)
    bom, found = next(((bom, name) for bom, name in _BOMS if start.startswith(bom)), (b"", None))
    name = found or _utf16_without_bom(start)
    if name is None and start.isascii():
        name = next((name for switch, name in _ISO_2022.items() if switch in start), None)
    if encoding is not None:
        name = _codec_name(encoding)
        bom = bom if (name, found) == ("utf-8", "utf-8") else b""
    if name is None and _is_utf7(start):
        return Text(partial(_transcode, content, "utf-7", file), "utf-7", certain=False)
    if name not in {None, "utf-8"}:
        return Text(partial(_transcode, content, name, file, len(bom)), name)
    if utf8:
        return Text(partial(content.pieces, len(bom)), "utf-8")
    if name == "utf-8":
        raise _undecodable(content, name, file, 0)
    return _decode_single_bytes(content, file, country)


def _codec_name(encoding: str) -> str:
    hint = "Use a name such as utf-8, cp1252, or utf-16."
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # raises for a codec such as base64, which is not a text encoding
    except (LookupError, ValueError) as error:
        raise UsageError(f"{encoding!r} is not an encoding", hint) from error
    if name.replace("_", "-") in _NO_TEXT_ENCODINGS:
        raise UsageError(f"{encoding!r} is not an encoding for files", hint)
    return name


def _utf16_without_bom(start: bytes) -> str | None:
    """In UTF-16 text at least delimiters, digits, and line ends have a NUL byte, always on the same side."""
    for name, kind in (("utf-16-le", "<u2"), ("utf-16-be", ">u2")):
        codes = np.frombuffer(start[: len(start) // 2 * 2], dtype=kind)
        ascii_share = float((codes < 128).mean()) if len(codes) > 1 else 0.0
        has_line_ends = np.isin(codes, (ord("\n"), ord("\r"))).any()
        if (codes != 0).all() and ascii_share > (_SOME_ASCII if has_line_ends else _MUCH_ASCII):
            return name
    return None


def _is_utf7(start: bytes) -> bool:
    runs = set(_UTF7.findall(start)) if start.isascii() else set()
    try:
        return bool(runs) and all(_IN_UTF7.fullmatch(run.decode("utf-7")) for run in runs)
    except UnicodeDecodeError:
        return False


def _transcode(content: Content, encoding: str, file: str, skip: int = 0) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    started = False
    try:
        for piece in chain(content.pieces(skip), [b""]):
            text = decoder.decode(piece, final=not piece)
            yield (text if started else text.removeprefix("\ufeff")).encode()
            started = started or bool(text)
    except UnicodeError as error:
        raise _undecodable(content, encoding, file, skip) from error


def _undecodable(content: Content, encoding: str, file: str, skip: int) -> SourceError:
    whole = b"".join(content.pieces(skip))
    try:
        whole.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(whole[: error.start].decode(encoding, "ignore"))) + 1
        message = f"{file}: byte {error.start + 1:,} is not valid {encoding} (line {line:,})"
        hint = "Specify the file's encoding with --encoding, or save it as UTF-8. If it was cut off, export it again."
        return SourceError(message, hint)
    except UnicodeError:
        pass
    return SourceError(f"{file}: the text is not valid {encoding}", "Specify its encoding with --encoding.")


def _decode_single_bytes(content: Content, file: str, country: str | None) -> Text:
    """Text that is not Unicode, or not all of it. Raises :class:`SourceError` if its encoding is in doubt."""
    refuse_binary(content.start(_SAMPLE), file)
    sample = b"".join(_around_non_ascii(lines, content, file) for lines in _whole_lines(content.pieces()))
    western, sequences = len(_WESTERN_UTF8.findall(sample)), len(_ANY_UTF8.findall(sample))
    single = len(_ANY_UTF8.sub(b"", sample).translate(None, delete=_ASCII))
    if sequences >= 10 * single or western >= max(1, single):
        return Text(partial(_decode_mixed, content, "utf-8"), "utf-8", mixed=True)
    lines = _lines_beyond_ascii(content)
    pieces = (piece for piece in sample[:_GUESS_BYTES].split(b"\n") if not piece.isascii())
    encoding, *others = guess(pieces, lines, country)
    if others:
        raise _encoding_in_doubt(file, [encoding, *others], lines)
    if encoding == "cp1252" and _NOT_CP1252.search(sample):
        encoding = "latin-1"
    if western and encoding in _LATIN:
        return Text(partial(_decode_mixed, content, encoding), encoding, certain=False, mixed=True)
    return Text(partial(_transcode, content, encoding, file), encoding, certain=False)


def _lines_beyond_ascii(content: Content) -> list[bytes]:
    """Some lines with bytes beyond ASCII, from the beginning."""
    start = b"".join(islice(content.pieces(), 2))
    return list(islice((line for line in start.splitlines() if not line.isascii()), _MANY_LINES))


def _encoding_in_doubt(file: str, encodings: Sequence[str], lines: Sequence[bytes]) -> SourceError:
    """The error that shows how a line would read in each of the encodings."""
    readings = [[line.decode(name, "replace") for name in encodings] for line in lines]
    line = max(readings, key=lambda texts: len(set(texts)))
    shown = [f"  --encoding {name:<10} {_shortened(text)}" for name, text in zip(encodings, line, strict=True)]
    return SourceError(
        f"{file}: the encoding is not clear: the file is not Unicode, and its words fit several encodings",
        "\n".join(["Use the one in which this row looks right, or save the file as UTF-8:", *shown]),
    )


def _shortened(text: str) -> str:
    """The part of a line around its first letter beyond ASCII."""
    first = next((place for place, char in enumerate(text) if not char.isascii()), 0)
    start = max(0, first - 20)
    return f"{'…' if start else ''}{text[start : start + 70]}{'…' if len(text) > start + 70 else ''}"


def _around_non_ascii(lines: bytes, content: Content, file: str) -> bytes:
    """The bytes beyond ASCII with one byte on either side, separated by line ends: enough for all patterns here."""
    if b"\0" in lines:
        raise nul_byte_error(content.pieces(), file)
    if lines.isascii():
        return b""
    codes = np.pad(np.frombuffer(lines, np.uint8), 2, constant_values=ord("\n"))
    high = codes > 127
    near = high[1:-1] | high[2:] | high[:-2]
    codes, near = np.where(near, codes[1:-1], np.uint8(ord("\n"))), np.pad(near, 1)
    return codes[near[1:-1] | near[2:] | near[:-2]].tobytes()


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that end at line ends."""
    rest = b""
    for piece in pieces:
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
        if end:
            yield rest + piece[:end]
            rest = piece[end:]
        else:
            rest += piece
    if rest:
        yield rest


def _decode_mixed(content: Content, encoding: str) -> Iterator[bytes]:
    """UTF-8 and single bytes in one file; ``encoding`` prevails. Characters in the other one are marked."""
    utf8 = encoding == "utf-8"
    for lines in _whole_lines(content.pieces()):
        if lines.isascii() or (utf8 and _is_utf8(lines)):
            yield lines
        elif utf8:
            each = lines.splitlines(keepends=True)
            yield b"".join(line if _is_utf8(line) else _marked(line, encoding).encode() for line in each)
        else:
            yield _marked(lines, encoding).encode()


def _marked(text: bytes, encoding: str) -> str:
    parts = []
    utf8 = encoding == "utf-8"
    for number, part in enumerate((_ANY_UTF8 if utf8 else _WESTERN_UTF8).split(text)):
        is_utf8 = number % 2 == 1  # single bytes and UTF-8 alternate
        decoded = part.decode() if is_utf8 else part.decode("cp1252" if utf8 else encoding, "surrogateescape")
        if not is_utf8:
            decoded = decoded.translate(_UNDEFINED_AS_LATIN_1)
        parts.append(decoded if is_utf8 == utf8 else re.sub(r"[^\x00-\x7f]", FOREIGN_MARK + r"\g<0>", decoded))
    return "".join(parts)


def whole_text(content: bytes, file: str, encoding: str | None = None) -> str:
    """The whole text at once. Raises what :func:`decode` raises, and :class:`SourceError` for binary data."""
    for utf8 in (True, False):
        text = b"".join(decode(Content(content), file, encoding, utf8=utf8).pieces())
        refuse_binary(text, file)
        try:
            check_text(text)
        except NotUtf8Error:
            continue
        except NulByteError:
            raise nul_byte_error(iter([text]), file) from None
        break
    return text.decode()


def whole_characters(text: bytes) -> bytes:
    """UTF-8 that may end within a character, up to its last ASCII character."""
    return text.rstrip(_NOT_ASCII)


def check_text(text: bytes) -> bool:
    """Whether UTF-8 text may contain control characters or U+FFFD, which programs write for a character they lost.

    Raises :class:`NotUtf8Error` and :class:`NulByteError`.
    """
    if not _is_utf8(text):
        raise NotUtf8Error
    lowest = int(np.frombuffer(text, np.uint8).min(initial=255))
    if lowest == 0:
        raise NulByteError
    # Looking for its first byte, which few texts contain, is many times faster than looking for all three.
    return lowest < ord("\t") or (text.find(_REPLACEMENT[:1]) >= 0 and _REPLACEMENT in text)


def _is_utf8(text: bytes) -> bool:
    """Arrow validates at the speed of memory."""
    offsets = pa.py_buffer(np.array([0, len(text)], dtype=np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(text)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def refuse_binary(start: bytes, file: str) -> None:
    """Raise :class:`SourceError` if the first bytes of a file are those of binary data."""
    sample = np.frombuffer(start[:_SAMPLE], dtype=np.uint8)
    control = (sample < 32) & ~np.isin(sample, (9, 10, 12, 13, 26))
    if len(sample) and float(control.mean()) > 0.05:
        raise SourceError(f"{file}: binary data, not a table", _EXPORT_AGAIN)


def nul_byte_error(pieces: Iterator[bytes], file: str) -> SourceError:
    line, last_byte = 1, b""
    for piece in pieces:
        text = piece.partition(b"\0")[0]
        line += text.count(b"\n") + text.count(b"\r") - (last_byte + text).count(b"\r\n")
        if len(text) < len(piece):
            break
        last_byte = piece[-1:]
    return SourceError(
        f"{file}: binary data, not a table: line {line:,} contains a NUL byte",
        f"The file is damaged, or it is not a text file. {_EXPORT_AGAIN}",
    )
