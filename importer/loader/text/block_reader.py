"""The records of a text: read in blocks, side by side."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from importer.errors import SourceError
from importer.loader.assemble import column_names
from importer.loader.text.blocks import Block, blocks
from importer.loader.text.csv_parser import BadRecordError, Records, nothing, parse
from importer.loader.text.damaged_rows import without_misfits
from importer.loader.text.encoding import MISFIT, is_damaged
from importer.loader.text.open_quotes import swallowing_rows
from importer.loader.text.text_cells import Body, Numbers, cells

__all__ = ["Form", "ReadBody", "read_body"]


@dataclass(frozen=True)
class Form:
    """How records are written.

    ``width``: how many cells most have. ``header``: the columns' names. ``mixed``: whether characters of another
    encoding are marked in the text.
    """

    delimiter: str
    width: int
    header: Sequence[str] = ()
    mixed: bool = False

    @property
    def named(self) -> int:
        """How many cells a row has at least."""
        return min(self.width, sum(1 for cell in self.header if cell.strip()))


@dataclass
class ReadBody:
    """A body, and what was found on the way.

    ``swallowing``: the records (from 0) that take in others by a quote closed too late. ``misfits``: the records with
    characters of another encoding, and the columns of these. ``damaged``: whether there may be control characters, or
    the sign for lost ones.
    """

    body: Body
    swallowing: list[int] = field(default_factory=list)
    misfits: dict[int, str | None] = field(default_factory=dict)
    damaged: bool = False


@dataclass(frozen=True)
class _Read:
    """A block that is read; places are those within it."""

    records: Records
    swallowing: list[int]
    misfits: dict[int, str | None]
    damaged: bool
    unfinished: bool


def read_body(pieces: Iterator[bytes], form: Form, *, start: int, file: str, scratch: Path | None = None) -> ReadBody:
    """All records of a text, the first of which is number ``start``; their cells lie in ``scratch`` if it is given.

    Raises :class:`SourceError` for a record that cannot be read, naming its row, and what
    :func:`~importer.loader.text.encoding.is_damaged` raises.
    """
    found = ReadBody(Body([], np.empty(0, np.int64), np.empty(0, np.int64)))
    cells_read = cells(column_names(form.header, form.width), scratch)
    surplus = _Surplus(form.width)
    widths: list[Numbers | int] = []
    unfinished, count = False, 0
    try:
        for read in _side_by_side(partial(_read, form=form), blocks(pieces, form.delimiter)):
            cells_read.add(read.records.columns[: form.width])
            surplus.add(read.records)
            widths.append(len(read.records) if read.records.widths is None else read.records.widths)
            found.swallowing += [index + count for index in read.swallowing]
            found.misfits |= {index + count: name for index, name in read.misfits.items()}
            found.damaged |= read.damaged
            unfinished = read.unfinished
            count += len(read.records)
    except BadRecordError as error:
        raise SourceError(f"{file}:{start + count + error.index}: {error.message}", error.hint) from error
    kept = cells_read.finished()
    columns = kept.columns + surplus.columns()
    body = Body.following(columns, _all_widths(widths, form.width), start, unfinished=unfinished)
    found.body = replace(body, kept=kept)
    return found


def _read(block: Block, form: Form) -> _Read:
    damaged = is_damaged(block.data)
    records = parse(block, form.delimiter, form.width)
    swallowing = swallowing_rows(block, form.delimiter, form.named)
    misfits: dict[int, str | None] = {}
    if form.mixed and MISFIT.encode() in block.data:
        columns, misfits = without_misfits(records.columns, form.header)
        records = Records(columns, records.widths)
    return _Read(records, swallowing, misfits, damaged, block.data[-1:] not in b"\r\n")


def _side_by_side(work: Callable[[Block], _Read], tasks: Iterator[Block]) -> Iterator[_Read]:
    """The results in the order of the tasks, of which only a few are taken before they can be done."""
    hands = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(hands) as pool:
        waiting: deque[Future[_Read]] = deque()
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) > 2 * hands:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Surplus:
    """The columns beyond the usual ones, which few records have."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.blank: list[pa.Array] = []
        self.chunks: list[list[pa.Array]] = []

    def add(self, records: Records) -> None:
        own = records.columns[self.width :]
        self.chunks += [list(self.blank) for _ in range(len(self.chunks), len(own))]
        blank = nothing(len(records))
        for chunks, column in zip(self.chunks, [*own, *[blank] * (len(self.chunks) - len(own))], strict=True):
            chunks.append(column)
        self.blank.append(blank)

    def columns(self) -> list[pa.ChunkedArray]:
        return [pa.chunked_array(chunks, pa.string()) for chunks in self.chunks]


def _all_widths(widths: Sequence[Numbers | int], usual: int) -> Numbers:
    """``widths``: of each block those of its records, or how many have the usual one."""
    if all(isinstance(each, int) for each in widths):
        return np.broadcast_to(np.int64(usual), sum(widths))  # takes no memory
    parts = [np.full(each, usual, np.int64) if isinstance(each, int) else each for each in widths]
    return np.concatenate([np.empty(0, np.int64), *parts])
