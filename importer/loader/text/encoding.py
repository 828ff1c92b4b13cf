"""Text of unknown encoding to UTF-8."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import pyarrow as pa

from importer.errors import SourceError, UsageError
from importer.loader.content import Content

# Put before every character that is not in the encoding of the rest of the file. Unicode reserves this code point for
# internal use (chapter 23.7), so it never occurs in a real text.
FOREIGN_MARK = "\ufdd0"
_SAMPLE = 64 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # starts with the BOM of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EXPORT_AGAIN = "Export the table again as CSV or as an Excel workbook."
_ASCII, _NOT_ASCII = bytes(range(128)), bytes(range(128, 256))
# Letters and signs of western text in UTF-8: U+00A0 to U+017F, dashes and quotes, the euro and trade mark signs.
_WESTERN_UTF8 = re.compile(rb"(\xc2[\xa0-\xbf]|[\xc3-\xc5][\x80-\xbf]|\xe2(?:\x80[\x90-\xba]|\x82\xac|\x84\xa2))")
_ANY_UTF8 = re.compile(
    rb"([\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})"
)
_REPLACEMENT = "\ufffd".encode()
_LINE_END = re.compile(r"\r\n|\r|\n")
_UNDEFINED_AS_LATIN_1 = {0xDC00 + code: code for code in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}  # no characters in cp1252


class NotUtf8Error(Exception):
    """Bytes that looked like UTF-8 and are not."""


class NulByteError(Exception):
    """A NUL byte, which no text contains."""


@dataclass(frozen=True)
class Text:
    """A file's text and its encoding.

    ``pieces``: the text as UTF-8 without a byte order mark; can be called again. It raises :class:`SourceError` where
    the bytes are not valid. ``certain``: the encoding was given or is unmistakable. ``others``: otherwise, the
    encodings in which the text has other letters and is as plausible. ``mixed``: characters of another encoding occur,
    each after a :data:`FOREIGN_MARK`.
    """

    pieces: Callable[[], Iterator[bytes]]
    encoding: str
    certain: bool = True
    others: tuple[str, ...] = ()
    mixed: bool = False


def decode(content: Content, file: str, encoding: str | None = None, *, utf8: bool = True) -> Text:
    """The text of ``content``: by ``encoding`` if given, else by BOM, NUL pattern, UTF-8, then single bytes.

    Unless ``utf8`` is False, what may be UTF-8 is returned as UTF-8 unchecked: the reader has to call
    :func:`check_text`, and to decode again with ``utf8=False`` if it fails. Raises :class:`UsageError` for an unknown
    encoding and :class:`SourceError` for bytes that are not text.
    """
    start = content.start(_SAMPLE)
    bom, found = next(((bom, name) for bom, name in _BOMS if start.startswith(bom)), (b"", None))
    name = found or _utf16_without_bom(start)
    if encoding is not None:
        name = _codec_name(encoding)
        bom = bom if (name, found) == ("utf-8", "utf-8") else b""
    if name not in {None, "utf-8"}:
        return Text(partial(_transcode, content, name, file, len(bom)), name)
    if utf8:
        return Text(partial(content.pieces, len(bom)), "utf-8")
    if name == "utf-8":
        raise _undecodable(content, name, file, 0)
    return _decode_single_bytes(content, file)


def _codec_name(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # raises for a codec such as base64, which is not a text encoding
    except LookupError as error:
        raise UsageError(f"{encoding!r} is not an encoding", "Use a name such as utf-8, cp1252 or utf-16.") from error
    return name


def _utf16_without_bom(start: bytes) -> str | None:
    """In UTF-16 text of western letters every other byte is NUL."""
    sample = np.frombuffer(start[: _SAMPLE // 16 * 2], dtype=np.uint8)
    if len(sample) < 4:
        return None
    even, odd = float((sample[0::2] == 0).mean()), float((sample[1::2] == 0).mean())
    if odd > 0.3 and even < 0.02:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.02 else None


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
    """The error that names the first byte that cannot be decoded."""
    whole = b"".join(content.pieces(skip))
    try:
        whole.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(whole[: error.start].decode(encoding, "ignore"))) + 1
        message = f"{file}: byte {error.start + 1:,} is not valid {encoding} (line {line:,})"
        hint = "Name the file's encoding with --encoding, or save it as UTF-8. If it was cut off, export it again."
        return SourceError(message, hint)
    except UnicodeError:
        pass
    return SourceError(f"{file}: the text is not valid {encoding}", "Name its encoding with --encoding.")


def _decode_single_bytes(content: Content, file: str) -> Text:
    """Text that is not Unicode, or not all of it."""
    refuse_binary(content.start(_SAMPLE), file)
    sample = b"".join(_around_non_ascii(lines, content, file) for lines in _whole_lines(content.pieces()))
    western, sequences = len(_WESTERN_UTF8.findall(sample)), len(_ANY_UTF8.findall(sample))
    non_ascii, single = (len(text.translate(None, delete=_ASCII)) for text in (sample, _ANY_UTF8.sub(b"", sample)))
    if western or sequences >= 10 * single:
        utf8 = sequences >= 10 * single or western >= single
        return Text(partial(_decode_mixed, content, utf8), "utf-8" if utf8 else "cp1252", certain=utf8, mixed=True)
    runs = _LONG_RUN.findall(sample)
    if len(set(runs)) >= _MANY_RUNS and 2 * sum(map(len, runs)) > non_ascii:
        # Most bytes beyond ASCII are in long runs: Cyrillic, Greek or Chinese, which have many encodings.
        raise SourceError(
            f"{file}: the encoding cannot be detected: the text is not Unicode, and not western",
            "Name it with --encoding (such as cp1251, cp1253, gbk or shift_jis), or save the file as UTF-8.",
        )
    encoding, others = _single_byte_encoding(sample)
    return Text(partial(_transcode, content, encoding, file), encoding, certain=False, others=others)


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


def _decode_mixed(content: Content, utf8: bool) -> Iterator[bytes]:
    """UTF-8 and cp1252 in one file; ``utf8`` tells which of them prevails. Characters of the other one are marked."""
    for lines in _whole_lines(content.pieces()):
        if lines.isascii() or (utf8 and _is_utf8(lines)):
            yield lines
        elif utf8:
            each = lines.splitlines(keepends=True)
            yield b"".join(line if _is_utf8(line) else _marked(line, utf8=True).encode() for line in each)
        else:
            yield _marked(lines, utf8=False).encode()


def _marked(text: bytes, *, utf8: bool) -> str:
    parts = []
    for number, part in enumerate((_ANY_UTF8 if utf8 else _WESTERN_UTF8).split(text)):
        is_utf8 = number % 2 == 1  # cp1252 and UTF-8 alternate
        decoded = part.decode() if is_utf8 else part.decode("cp1252", "surrogateescape")
        if not is_utf8 and _NOT_CP1252.search(part):
            decoded = decoded.translate(_UNDEFINED_AS_LATIN_1)
        parts.append(decoded if is_utf8 == utf8 else re.sub(r"[^\x00-\x7f]", FOREIGN_MARK + r"\g<0>", decoded))
    return "".join(parts)


_OTHER_ENCODINGS = ("mac-roman", "cp850", "cp1250")
_ENOUGH = 5  # distinct pieces of words; fewer may be chance
_MANY_RUNS = 20
_IN_WORD = re.compile(rb"[A-Za-z][\x80-\xff]+(?![\x80-\xff])[A-Za-z]?")
_LONG_RUN = re.compile(rb"[\x80-\xff]{4,}")
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_APOSTROPHES = frozenset("'\u2019\u2018")
_BEFORE_APOSTROPHE, _AFTER_APOSTROPHE = frozenset("dlmnot"), frozenset("dlmrstv")  # as in O\u2019Hara and Ann\u2019s
_JOINS = frozenset("'\u2019\u2018-\u2013\u00b7\u00ad")  # occur between the letters of one word


def _single_byte_encoding(sample: bytes) -> tuple[str, tuple[str, ...]]:
    """The encoding of western text, and the others in which it is as plausible and has other letters.

    It is cp1252 (latin-1 if bytes are undefined in cp1252), unless its words are implausible and exactly one other
    encoding fits: ``CafŽ`` in cp1252 is ``Café`` in mac-roman. A general detector takes western names for cp1250, which
    differs from cp1252 in letters only; that is also why cp1250 is never listed as an alternative to cp1252.
    """
    words = sorted(set(_IN_WORD.findall(sample)))
    usual = "latin-1" if _NOT_CP1252.search(sample) else "cp1252"
    implausible = {
        name: sum(not _is_plausible(word.decode(name, "replace")) for word in words)
        for name in ("cp1252", *_OTHER_ENCODINGS, usual)
    }
    chosen = usual
    if len(words) >= _ENOUGH and 2 * implausible["cp1252"] >= len(words):
        fitting = [name for name in _OTHER_ENCODINGS if not implausible[name]]
        chosen = fitting[0] if len(fitting) == 1 else usual
    others = [
        name
        for name in ("cp1252", *_OTHER_ENCODINGS)
        if name != chosen
        and (chosen, name) != ("cp1252", "cp1250")
        and implausible[name] <= implausible[chosen]
        and any(_reads_otherwise(word, chosen, name) for word in words)
    ]
    return chosen, (*others, *(["cp1251"] if _LONG_RUN.search(sample) else []))


def _is_plausible(word: str) -> bool:
    """Whether there is no sign between letters, and no capital after or before a small letter within the word."""
    for before, char, after in zip(word, word[1:], [*word[2:], " "], strict=False):
        if not char.isalpha():
            if after.isalpha() and char not in _JOINS:
                return False
        elif char.isupper() and ord(char) > 127 and (before.islower() or after.islower()):
            return False
    return "\ufffd" not in word


def _reads_otherwise(word: bytes, chosen: str, name: str) -> bool:
    """Whether a word has other letters in ``name``; an apostrophe where one is usual cannot be a letter."""
    text = word.decode(chosen, "replace")
    has_apostrophe = any(char in _APOSTROPHES for char in text) and (
        text[0].casefold() in _BEFORE_APOSTROPHE or text[-1].casefold() in _AFTER_APOSTROPHE
    )
    return not has_apostrophe and text != word.decode(name, "replace")


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
        raise SourceError(f"{file}: not a table but binary data", _EXPORT_AGAIN)


def nul_byte_error(pieces: Iterator[bytes], file: str) -> SourceError:
    """The error that names the line of the first NUL byte."""
    line, last_byte = 1, b""
    for piece in pieces:
        text = piece.partition(b"\0")[0]
        line += text.count(b"\n") + text.count(b"\r") - (last_byte + text).count(b"\r\n")
        if len(text) < len(piece):
            break
        last_byte = piece[-1:]
    return SourceError(
        f"{file}: not a table but binary data: line {line:,} contains a NUL byte",
        f"The file is damaged or of another kind. {_EXPORT_AGAIN}",
    )
