"""Files of tagged sections, such as QuickBooks Desktop's IIF: ``!CUST`` starts a header, and ``CUST`` its rows.

Each tag becomes a table with the tag as its sheet, and its rows keep their numbers in the file. The column of tags is
removed. Sections with the same tag become one table, with columns matched by name.
"""

import fnmatch
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import header_key
from importer.errors import SourceError
from importer.loader.assemble import Origin, RawTable, RecordFault
from importer.loader.layout import Header, LoadOptions
from importer.loader.text.column_store import Body, blank_cells
from importer.tables import Mask, Positions

_MOST_SECTIONS = 500  # of a tagged file; QuickBooks writes some twenty
_HEADER_TAG = re.compile(r"!([A-Za-z]\w*)")


def is_tagged(rows: Sequence[Sequence[str]]) -> bool:
    """Whether these are the first records of a tagged file: a header comes first, and some row has a header's tag."""
    tags = [row[0].strip() for row in rows if any(cell.strip() for cell in row)]
    header_tags = {match[1] for tag in tags if (match := _HEADER_TAG.fullmatch(tag))}
    return bool(tags and _HEADER_TAG.fullmatch(tags[0])) and not header_tags.isdisjoint(tags)


def read_sections(body: Body, origin: Origin, faults: Sequence[RecordFault], options: LoadOptions) -> list[RawTable]:
    """The sections of a tagged file in the order of their first records.

    Blank records belong to the section above. Records with a tag that has no header become a section without names.
    """
    tags = pc.utf8_trim_whitespace(body.columns[0]).combine_chunks()
    blank = np.logical_and.reduce([pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy() for column in body.columns])
    names = pc.replace_substring_regex(tags, r"^!", "").to_numpy(zero_copy_only=False).astype(object)
    filled = np.flatnonzero(~blank)
    names = names[filled[np.maximum(np.searchsorted(filled, np.arange(len(names)), side="right") - 1, 0)]]
    order = dict.fromkeys(names.tolist())
    if len(order) > _MOST_SECTIONS:
        message = f"{origin.file}: the file has {len(order):,} sections; at most {_MOST_SECTIONS} are read"
        raise SourceError(message, "The first cell of each row is read as the name of its section. Is it an IIF file?")
    mapped = {
        tag for tag in order if any(fnmatch.fnmatchcase(tag.casefold(), name.casefold()) for name in options.names)
    }
    by_row = {fault.index: fault for fault in faults}
    tables = []
    for tag in order:
        rows = np.flatnonzero(names == tag)
        is_header = pc.equal(tags.take(pa.array(rows)), f"!{tag}").to_numpy(zero_copy_only=False)
        own = [replace(by_row[row], index=at) for at, row in enumerate(rows[~is_header].tolist()) if row in by_row]
        header, section = _section(body, rows, is_header)
        section_origin = replace(origin, sheet=tag or None)
        tables.append(RawTable(section_origin, header, section, own, known=tag in mapped or not mapped))
    return tables


def _section(body: Body, rows: Positions, is_header: Mask) -> tuple[Header, Body]:
    """The records of one tag: one header for all of them, and the rows with each cell in its column."""
    data = rows[~is_header]
    headers = [
        [column[row].as_py() for column in body.columns[1 : body.widths[row]]] for row in rows[is_header].tolist()
    ]
    # Which header each row belongs to: the last one above it, or the first one for what is above all of them.
    header_of = np.maximum(np.cumsum(is_header)[~is_header] - 1, 0)
    cells, columns = _aligned(headers, header_of, [column.take(pa.array(data)) for column in body.columns[1:]])
    widths = np.maximum(body.widths[data] - 1, 0)  # without the tag
    if headers:
        header_widths = np.array([len(header) for header in headers])[header_of]
        complete = widths >= header_widths
        widths[complete] += (len(cells) - header_widths)[complete]  # as wide as its header
    numbers = body.numbers[rows[is_header]].tolist()
    header = Header(cells, numbers[0] if numbers else 0, [(row, "header") for row in numbers])
    unfinished = body.unfinished and len(data) > 0 and int(data[-1]) == len(body) - 1
    return header, Body(columns, widths, body.numbers[data], unfinished)


def _aligned(
    headers: list[list[str]], header_of: Positions, columns: list[pa.ChunkedArray]
) -> tuple[list[str], list[pa.ChunkedArray]]:
    """The cells of one header, and its columns; if headers differ, all names, and each cell under its own name."""
    if all(cells == headers[0] for cells in headers):
        return headers[0] if headers else [], columns
    keys = [_keys(cells) for cells in headers]
    names = {key: cells[at] for cells, own in zip(headers, keys, strict=True) for key, at in own.items()}
    runs = np.flatnonzero(np.diff(header_of, prepend=-1, append=len(headers)))  # where rows of a different header begin
    aligned = []
    for key in names:
        chunks: list[pa.Array] = []
        for start, end in pairwise(runs.tolist()):
            place = keys[header_of[start]].get(key)
            own = [blank_cells(end - start)] if place is None else columns[place].slice(start, end - start).chunks
            chunks += own
        aligned.append(pa.chunked_array(chunks, pa.string()))
    return list(names.values()), aligned


def _keys(cells: list[str]) -> dict[tuple[str, int], int]:
    """(Header key, how often it occurred before) → place, of the cells with a text."""
    places: dict[tuple[str, int], int] = {}
    times: Counter[str] = Counter()
    for at, cell in enumerate(cells):
        if key := header_key(cell):
            places[key, times[key]] = at
            times[key] += 1
    return places
