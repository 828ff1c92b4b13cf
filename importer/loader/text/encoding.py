"""Bytes of unknown encoding to UTF-8."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.errors import SourceError, UsageError
from importer.loader.content import Content, Digest, rest_of, whole_lines
from importer.loader.text.single_byte import foreign_script, other_readings, single_byte_encoding

__all__ = ["MISFIT", "NotUtf8Error", "NulByteError", "Text", "decode", "is_damaged", "nul_byte", "refuse_binary"]
__all__ += ["whole_text"]

# Stands before every character that is not of the text's encoding. Unicode keeps it free of any meaning (chapter 23.7).
MISFIT = "\ufdd0"
_SAMPLE = 64 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_TEXT = "Export the table again as CSV or as an Excel workbook."
# Letters and signs of western text in UTF-8: U+00A0 to U+017F, dashes and quotes, the euro and trade mark signs.
_UTF8_SIGN = re.compile(rb"\xc2[\xa0-\xbf]|[\xc3-\xc5][\x80-\xbf]|\xe2(?:\x80[\x90-\xba]|\x82\xac|\x84\xa2)")
_LOST = "\ufffd".encode()
_LINE_END = re.compile(r"\r\n|\r|\n")
_UTF8_ANY = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)


Pieces = Iterator[bytes]


class NotUtf8Error(Exception):
    """Bytes that are not the UTF-8 they seemed to be."""


class NulByteError(Exception):
    """A byte that no text has."""


@dataclass(frozen=True)
class Text:
    """A file's text, and the encoding it has.

    ``pieces``: gives the text as UTF-8 without a byte order mark, as often as is wanted, and the file's own bytes to
    the digest; raises :class:`SourceError` where they are no text of that encoding. ``certain``: whether the encoding
    was given or shows by itself. ``others``: where it does not, the encodings in which the text has other letters and
    makes as much sense. ``mixed``: whether characters of another encoding are in it, each behind a :data:`MISFIT`.
    """

    pieces: Callable[[Digest | None], Pieces]
    encoding: str
    certain: bool = True
    others: tuple[str, ...] = ()
    mixed: bool = False


def decode(content: Content, file: str, encoding: str | None = None, *, utf8: bool = True) -> Text:
    """The text of ``content``: by ``encoding`` if given, else by BOM, NUL pattern, UTF-8, then single bytes.

    What may be UTF-8 is taken for it, and whoever reads it has to look whether it is (:func:`is_damaged`); with
    ``utf8=False`` it is known not to be. Raises :class:`UsageError` for an unknown encoding, :class:`SourceError` for
    bytes that are no text (in it).
    """
    start = content.start(_SAMPLE)
    bom, found = next(((bom, name) for bom, name in _BOMS if start.startswith(bom)), (b"", None))
    name = _wide_encoding(start) if found is None else found
    if encoding is not None:
        name = _known(encoding)
        bom = bom if (name, found) == ("utf-8", "utf-8") else b""
    if name not in {None, "utf-8"}:
        return _transcoded(content, name, file, len(bom))
    if utf8:
        return Text(partial(_after, content, len(bom)), "utf-8")
    if name == "utf-8":
        return _transcoded(content, name, file)  # raises, with the place
    return _decode_narrow(content, file)


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # a codec such as base64 has a name too, but no text
    except LookupError as error:
        raise UsageError(f"{encoding!r} is no encoding", "Use a name such as utf-8, cp1252 or utf-16.") from error
    return name


def _after(content: Content, skipped: int, digest: Digest | None) -> Pieces:
    return rest_of(content.pieces(digest), skipped)


def _transcoded(content: Content, encoding: str, file: str, skipped: int = 0) -> Text:
    return Text(partial(_transcode, content, encoding, file, skipped), encoding)


def _transcode(content: Content, encoding: str, file: str, skipped: int, digest: Digest | None) -> Pieces:
    decoder = codecs.getincrementaldecoder(encoding)()
    done, left, begun = 0, 0, False
    for piece in chain(_after(content, skipped, digest), [b""]):
        try:
            text = decoder.decode(piece, final=not piece)
            text, begun = text if begun else text.removeprefix("\ufeff"), begun or bool(text)
            yield text.encode()
        except UnicodeDecodeError as error:
            raise _undecodable(content, encoding, file, skipped, done - left + error.start) from error
        except UnicodeError as error:
            raise SourceError(
                f"{file}: the text is not valid {encoding}", "Name its encoding with --encoding."
            ) from error
        done += len(piece)
        left = len(decoder.getstate()[0])  # bytes of a character that is not whole


def _undecodable(content: Content, encoding: str, file: str, skipped: int, at: int) -> SourceError:
    before = b"".join(rest_of(iter([content.start(skipped + at)]), skipped)).decode(encoding, "ignore")
    return SourceError(
        f"{file}: byte {at + 1:,} is not valid {encoding} (line {len(_LINE_END.findall(before)) + 1:,})",
        "Name the encoding of the file with --encoding, or save the file as UTF-8. If it was cut off, export it again.",
    )


def _wide_encoding(start: bytes) -> str | None:
    """UTF-16 without a BOM: in text of western letters every other byte is NUL."""
    sample = np.frombuffer(start[: _SAMPLE // 16 * 2], dtype=np.uint8)
    if len(sample) < 4:
        return None
    even, odd = float((sample[0::2] == 0).mean()), float((sample[1::2] == 0).mean())
    if odd > 0.3 and even < 0.02:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.02 else None


def _decode_narrow(content: Content, file: str) -> Text:
    refuse_binary(content.start(_SAMPLE), file)
    telling = b"".join(_telling(lines, content, file) for lines in whole_lines(content.pieces()))
    signs, sequences = len(_UTF8_SIGN.findall(telling)), len(_UTF8_ANY.findall(telling))
    strays = len(_UTF8_ANY.sub(b"", telling).translate(None, delete=bytes(range(128))))
    if signs or sequences >= 10 * strays:
        utf8 = sequences >= 10 * strays or signs >= strays
        pieces = partial(_decode_mixed, content, utf8)
        return Text(pieces, "utf-8" if utf8 else "cp1252", certain=utf8, mixed=True)
    if foreign_script(telling):
        raise SourceError(
            f"{file}: the encoding cannot be told: the text is not Unicode, and not western",
            "Name it with --encoding (such as cp1251, cp1253, gbk or shift_jis), or save the file as UTF-8.",
        )
    encoding = single_byte_encoding(telling)
    pieces = partial(_transcode, content, encoding, file, 0)
    return Text(pieces, encoding, certain=False, others=other_readings(telling, encoding))


def _telling(lines: bytes, content: Content, file: str) -> bytes:
    """The bytes beyond ASCII with their neighbours, line ends between: all that patterns have to look at."""
    if b"\0" in lines:
        raise nul_byte(content.pieces(), file)
    if lines.isascii():
        return b""
    high = np.frombuffer(lines, np.uint8) > 127
    near = _widened(high)
    kept = _widened(near)
    telling = np.where(near, np.frombuffer(lines, np.uint8), ord("\n"))[kept]
    return telling.astype(np.uint8).tobytes()


def _widened(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """With the places beside those that are set."""
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide


def _decode_mixed(content: Content, utf8: bool, digest: Digest | None) -> Pieces:
    """UTF-8 and cp1252 in one file: the characters that are not of the encoding of most are marked."""
    for lines in whole_lines(content.pieces(digest)):
        if lines.isascii() or (utf8 and _is_utf8(lines)):
            yield lines
        elif utf8:
            each = lines.splitlines(keepends=True)
            yield b"".join(line if _is_utf8(line) else _marked(line, utf8=True).encode() for line in each)
        else:
            yield _marked(lines, utf8=False).encode()


def _marked(text: bytes, *, utf8: bool) -> str:
    parts, done = [], 0
    for match in (_UTF8_ANY if utf8 else _UTF8_SIGN).finditer(text):
        parts.append(_single(text[done : match.start()], mark=utf8))
        parts.append(("" if utf8 else MISFIT) + match[0].decode())
        done = match.end()
    return "".join([*parts, _single(text[done:], mark=utf8)])


def _single(piece: bytes, *, mark: bool) -> str:
    text = piece.decode("latin-1") if piece.isascii() else piece.decode("cp1252", "latin_1_where_undefined")
    return re.sub(r"([^\x00-\x7f])", MISFIT + r"\1", text) if mark else text


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin_1_where_undefined", _latin_1)


def whole_text(content: bytes, file: str, encoding: str | None = None) -> str:
    """All of a text at once. Raises as :func:`decode` does, and for binary data."""
    for utf8 in (True, False):
        text = b"".join(decode(Content(content), file, encoding, utf8=utf8).pieces(None))
        refuse_binary(text[:_SAMPLE], file)
        try:
            is_damaged(text)
        except NotUtf8Error:
            continue
        except NulByteError:
            raise nul_byte(iter([text]), file) from None
        break
    return text.decode()


def is_damaged(text: bytes) -> bool:
    """Whether UTF-8 may hold control characters, or the sign that programs put in place of a character they lost.

    Raises :class:`NotUtf8Error` and :class:`NulByteError`.
    """
    if not _is_utf8(text):
        raise NotUtf8Error
    least = int(np.frombuffer(text, np.uint8).min(initial=255))
    if least == 0:
        raise NulByteError
    # A look for its first byte, which few texts have, is many times as fast as one for the whole sign.
    return least < ord("\t") or (text.find(_LOST[:1]) >= 0 and _LOST in text)


def _is_utf8(text: bytes) -> bool:
    """Arrow's validation runs at memory speed."""
    offsets = pa.py_buffer(np.array([0, len(text)], dtype=np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(text)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def refuse_binary(start: bytes, file: str) -> None:
    """Raise :class:`SourceError` for binary data, which the first bytes of a file show."""
    sample = np.frombuffer(start[:_SAMPLE], dtype=np.uint8)
    control = (sample < 32) & ~np.isin(sample, (9, 10, 12, 13, 26))
    if len(sample) and float(control.mean()) > 0.05:
        raise SourceError(f"{file}: not a table but binary data", _NO_TEXT)


def nul_byte(pieces: Pieces, file: str) -> SourceError:
    """The error that names the line of the first NUL byte in these pieces."""
    lines, before = 1, b""
    for piece in pieces:
        at = piece.find(b"\0")
        text = piece if at < 0 else piece[:at]
        lines += text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
        lines -= before.endswith(b"\r") and text.startswith(b"\n")
        if at >= 0:
            break
        before = piece
    return SourceError(
        f"{file}: not a table but binary data: line {lines:,} holds a NUL byte, which no text has",
        f"The file is damaged, or of another kind. {_NO_TEXT}",
    )
