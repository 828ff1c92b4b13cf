"""Bytes of unknown encoding to UTF-8."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.errors import SourceError, UsageError
from importer.loader.guess import foreign_script, other_readings, single_byte_encoding

__all__ = ["MISFIT", "Text", "decode"]

# Stands before every character that is not of the text's encoding. Unicode keeps it free of any meaning (chapter 23.7).
MISFIT = "\ufdd0"
_SAMPLE = 64 * 1024
_BLOCK = 256 * 1024
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
_LOST = re.compile("\ufffd".encode())
_UTF8_ANY = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)


@dataclass(frozen=True)
class Text:
    """A file's text as UTF-8 without a byte order mark, and the encoding it had.

    ``certain``: whether the encoding was given or shows by itself. ``others``: where it does not, the encodings in
    which the text has other letters and makes as much sense. ``mixed``: whether characters of another encoding
    are in it, each with :data:`MISFIT` before it. ``damaged``: whether it may hold control characters, or the sign that
    programs put in place of a character they could not read.
    """

    data: pa.Buffer
    encoding: str
    certain: bool = True
    others: tuple[str, ...] = ()
    mixed: bool = False
    damaged: bool = False


def decode(content: bytes, file: str, encoding: str | None = None) -> Text:
    """The text of ``content``: by ``encoding`` if given, else by BOM, NUL pattern, strict UTF-8, then single bytes.

    Raises :class:`UsageError` for an unknown encoding, :class:`SourceError` for bytes that are no text (in it).
    """
    bom, found = next(((bom, name) for bom, name in _BOMS if content.startswith(bom)), (b"", None))
    if encoding is not None:
        text = _decode_as(content, encoding, file)
    elif found is not None and found != "utf-8":
        text = _transcode(content[len(bom) :], found, file)
    elif found is None and (wide := _wide_encoding(content)) is not None:
        text = _transcode(content, wide, file)
    else:
        text = _decode_narrow(pa.py_buffer(content).slice(len(bom)), content, certain=found is not None, file=file)
    return replace(text, damaged=_refuse_binary(text.data, file))


def _decode_as(content: bytes, encoding: str, file: str) -> Text:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # a codec such as base64 has a name too, but no text
    except LookupError as error:
        raise UsageError(f"{encoding!r} is no encoding", "Use a name such as utf-8, cp1252 or utf-16.") from error
    if name == "utf-8" and _is_utf8(pa.py_buffer(content)):
        return Text(pa.py_buffer(content).slice(3 if content.startswith(codecs.BOM_UTF8) else 0), name)
    return _transcode(content, name, file)


def _transcode(content: bytes, encoding: str, file: str) -> Text:
    try:
        data = content.decode(encoding).removeprefix("\ufeff").encode()
    except UnicodeDecodeError as error:
        line = len(re.findall(r"\r\n|\r|\n", content[: error.start].decode(encoding, "ignore"))) + 1
        raise SourceError(
            f"{file}: byte {error.start + 1:,} is not valid {encoding} (line {line:,})",
            "Name the encoding of the file with --encoding, or save the file as UTF-8. If it was cut off, "
            "export it again.",
        ) from error
    except UnicodeError as error:
        raise SourceError(f"{file}: the text is not valid {encoding}", "Name its encoding with --encoding.") from error
    return Text(pa.py_buffer(data), encoding)


def _wide_encoding(content: bytes) -> str | None:
    """UTF-16 without a BOM: in text of western letters every other byte is NUL."""
    sample = np.frombuffer(content[: _SAMPLE // 16 * 2], dtype=np.uint8)
    if len(sample) < 4:
        return None
    even, odd = float((sample[0::2] == 0).mean()), float((sample[1::2] == 0).mean())
    if odd > 0.3 and even < 0.02:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.02 else None


def _decode_narrow(data: pa.Buffer, content: bytes, *, certain: bool, file: str) -> Text:
    if _is_utf8(data):
        return Text(data, "utf-8")
    if certain:
        return _transcode(content, "utf-8", file)  # raises, with the place
    _refuse_binary(data, file)
    signs, sequences = len(_UTF8_SIGN.findall(content)), len(_UTF8_ANY.findall(content))
    strays = len(_UTF8_ANY.sub(b"", content).translate(None, delete=bytes(range(128))))
    if signs or sequences >= 10 * strays:
        return _decode_mixed(content, utf8=sequences >= 10 * strays or signs >= strays)
    if foreign_script(content):
        raise SourceError(
            f"{file}: the encoding cannot be told: the text is not Unicode, and not western",
            "Name it with --encoding (such as cp1251, cp1253, gbk or shift_jis), or save the file as UTF-8.",
        )
    encoding = single_byte_encoding(content)
    text = _transcode(content, encoding, file)
    return replace(text, certain=False, others=other_readings(content, encoding))


def _decode_mixed(content: bytes, *, utf8: bool) -> Text:
    """UTF-8 and cp1252 in one file: the characters that are not of the encoding of most are marked."""
    parts, done = [], 0
    for match in (_UTF8_ANY if utf8 else _UTF8_SIGN).finditer(content):
        parts.append(_single(content[done : match.start()], mark=utf8))
        parts.append(("" if utf8 else MISFIT) + match[0].decode())
        done = match.end()
    parts.append(_single(content[done:], mark=utf8))
    data = pa.py_buffer("".join(parts).encode())
    return Text(data, "utf-8" if utf8 else "cp1252", certain=utf8, mixed=True)


def _single(piece: bytes, *, mark: bool) -> str:
    text = piece.decode("latin-1") if piece.isascii() else piece.decode("cp1252", "latin_1_where_undefined")
    return re.sub(r"([^\x00-\x7f])", MISFIT + r"\1", text) if mark else text


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin_1_where_undefined", _latin_1)


def _is_utf8(data: pa.Buffer) -> bool:
    """Arrow's validation reads the bytes where they are, at memory speed."""
    offsets = pa.py_buffer(np.array([0, data.size], dtype=np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, data).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _refuse_binary(data: pa.Buffer, file: str) -> bool:
    """Raise :class:`SourceError` for binary data; else whether there are traces of damage: control characters."""
    sample = np.frombuffer(data.slice(0, min(data.size, _SAMPLE)), dtype=np.uint8)
    control = (sample < 32) & ~np.isin(sample, (9, 10, 12, 13, 26))
    if len(sample) and float(control.mean()) > 0.05:
        raise SourceError(f"{file}: not a table but binary data", _NO_TEXT)
    least, at = _least_byte(data)
    if least == 0:
        line = len(re.findall(rb"\r\n|\r|\n", data.slice(0, at).to_pybytes())) + 1
        raise SourceError(
            f"{file}: not a table but binary data: line {line:,} holds a NUL byte, which no text has",
            f"The file is damaged, or of another kind. {_NO_TEXT}",
        )
    return least < ord("\t") or _has_lost(data)


def _has_lost(data: pa.Buffer) -> bool:
    """A look for its first byte, which few texts have, is many times as fast as one for the whole sign."""
    first = _LOST.pattern[0]
    return any((block == first).any() for block in _blocks(data)) and _LOST.search(data) is not None


def _least_byte(data: pa.Buffer) -> tuple[int, int]:
    """The smallest byte, and where it first stands; 255 at 0 in an empty text."""
    least, number = min(((int(block.min()), number) for number, block in enumerate(_blocks(data))), default=(255, 0))
    start = number * _BLOCK
    view = np.frombuffer(data, dtype=np.uint8)[start : start + _BLOCK]
    return least, start + int(np.argmin(view)) if len(view) else 0


def _blocks(data: pa.Buffer) -> Iterator[npt.NDArray[np.uint8]]:
    """The bytes in pieces that stay in the processor's cache."""
    view = np.frombuffer(data, dtype=np.uint8)
    return (view[start : start + _BLOCK] for start in range(0, len(view), _BLOCK))
