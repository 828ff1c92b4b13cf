"""The files of a source: globs, directories, URLs, and names with a date such as ``{date-1}`` or ``{newest}``."""

import glob
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.content import is_clutter
from importer.loader.locations import RemoteFile, find_remote, is_url, local_path, public_source
from importer.wording import readable

File = Path | RemoteFile


def find_files(sources: Sequence[str]) -> list[tuple[str, File]]:
    """Files, globs, directories and URLs → (display name, file), each file once, in the order of the display names.

    The display name is the base name, or the shortest ending of the path that tells two files apart. Raises
    :class:`UsageError` if no source is given, :class:`SourceError` if there is no file for one.
    """
    if not sources:
        raise UsageError("no source was specified", "Specify a file, a folder, or a pattern, such as exports/*.csv.")
    found: dict[File, None] = {}
    for source in sources:
        if readable(source) != source:
            message = f"{readable(source)}: the name is not UTF-8, so it cannot be shown in reports and commands"
            raise UsageError(message, "Rename it, or specify its folder or a pattern, such as exports/*.csv.")
        local = local_path(source)
        if local is None and is_url(source):
            found.update(dict.fromkeys(find_remote(source)))
        else:
            found.update(dict.fromkeys(map(real_path, _expand(source if local is None else local))))
    parts = [tuple(map(readable, file.parts)) for file in found]
    different = list(dict.fromkeys(parts))
    shown = dict(zip(different, _display_names(different), strict=True))
    # Two URLs may differ only in what is not shown: https://example.com/export?list=1 and …?list=2.
    before = [parts[:place].count(part) for place, part in enumerate(parts)]
    names = [
        f"{shown[part]} ({count + 1})" if count else shown[part] for part, count in zip(parts, before, strict=True)
    ]
    return sorted(zip(names, found, strict=True), key=lambda item: item[0])


def unread_subfolders(sources: Sequence[str]) -> dict[str, list[str]]:
    """The folders among the sources → their subfolders that contain files, which are not read, sorted by name.

    Hidden subfolders, sources themselves, and those that only contain other folders, as ``results`` does, are left out.
    """
    named = [source if (local := local_path(source)) is None else local for source in sources]
    folders = {folder.resolve(): None for folder in map(Path, named) if folder.is_dir()}
    found = {folder.name: [path for path in _subfolders(folder) if path not in folders] for folder in folders}
    return {name: [readable(path.name) for path in paths] for name, paths in found.items() if paths}


