"""Finds the included mapping that fits the sources best."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from importer.errors import MappingError
from importer.mapping.language.mapping_files import LoadedMapping, list_mappings, load_mapping
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.table_rows import assign_tables, check_columns, find_column
from importer.tables import Sources

GENERIC = "generic-"  # how the names of mappings for lists of any origin begin
_FEW = 5  # columns
NO_FIT = "No included mapping fits these columns. To draft one: `importer suggest -o mapping.yaml`."


@dataclass(frozen=True)
class Fit:
    """A mapping that can read the sources: how many of their ``columns`` it covers, and which it does not."""

    name: str
    known: int
    columns: int
    unused: tuple[str, ...]

    def __str__(self) -> str:
        return f"The included mapping {self.name!r} fits best: it covers {self.known} of {self.columns} columns"


def best_fit(sources: Sources) -> Fit | None:
    """The included mapping that covers the most columns of the sources; None if none can read any column."""
    fits = []
    for name in list_mappings():
        mapping = load_mapping(name).mapping
        try:
            main = assign_tables(mapping, sources)[mapping.main_table]
            if any(key_headers(mapping, table.headers) for table in main.tables):
                fits.append(fit_of(name, mapping, sources))
        except MappingError:  # it needs columns that are not there
            continue
    best = max(fits, key=_rank, default=None)
    return best if best is not None and best.known else None


def _rank(fit: Fit) -> tuple[int, bool, str]:
    """Of equal ones that of a system, but a generic one if it covers few columns: those of the system are not there.

    Of generic ones the last by name: one row per customer (generic-wide) is more common than several (generic-long).
    """
    return fit.known, fit.name.startswith(GENERIC) == (fit.known <= _FEW), fit.name


def advice(sources: Sources, given: LoadedMapping) -> str:
    """Which mapping to use, for a hint; nothing if it is the ``given`` one, or one that it extends."""
    fit = best_fit(sources)
    if fit is None:
        return NO_FIT
    return "" if load_mapping(fit.name).path in {given.path, *given.bases} else f"{fit}."


def mentioned_columns(mapping: Mapping, table_name: str, headers: Sequence[str]) -> set[str]:
    """The headers of a source table that a mapping mentions. Raises :class:`MappingError` for one that is ambiguous."""
    found = {find_column(reference, headers) for reference, _ in mapping.references(table_name)}
    return {header for header in found if header is not None}


def key_headers(mapping: Mapping, headers: Sequence[str]) -> list[str]:
    """The headers that the main table's key refers to. If there are none, the mapping reads no rows."""
    references = (reference for rule in mapping.tables[mapping.main_table].key for reference in rule.columns())
    return [header for one in references if (header := find_column(one, headers)) is not None]


def fit_of(name: str, mapping: Mapping, sources: Sources) -> Fit:
    """How many columns of the sources a mapping uses. Raises :class:`MappingError` when it cannot read them.

    Tables in which columns are missing, such as other lists in the same file, count as unknown.
    """
    headers: list[str] = []
    unused: list[str] = []
    for table_name, data in assign_tables(mapping, sources).items():
        for table in data.tables:
            headers += list(table.frame.columns)
            known: set[str] = set()
            with contextlib.suppress(MappingError):
                check_columns(mapping, table_name, [table])
                known = mentioned_columns(mapping, table_name, table.headers)
            unused += [header for header in table.frame.columns if header not in known]
    return Fit(name, len(headers) - len(unused), len(headers), tuple(unused))
