"""Finds records that are not data: blank ones, repeated headers, totals, counts, dates, and page numbers.

Also finds records that look like a different header: of a second table, or of the same one with changed columns.
"""

import re
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import filled_cells, header_key
from importer.loader.layout import Header, Row
from importer.loader.text.column_store import Body
from importer.tables import Mask, Positions, take_rows

# No company has such a name, but one may be called Total or Summe.
_NO_NAME = r"""grand\s+(?:totals?|count|sum|average|max|min)|(?:sub|sous)[-\s]?totals?|totals?\s+g[eé]n[eé]ral
    |total\s+geral|(?:gesamt|zwischen|end)summe|gesamt(?:ergebnis|anzahl)|totale\s+(?:generale|complessivo)|subtotale
    |(?:sub|eind|tussen)totaal|sum[am]\s+(?:total|końcowa)|(?:del|mellan|väli)summa|[总總総小]计|[總総小]計|소계|총계"""
_MAY_BE_NAME = r"""totals?|summe|(?:ins)?gesamt|totale|totaal|totalt|sum[am]|summa|soma|razem|ogółem|celkem|toplam
    |yhteensä|итого|всего|[合总總]计|[合總総]計|합계"""
_WORDS = re.sub(r"\s", "", f"(?:{_NO_NAME}|{_MAY_BE_NAME})")
_TOTAL = re.compile(rf"{_WORDS}\s*:?", re.IGNORECASE)
_NAMELESS_TOTAL = re.compile(rf"(?:{_NO_NAME})\s*:?", re.IGNORECASE | re.VERBOSE)
# What spreadsheets write below the rows of a group, beside its name: ``0017 Count``.
_OF_GROUP = rf"(?:{_WORDS}|count|average|ergebnis|anzahl|mittelwert|nombre|cuenta|promedio|conteggio|aantal)"
_GROUP_TOTAL = re.compile(rf"\s*{_OF_GROUP}\s*:?\s*", re.IGNORECASE)
_TOTAL_OF_GROUP = re.compile(
    rf"{_OF_GROUP}\s*:?\s+(?:for\s+|of\s+)?(?P<behind>.+)|(?P<before>.+?)\s+{_OF_GROUP}\s*:?", re.IGNORECASE
)
_TOTAL_AT_END = re.compile(r".+\stotals?\s*:?", re.IGNORECASE)
_MAYBE_TOTAL = rf"(?i)^\W*{_OF_GROUP}|{_OF_GROUP}\W*$"  # for Arrow's RE2
_LABELS_IN = 3  # columns: the label of a total is in one of the first ones
_SEPARATOR = r"^[\s:=_+|*~-]*$"  # for RE2, too
_LINE = re.compile(r"([-=_])\1\1")  # in a separator
_DIGITS = re.compile(r"\d+")
_TOTAL_OF = re.compile(r"totals?\b.+", re.IGNORECASE)
# What a list can be the total of. A company may be called Total, but none is called Total Receivables.
_TOTAL_OF_LIST = re.compile(
    r"""totals?(?:[\s:/#.()-]+(?:of|for|in|the|all|number|no|count|amount|balance|open|outstanding|overdue|due|accounts?
        |receivables?|payables?|customers?|clients?|contacts?|address(?:es)?|records?|rows?|entry|entries|lines?|items?
        |compan(?:y|ies)|invoices?|report|page|list|active|inactive|vendors?|suppliers?|selected|a/?r|a/?p|[a-z]{3}(?<=usd|eur|gbp|cad)))+
        [\s:.]*""",
    re.IGNORECASE | re.VERBOSE,
)
_ROWS = r"""(?:rows?|records?|entries|lines?|customers?|contacts?|clients?|accounts?|datensätze|zeilen|einträge|kunden
    |lignes|enregistrements|filas|registros|clientes|righe|clienti|rijen|klanten)"""
_COUNT_OF_ROWS = rf"""(?:(?:{_ROWS}\s+|total\s+)?count|(?:number|no\.?|count|\#)\s+of\s+{_ROWS}
    |(?:anzahl|nombre|n[uú]mero|aantal)(?:\s+(?:der\s+|d[ei]\s+|d')?{_ROWS})?)"""
