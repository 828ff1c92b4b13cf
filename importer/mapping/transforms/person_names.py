"""A person's name in one cell: first and last name by nameparser."""

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

from importer.mapping.transform_results import TransformResult, failures
from importer.records import Severity

if TYPE_CHECKING:
    from nameparser.config import Constants

_CONJUNCTION = re.compile(r"\s(?:&|\+|/|and|und|et|y|e|och|og)\s", re.IGNORECASE)
# Han, Kana, and Hangul: the family name is first, followed by a space, and perhaps by an honorific at the end.
_EASTERN_LETTERS = r"[\u3005\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3]+"
_RESPECT = r"(?:\u69d8|\u6bbf|\u3055\u3093|\u5148\u751f|\ub2d8|\uc528)"
_EASTERN = re.compile(
    rf"^(?:(?P<last>{_EASTERN_LETTERS})\s+(?!{_RESPECT}$))?(?P<first>{_EASTERN_LETTERS}?)\s*(?P<left>{_RESPECT})?$"
)
_KOREAN = re.compile(r"^(?P<last>[\uac00-\ud7a3])(?P<first>[\uac00-\ud7a3]{2})$")
_COMPANY = re.compile(
    r"[\s,](?:inc|llc|ltd|limited|corp|corporation|company|co|plc|llp|pty|pte)\.?$"
    r"|[\s,](?:gmbh|ag|co\.? kg|ohg|sarl|srl|bv|nv|oy|aps)\.?$"
    r"|[\s,](?:l\.l\.c|s\.r\.l|s\.p\.a|b\.v|n\.v|e\.k|s\.a|a/s)\.?$|& (?:sons|co\.?)$"
    r"|^(?:accounts? (?:payable|receivable)|accounting|purchasing|reception|front desk|customer service)$",
    re.IGNORECASE,
)
_HINT = "If that is wrong, export the first and last name as separate columns."
_ATTENTION = re.compile(
    r"^(?:(?:attn|fao|c/o|z\.? ?h(?:d|dn|den)|t\.? ?a\.? ?v|[aà] l['\u2019]attention de)\b[\s:.\-]*"
    r"|(?:attention|att)\s*[:.\-]+\s*)(?=\w)",
    re.IGNORECASE,
)
# A second person: at least two words on both sides, and no particle after the mark (Ortega y Gasset).
_SECOND = re.compile(
    r"^(?P<one>[^\s,/;|&+]+(?: [^\s,/;|&+]+)+?)(?:\s*[/;|&+\n]\s*|\s(?:and|und|et|y|e|och|og|en)\s)"
    r"(?P<other>[^\W\d_a-z]\S*(?:\s+\S+)+)$"
)
_ROLES = (
    r"(?i:owner|founder|buyer|manager|director|president|vp|c[efot]o|partner|proprietor|accountant|bookkeeper|controller"
    r"|accounts? (?:payable|receivable)|a/?[pr]|accounting|billing|purchas(?:ing|er)|sales|inhaber(?:in)?"
    r"|gesch\u00e4ftsf\u00fchrer(?:in)?|g\u00e9rante?|propi?ri[e\u00e9]taire|propietari[oa]|due\u00f1[oa]|titolare)"
)
_ROLE = re.compile(
    rf"^(?P<one>[^\s,]+(?: [^\s,]+)+)(?:\s+[-\u2013\u2014|]\s+(?=\S)|\s*[,\n]\s*(?=(?:\S+ )?{_ROLES}$)"
    r"|\s+(?=(?i:x|ext\.?)\s*\d{1,6}$))(?P<other>.*)$"
)
_ROLE_BEFORE = re.compile(rf"^(?P<other>{_ROLES})(?:\s*:\s*|\s+[/|\u2013\u2014-]\s+)(?P<one>[^\W\d_].*)$")
# The first of several people, who may have a role or be written as Last, First; at least three of First Last, ...
_FIRST_OF_SEVERAL = re.compile(r"^(?P<one>[^\w;]*\w[^;]*?)(?:\s*;\s*|\s(?:or|oder)\s)(?P<other>.*\w.*)$", re.DOTALL)
_SEVERAL = re.compile(r"^(?P<one>[^\s,]+ [^\s,]+)(?P<other>(?:\s*,\s*[^\s,]+ [^\s,]+){2,})$")
# In two to four plain words, the last one is the last name, or those before a comma are, perhaps with one of the usual
# titles and suffixes. Anything more complex goes to the parser, which is slow and gives the same result for these.
_WORD = r"(?:[^\W\d_]['\u2019])?[^\W\d_]{2,}(?:-[^\W\d_]{2,})*"
_TITLE, _SUFFIX = r"(?i:mr|mrs|ms|miss|dr|prof|herr|frau)\.?", r"(?i:jr|sr|ii|iii|iv)\.?"
_FIRST = rf"(?P<first>{_WORD}(?:\s+(?:{_WORD}|[A-Z]\.?)){{0,2}})"
# An email address, or a phone number with or without an extension, is not part of a name. It may have a label or be in
# brackets.
_REACHED = re.compile(
    r"[(<\[]*[ \t]*(?:\b(?:e-?mail|mailto|tel|phone|ph|cell|mobile|mob|fax)\b[ \t.:]*)?"
    r"(?:[^\s@()<>\[\],;:|]{1,64}@[^\s@()<>\[\],;|]+"
    r"|[+(]?(?=(?:[^\d\n]{0,3}\d){7})(?:\d{10,15}|\d+[ ().\-/][\d().\-/ ]*\d)(?:\s*(?:x|ext\.?)\s*\d{1,6})?(?!\w))"
    r"[ \t]*[)>\]]*",
    re.IGNORECASE,
)
_AROUND = " \t\n,;:/|#-\u2013"
_PLAIN = re.compile(
    rf"^(?:(?P<title>{_TITLE})\s+)?{_FIRST}\s+(?P<last>(?!{_SUFFIX}$){_WORD})(?:\s+(?P<suffix>{_SUFFIX}))?$"
)
_PLAIN_ALONE = re.compile(rf"^(?P<first>{_WORD})(?P<last>)$")
_PLAIN_TURNED = re.compile(rf"^(?P<last>{_WORD}(?:\s+{_WORD})?)\s*,\s*{_FIRST}$")
_MORE_PARTICLES = ("dagli", "dalla", "dalle", "el", "ten", "vanden", "zum", "zur")  # nameparser has the others
_LONGEST = 1000  # characters
_FEWEST = 7  # digits of a phone number in a name
_MOST_KEPT = 2**18  # readings: first and last names, of customers and contacts, come from the same cells


