"""Which files the sources stand for, and what reports call them."""

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.places import LocalFile, RemoteFile, find_remote, is_url, local_path

__all__ = ["File", "changed_since", "find_files", "source_bytes"]

File = LocalFile | RemoteFile


def find_files(sources: Sequence[str]) -> list[tuple[str, File]]:
    """Files, globs, directories and URLs → (display name, file), each file once, in the order of the display names.

    The display name is the base name, or the shortest ending of the path that tells two files apart. Raises
    :class:`UsageError` when no source is given, :class:`SourceError` when one stands for no file.
    """
    if not sources:
        raise UsageError("no source is given", "Name a file, a directory or a glob, such as exports/*.csv.")
    found: dict[File, None] = {}
    for source in sources:
        found.update(dict.fromkeys(_expand(source)))
    parts = [file.parts for file in found]
    shown = dict(zip(unlike := list(dict.fromkeys(parts)), _display_names(unlike), strict=True))
    # Two URLs may differ in what is not shown: https://example.com/export?list=1 and …?list=2.
    before = [parts[:place].count(part) for place, part in enumerate(parts)]
    names = [
        f"{shown[part]} ({count + 1})" if count else shown[part] for part, count in zip(parts, before, strict=True)
    ]
    return sorted(zip(names, found, strict=True), key=lambda item: item[0])


def source_bytes(sources: Sequence[str]) -> int:
    """How large the sources on this machine are, as far as they can be found."""
    local = [source for source in sources if not is_url(source) or local_path(source) is not None]
    try:
        return sum(file.path.stat().st_size for _, file in find_files(local) if isinstance(file, LocalFile))
    except (SourceError, UsageError, OSError):
        return 0


def changed_since(sources: Sequence[str], read: Mapping[str, str]) -> list[str]:
    """The names of local files that were written to since they were read, or are gone.

    ``read``: display name → when the file was written last, as ``SourceTable.details["modified"]`` says it. Files
    behind URLs are not asked again.
    """
    local = [source for source in sources if not is_url(source) or local_path(source) is not None]
    try:
        now = {name: file.modified() for name, file in find_files(local)} if local else {}
    except (SourceError, OSError):
        return []  # moved away once it was read, as some schedulers do
    moments = {name: moment.isoformat(timespec="seconds") for name, moment in now.items() if moment is not None}
    return [name for name, moment in moments.items() if read.get(name, moment) != moment]


def _expand(source: str) -> Sequence[File]:
    local = local_path(source)
    if local is None and is_url(source):
        return find_remote(source)
    return [LocalFile(path.resolve()) for path in _expand_path(source if local is None else local)]


def _expand_path(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        files = _ordinary(Path(entry.path) for entry in _entries(path) if entry.is_file())
        if not files:
            raise NoSourceError(
                f"{source}: the directory holds no readable file",
                "Put the exports directly into it; sub-folders and hidden files are not read.",
            )
        return files
    if path.exists():
        return [path]
    if not glob.has_magic(source):
        raise NoSourceError(f"{source}: no such file", "Check the path; a relative path starts at the current folder.")
    matched = glob.glob(source, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
    files = _ordinary(match for name in matched if (match := Path(name)).is_file())
    if not files:
        raise NoSourceError(f"{source}: no file matches", "Check the pattern; hidden files are not matched.")
    return files


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError as error:
        raise SourceError(
            f"{path}: the directory cannot be read ({error.strerror})", "Check its permissions."
        ) from error


def _ordinary(paths: Iterable[Path]) -> list[Path]:
    """Without hidden files and the lock files that Excel (``~$``) and LibreOffice (``.~lock``) leave."""
    return [path for path in paths if not path.name.startswith((".", "~$"))]


def _display_names(paths: list[tuple[str, ...]]) -> list[str]:
    names = [path[-1] for path in paths]
    depth = 1
    while len(set(names)) < len(names) and depth < max(map(len, paths)):
        depth += 1
        repeated = {name for name in names if names.count(name) > 1}
        names = [
            "/".join(path[-depth:]).replace("//", "/") if name in repeated else name
            for name, path in zip(names, paths, strict=True)
        ]
    return names
