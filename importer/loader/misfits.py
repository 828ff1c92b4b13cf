"""Rows with characters of another encoding than the rest of the file."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from importer.loader.assemble import Fault
from importer.loader.encoding import MISFIT
from importer.loader.parse import Body

__all__ = ["without_misfits"]

_HINT = "Mend the cell and save the file as UTF-8, or name the encoding of the whole file with --encoding."


def without_misfits(body: Body, header: Sequence[str], encoding: str) -> tuple[Body, list[Fault]]:
    """The records without the marks before such characters, and a fault for each record that had one."""
    found: dict[int, str | None] = {}
    columns = []
    for place, column in enumerate(body.columns):
        marked = pc.match_substring(column, MISFIT)
        for index in np.flatnonzero(marked.to_numpy()).tolist():
            found.setdefault(index, header[place] if place < len(header) else None)
        columns.append(pc.replace_substring(column, MISFIT, "") if pc.any(marked).as_py() else column)
    message = f"the row holds characters that are not {encoding}, the encoding of the rest of the file"
    faults = [Fault(index, "encoding_mixed", message, _HINT, name) for index, name in sorted(found.items())]
    return replace(body, columns=columns), faults
