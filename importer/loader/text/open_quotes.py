"""Quotes that are closed only in a later row: they swallow rows in silence."""

import csv
import io
from collections.abc import Iterator

import numpy as np

from importer.loader.text.blocks import Block, places_of, text_lines

__all__ = ["swallowing_rows"]


def swallowing_rows(block: Block, delimiter: str, width: int) -> list[int]:
    """The records (from 0) in which text follows a closing quote and a cell holds what look like further rows.

    ``width``: how many cells a row usually has. Looking costs little: only suspects are read again, strictly.
    """
    suspects = _cells_like_rows(block, delimiter.encode(), max(1, width - 1))
    if not suspects:
        return []
    found = []
    for index, (start, text) in enumerate(_raw_records(block.data, delimiter)):
        within = np.searchsorted(suspects, [start, start + len(text.encode())])
        if within[0] < within[1] and not _is_strict(text, delimiter):
            found.append(index)
    return found


def _cells_like_rows(block: Block, delimiter: bytes, delimiters: int) -> list[int]:
    """Where cells begin that have a line end and as many delimiters as a row has."""
    if not len(block.turns):
        return []
    ends = places_of(block.data, "\n" if b"\n" in block.data else "\r")
    cells = np.stack(block.quoted())
    before, after = np.searchsorted(ends, cells)
    broken = cells[:, before < after].T.tolist()
    return [begin for begin, end in broken if block.data.count(delimiter, begin, end) >= delimiters]


def _is_strict(text: str, delimiter: str) -> bool:
    try:
        list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True


def _raw_records(data: bytes, delimiter: str) -> Iterator[tuple[int, str]]:
    """Each record as it stands, and where it begins."""
    lines: list[str] = []

    def remembered() -> Iterator[str]:
        for line in text_lines(data):
            lines.append(line)
            yield line

    start = 0
    for _ in csv.reader(remembered(), delimiter=delimiter):
        text = "".join(lines)
        yield start, text
        start += len(text.encode())
        lines.clear()
