"""Rows among the data that look like another header: of a second table, or of the same one with changed columns."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import filled_cells
from importer.loader.layout import Header
from importer.loader.non_data_rows import PAGE, plain
from importer.loader.text.column_store import Body
from importer.tables import Mask, Positions, taken

_MOST_GAPS = 1000  # blank rows; where there are more, they do not part tables
_MOST_NAMES = 0.6  # of the columns; a customer may be called like some
_FEWEST, _NUMBERED = 3, 0.75  # rows with a number in the first column, and their share
_LONE = 0.05  # of the rows; where more have one cell only, these are customers
_FEWEST_COLUMNS = 4
_NEAR = 2  # rows below a blank one: a title may be above the header

Kind = Literal["reordered", "renamed", "page"]  # of the same columns, of others, or none but the head of a page


def other_headers(body: Body, header: Header, blank: Positions, repeated: Positions) -> Iterator[tuple[int, Kind]]:
    """The rows of the data that look like a header, or like the head of a page above a ``repeated`` header.

    ``body``: the data alone; ``blank``, ``repeated``: the numbers of the blank rows and of the repeated headers.
    """
    above = np.flatnonzero(np.isin(body.numbers + 1, repeated)).tolist()
    for index in above:
        texts = [text for cell in body.row(index) if (text := cell.strip())]
        if any(map(PAGE.fullmatch, texts)) or len(texts) == 1 < header.width - 1:
            yield int(body.numbers[index]), "page"
    names = plain(pa.array([*header.cells, *[""] * len(body.columns)]), fold=True)[: len(body.columns)]
    known = names.filter(pc.not_equal(names, "")).unique()
    if len(known) < 2 or not len(body):
        return
    gaps = blank if len(blank) <= _MOST_GAPS else blank[:0]
    after = np.logical_or.reduce([np.isin(body.numbers - distance, gaps) for distance in range(1, _NEAR + 1)])
    first = next(place for place, name in enumerate(names.to_pylist()) if name)
    named = pc.is_in(plain(body.columns[first], fold=True), value_set=known).to_numpy()
    body.stored.release_memory()
    at = np.flatnonzero(named | after)
    known_cells, same, filled, digits = np.zeros((4, len(at)), dtype=np.int64)
    for column, name in zip(body.columns, names, strict=True):
        cells = plain(pa.chunked_array([taken(column, at)]), fold=True)
        some = filled_cells(cells)
        filled += some
        known_cells += some & pc.is_in(cells, value_set=known).to_numpy()
        same += some & pc.equal(cells, name).to_numpy()
        digits += pc.match_substring_regex(cells, r"\d").to_numpy()
        body.stored.release_memory()
    reordered = (known_cells == filled) & (filled >= max(2, _MOST_NAMES * len(known))) & (same < filled)
    strange = after[at] & (filled >= 2) & (digits == 0)
    if strange.any():
        strange &= _without_number(body.columns[first], at)
    renamed = strange | (same >= 2) & (2 * same >= filled) | after[at] & (same >= 1) & (filled >= 2) & (digits == 0)
    for row in body.numbers[at[reordered]].tolist():
        yield row, "reordered"
    for row in body.numbers[at[renamed & ~reordered]].tolist():
        yield row, "renamed"


def _without_number(ids: pa.ChunkedArray, at: Positions) -> Mask:
    """Which of these rows have words in a column that has a number in almost all the other rows."""
    filled = filled_cells(ids)
    numbers = pc.match_substring_regex(ids, r"\d").to_numpy()
    usual = numbers.sum() >= max(_FEWEST, _NUMBERED * filled.sum())
    words: Mask = usual & filled[at] & ~numbers[at]
    return words


def lone_texts(body: Body, header: Header) -> Positions:
    """The numbers of rows with words in the first column and nothing else, as headings and notes have; if few do."""
    names = [place for place, cell in enumerate(header.cells) if cell.strip()]
    if len(names) < _FEWEST_COLUMNS or not len(body):
        return body.numbers[:0]
    first = body.columns[names[0]]
    lone = filled_cells(first)
    for column in body.columns[names[0] + 1 :]:
        lone &= ~filled_cells(column)
        if not lone.any():  # soon, as a rule
            break
    body.stored.release_memory()
    at = np.flatnonzero(lone)
    if len(at) > max(1, _LONE * len(body)):
        return body.numbers[:0]
    texts = pc.match_substring_regex(taken(first, at), r"^[^0-9]*\pL[^0-9]*$|\pL.*\s|\s.*\pL")
    found: Positions = body.numbers[at[texts.to_numpy(zero_copy_only=False)]]
    return found
