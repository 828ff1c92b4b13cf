"""A person's name in one cell: first and last name by nameparser."""

import re
from functools import cache, lru_cache

import pyarrow as pa

from importer.mapping.findings import Result, failures
from importer.records import Severity

__all__ = ["first_name", "is_company", "last_name", "split_name"]

# Of two to four plain words the last is the last name; anything with more to it goes to the parser, which is slow.
_CONJUNCTION = re.compile(r"\s(?:&|\+|/|and|und|et|y)\s", re.IGNORECASE)
_COMPANY = re.compile(
    r"[\s,](?:inc|llc|ltd|limited|corp|corporation|company|co|plc|llp|pty|pte)\.?$"
    r"|[\s,](?:gmbh|ag|co\.? kg|ohg|sarl|srl|bv|nv|oy|aps)\.?$"
    r"|[\s,](?:l\.l\.c|s\.r\.l|s\.p\.a|b\.v|n\.v|e\.k|s\.a|a/s)\.?$|& (?:sons|co\.?)$"
    r"|^(?:accounts? (?:payable|receivable)|accounting|purchasing|reception|front desk|customer service)$",
    re.IGNORECASE,
)
_HINT = "If that is wrong, export first and last name in columns of their own."
_ATTENTION = re.compile(r"^(?:(?:attn|fao)\b[\s:.\-]*|(?:attention|att)\s*[:.\-]+\s*)(?=\w)", re.IGNORECASE)
_WORD = r"[^\W\d_]{2,}(?:-[^\W\d_]{2,})*"
_PLAIN_WORDS = re.compile(rf"^{_WORD}(?:\s+(?:{_WORD}|[A-Z]\.?)){{0,2}}\s+{_WORD}$")
_MOST_KEPT = 2**18  # readings: first and last names, of customers and contacts, come from the same cells


@cache
def _special_words() -> frozenset[str]:
    from nameparser.config import CONSTANTS  # noqa: PLC0415 - takes a tenth of a second, and few mappings take names apart

    words: set[str] = set()
    for group in ("titles", "prefixes", "suffix_acronyms", "suffix_not_acronyms", "conjunctions", "first_name_titles"):
        words |= set(getattr(CONSTANTS, group))
    return frozenset(words)


def split_name(text: str) -> tuple[str, str]:
    """(first names, last name); ``Attn:``, ``Dr.`` and ``Jr.`` are left out; ``Last, First`` is understood."""
    return _read(text)[:2]


@lru_cache(maxsize=_MOST_KEPT)
def _read(text: str) -> tuple[str, str, str | None]:
    """(first names, last name, what a person may want to check, if anything)."""
    text = _ATTENTION.sub("", text)
    if _PLAIN_WORDS.match(text):
        words = text.split()
        plain = _special_words().isdisjoint(word.lower().rstrip(".") for word in words)
        if plain and not is_company(text):
            return " ".join(words[:-1]), words[-1], None
    if is_company(text):
        return text, "", "is the name of a company or department, and stays whole as the first name"
    from nameparser import HumanName  # noqa: PLC0415 - as above

    name = HumanName(text)
    first = " ".join(part for part in (name.first, name.middle) if part)
    if not first and not name.last:
        return text, "", None
    first, last = (first, name.last) if first else (name.last, "")
    read = f"is read as first name {first!r}" + (f", last name {last!r}" if last else "")
    dropped = [part for part in (name.title, name.suffix, name.nickname) if part]
    if dropped:
        return first, last, f"{read}; left out: {', '.join(dropped)}"
    return first, last, read if "," in text or _CONJUNCTION.search(text) else None


def is_company(text: str) -> bool:
    """Whether a name ends like a company's (``Inc.``, ``GmbH``) or is a department's (``Accounts Payable``)."""
    return _COMPANY.search(text) is not None


def first_name(values: pa.Array) -> Result:
    """First (and middle) names of names such as ``Ada Lovelace``, ``Lovelace, Ada``, ``Dr. Ada King Lovelace``.

    Where more was decided than where to cut, an info says how the name was read.
    """
    read = [_read(value) for value in values.to_pylist()]
    told = failures("name_split", [words for _, _, words in read], _HINT, Severity.INFO)
    return Result(pa.array([first for first, _, _ in read], pa.string()), told)


def last_name(values: pa.Array) -> Result:
    """Last names, particles included (``de la Vega``); blank for a name of one word."""
    return Result(pa.array([split_name(value)[1] or None for value in values.to_pylist()], pa.string()))
