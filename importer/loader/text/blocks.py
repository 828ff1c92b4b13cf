"""Text in blocks that end where a record ends, so that each can be read by itself."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from importer.loader.content import whole_characters

__all__ = ["Block", "blocks", "places_of", "text_lines"]

# Few enough bytes for a processor's own cache; fewer would make more chunks for everything that comes after.
_BLOCK_BYTES = 2 * 1024 * 1024
_LONG = 8 * 1024 * 1024  # a record of so many bytes is one whose quote was never closed, or a giant


Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Some records. ``turns``: the places of the quotes that open and close cells, in turn."""

    data: bytes
    turns: Places

    @property
    def unclosed(self) -> bool:
        """Whether a quote is open at the end: the text ends there, or far too much of it would follow in the cell."""
        return len(self.turns) % 2 == 1

    def quoted(self) -> tuple[Places, Places]:
        """Where each quoted text begins and ends; a doubled quote does not end it."""
        begin, end = self.turns[0 : len(self.turns) // 2 * 2 : 2], self.turns[1::2]
        goes_on = begin[1:] == end[:-1] + 1
        return begin[np.append(True, ~goes_on)[: len(begin)]], end[np.append(~goes_on, True)[: len(end)]]


def text_lines(data: bytes) -> Iterator[str]:
    """The lines of UTF-8 text with their ends, split as the csv module wants them."""
    return iter(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""))


def blocks(pieces: Iterator[bytes], delimiter: str) -> Iterator[Block]:
    """The text of ``pieces`` in blocks; the last one may end within a record."""
    rest, due = b"", _BLOCK_BYTES
    for piece in pieces:
        rest = rest + piece if rest else piece
        if len(rest) < due:
            continue
        turns = _turns(rest, delimiter)
        end = _last_end(rest, turns)
        if end:
            yield Block(rest[:end], turns[: np.searchsorted(turns, end)])
            rest, due = rest[end:], _BLOCK_BYTES
        elif len(rest) > _LONG and not _readable(rest, delimiter):
            yield Block(whole_characters(rest), turns)
            return
        else:
            due = 2 * len(rest)
    if rest:
        yield Block(rest, _turns(rest, delimiter))


def _turns(data: bytes, delimiter: str) -> Places:
    """The places of the quotes that open or close a cell, in turn; a doubled quote closes and opens it again.

    A quote opens a cell only where the cell begins; elsewhere it is text, as to Arrow and the csv module.
    """
    quotes = places_of(data, '"')
    opening = quotes[0::2]
    before = np.frombuffer(data, np.uint8)[opening - 1]
    begins = _is_any(before, f'{delimiter}\r\n"')  # a quote behind the one that closed is the second of two
    begins |= opening == 0
    return quotes if begins.all() else np.array(list(_turns_one_by_one(data, quotes.tolist(), delimiter)), np.int64)


def places_of(data: bytes, char: str) -> Places:
    """Where an ASCII character stands."""
    return np.flatnonzero(np.frombuffer(data, np.uint8) == ord(char))


def _is_any(values: npt.NDArray[np.uint8], chars: str) -> Any:
    return np.logical_or.reduce([values == ord(char) for char in chars])


def _turns_one_by_one(data: bytes, quotes: list[int], delimiter: str) -> Iterator[int]:
    starts = f"{delimiter}\r\n".encode()
    inside, doubled = False, -1
    for place in quotes:
        if place == doubled:
            continue
        if inside and data[place + 1 : place + 2] == b'"':
            doubled = place + 1
        elif inside or place == 0 or data[place - 1] in starts:
            inside = not inside
            yield place


def _last_end(data: bytes, turns: Places) -> int:
    """The place behind the last line end outside quotes; 0 if there is none."""
    for end, stop in ((b"\n", len(data)), (b"\r", len(data) - 1)):  # a last \r may be the half of a line end
        place = data.rfind(end, 0, stop)
        while place >= 0 and (before := int(np.searchsorted(turns, place))) % 2:
            place = data.rfind(end, 0, int(turns[before - 1]))
        if place >= 0:
            return place + 1
    return 0


def _readable(data: bytes, delimiter: str) -> bool:
    try:
        for _ in csv.reader(text_lines(whole_characters(data)), delimiter=delimiter):
            pass
    except csv.Error:
        return False
    return True
