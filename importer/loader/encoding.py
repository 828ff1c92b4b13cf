"""Bytes of unknown encoding to UTF-8."""

import codecs
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from importer.errors import SourceError, UsageError

__all__ = ["Text", "decode"]

_SAMPLE = 64 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CP1252_UNDEFINED = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
_NO_TEXT = "Export the table again as CSV or as an Excel workbook."


@dataclass(frozen=True)
class Text:
    """A file's text as UTF-8 without a byte order mark, and the encoding it had."""

    data: pa.Buffer
    encoding: str


def decode(content: bytes, file: str, encoding: str | None = None) -> Text:
    """The text of ``content``: by ``encoding`` if given, else by BOM, NUL pattern, strict UTF-8, cp1252, Latin-1.

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
    _refuse_binary(text.data, file)
    return text


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
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{file}: byte {error.start + 1:,} is not valid {encoding}",
            "Name the encoding of the file with --encoding, or save the file as UTF-8.",
        ) from error
    return Text(pa.py_buffer(text.removeprefix("\ufeff").encode("utf-8", "replace")), encoding)


def _wide_encoding(content: bytes) -> str | None:
    """UTF-16 without a BOM: in text of western letters every other byte is NUL."""
    sample = np.frombuffer(content[: _SAMPLE // 16 * 2], dtype=np.uint8)
    if len(sample) < 4 or len(content) % 2:
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
    undefined = any(content.find(byte) >= 0 for byte in _CP1252_UNDEFINED)
    return _transcode(content, "latin-1" if undefined else "cp1252", file)


def _is_utf8(data: pa.Buffer) -> bool:
    """Arrow's validation reads the bytes where they are, at memory speed."""
    offsets = pa.py_buffer(np.array([0, data.size], dtype=np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, data).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _refuse_binary(data: pa.Buffer, file: str) -> None:
    sample = np.frombuffer(data.slice(0, min(data.size, _SAMPLE)), dtype=np.uint8)
    control = (sample < 32) & ~np.isin(sample, (9, 10, 12, 13, 26))
    if (len(sample) and float(control.mean()) > 0.05) or _has_nul(data):
        raise SourceError(f"{file}: not a table but binary data", _NO_TEXT)


def _has_nul(data: pa.Buffer, step: int = 16 * 1024 * 1024) -> bool:
    view = np.frombuffer(data, dtype=np.uint8)
    return any(not view[start : start + step].all() for start in range(0, len(view), step))
