"""Reads sources as ``SourceTable``s."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

import numpy as np

from importer.cell_text import filled_cells
from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.assemble import Loaded, Origin, RawTable, assemble, ignored_table
from importer.loader.content import Content, is_packed, unpack
from importer.loader.discovery import find_files, modified_at, real_path, unread_subfolders
from importer.loader.layout import LoadOptions
from importer.loader.locations import RemoteFile, local_path
from importer.loader.text.delimited import read_text
from importer.loader.workbook.workbooks import is_json, is_markup, is_workbook, read_markup, read_workbook
from importer.records import Location, Problem, Severity
from importer.tables import Sources
from importer.wording import first_few

_TABLES = (".csv", ".tsv", ".tab")
_NAMED = 5  # subfolders in a message
_START = 64 * 1024  # bytes that show what kind of file it is


def load(sources: Sequence[str], options: LoadOptions) -> Sources:
    """All tables of the files, globs, directories, and URLs in ``sources``, in the order of their display names.

    Raises :class:`SourceError` for a source that cannot be found, opened or understood, and :class:`UsageError` for
    an option that does not fit (a sheet that a workbook does not have, an unknown encoding).
    """
    named = {real_path(Path(local_path(source) or source)) for source in sources}
    files: list[list[RawTable]] = []
    others: set[int] = set()  # files that nobody names, in folders and archives
    for name, file in find_files(sources):
        for tables in _read(name, file, options):
            inside = tables[0].origin.file != name or (isinstance(file, Path) and file not in named)
            if inside:
                others.add(len(files))
            files.append(tables)
    if options.sheet is not None and not any(raw.origin.sheet for tables in files for raw in tables):
        raise UsageError(f"--sheet {options.sheet!r}: none of the sources is a workbook", "Leave out --sheet.")
    any_matches = any(raw.matches(options) for tables in files for raw in tables)
    notes = {number for number in others if all(_is_notes(raw, options) for raw in files[number])}
    if len(notes) == len(files):
        notes = set()
    loaded: list[Loaded] = []
    for number, tables in enumerate(files):
        of_file = [
            ignored_table(raw)
            if raw.unread or number in notes or not (raw.required or not any_matches or raw.matches(options))
            else assemble(raw, options)
            for raw in tables
        ]
        with_header = [table for table, _ in of_file if len(table.frame.columns)]
        if with_header and not options.partial and not any(len(table.frame) for table in with_header):
            first, row = with_header[0].name, with_header[0].details["header_row"]
            message = f"{first}: there is a header in row {row}, but there are no data rows below it"
            raise NoSourceError(message, "Export the table again with its rows, or leave this source out.")
        loaded += of_file
    problems = [problem for _, found in loaded for problem in found]
    problems += [*_read_twice(files), *_unread(sources)]
    return Sources(tuple(table for table, _ in loaded), tuple(problems))


def _read_twice(files: Sequence[Sequence[RawTable]]) -> Iterator[Problem]:
    """A warning about each file with the same content as an earlier file."""
    names: dict[str, str] = {}
    for origin in (tables[0].origin for tables in files):
        first = names.setdefault(origin.details["sha256"], origin.file)
        if first != origin.file:
            message = f"the file has the same content as {first}, so its rows add nothing"
            hint = "If you meant to pass a different file, export it again. Otherwise, leave out one of the two."
            yield Problem(Severity.WARNING, "file_twice", message, hint, location=Location(origin.file))


def _unread(sources: Sequence[str]) -> Iterator[Problem]:
    """A note about the subfolders of each folder."""
    for folder, names in unread_subfolders(sources).items():
        message = f"files in its subfolders are not read: {first_few(names, _NAMED)}"
        hint = "If a subfolder has files of this export, pass it as a source, too."
        yield Problem(Severity.INFO, "subfolder_unread", message, hint, location=Location(folder))


def _is_notes(raw: RawTable, options: LoadOptions) -> bool:
    """Whether a text file without columns of the mapping is no table: most of its lines have other numbers of cells.

    A table of one column is only in a file that is called so.
    """
    if not raw.required or raw.header is None or raw.matches(options):
        return False
    filled = np.logical_or.reduce([np.zeros(len(raw.body), dtype=bool), *map(filled_cells, raw.body.columns)])
    is_table = raw.header.width > 1 or PurePath(raw.origin.file).suffix.lower() in _TABLES
    alike = filled & (raw.body.widths == len(raw.header.cells)) & is_table
    return bool(2 * alike.sum() <= filled.sum())


def _read(name: str, file: Path | RemoteFile, options: LoadOptions) -> list[list[RawTable]]:
    """The tables of each file in the source."""
    try:
        if isinstance(file, RemoteFile):
            when, content = {}, Content(file.read())
        elif file.is_char_device() or file.is_block_device():
            raise SourceError(f"{name}: a device, not a file", "Specify the file of the export, or a pipe.")
        elif file.is_file():
            when, content = {"modified": modified_at(file)}, Content(file)
        else:  # a pipe can be read only once, and changes while it is
            when, content = {}, Content(file.read_bytes())
        start = content.start(_START)
        if not start:
            raise NoSourceError(f"{name}: the file is empty", "Export the table again, with its header and rows.")
        if not is_packed(start):
            return [_read_tables(name, content, when, options)]
        unpacked = unpack(b"".join(content.pieces()), name)
        return [_read_tables(inner, Content(data), when, options) for inner, data in unpacked]
    except OSError as error:
        raise SourceError(
            f"{name}: the file cannot be read ({error.strerror})",
            "Check its permissions, and close other programs that have it open.",
        ) from error


def _read_tables(name: str, content: Content, when: dict[str, str], options: LoadOptions) -> list[RawTable]:
    start = content.start(_START)
    if is_json(start):
        raise SourceError(f"{name}: JSON, not a table", "Export the table as CSV or as an Excel workbook.")
    if not is_workbook(start) and not is_markup(start):
        return read_text(content, Origin(name, None, when), options)
    whole = b"".join(content.pieces())
    origin = Origin(name, None, {**content.details(), **when})
    return read_workbook(whole, origin, options) if is_workbook(whole) else read_markup(whole, origin, options)
