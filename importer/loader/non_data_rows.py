"""Which records of a list are no data: blank ones, its header again, and what stands below it.

That is totals, counts, dates, and page numbers, in the main languages.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import header_key
from importer.loader.layout import Header, Row
from importer.loader.text.column_store import Body
from importer.tables import Mask, taken

_TOTAL = re.compile(
    r"""(?:(?:grand\s+|(?:sub|sous)[-\s]?)?totals?(?:\s+g[eé]n[eé]ral)?|(?:gesamt|zwischen|end)?summe|(?:ins)?gesamt
    |totale(?:\s+(?:generale|complessivo))?|(?:sub|eind)?totaal|sum[am](?:\s+(?:total|końcowa))?|soma|razem|ogółem|celkem
    |toplam|yhteensä|итого|всего|[合总總小総]计|[合總小総]計|합계|총계|소계)\s*:?""",
    re.IGNORECASE | re.VERBOSE,
)
_TOTAL_OF = re.compile(r"totals?\b.+", re.IGNORECASE)
# What a list can be the total of. A company may be called Total, but none is called Total Receivables.
_TOTAL_OF_LIST = re.compile(
    r"""totals?(?:[\s:/#.()-]+(?:of|for|in|the|all|number|no|count|amount|balance|open|outstanding|overdue|due|accounts?
        |receivables?|payables?|customers?|clients?|contacts?|records?|rows?|entry|entries|lines?|items?|compan(?:y|ies)
        |invoices?|report|page|list|active|inactive|vendors?|suppliers?|selected|a/?r|a/?p|[a-z]{3}(?<=usd|eur|gbp|cad)))+
        [\s:.]*""",
    re.IGNORECASE | re.VERBOSE,
)
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
_FOOTER = re.compile(
    rf"""{_MOMENT} | (?:page|seite|p[aá]gina|blad|strona|sida|side)\s+\d+(?:\s*(?:of|/|von|sur|d[ei]|van|z|av)\s*\d+)?
    | (?:report\s+|file\s+)?(?:printed|generated|created|exported|run)\s+(?:on|at|by)\b.*
    | (?:gedruckt|erstellt|exportiert|(?:imprim|édit|génér|cré|export)ée?|(?:stampat|creat|generat|esportat)[oa]
        |(?:impres|generad|cread|exportad)[oa]|afgedrukt|gegenereerd|aangemaakt)
        \s+(?:am|um|von|le|par|il|da|el|por|op|door)\b.*
    | (?:stand|per|au|al|op)\s*:?\s+{_MOMENT} | [-*=]+\s*(?:end|ende|fin|fine|einde)\s*[-*=]+
    | (?:anzahl|count|totals?\b[\w\s]*|nombre|n[uú]mero|aantal)\s*:\s*\d+
    | (?:accrual|cash)\s+basis\b.* | as\s+of\s+{_MOMENT} | (?:end\s+of|\*+\s*end)\s+(?:report|file|list)\b.*
    | \d+\s+(?:rows?|records?|entries|lines?|customers?|contacts?|datensätze|zeilen|einträge|kunden|lignes
        |enregistrements|clients|filas|registros|clientes|righe|clienti|rijen|klanten)(?:\s+(?:selected|found|listed|exported))?\.?""",
    re.IGNORECASE | re.VERBOSE,
)
_AROUND = "\ufeff'\"` \t\r\n\xa0*?"


def is_total(filled: Row) -> bool:
    """Whether a row's filled cells are a total: ``Total`` or the total of a list, then only numbers."""
    if not filled:
        return False
    first, rest = filled[0], filled[1:]
    if _TOTAL.fullmatch(first):
        return all(map(_NUMBER.fullmatch, rest))
    return bool(_TOTAL_OF_LIST.fullmatch(first)) and all(map(_AMOUNT.fullmatch, rest))


