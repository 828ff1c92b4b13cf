"""Finds the header, which is one or two records, and the records that explain it: labels and instructions."""

import fnmatch
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path, PurePath

from importer.cell_text import are_column_numbers, header_key

Row = Sequence[str]

HEAD_RECORDS = 60  # the header is one of them
_OCCURRENCE = re.compile(r"#\d+$")
_NOT_TEXTUAL = re.compile(
    r"""\s*(?:[-+(]?[$€£¥]?\s*\d[\d.,\s]*[%)]?            # a number or an amount
        | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b.*             # a date
        | \S+@(?!OData\.)\S+\.\S+ | https?://.*                      # an e-mail or web address
        | [ct](?:YES|NO|Customer|Supplier|Lid) | bo_\w+ | true | false | yes | no | [yn]  # a flag
        )\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_FLAG = re.compile(r"\s*(?:true|false|yes|no|[yn])\s*", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
_ANY_DIGIT = re.compile(r"\d")
_INSTRUCTION = re.compile(
    r"""(?:(?:not\s+|conditionally\s+)?(?:required|mandatory|optional|conditional|recommended)\b.*
        | (?:max(?:imum|\.)?|up\s+to|at\s+most)\b.*\d.* | .*\b\d+\s*(?:char(?:acter)?s?|digits?|max)\b.*
        | (?:alpha-?)?numeric\b.* | (?:free[-\s]?form\s+)?(?:text|string|integer|decimal|number|date|boolean|currency)
            (?:\s*(?:field|only|\(.*\)|[-:,;.]\s.*))? | free[-\s]?form\b.*
        | (?:yes|y|true|t)\s*(?:/|\bor\b)\s*(?:no|n|false|f)\b.* | [dmy]{1,4}[-/.][dmy]{1,4}[-/.][dmy]{1,4}
        | (?:please\s+)?(?:enter|select|choose|specify|provide|leave|use|fill|do\s+not|don't|must|should|see)
            (?:\s+\S+){3,}
        | (?:please\s+)?(?:do\s+not|don't|must|leave)\s.+ | (?:e\.\s?g\.|(?:example|format|default|one\s+of)\s*[:=]).*
        | (?:list/record|drop-?down|pick-?list|unique\s+(?:id|key|name|identifier|value))\b.*)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_IN_BRACKETS = re.compile(r"^[(\[{<]([^()\[\]{}<>]*)[)\]}>]$")
_AT_HYPHEN = re.compile(r"(?<=\w)- (?=[^\W\d_]*[a-zß-ÿ])(?![A-ZÀ-Þ])")  # "Firmen- name" is one word, "Kunden- Nr." two
_FEWEST_WRAPPED = 2  # names that continue in the row below
_FIRST_ROWS = 15  # the headings are among them
_FEWEST_CELLS = 3  # in a row of a table; titles and notes have fewer


@dataclass(frozen=True)
class LoadOptions:
    """How to read the sources.

    ``columns``: for each table of the mapping, every source column name that it mentions (each alternative
    separately); used to find the header and the sheets. ``two_headers``: a second header row may be directly above or
    below the header. ``allowed``: header keys of the columns that the mapping names (only these may hold tax numbers).
    ``names``: the patterns of the mapping's tables for file and sheet names; they select a tagged file's sections.
    ``sheet``: only this sheet of a workbook. ``encoding``, ``delimiter``: override what the file shows.
    ``country``: where the customers are (alpha-2); it makes the encodings of its languages likelier.
    ``partial``: the sources are a part of the export: a header without rows below it is fine.
    ``scratch``: a folder for the cells of large text files, which are then read from disk instead of kept in memory.
    ``headerless``: the column names of each table whose files have no header, and its patterns of ``names``.
    ``notes``: the column of rejected rows that says what is wrong with them is kept.
    """

    columns: tuple[frozenset[str], ...] = ()
    two_headers: bool = False
    allowed: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    sheet: str | None = None
    encoding: str | None = None
    country: str | None = None
    delimiter: str | None = None
    partial: bool = False
    scratch: Path | None = None
    headerless: tuple[tuple[Sequence[str], Sequence[str]], ...] = ()
    notes: bool = False

    @cached_property
    def keys(self) -> tuple[frozenset[str], ...]:
        """``columns`` as header keys."""
        return tuple(frozenset(header_key(name) for name in names) for names in self.columns)


@dataclass(frozen=True)
class Header:
    """The header among the records of a source.

    ``cells``: its cells. ``row``: its 1-based number; without a header, that of the row above the data. ``above``: (row
    number, reason) of every record up to the header, the header included. ``also``: the cells of a second header row
    above or below it, or of the two rows that it is made of. ``instructions``: the numbers of the rows below it that
    explain how to fill the columns. ``titles``: the cells of the rows above it that are its titles.
    """

    cells: Row
    row: int
    above: list[tuple[int, str]]
    also: tuple[Row, ...] = ()
    instructions: tuple[int, ...] = ()
    titles: tuple[Row, ...] = ()

    @property
    def width(self) -> int:
        """How many columns the table has: up to the last one with a name."""
        return max((place + 1 for place, cell in enumerate(self.cells) if cell.strip()), default=0)


def header_score(cells: Row, options: LoadOptions) -> int:
    """How many columns of one table of the mapping the cells name; 0 if they are too few to mean anything."""
    keys = {_OCCURRENCE.sub("", header_key(cell)) for cell in cells} - {""}
    scores = [(len(keys & table), min(2, len(table))) for table in options.keys]
    return max((score for score, enough in scores if score >= enough > 0), default=0)


def find_header(rows: Sequence[Row], options: LoadOptions, *names: str) -> Header | None:
    """The header among the first records: the best match with the mapping's columns, or the first likely row.

    ``names``: those of the file and sheet; they select the names of columns without a header. None if every record is
    blank.
    """
    columns = _names_of_headerless(rows, options, names)
    if columns is not None:
        # Excel's own line, or the numbers of the columns
        title = int(bool(rows) and (rows[0][:1] == ["sep="] or are_column_numbers(rows[0])))
        return Header(columns, title, [(1, "title")][:title])
    scores = [header_score(row, options) for row in rows]
    best = max(scores, default=0)
    index = scores.index(best) if best else _first_likely_header(rows)
    grouped = _find_grouped(rows, index, best, options)
    if grouped is not None:
        return _grouped_header(rows, *grouped)
    if index is None:
        return None
    labels = _find_labels(rows, index) if options.two_headers else None
    reasons = ["header" if place == labels else "title" if _filled(rows[place]) else "blank" for place in range(index)]
    above = list(enumerate([*reasons, "header"], start=1))
    below = max(index, index if labels is None else labels) + 1
    also = () if labels is None else (rows[labels],)
    return Header(rows[index], index + 1, above, also, tuple(_instructions(rows, below)), _titles(rows, above))


def _grouped_header(rows: Sequence[Row], index: int, cells: Row) -> Header:
    """The header made of two rows, the lower one at ``index``."""
    above = ["title" if _filled(row) else "blank" for row in rows[: index - 1]]
    numbered = list(enumerate([*above, "header", "header"], start=1))
    also, instructions = (rows[index - 1], rows[index]), tuple(_instructions(rows, index + 1))
    return Header(cells, index + 1, numbered, also, instructions, _titles(rows, numbered))


def _titles(rows: Sequence[Row], above: Sequence[tuple[int, str]]) -> tuple[Row, ...]:
    return tuple(rows[row - 1] for row, reason in above if reason == "title")


def _filled(row: Row) -> int:
    return sum(1 for cell in row if cell.strip())


def _names_of_headerless(rows: Sequence[Row], options: LoadOptions, names: Sequence[str]) -> Row | None:
    """The names that the mapping gives to the columns of a table without a header; None if the table has one.

    It has one if half of a row's cells are such names, as in a list of rejected rows.
    """
    file_names = [name.casefold() for name in (*names, *(PurePath(name).stem for name in names))]
    for columns, patterns in options.headerless:
        known = {header_key(name) for name in columns}
        keys = [set(map(header_key, row)) - {""} for row in rows]
        if any(len(known & own) >= max(2, len(own) / 2) for own in keys):
            continue
        if not patterns or any(fnmatch.filter(file_names, pattern.casefold()) for pattern in patterns):
            return columns
    return None


def _first_likely_header(rows: Sequence[Row]) -> int | None:
    """The first row of words that is about as wide as most rows below it.

    Else the nearest row of several words above the first row that is so wide: some columns have no name. Else that row.
    """
    filled = [_filled(row) for row in rows]
    wide = None
    table = next((place for place, count in enumerate(filled) if count >= _FEWEST_CELLS), 0)
    for index in range(len(rows)):
        rows_below = filled[max(index + 1, table) :]  # above the table, there may be many notes
        below = Counter(count for count in rows_below if count)
        usual = max(below, key=lambda count: (below[count], count)) if below else 1
        if filled[index] >= max(1, usual * 0.8):
            if _is_names(rows, index):
                return index
            wide = index if wide is None else wide
    above = range(wide - 1, -1, -1) if wide is not None else ()
    return next((index for index in above if filled[index] > 1 and _is_names(rows, index)), wide)


def _is_names(rows: Sequence[Row], index: int) -> bool:
    return not are_column_numbers(rows[index]) and all(
        _is_name(cell, place, rows[index + 1 :]) for place, cell in enumerate(rows[index])
    )


def _is_name(cell: str, place: int, below: Sequence[Row]) -> bool:
    """Whether a cell may be a column's name: not a value such as an amount or a date.

    ``No`` and ``Y`` may be names, unless most cells of the column are such flags.
    """
    if not _NOT_TEXTUAL.fullmatch(cell):
        return True
    others = [row[place] for row in below if place < len(row) and row[place].strip()]
    flags = sum(1 for other in others if _FLAG.fullmatch(other))
    return bool(_FLAG.fullmatch(cell)) and 2 * flags < max(1, len(others))


def _find_labels(rows: Sequence[Row], header: int) -> int | None:
    for index in (header + 1, header - 1):
        if 0 <= index < len(rows) and _is_labels(rows[index], rows[header], rows[max(index, header) + 1 :]):
            return index
    return None


def _is_labels(row: Row, header: Row, data: Sequence[Row]) -> bool:
    """Whether ``row`` repeats the header in other words.

    It must fill nearly every column with words that add no digits and are repeated only in columns of a numbered group
    (``address1_city``, ``address2_city``). And it must not look like data: it shares words with the header, or has no
    digits in columns of numbers and codes.
    """
    pairs = [(cell.strip(), name.strip()) for cell, name in zip(row, header, strict=False) if name.strip()]
    given = [(cell, name) for cell, name in pairs if cell]
    names = _filled(header)
    stems = {(cell.casefold(), _DIGITS.sub("", name)) for cell, name in given}
    if len(given) < max(2, 0.9 * names) or len({cell for cell, _ in stems}) < len(stems) or _filled(row) > names:
        return False
    # A label has digits only if its header has them: ``Phone1`` and ``Telephone 1``.
    if any(
        _NOT_TEXTUAL.fullmatch(cell) or set(_DIGITS.findall(cell)) - set(_DIGITS.findall(name)) for cell, name in given
    ):
        return False
    related = sum(1 for cell, name in given if _words(cell) & _words(name))
    return related * 3 >= len(given) or _unlike_data(row, data)


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORDS.findall(text) if len(word) > 1}


def _unlike_data(row: Row, data: Sequence[Row]) -> bool:
    """Whether there are at least two columns in which the data has digits and the row has none."""
    without_digits = 0
    for place, cell in enumerate(row):
        values = [other[place] for other in data if place < len(other) and other[place].strip()]
        with_digits = sum(1 for value in values if _ANY_DIGIT.search(value))
        without_digits += bool(values) and not _ANY_DIGIT.search(cell) and with_digits >= 0.9 * len(values)
    return without_digits >= 2


def _instructions(rows: Sequence[Row], start: int) -> Iterator[int]:
    """The numbers of up to three rows from ``start`` (an index) on that explain how to fill the columns."""
    for index, row in enumerate(rows[start : start + 3], start=start):
        filled = [_IN_BRACKETS.sub(r"\1", cell.strip()) for cell in row if cell.strip()]
        instructions = sum(1 for cell in filled if _INSTRUCTION.fullmatch(cell))
        if instructions < max(2, len(filled) * 2 / 3) or not _INSTRUCTION.fullmatch(filled[0]):
            return
        yield index + 1


def _find_grouped(
    rows: Sequence[Row], header: int | None, best: int, options: LoadOptions
) -> tuple[int, list[str]] | None:
    """The lower row of headings in two rows, and the names that both make; None if there are none.

    They are those that name more columns of the mapping than any one row (``best``); otherwise those around the likely
    ``header``, if group titles distinguish columns with the same name.
    """
    found: tuple[int, list[str]] | None = None
    for index in range(1, min(len(rows), _FIRST_ROWS)):
        joined = _joined(rows[index - 1], rows[index])
        for way in () if joined is None else (joined, _lowest(rows[index - 1], rows[index])):
            if (own := header_score(way, options)) > best:
                best, found = own, (index, way)
    if found is not None or header is None:
        return found
    for index, distance in ((header, 1), (header + 1, 1), (header, 2)):  # with two levels of groups, the upper one
        upper = index - distance
        names = _joined(rows[upper], rows[index]) if upper >= 0 and index < len(rows) else None
        if names is None or header_score(names, options) < best:
            continue
        if (distance == 1 and _is_wrapped(rows[upper])) or _tells_apart(names, rows[index]):
            return index, names
    return None


def _joined(upper: Row, lower: Row) -> list[str] | None:
    """The names of the columns, or None if no cell of the upper row is above several cells of the lower row.

    A cell of the upper row with a blank below it is a name by itself. ``Kunden-`` above ``Nr.`` is one name, too.
    """
    if _is_wrapped(upper):
        parts = zip_longest(map(str.strip, upper), map(str.strip, lower), fillvalue="")
        wrapped = [_AT_HYPHEN.sub("", f"{above} {below}".strip()).replace("- ", "-") for above, below in parts]
        return None if any(map(_is_value, (*upper, *lower))) else wrapped
    names, group, spans = [], "", 0
    for place in range(max(len(upper), len(lower))):
        title = upper[place].strip() if place < len(upper) else ""
        name = lower[place].strip() if place < len(lower) else ""
        spans += bool(group and name and not title)
        group = title if title and name else "" if title or not name else group
        names.append(f"{group} {name}".strip() if name else title)
    return names if spans and not any(map(_is_value, (*upper, *lower))) else None


def _is_wrapped(row: Row) -> bool:
    """Whether names continue in the row below, because several end with a hyphen."""
    return sum(cell.strip().endswith("-") and len(cell.strip()) > 1 for cell in row) >= _FEWEST_WRAPPED


def _lowest(upper: Row, lower: Row) -> list[str]:
    """The names of the columns without the titles of groups; none if two columns would have the same name."""
    names = [below.strip() or above.strip() for above, below in zip_longest(upper, lower, fillvalue="")]
    filled = [header_key(name) for name in names if name]
    return names if len(set(filled)) == len(filled) else []


def _is_value(cell: str) -> bool:
    """Whether a filled cell is a value and not a heading: it has no letter, or is an email address."""
    return bool(cell.strip()) and (not any(map(str.isalpha, cell)) or "@" in cell)


def _tells_apart(names: Row, lower: Row) -> bool:
    """Whether columns of one name in the lower row all have different names with their groups."""
    counts = Counter(header_key(name) for name in lower if name.strip())
    repeated = [name for name, cell in zip(names, lower, strict=False) if counts[header_key(cell)] > 1]
    return bool(repeated) and len(set(map(header_key, repeated))) == len(repeated)
