"""What an update would change in customers, as ``changes.csv`` has it, for the page."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from importer.tables import unmark_formulas

__all__ = ["differences", "read_changes"]

SHOWN = 20  # of a customer
_NAMES = ("reference_id", "field", "before", "after", "place")


def read_changes(path: Path) -> pa.Table | None:
    """The lines of a run's ``changes.csv``; None where there is no such file."""
    if not path.is_file():
        return None
    table = csv.read_csv(
        path,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(_NAMES, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return pa.table({name: unmark_formulas(table[name]) for name in _NAMES})


def differences(changes: pa.Table | None, ids: Sequence[str]) -> list[tuple[list[list[str | None]], int]]:
    """For each of these customers its first changes (field, before, after, place), and how many more there are."""
    found: dict[str, list[list[str | None]]] = {name: [] for name in ids}
    more = dict.fromkeys(ids, 0)
    if changes is not None:
        own = changes.filter(pc.is_in(changes["reference_id"], value_set=pa.array(ids, pa.string())))
        for name, *told in zip(*(own[column].to_pylist() for column in _NAMES), strict=True):
            if len(found[name]) < SHOWN:
                found[name].append(told)
            else:
                more[name] += 1
    return [(found[name], more[name]) for name in ids]