@cache
def _constants() -> "Constants":
    from nameparser.config import Constants  # noqa: PLC0415 - takes a tenth of a second, and few mappings take names apart

    constants = Constants()
    constants.prefixes.add(*_MORE_PARTICLES)
    return constants


@cache
def _special_words() -> frozenset[str]:
    groups = ("titles", "prefixes", "suffix_acronyms", "suffix_not_acronyms", "conjunctions", "first_name_titles")
    return frozenset[str]().union(*(getattr(_constants(), group) for group in groups))


def split_name(text: str) -> tuple[str, str]:
    """(first names, last name); ``Attn:``, ``Dr.`` and ``Jr.`` are left out; ``Last, First`` is understood."""
    return _read(text)[:2]


@lru_cache(maxsize=_MOST_KEPT)
def _read(text: str) -> tuple[str, str, str | None, Severity]:
    """(first names, last name, what a person may want to check, if anything, and how serious that is).

    A phone number or an email address is no part of a name.
    """
    if "@" not in text and sum(map(str.isdigit, text)) < _FEWEST:
        return *_read_name(text), Severity.INFO
    reached = [found[0].strip() for found in _REACHED.finditer(text)] if len(text) <= _LONGEST else []
    if not reached or is_company(text):
        return *_read_name(text), Severity.INFO
    name = _REACHED.sub(" ", text).strip(_AROUND)
    if not any(map(str.isalpha, name)):
        return text, "", "is not the name of a person; it becomes the first name", Severity.WARNING
    first, last, message = _read_name(name)
    message = message or f"is read as first name {first!r}" + (f", last name {last!r}" if last else "")
    message += f"{', ' if '; left out: ' in message else '; left out: '}{', '.join(reached)}"
    return first, last, message, Severity.WARNING


