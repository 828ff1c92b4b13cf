"""Writing a report's files: completely or not at all, readable only by their owner, and with reproducible bytes.

CSV files are UTF-8 without a byte order mark, with commas and line feeds. All text is quoted, and empty cells are not:
Excel and Python's ``csv`` read such a file the same way.
"""

import errno
import fcntl
import io
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from importer.cell_text import mark_formulas, unmark_formulas
from importer.errors import OutputError
from importer.private_files import make_folder, replacing
from importer.tables import TEXT

BLOCK = 65_536  # rows written at a time, so that a large file is never completely in memory
_HINTS = {
    errno.ENOSPC: "The disk is full: free some space, or choose another location with {option}.",
    errno.EDQUOT: "The disk quota is used up: free some space, or choose another location with {option}.",
    errno.EFBIG: "The file would be larger than this system allows: choose another location with {option}.",
    errno.EROFS: "The file system is read-only: choose another location with {option}.",
    errno.EACCES: "Choose a folder that you may write to with {option}.",
    errno.EPERM: "Choose a folder that you may write to with {option}.",
}
_NUMBERS = {"http_status": "Int64", "attempts": "Int64", "row": "Int64", "seconds": "Float64"}


@contextmanager
def whole_file(path: Path, option: str = "--out") -> Iterator[BinaryIO]:
    """Open a file for writing that replaces ``path`` if the block succeeds, and is removed if it fails.

    Missing folders are created (0700). Only the owner can read the file (0600). ``option``: the option with which a
    different place can be chosen. Raises :class:`OutputError`.
    """
    try:
        make_folder(path.parent)
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise _output_error(path, error, option) from error


@contextmanager
def locked_folder(folder: Path, option: str = "--out") -> Iterator[None]:
    """Lock the folder for the duration of the block, if the file system supports locks.

    A missing folder is created (0700). ``option``: the option with which a different place can be chosen. Raises
    :class:`OutputError`.
    """
    try:
        make_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _output_error(folder, error, option) from error
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def removed(path: Path) -> None:
    """Delete an outdated file, if there is one. Raises :class:`OutputError`."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _output_error(path, error, "--out") from error


def _output_error(path: Path, error: OSError, option: str) -> OutputError:
    hint = _HINTS.get(error.errno or 0, "Choose another location with {option}.").format(option=option)
    return OutputError(f"{path} cannot be written: {error.strerror or error}", hint)


def write_csv(path: Path, frame: pd.DataFrame, *, comes_back: bool = False) -> None:
    """Write a frame of text and number columns; null and ``""`` both become an empty cell without quotes.

    Text that a spreadsheet would run as a formula is marked, even in headers
    (:func:`importer.cell_text.mark_formulas`). Plain numbers and phone numbers are marked only with ``comes_back``,
    for a file that will be imported again. Raises :class:`OutputError`.
    """
    parts = (frame.iloc[start : start + BLOCK] for start in range(0, max(len(frame), 1), BLOCK))
    write_blocks(path, parts, comes_back=comes_back)


def csv_bytes(frame: pd.DataFrame, *, comes_back: bool = False) -> bytes:
    """The bytes that :func:`write_csv` writes."""
    file = io.BytesIO()
    _write(file, [frame], comes_back=comes_back)
    return file.getvalue()


def read_csv(path: Path) -> pd.DataFrame:
    """Read what :func:`write_csv` wrote, without the marks of formulas: text (null if blank) and numbers.

    Raises :class:`OutputError` if the file is gone or was changed.
    """
    kinds: Any = defaultdict(lambda: TEXT, _NUMBERS)
    try:
        frame = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""], encoding="utf-8")
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} was changed after the run: {error}", "Move it to another folder.") from error
    texts = {
        str(name): pd.arrays.ArrowExtensionArray(unmark_formulas(pa.chunked_array(pa.array(column))))
        for name, column in frame.items()
        if column.dtype == TEXT
    }
    return frame.assign(**texts)


def write_blocks(path: Path, blocks: Iterable[pd.DataFrame], *, comes_back: bool = False) -> None:
    """Like :func:`write_csv`, for consecutive frames. There is at least one, and all have the same columns."""
    with whole_file(path) as file:
        _write(file, blocks, comes_back=comes_back)


def _write(file: BinaryIO, blocks: Iterable[pd.DataFrame], *, comes_back: bool) -> None:
    tables = (pa.Table.from_pandas(block, preserve_index=False) for block in blocks)
    first = next(tables)
    names = mark_formulas(pa.array(first.column_names, pa.string())).to_pylist()
    schema = pa.schema(list(zip(names, first.schema.types, strict=True)))
    with pyarrow.csv.CSVWriter(file, schema) as writer:
        for table in chain([first], tables):
            writer.write_table(pa.table([_cells(column, comes_back) for column in table.columns], schema=schema))


def _cells(column: pa.ChunkedArray, comes_back: bool) -> pa.ChunkedArray:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    blank = pc.equal(column, "")
    if pc.any(blank).as_py():
        column = pc.if_else(blank, None, column)
    marked = mark_formulas(column)
    if comes_back or marked is column:
        return marked
    return pc.if_else(pc.match_substring_regex(column, _NUMBER), column, marked)


# A number, or a phone number with or without an extension: a spreadsheet cannot run it.
_NUMBER = r"(?i)^[+-][0-9][0-9 ().\-/]*(?:(?:ext|x|#)[. ]*[0-9]+)?$"
