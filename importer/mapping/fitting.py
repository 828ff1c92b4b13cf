"""Which shipped mapping fits the sources best."""

from dataclasses import dataclass

from importer.errors import MappingError
from importer.mapping.language.mapping_files import list_mappings, load_mapping
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.table_rows import assign_tables, check_columns, find_column
from importer.tables import Sources


@dataclass(frozen=True)
class Fit:
    """A shipped mapping that can read the sources, and how many of their columns it knows, of how many."""

    name: str
    known: int
    columns: int


def best_fit(sources: Sources) -> Fit | None:
    """The shipped mapping that knows the most columns of the sources; None when none can read them."""
    fits = []
    for name in list_mappings():
        try:
            fits.append(Fit(name, *_known(load_mapping(name).mapping, sources)))
        except MappingError:  # it needs columns that are not there
            continue
    # Of equal ones the last by name: one row per customer (generic-wide) is more common than several (generic-long).
    return max(fits, key=lambda fit: (fit.known, fit.name), default=None)


def advice(sources: Sources) -> str:
    """In one sentence, for the end of a hint."""
    fit = best_fit(sources)
    if fit is None or not fit.known:
        return "No shipped mapping fits these columns; write one: see mappings/README.md."
    return f"The shipped mapping {fit.name!r} fits best: it knows {fit.known} of {fit.columns} columns."


def known_columns(mapping: Mapping, sources: Sources) -> int:
    """How many columns of the sources the mapping uses. Raises :class:`MappingError` when it cannot read them."""
    return _known(mapping, sources)[0]


def _known(mapping: Mapping, sources: Sources) -> tuple[int, int]:
    known, columns = 0, 0
    for name, data in assign_tables(mapping, sources).items():
        check_columns(mapping, name, data.tables)
        references = [reference for reference, _ in mapping.references(name)]
        for table in data.tables:
            headers = table.frame.columns
            known += len({find_column(reference, headers) for reference in references} - {None})
            columns += len(headers)
    return known, columns