def _read_name(text: str) -> tuple[str, str, str | None]:
    """First names, last name, and what a person may want to check, of a text that is only a name."""
    text = _ATTENTION.sub("", text)
    if len(text) > _LONGEST:  # too long to be sent, and slow to parse
        return text, "", None
    if is_company(text):
        return text, "", "is the name of a company or department; all of it becomes the first name"
    rest: list[str] = []
    for pattern in (_FIRST_OF_SEVERAL, _SEVERAL, _ROLE_BEFORE):
        if found := pattern.match(text):
            text, rest = found["one"], [found["other"].strip(_AROUND), *rest]
    if beside := _SECOND.match(text) or _ROLE.match(text):
        text, rest = beside["one"], [beside["other"], *rest]
    first, last, *left_out = *(_eastern(text) or _plain(text) or _parsed(text)), *rest
    if not first and not last:
        return text, "", None
    first, last = (first, last) if first else (last, "")
    dropped = [part for part in left_out if part]
    if not dropped and "," not in text and not _CONJUNCTION.search(text) and not _KOREAN.match(text):
        return first, last, None
    message = f"is read as first name {first!r}" + (f", last name {last!r}" if last else "")
    return first, last, f"{message}; left out: {', '.join(dropped)}" if dropped else message


def _eastern(text: str) -> tuple[str, ...] | None:
    """First and last name, and what is left out, of a name in Han, Kana or Hangul; None of any other."""
    match = _KOREAN.match(text) or _EASTERN.match(text)
    return None if match is None else (match["first"], match["last"] or "", match.groupdict().get("left") or "")


def _plain(text: str) -> tuple[str, ...] | None:
    """First and last name, title and suffix of a plain name; None of any other."""
    match = _PLAIN.match(text) or _PLAIN_TURNED.match(text) or _PLAIN_ALONE.match(text)
    if match is None:
        return None
    first, last = " ".join(match["first"].split()), " ".join(match["last"].split())
    if not _special_words().isdisjoint(word.lower().rstrip(".") for word in f"{first} {last}".split()):
        return None
    found = match.groupdict()
    return first, last, found.get("title") or "", found.get("suffix") or ""


def _parsed(text: str) -> tuple[str, ...]:
    """First and last name, title, suffix and nickname."""
    from nameparser import HumanName  # noqa: PLC0415 - as above

    name = HumanName(text, constants=_constants())
    first = " ".join(part for part in (name.first, name.middle) if part)
    return first, name.last, name.title, name.suffix, name.nickname


def is_company(text: str) -> bool:
    """Whether a name ends like a company's (``Inc.``, ``GmbH``) or is a department's (``Accounts Payable``)."""
    return _COMPANY.search(text) is not None


def first_name(values: pa.Array) -> TransformResult:
    """First (and middle) names of names such as ``Ada Lovelace``, ``Lovelace, Ada``, ``Dr. Ada King Lovelace``.

    Where more was decided than where to cut, an info says how the name was read.
    """
    read = [_read(value) for value in values.to_pylist()]
    messages = [
        finding
        for severity in (Severity.WARNING, Severity.INFO)
        for finding in failures(
            "name_split", [words if how is severity else None for *_, words, how in read], _HINT, severity
        )
    ]
    return TransformResult(pa.array([first for first, *_ in read], pa.string()), tuple(messages))


def last_name(values: pa.Array) -> TransformResult:
    """Last names, particles included (``de la Vega``); blank for a name of one word."""
    return TransformResult(pa.array([split_name(value)[1] or None for value in values.to_pylist()], pa.string()))
