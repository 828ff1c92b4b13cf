"""Files of tagged sections, such as QuickBooks Desktop's IIF: ``!CUST`` heads a section, ``CUST`` begins its rows.

One table comes of each tag, the tag being its sheet, with the rows' own numbers in the file. The column of tags is
taken off. A section that occurs again is read into the same table, columns by their names.
"""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.loader.assemble import Fault, Origin, assemble
from importer.loader.layout import Header, header_score
from importer.loader.load_options import LoadOptions
from importer.loader.text.text_cells import Body
from importer.loader.workbook.sheets import Loaded
from importer.tables import header_key

__all__ = ["Section", "is_tagged", "read_sections"]

_HEADER = re.compile(r"!([A-Za-z]\w*)")
Rows = npt.NDArray[np.int64]


def is_tagged(rows: Sequence[Sequence[str]]) -> bool:
    """Whether first records are those of a tagged file: the first is a header, and some row has a header's tag."""
    tags = [row[0].strip() for row in rows if any(cell.strip() for cell in row)]
    heads = {match[1] for tag in tags if (match := _HEADER.fullmatch(tag))}
    return bool(tags and _HEADER.fullmatch(tags[0])) and not heads.isdisjoint(tags)


@dataclass(frozen=True)
class Section:
    """The records of one tag. ``headers``: the numbers of its header rows; ``wanted``: whether a mapping names it."""

    origin: Origin
    cells: list[str]
    body: Body
    headers: list[int]
    faults: list[Fault]
    wanted: bool

    @property
    def numbers(self) -> Rows:
        """The numbers of its rows."""
        return np.sort(np.concatenate([np.array(self.headers, np.int64), self.body.numbers]))

    def matches(self, options: LoadOptions) -> bool:
        """Whether the mapping names the section, and columns of it."""
        return self.wanted and header_score(self.cells, options) > 0

    def table(self, options: LoadOptions) -> Loaded:
        """Its table."""
        header = Header(self.cells, None, [(row, "header") for row in self.headers])
        table, problems = assemble(self.origin, header, self.body, self.faults, options)
        details = {**table.details, "header_row": self.headers[0]} if self.headers else table.details
        return replace(table, details=details), problems


def read_sections(body: Body, origin: Origin, faults: Sequence[Fault], options: LoadOptions) -> list[Section]:
    """The sections of a tagged file in the order of their first records.

    Blank records belong to the section above them. Records whose tag no header explains become a section of their own,
    without columns' names.
    """
    tags = pc.utf8_trim_whitespace(body.columns[0]).combine_chunks()
    blank = np.logical_and.reduce([pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy() for column in body.columns])
    names = pc.replace_substring_regex(tags, r"^!", "").to_numpy(zero_copy_only=False).astype(object)
    filled = np.flatnonzero(~blank)
    above = np.maximum(np.searchsorted(filled, np.arange(len(names)), side="right") - 1, 0)
    names = names[filled[above]]
    order = dict.fromkeys(names.tolist())
    known = {tag for tag in order if _is_named(tag, options)}
    at_fault = {fault.index: fault for fault in faults}
    sections = []
    for tag in order:
        rows = np.flatnonzero(names == tag)
        heads = [int(row) for row in rows if tags[int(row)].as_py() == f"!{tag}"]
        sections.append(_section(tag, body, rows, heads, at_fault, origin, wanted=tag in known or not known))
    return sections


def _is_named(tag: str, options: LoadOptions) -> bool:
    return any(fnmatch.fnmatchcase(tag.casefold(), pattern.casefold()) for pattern in options.names)


def _section(
    tag: str, body: Body, rows: Rows, heads: list[int], at_fault: dict[int, Fault], origin: Origin, *, wanted: bool
) -> Section:
    data = rows[np.isin(rows, heads, invert=True)]
    headers = [[column[head].as_py() for column in body.columns[1 : int(body.widths[head])]] for head in heads]
    parts = [data[_between(data, heads, number)] for number in range(len(heads))]
    cells, columns = _aligned(headers, parts, body, data)
    widths = np.maximum(body.widths[data] - 1, 0)  # without the tag
    for own, part in zip(headers, parts, strict=True):  # a row is short only if its own header has more cells
        widths[np.isin(data, part) & (widths >= len(own))] += len(cells) - len(own)
    faults = [replace(at_fault[row], index=place) for place, row in enumerate(data.tolist()) if row in at_fault]
    last = body.unfinished and len(data) > 0 and int(data[-1]) == len(body) - 1
    table = Body(columns, widths, body.numbers[data], unfinished=last)
    numbers = body.numbers[heads].tolist()
    return Section(replace(origin, sheet=tag or None), cells, table, numbers, faults, wanted)


def _between(data: Rows, heads: list[int], number: int) -> npt.NDArray[np.bool_]:
    """The data rows of one header: those up to the next one, and for the first one also what stands above it."""
    start = heads[number] if number else -1
    end = heads[number + 1] if number + 1 < len(heads) else np.iinfo(np.int64).max
    inside: npt.NDArray[np.bool_] = (data > start) & (data < end)
    return inside


def _aligned(
    headers: list[list[str]], parts: list[Rows], body: Body, data: Rows
) -> tuple[list[str], list[pa.ChunkedArray]]:
    """The cells of one header, and its columns; where headers differ, all their names and each cell under its own."""
    if not headers:
        return [], [column.take(pa.array(data)) for column in body.columns[1:]]
    if all(cells == headers[0] for cells in headers):
        return headers[0], [column.take(pa.array(data)) for column in body.columns[1:]]
    keys = [_keys(cells) for cells in headers]
    names = {key: cells[at] for cells, own in zip(headers, keys, strict=True) for key, at in own.items()}
    columns = []
    for key in names:
        chunks = [
            body.columns[own[key] + 1].take(pa.array(rows)) if key in own else _blank(len(rows))
            for own, rows in zip(keys, parts, strict=True)
        ]
        columns.append(pa.chunked_array([piece for chunk in chunks for piece in chunk.chunks], pa.string()))
    return list(names.values()), columns


def _keys(cells: list[str]) -> dict[tuple[str, int], int]:
    """(Header key, how often it stands before) → place, of the cells with a text."""
    keys = [header_key(cell) for cell in cells]
    return {(key, keys[:at].count(key)): at for at, key in enumerate(keys) if key}


def _blank(count: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(pa.scalar("", pa.string()), count)])