def _subfolders(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        with suppress(OSError):
            if (
                path.is_dir()
                and not is_clutter(path.name)
                and _ordinary(file for file in path.iterdir() if file.is_file())
            ):
                yield path


def real_path(path: Path) -> Path:
    """The path of a file without links. A link to a pipe (``/dev/stdin``) stays: its target cannot be opened."""
    found = path.resolve()
    return found if found.exists() else path.absolute()


def source_bytes(sources: Sequence[str]) -> int:
    """The total size of the sources on this machine, as far as they can be found."""
    try:
        return sum(path.stat().st_size for path in _local_files(sources).values())
    except (SourceError, OSError):
        return 0


def changed_since(sources: Sequence[str], read: Mapping[str, str]) -> list[str]:
    """The names of local files that have changed since they were read.

    ``read``: display name → when the file was last changed, as in ``SourceTable.details["modified"]``. Files behind
    URLs are not checked.
    """
    try:
        now = {name: modified_at(path) for name, path in _local_files(sources).items()}
    except (SourceError, OSError):
        return []  # moved away after it was read, as some schedulers do
    return [name for name, moment in now.items() if read.get(name, moment) != moment]


def modified_at(path: Path) -> str:
    """When a file was last changed, in ISO 8601. Raises ``OSError``."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _local_files(sources: Sequence[str]) -> dict[str, Path]:
    """Display name → file, for the files on this machine."""
    local = [source for source in sources if not is_url(source) or local_path(source) is not None]
    return {name: file for name, file in find_files(local) if isinstance(file, Path)} if local else {}


def _expand(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        try:
            files = _ordinary(entry for entry in path.iterdir() if entry.is_file())
        except OSError as error:
            message = f"{path}: the folder cannot be read ({error.strerror})"
            raise SourceError(message, "Check its permissions.") from error
        if not files:
            raise NoSourceError(
                f"{source}: the folder contains no readable files",
                "Put the exports directly into it; subfolders and hidden files are not read.",
            )
        return files
    if path.exists():
        return [path]
    if not glob.has_magic(source):
        raise NoSourceError(f"{source}: no such file", "Check the path. Relative paths start from the current folder.")
    matched = glob.glob(source, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
    files = _ordinary(match for name in matched if (match := Path(name)).is_file())
    if not files:
        raise NoSourceError(f"{source}: no file matches", "Check the pattern; hidden files are not matched.")
    return files


def _ordinary(paths: Iterable[Path]) -> list[Path]:
    """Without hidden files, lock files, and files that Windows creates in folders."""
    return [path for path in paths if not is_clutter(path.name)]


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
_ISO_DATE = "%Y-%m-%d"
# What can be read back from a name, and how long it is.
_DIGITS = {"%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%j": 3, "%H": 2, "%M": 2, "%S": 2}


def dated(sources: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Sources with their dates filled in; ``now``: the local time at the place of the exports.

    ``{date}`` is today's date, ``{date-1}`` yesterday's, ``{date:%Y%m%d}`` in another format; ``{newest}`` is the
    latest date for which there is a file, and may have a format, too. Raises :class:`UsageError` for other uses of
    ``{newest}``, :class:`SourceError` if no file matches it.
    """
    return tuple(name for source in sources for name in _filled(source, now))


def _filled(source: str, now: datetime) -> list[str]:
    places = list(_PLACE.finditer(source))
    words = {place["word"] for place in places}
    if words - {"date", "newest"}:
        return [source]  # braces in the file's own name

    def day(place: re.Match[str]) -> str:
        if place["word"] == "newest":
            return place[0]
        return (now + timedelta(days=int(place["days"] or 0))).strftime(place["format"] or _ISO_DATE)

    text = _PLACE.sub(day, source)
    return _newest(text) if "newest" in words else [text]


def _newest(source: str) -> list[str]:
    """The files with the latest date among those that match."""
    if is_url(source):
        raise UsageError(
            f"{public_source(source)}: {{newest}} works only for files on this machine", "Use {date} instead."
        )
    places = list(_PLACE.finditer(source))
    form = places[0]["format"] or _ISO_DATE
    if len(places) > 1 or places[0]["days"] or set(re.findall("%.", form)) - _DIGITS.keys() or "%" not in form:
        raise UsageError(
            f"{source}: use {{newest}} only once, with a format that consists of {' '.join(_DIGITS)}",
            "For example, exports/customers-{newest:%Y%m%d}.csv.",
        )
    begin, end = places[0].span()
    digits = re.sub("%.", lambda code: "?" * _DIGITS[code[0]], form)
    pattern = re.compile(f"(?s:{_regex(source[:begin])}({_regex(digits, '[0-9]')}){_regex(source[end:])})")
    found = sorted(glob.glob(source[:begin] + digits + source[end:]))  # noqa: PTH207  # Path.glob takes no absolute one
    days = {path: day for path in found if (fits := pattern.fullmatch(path)) and (day := _read(fits[1], form))}
    if not days:
        raise NoSourceError(
            f"{source}: no file matches", "Check whether the export ran, and what its files are called."
        )
    latest = max(days.values())
    return [path for path, day in days.items() if day == latest]


def _regex(text: str, any_one: str = "[^/]") -> str:
    """A glob as a regular expression, which matches within one name."""
    return re.escape(text).replace(r"\?", any_one).replace(r"\*", "[^/]*")


def _read(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - compared only with others like it
    except ValueError:
        return None