_ROWS_COUNTED = re.compile(rf"{_COUNT_OF_ROWS}\s*[:=]?", re.IGNORECASE | re.VERBOSE)
_NUMBER = re.compile(r"[-(]?\s*[$€£¥]?\s*-?\d[\d.,\s]*\)?(?:\s*(?:%|[A-Z]{3}))?")
# Not a postal code or a phone number.
_AMOUNT = re.compile(
    r"[-(]?\s*[$€£¥]?\s*-?(?:[1-9]\d{0,3}|0|\d{1,3}(?:[,.\s]\d{3})+|\d+(?=[.,]\d{2}\b))(?:[.,]\d{1,2})?\)?"
)
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]\.?m\.?)?(?:\s*(?:GMT|UTC|Z|[A-Z]{2,4})?(?:[-+]\d{1,2}(?::?\d{2})?)?)?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DATE = (
    rf"{_WEEKDAY}(?:\d{{4}}[-/.]{_DAY}[-/.]{_DAY}|{_DAY}[-/.]{_DAY}[-/.](?:\d{{4}}|\d{{2}})"
    rf"|{_MONTH}\s+{_DAY},?\s+\d{{4}}|{_DAY}\.?\s+{_MONTH},?\s+\d{{4}})"
)
_MOMENT = rf"(?:{_DATE}(?:(?:,?\s+|T)(?:at\s+)?{_CLOCK})?|{_CLOCK}(?:,?\s+{_DATE})?)"
_PAGE = r"(?:page|seite|p[aá]gina|blad|strona|sida|side)\s+\d+(?:\s*(?:of|/|von|sur|d[ei]|van|z|av)\s*\d+)?"
_PAGE_NUMBER = re.compile(_PAGE, re.IGNORECASE)
# Who made the report, or when.
_MADE = r"""(?:(?:report\s+|file\s+)?(?:printed|generated|created|exported|run)\s+(?:on|at|by)
    |(?:gedruckt|erstellt|exportiert|(?:imprim|édit|génér|cré|export)ée?|(?:stampat|creat|generat|esportat)[oa]
        |(?:impres|generad|cread|exportad)[oa]|afgedrukt|gegenereerd|aangemaakt)
        \s+(?:am|um|von|le|par|il|da|el|por|op|door))"""
_FOOTER_LABEL = re.compile(rf"{_MADE}\s*:?", re.IGNORECASE | re.VERBOSE)
_FOOTER = re.compile(
    rf"""{_MOMENT} | {_PAGE}
    | {_MADE}\b.*
    | (?:stand|per|au|al|op)\s*:?\s+{_MOMENT} | [-*=]+\s*(?:end|ende|fin|fine|einde)\b.*[-*=]+
    | (?:{_ROWS}|{_COUNT_OF_ROWS}|totals?\b[\w\s]*)\s*[:=]\s*\d+
    | (?:(?:report|file)\s+)?(?:date|time|printed|generated|created|exported|run)\s*:\s*{_MOMENT}
    | (?:accrual|cash)\s+basis\b.* | as\s+of\s+{_MOMENT} | completion\s+time\s*:.*
    | (?:end\s+of|[-*=]+\s*end(?:\s+of)?)\s+(?:the\s+)?(?:report|file|list)\b.*
    | \(?(?:(?:showing|selected)\s+)?(?:\d+\s+of\s+)?\d+\s+{_ROWS}
        (?:\s+(?:selected|found|listed|exported|affected|in\s+set\b.*))?\.?\)?""",
    re.IGNORECASE | re.VERBOSE,
)
_AROUND = "\ufeff'\"` \t\r\n\xa0*?"
_MOST_GAPS = 1000  # blank rows; if there are more, they do not separate tables
_MOST_NAMES = 0.6  # share of the columns; a customer's cells may equal some headers
_FEWEST, _NUMBERED = 3, 0.75  # rows with a number in the first column, and their share; both are minimums
_LONE = 0.05  # share of the rows; if more have only one cell, these are customers
_FEWEST_COLUMNS = 4
_HEADINGS_IN = 2  # columns: the heading of a group is in one of the first ones
_FEWEST_GROUPS, _MOSTLY = 2, 0.9
_WORDS_ONLY = r"^[^0-9]*\pL[^0-9]*$|\pL.*\s|\s.*\pL"  # for RE2
_NEAR = 2  # rows below a blank one: a title may be above the header
Kind = Literal["reordered", "renamed", "page"]  # a header of the same or of different columns, or the head of a page


def is_total(filled: Row) -> bool:
    """Whether a row's filled cells are a total: ``Total``, a total or count of a list, then only numbers."""
    if not filled:
        return False
    first, rest = filled[0], filled[1:]
    if rest and _ROWS_COUNTED.fullmatch(first):
        return all(map(_AMOUNT.fullmatch, rest))
    if _TOTAL.fullmatch(first):
        return all(map(_NUMBER.fullmatch, rest))
    return bool(_TOTAL_OF_LIST.fullmatch(first)) and all(map(_AMOUNT.fullmatch, rest))


