"""What the mapping and the command line tell the loader."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from importer.tables import header_key

__all__ = ["LoadOptions"]


@dataclass(frozen=True)
class LoadOptions:
    """How to read the sources.

    ``columns``: per table of the mapping, every source column name that the mapping mentions (each alternative by
    itself); used to find the header and the sheets. ``two_headers``: a second header row may stand directly above or
    under the header. ``allowed``: header keys of the columns that the mapping names (tax numbers are kept only then).
    ``names``: the patterns of the mapping's tables for file and sheet names; they choose a tagged file's sections.
    ``sheet``: only this sheet of a workbook. ``encoding``, ``delimiter``: instead of those found in the file.
    ``scratch``: a folder for the cells of large text files, which then are mapped from disk instead of held in memory.
    """

    columns: tuple[frozenset[str], ...] = ()
    two_headers: bool = False
    allowed: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    scratch: Path | None = None

    @cached_property
    def keys(self) -> tuple[frozenset[str], ...]:
        """``columns`` as header keys."""
        return tuple(frozenset(header_key(name) for name in names) for names in self.columns)
