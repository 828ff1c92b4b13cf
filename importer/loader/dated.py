"""Dates in the names of sources: today's export, yesterday's, or the newest that there is."""

import glob
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from importer.errors import NoSourceError, UsageError
from importer.loader.places import is_url, public_source

__all__ = ["dated"]

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