def is_footer(filled: Row, columns: int) -> bool:
    """Whether a row of a table with at least 3 columns is a footer.

    Its only filled cell is a date, a time, or the footer of a report, or its first cell announces who made the report,
    or when, which is in the next cells.
    """
    if columns < 3 or not filled:
        return False
    return bool(_FOOTER_LABEL.fullmatch(filled[0]) if len(filled) > 1 else _FOOTER.fullmatch(filled[0]))


def _is_like_total(filled: Row) -> bool:
    """Whether a row's filled cells may be a total, or a company with such a name: ``Total Wine & More``."""
    return bool(filled) and _TOTAL_OF.fullmatch(filled[0]) is not None and all(map(_AMOUNT.fullmatch, filled[1:]))


def classify(body: Body, header: Header) -> tuple[list[tuple[str, Mask]], list[int]]:
    """The records of ``body`` that are not data, as (reason, mask) pairs that do not overlap, and the doubtful ones.

    Repeats of the header, of its labels, and of the titles above it, lines of dashes, and totals that cannot be
    customers are not data. A last row such as ``Total Wine & More`` may be a customer, so it stays data unless a line
    above it is certainly a total. A row such as ``Total`` above other rows stays data too.
    """
    blank = _marked(body, _all_cells(body, lambda cells: pc.equal(pc.utf8_trim_whitespace(cells), "")).tolist())
    repeated = np.zeros(len(body), dtype=bool)
    for cells in [header.cells, *header.also]:
        repeated |= _repeats(body, cells)
    repeated &= ~blank
    instructions = np.isin(body.numbers, header.instructions) & ~blank & ~repeated
    separator = _separators(body) & ~blank & ~repeated & ~instructions
    total = np.zeros(len(body), dtype=bool)
    footer = np.zeros(len(body), dtype=bool)
    doubtful: list[int] = []
    title, foot = _heads_of_pages(body, header, blank, repeated)
    left = ~(blank | repeated | instructions | separator | title)
    for index in np.flatnonzero(left)[::-1].tolist():
        filled = _filled(body.row(index))
        if is_total(filled):
            total[[index, *doubtful]] = True
            doubtful.clear()
        elif is_footer(filled, header.width):
            footer[index] = True
        elif _is_like_total(filled):
            doubtful.append(index)
        else:
            break
    footer[[index for index in foot if left[index] and is_footer(_filled(body.row(index)), header.width)]] = True
    certain, more = _totals_within(body, header, left & ~total & ~footer)
    total[certain] = True
    masks = [("blank", blank), ("header", repeated), ("instructions", instructions), ("separator", separator)]
    return [*masks, ("title", title), ("total", total), ("footer", footer)], sorted(
        {*doubtful, *more}.difference(certain)
    )


def _heads_of_pages(body: Body, header: Header, blank: Mask, repeated: Mask) -> tuple[Mask, list[int]]:
    """The titles that are repeated above a repeated header, perhaps with another number, and the record above each."""
    titles = [_numberless(cells) for cells in header.titles if any(map(str.isalpha, "".join(cells)))]
    above = []
    found = np.zeros(len(body), dtype=bool)
    for start in np.flatnonzero(repeated).tolist():
        index, left = start - 1, titles
        while index >= 0 and (blank[index] or (cells := _numberless(body.row(index))) in left):
            if not blank[index]:
                found[index], left = True, left[: left.index(cells)]
            index -= 1
        above += [index] if index >= 0 else []
    return found, above


def _numberless(cells: Row) -> tuple[str, ...]:
    return tuple(_DIGITS.sub("0", text) for text in _filled(cells))


def _filled(cells: Row) -> Row:
    return [text for cell in cells if (text := cell.strip())]


