"""Dates in the names of sources: today's export, yesterday's, or the newest that there is."""

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.locations import LocalFile, RemoteFile, find_remote, is_url, local_path, public_source

__all__ = ["File", "changed_since", "dated", "find_files", "source_bytes"]

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


_PLACE = re.compile(r"\{(?P<word>[a-z]+)(?P<days>[+-]\d+)?(?::(?P<format>[^{}]*))?\}")
ISO = "%Y-%m-%d"
# What can be read back from a name, and how long it is.
_DIGITS = {"%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%j": 3, "%H": 2, "%M": 2, "%S": 2}


def dated(sources: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Sources with their dates filled in; ``now``: the time where the exports are made.

    ``{date}`` is today's date, ``{date-1}`` yesterday's, ``{date:%Y%m%d}`` in a form of one's own; ``{newest}`` stands
    for the latest date of which there is a file, and may be given a form, too. Raises :class:`UsageError` for what
    is none of these, :class:`SourceError` when no file fits ``{newest}``.
    """
    return tuple(name for source in sources for name in _filled(source, now))


def _filled(source: str, now: datetime) -> list[str]:
    places = list(_PLACE.finditer(source))
    words = {place["word"] for place in places}
    if words - {"date", "newest"}:
        return [source]  # braces of the file's own name
    text = _PLACE.sub(lambda place: place[0] if place["word"] == "newest" else _day(place, now), source)
    return _newest(text) if "newest" in words else [text]


def _day(place: re.Match[str], now: datetime) -> str:
    return (now + timedelta(days=int(place["days"] or 0))).strftime(place["format"] or ISO)


def _newest(source: str) -> list[str]:
    """The files of the latest date among those that fit."""
    if is_url(source):
        raise UsageError(f"{public_source(source)}: {{newest}} is for files of this machine", "{date} is for all.")
    places = list(_PLACE.finditer(source))
    form = places[0]["format"] or ISO
    if len(places) > 1 or places[0]["days"] or set(re.findall("%.", form)) - _DIGITS.keys() or "%" not in form:
        raise UsageError(
            f"{source}: {{newest}} stands there once, with a form made of {' '.join(_DIGITS)}",
            "Such as exports/customers-{newest:%Y%m%d}.csv.",
        )
    begin, end = places[0].span()
    digits = re.sub("%.", lambda code: "?" * _DIGITS[code[0]], form)
    pattern = re.compile(f"(?s:{_regex(source[:begin])}({_regex(digits, _DIGIT)}){_regex(source[end:])})")
    found = sorted(glob.glob(source[:begin] + digits + source[end:]))  # noqa: PTH207  # Path.glob takes no absolute one
    days = {path: day for path in found if (fits := pattern.fullmatch(path)) and (day := _read(fits[1], form))}
    if not days:
        raise NoSourceError(f"{source}: no file fits", "Look whether the export runs, and how it names its files.")
    latest = max(days.values())
    return [path for path, day in days.items() if day == latest]


_DIGIT = r"\d"


def _regex(text: str, any_one: str = "[^/]") -> str:
    """A glob as a regular expression, for what it can match within one name."""
    return re.escape(text).replace(r"\?", any_one).replace(r"\*", "[^/]*")


def _read(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - compared with its like only
    except ValueError:
        return None
