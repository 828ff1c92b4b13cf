"""What the loader needs to know from the mapping and the command line."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from importer.tables import header_key


@dataclass(frozen=True)
class LoadOptions:
    """How to read the sources.

    ``columns``: for each table of the mapping, every source column name that it mentions (each alternative
    separately); used to find the header and the sheets. ``two_headers``: a second header row may be directly above or
    below the header. ``allowed``: header keys of the columns that the mapping names (only these may hold tax numbers).
    ``names``: the patterns of the mapping's tables for file and sheet names; they select a tagged file's sections.
    ``sheet``: only this sheet of a workbook. ``encoding``, ``delimiter``: override what the file shows.
    ``scratch``: a folder for the cells of large text files, which are then read from disk instead of kept in memory.
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