def _totals_within(body: Body, header: Header, left: Mask) -> tuple[list[int], list[int]]:
    """Which of the records ``left`` are totals above other rows, and which may be customers with such a name."""
    maybe = np.zeros(len(body), dtype=bool)
    for column in body.columns[:_LABELS_IN]:
        maybe |= pc.match_substring_regex(column, _MAYBE_TOTAL).to_numpy()
        body.stored.release_memory()
    certain: list[int] = []
    doubtful: list[int] = []
    above = -1  # the last record that is not a total
    found = np.flatnonzero(maybe & left).tolist()
    headings = _headings(body, header) if found else set()
    for index in found:
        cells = list(map(str.strip, body.row(index)))
        label, *rest = _filled(cells)
        if not all(map(_AMOUNT.fullmatch, rest)):
            continue
        before = np.flatnonzero(left[above + 1 : index])
        above = above if not len(before) else above + 1 + int(before[-1])
        place = cells.index(label)
        group = body.columns[place][above].as_py().strip() if above >= 0 else ""
        of_heading = rest and (match := _TOTAL_OF_GROUP.fullmatch(label)) and headings & set(match.groups())
        if _NAMELESS_TOTAL.fullmatch(label) or _is_total_of_group(label, group) or of_heading:
            certain.append(index)
            left[index] = False
        elif _TOTAL.fullmatch(label) or _TOTAL_OF_LIST.fullmatch(label) or (rest and _TOTAL_AT_END.fullmatch(label)):
            doubtful.append(index)
    return certain, doubtful


def _headings(body: Body, header: Header) -> set[str | None]:
    """The texts of records in which only one of the first columns is filled."""
    names = [place for place, cell in enumerate(header.cells) if cell.strip()]
    found: set[str | None] = set()
    for place in names[:_HEADINGS_IN]:
        texts = take_rows(body.columns[place], np.flatnonzero(_lone(body, names[0], place)))
        found |= set(pc.utf8_trim_whitespace(texts).to_pylist())
    return found


def _is_total_of_group(label: str, group: str) -> bool:
    """Whether a label is that of the total of the group in the rows above: ``0017 Total``."""
    words = {label.removeprefix(group), label.removesuffix(group)} if group else ()
    return any(word != label and _GROUP_TOTAL.fullmatch(word) for word in words)


def _separators(body: Body) -> Mask:
    """The records that contain only lines: ``----+-----``, ``====``, and ``:---:`` in Markdown tables."""
    found = _all_cells(body, lambda cells: pc.match_substring_regex(cells, _SEPARATOR)).tolist()
    return _marked(body, [index for index in found if any(map(_LINE.search, body.row(index)))])