def is_footer(filled: Row, columns: int) -> bool:
    """Whether the only filled cell of a row is a date, a time or a report footer, in a table of at least 3 columns."""
    return columns >= 3 and len(filled) == 1 and bool(_FOOTER.fullmatch(filled[0]))


def _is_like_total(filled: Row) -> bool:
    """Whether a row's filled cells may be a total, or a company that is called so: ``Total Wine & More``."""
    return bool(filled) and _TOTAL_OF.fullmatch(filled[0]) is not None and all(map(_AMOUNT.fullmatch, filled[1:]))


def classify(body: Body, header: Header) -> tuple[list[tuple[str, Mask]], list[int]]:
    """The records of ``body`` that are not data, as (reason, mask) pairs that do not overlap; and the doubtful ones.

    The header and its labels are not data wherever they are repeated. A last row such as ``Total Wine & More`` stays
    data, because it may be a customer, unless there is a line above it that is certainly a total.
    """
    blank = _matches(body, [""] * len(body.columns))
    repeated = np.zeros(len(body), dtype=bool)
    for cells in [header.cells, *header.also]:
        repeated |= _repeats(body, cells)
    repeated &= ~blank
    instructions = np.isin(body.numbers, header.instructions) & ~blank & ~repeated
    total = np.zeros(len(body), dtype=bool)
    footer = np.zeros(len(body), dtype=bool)
    doubtful: list[int] = []
    for index in np.flatnonzero(~blank & ~repeated & ~instructions)[::-1]:
        filled = [text for column in body.columns if (text := column[int(index)].as_py().strip())]
        if is_total(filled):
            total[[index, *doubtful]] = True
            doubtful.clear()
        elif is_footer(filled, header.width):
            footer[index] = True
        elif _is_like_total(filled):
            doubtful.append(int(index))
        else:
            break
    masks = [("blank", blank), ("header", repeated), ("instructions", instructions), ("total", total)]
    return [*masks, ("footer", footer)], doubtful


def _matches(body: Body, cells: Row) -> Mask:
    """The records whose trimmed cells are ``cells``; each column leaves fewer candidates for the next one."""
    mask = np.zeros(len(body), dtype=bool)
    if len(cells) > len(body.columns) and any(cells[len(body.columns) :]):
        return mask
    candidates = np.arange(len(body))
    for column, cell in zip(body.columns, cells, strict=False):
        every = len(candidates) == len(body)
        cells_left = column if every else pa.chunked_array([taken(column, candidates)])
        candidates = candidates[pc.equal(pc.utf8_trim_whitespace(cells_left), cell).to_numpy()]
        body.stored.release_memory()
        if not len(candidates):
            return mask
    mask[candidates] = True
    return mask


def _repeats(body: Body, cells: Row) -> Mask:
    """The records that repeat the header ``cells``, be it in other capitals, between other quotes, or after a BOM.

    A single word in other capitals may be a name: a header of one column is repeated only as it is.
    """
    mask = np.zeros(len(body), dtype=bool)
    filled = [place for place, cell in enumerate(cells) if cell.strip()]
    if not filled or filled[0] >= len(body.columns):
        return mask
    width = max(len(body.columns), len(cells))
    names, fold = [*cells, *[""] * width][:width], len(filled) > 1
    key = _header_key if fold else _bare
    alike = pc.equal(_plain(body.columns[filled[0]], fold=fold), _plain(pa.array(names), fold=fold)[filled[0]])
    body.stored.release_memory()
    for index in np.flatnonzero(alike.to_numpy()).tolist():
        record = [*body.row(index), *[""] * width][:width]
        mask[index] = list(map(key, record)) == list(map(key, names))
    return mask


def _bare(cell: str) -> str:
    return cell.strip(_AROUND)


def _header_key(cell: str) -> str:
    return header_key(_bare(cell))


def _plain(cells: pa.Array | pa.ChunkedArray, *, fold: bool) -> pa.Array | pa.ChunkedArray:
    trimmed = pc.utf8_trim(cells, _AROUND)
    return pc.utf8_lower(trimmed) if fold else trimmed
