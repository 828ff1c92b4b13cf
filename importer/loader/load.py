"""Sources to ``SourceTable``s."""

from collections.abc import Sequence

from importer.errors import NoSourceError, SourceError
from importer.loader.archive import is_packed, unpack
from importer.loader.assemble import Origin, refuse_without_rows
from importer.loader.content import Content, Digest
from importer.loader.discovery import File, find_files
from importer.loader.layout import header_score
from importer.loader.load_options import LoadOptions
from importer.loader.locations import LocalFile
from importer.loader.text.delimited import read_text
from importer.loader.workbook.markup import is_markup, read_markup
from importer.loader.workbook.sheets import Loaded, Part, ignored_table
from importer.loader.workbook.workbooks import is_workbook, read_sheets
from importer.records import Problem
from importer.tables import Sources, SourceTable

__all__ = ["load"]

_START = 64 * 1024  # bytes that tell what kind of file it is


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
        modified = file.modified()
        when = {} if modified is None else {"modified": modified.isoformat(timespec="seconds")}
        # What can be read only once, as a pipe, is read at once.
        content = Content(file.path if isinstance(file, LocalFile) and file.path.is_file() else file.read())
        start = content.start(_START)
        if not start:
            raise NoSourceError(f"{name}: the file is empty", "Export the table again, with its header and rows.")
        if not is_packed(start) and not is_workbook(start) and not is_markup(start):
            return [read_text(content, Origin(name, None, when), options)]
        whole = b"".join(content.pieces())
        return [_parts(inner, data, when, options) for inner, data in unpack(whole, name)]
    except OSError as error:
        raise SourceError(
            f"{name}: the file cannot be read ({error.strerror})",
            "Check its permissions, and that no other program holds it open.",
        ) from error


def _parts(name: str, whole: bytes, when: dict[str, str], options: LoadOptions) -> Sequence[Part | Loaded]:
    content = Content(whole)
    if not is_workbook(whole) and not is_markup(whole):
        return read_text(content, Origin(name, None, when), options)
    digest = Digest()
    for _ in content.pieces(digest):
        pass
    origin = Origin(name, None, {**digest.details, **when})
    return read_sheets(whole, origin, options) if is_workbook(whole) else read_markup(whole, origin, options)


def _matches(item: Part | Loaded, options: LoadOptions) -> bool:
    if isinstance(item, tuple):
        return header_score(list(item[0].frame.columns), options) > 0
    return item.matches(options)


def _table(item: Part | Loaded, options: LoadOptions, *, matched: bool) -> Loaded:
    if isinstance(item, tuple):
        return item
    return ignored_table(item) if matched and not item.matches(options) else item.table(options)