def _all_cells(body: Body, test: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Positions:
    """The records whose cells all pass a test; each column leaves fewer candidates for the next one."""
    candidates = np.arange(len(body))
    for column in body.columns:
        every = len(candidates) == len(body)
        cells = column if every else pa.chunked_array([take_rows(column, candidates)])
        candidates = candidates[test(cells).to_numpy()]
        body.stored.release_memory()
        if not len(candidates):
            break
    return candidates


def _marked(body: Body, records: list[int]) -> Mask:
    mask = np.zeros(len(body), dtype=bool)
    mask[records] = True
    return mask


def _repeats(body: Body, cells: Row) -> Mask:
    """The records that repeat the header ``cells``, even with different capitals or quotation marks, or after a BOM.

    If the header has only one column, a repeat must have the same capitals: otherwise, the word may be a name.
    """
    mask = np.zeros(len(body), dtype=bool)
    filled = [place for place, cell in enumerate(cells) if cell.strip()]
    if not filled or filled[0] >= len(body.columns):
        return mask
    width = max(len(body.columns), len(cells))
    names, fold = [*cells, *[""] * width][:width], len(filled) > 1
    alike = pc.equal(_plain(body.columns[filled[0]], fold=fold), _plain(pa.array(names), fold=fold)[filled[0]])
    body.stored.release_memory()
    for index in np.flatnonzero(alike.to_numpy()).tolist():
        record = [*body.row(index), *[""] * width][:width]
        mask[index] = _bare(record, fold=fold) == _bare(names, fold=fold)
    return mask


def _bare(cells: Row, *, fold: bool) -> list[str]:
    """The cells without the characters that a repeated header may have around a name.

    ``fold``: also without the differences that are ignored when headers are compared.
    """
    bare = [cell.strip(_AROUND) for cell in cells]
    return list(map(header_key, bare)) if fold else bare


def _plain(cells: pa.Array | pa.ChunkedArray, *, fold: bool) -> pa.Array | pa.ChunkedArray:
    """The cells of a column without the characters around a name. ``fold``: in lowercase."""
    trimmed = pc.utf8_trim(cells, _AROUND)
    return pc.utf8_lower(trimmed) if fold else trimmed


def other_headers(body: Body, header: Header, blank: Positions, repeated: Positions) -> Iterator[tuple[int, Kind]]:
    """The rows of the data that look like a header, or like the head of a page above a ``repeated`` header.

    ``body``: only the data. ``blank`` and ``repeated``: the numbers of the blank rows and of the repeated headers.
    """
    above = np.flatnonzero(np.isin(body.numbers + 1, repeated)).tolist()
    for index in above:
        texts = [text for cell in body.row(index) if (text := cell.strip())]
        if any(map(_PAGE_NUMBER.fullmatch, texts)) or len(texts) == 1 < header.width - 1:
            yield int(body.numbers[index]), "page"
    names = _plain(pa.array([*header.cells, *[""] * len(body.columns)]), fold=True)[: len(body.columns)]
    known = names.filter(pc.not_equal(names, "")).unique()
    if len(known) < 2 or not len(body):
        return
    gaps = blank if len(blank) <= _MOST_GAPS else blank[:0]
    after = np.logical_or.reduce([np.isin(body.numbers - distance, gaps) for distance in range(1, _NEAR + 1)])
    first = next(place for place, name in enumerate(names.to_pylist()) if name)
    named = pc.is_in(_plain(body.columns[first], fold=True), value_set=known).to_numpy()
    body.stored.release_memory()
    at = np.flatnonzero(named | after)
    known_cells, same, filled, digits = np.zeros((4, len(at)), dtype=np.int64)
    for column, name in zip(body.columns, names, strict=True):
        cells = _plain(pa.chunked_array([take_rows(column, at)]), fold=True)
        some = filled_cells(cells)
        filled += some
        known_cells += some & pc.is_in(cells, value_set=known).to_numpy()
        same += some & pc.equal(cells, name).to_numpy()
        digits += pc.match_substring_regex(cells, r"\d").to_numpy()
        body.stored.release_memory()
    reordered = (known_cells == filled) & (filled >= max(2, _MOST_NAMES * len(known))) & (same < filled)
    strange = after[at] & (filled >= 2) & (digits == 0)
    if strange.any():
        strange &= _without_number(body.columns[first], at)
    renamed = strange | (same >= 2) & (2 * same >= filled) | after[at] & (same >= 1) & (filled >= 2) & (digits == 0)
    for row in body.numbers[at[reordered]].tolist():
        yield row, "reordered"
    for row in body.numbers[at[renamed & ~reordered]].tolist():
        yield row, "renamed"


def _without_number(ids: pa.ChunkedArray, at: Positions) -> Mask:
    """Which of these rows have a cell without a number in a column that has numbers in most of the rows."""
    filled = filled_cells(ids)
    numbers = pc.match_substring_regex(ids, r"\d").to_numpy()
    usual = numbers.sum() >= max(_FEWEST, _NUMBERED * filled.sum())
    words: Mask = usual & filled[at] & ~numbers[at]
    return words


def lone_texts(body: Body, header: Header) -> Positions:
    """The numbers of rows with words in only the first column, such as headings and notes.

    There are none if the header has few columns, or if many rows are like that: these are customers, unless they divide
    the others into groups. Such headings may also be in the second column.
    """
    names = [place for place, cell in enumerate(header.cells) if cell.strip()]
    if len(names) < _FEWEST_COLUMNS or not len(body):
        return body.numbers[:0]
    lone, second = (_lone(body, names[0], place) for place in names[:_HEADINGS_IN])
    both = lone | second
    if _divides(both, body, names):
        lone = both
    elif lone.sum() > max(1, _LONE * len(body)):
        return body.numbers[:0]
    at = np.flatnonzero(lone)
    texts = np.zeros(len(at), dtype=bool)
    for place in names[:2]:
        texts |= pc.match_substring_regex(take_rows(body.columns[place], at), _WORDS_ONLY).to_numpy(
            zero_copy_only=False
        )
    found: Positions = body.numbers[at[texts]]
    return found


def _lone(body: Body, first: int, place: int) -> Mask:
    """The records in which, from the column ``first`` on, only the one at ``place`` is filled."""
    lone: Mask = filled_cells(body.columns[place])
    for other, column in enumerate(body.columns[first:], start=first):
        if not lone.any():  # usually after a few columns
            break
        if other != place:
            lone &= ~filled_cells(column)
    body.stored.release_memory()
    return lone


def _divides(lone: Mask, body: Body, names: list[int]) -> bool:
    """Whether each group of rows that are mostly filled is below exactly one of the records ``lone``."""
    at = np.flatnonzero(lone)
    if len(at) < _FEWEST_GROUPS or at[0] != 0 or at[-1] == len(body) - 1 or (np.diff(at) == 1).any():
        return False
    filled = np.zeros(len(body) - len(at), dtype=np.int64)
    for place in names:
        filled += filled_cells(body.columns[place])[~lone]
    body.stored.release_memory()
    return bool((2 * filled > len(names)).mean() >= _MOSTLY)
