"""Rows of the sources as they stand in the files, for the pages that show them beside what is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from importer.tables import Sources


@dataclass(frozen=True)
class SourceRows:
    """Some rows of one table. ``rows``: row number → its cells, in the order of the columns.

    ``places``: where each column is in the table.
    """

    name: str
    columns: list[str]
    places: list[int]
    rows: dict[int, list[str]]


def rows_at(sources: Sources, places: Sequence[tuple[str, int]], *, first: Sequence[str] = ()) -> list[SourceRows]:
    """The rows at (table, row number), by table; places that are not there are left out.

    ``first``: the columns that come before the others.
    """
    found = []
    for table in sources.tables:
        wanted = np.array(sorted({row for name, row in places if name == table.name}), np.int64)
        at = np.flatnonzero(np.isin(table.row_numbers, wanted)) if len(wanted) else wanted
        if len(at):
            headers = sorted(table.headers, key=lambda header: header not in first)
            cells = zip(*(table.cells(header, at).to_pylist() for header in headers), strict=True)
            numbers = table.row_numbers[at].tolist()
            rows = {number: list(own) for number, own in zip(numbers, cells, strict=True)}
            found.append(SourceRows(table.name, headers, [table.headers.index(one) for one in headers], rows))
    return found
