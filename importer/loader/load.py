"""Sources to ``SourceTable``s."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from importer.errors import SourceError
from importer.loader.assemble import Origin, refuse_without_rows
from importer.loader.delimited import read_delimited
from importer.loader.discovery import find_files
from importer.loader.layout import header_score
from importer.loader.options import LoadOptions
from importer.loader.workbook import Sheet, ignored_table, is_workbook, read_sheets, sheet_table
from importer.records import Problem
from importer.tables import Sources, SourceTable

__all__ = ["load"]

Loaded = tuple[SourceTable, list[Problem]]


def load(sources: Sequence[str], options: LoadOptions) -> Sources:
    """All tables of the files, globs and directories ``sources``, in the order of their display names.

    Raises :class:`SourceError` for a source that cannot be found, opened or understood, and :class:`UsageError` for
    an option that does not fit (a sheet that a workbook does not have, an unknown encoding).
    """
    read = [_read(file, path, options) for file, path in find_files(sources)]
    matched = any(_matches(item, options) for items in read for item in items)
    tables: list[SourceTable] = []
    problems: list[Problem] = []
    for items in read:
        loaded = [_table(item, options, matched=matched) for item in items]
        if not any(len(table.frame) for table, _ in loaded):
            for table, _ in loaded:
                refuse_without_rows(table)
        tables += [table for table, _ in loaded]
        problems += [problem for _, found in loaded for problem in found]
    return Sources(tuple(tables), tuple(problems))


def _read(file: str, path: Path, options: LoadOptions) -> Sequence[Sheet | Loaded]:
    """The sheets of a workbook, not yet laid out, or the one table of a text file."""
    try:
        content = path.read_bytes()
        modified = path.stat().st_mtime
    except OSError as error:
        raise SourceError(
            f"{file}: the file cannot be read ({error.strerror})",
            "Check its permissions, and that no other program holds it open.",
        ) from error
    if not content:
        raise SourceError(f"{file}: the file is empty", "Export the table again, with its header and rows.")
    details = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "modified": datetime.fromtimestamp(modified, UTC).isoformat(timespec="seconds"),
    }
    origin = Origin(file, None, details)
    return read_sheets(content, origin, options) if is_workbook(content) else [read_delimited(content, origin, options)]


def _matches(item: Sheet | Loaded, options: LoadOptions) -> bool:
    if isinstance(item, Sheet):
        return item.matches(options)
    return header_score(list(item[0].frame.columns), options) > 0


def _table(item: Sheet | Loaded, options: LoadOptions, *, matched: bool) -> Loaded:
    if not isinstance(item, Sheet):
        return item
    return ignored_table(item) if matched and not item.matches(options) else sheet_table(item, options)
