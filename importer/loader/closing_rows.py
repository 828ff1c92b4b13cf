"""What stands below a list and is no record of it: totals, counts, dates, and page numbers, in the main languages."""

import re
from collections.abc import Sequence

Row = Sequence[str]

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


def is_like_total(filled: Row) -> bool:
    """Whether a row's filled cells may be a total, or a company that is called so: ``Total Wine & More``."""
    return bool(filled) and _TOTAL_OF.fullmatch(filled[0]) is not None and all(map(_AMOUNT.fullmatch, filled[1:]))
