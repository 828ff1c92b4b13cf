"""Sources to ``SourceTable``s."""

import hashlib
from collections.abc import Sequence

from importer.errors import NoSourceError, SourceError
from importer.loader.archive import unpack
from importer.loader.assemble import Origin, refuse_without_rows
from importer.loader.delimited import read_text
from importer.loader.discovery import File, find_files
from importer.loader.layout import header_score
from importer.loader.markup import is_markup, read_markup
from importer.loader.options import LoadOptions
from importer.loader.sheets import Loaded, Part, ignored_table
from importer.loader.workbook import is_workbook, read_sheets
from importer.records import Problem
from importer.tables import Sources, SourceTable

__all__ = ["load"]


def load(sources: Sequence[str], options: LoadOptions) -> Sources:
    """All tables of the files, globs, directories and URLs ``sources``, in the order of their display names.

    Raises :class:`SourceError` for a source that cannot be found, opened or understood, and :class:`UsageError` for
    an option that does not fit (a sheet that a workbook does not have, an unknown encoding).
    """
    read = [items for name, file in find_files(sources) for items in _read(name, file, options)]
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


def _read(name: str, file: File, options: LoadOptions) -> list[Sequence[Part | Loaded]]:
    """For each file in the source: its parts, not yet laid out, or the one table of a text file."""
    try:
        content = file.read()
        modified = file.modified()
    except OSError as error:
        raise SourceError(
            f"{name}: the file cannot be read ({error.strerror})",
            "Check its permissions, and that no other program holds it open.",
        ) from error
    if not content:
        raise NoSourceError(f"{name}: the file is empty", "Export the table again, with its header and rows.")
    when = {} if modified is None else {"modified": modified.isoformat(timespec="seconds")}
    return [_parts(inner, data, when, options) for inner, data in unpack(content, name)]


def _parts(name: str, content: bytes, when: dict[str, str], options: LoadOptions) -> Sequence[Part | Loaded]:
    details = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), **when}
    origin = Origin(name, None, details)
    if is_workbook(content):
        return read_sheets(content, origin, options)
    return read_markup(content, origin, options) if is_markup(content) else read_text(content, origin, options)


def _matches(item: Part | Loaded, options: LoadOptions) -> bool:
    if isinstance(item, tuple):
        return header_score(list(item[0].frame.columns), options) > 0
    return item.matches(options)


def _table(item: Part | Loaded, options: LoadOptions, *, matched: bool) -> Loaded:
    if isinstance(item, tuple):
        return item
    return ignored_table(item) if matched and not item.matches(options) else item.table(options)
