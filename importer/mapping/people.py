"""A person's name in one cell: first and last name by nameparser."""

import re
from functools import cache

import pyarrow as pa
from nameparser import HumanName
from nameparser.config import CONSTANTS

from importer.mapping.findings import Result

__all__ = ["first_name", "last_name"]

# Two plain words are first and last name; anything with more to it goes to the parser.
_TWO_WORDS = re.compile(r"^([^\W\d_]{2,})\s+([^\W\d_]{2,})$")


@cache
def _special_words() -> frozenset[str]:
    words: set[str] = set()
    for group in ("titles", "prefixes", "suffix_acronyms", "suffix_not_acronyms", "conjunctions", "first_name_titles"):
        words |= set(getattr(CONSTANTS, group))
    return frozenset(words)


def split_name(text: str) -> tuple[str, str]:
    """(first names, last name); titles and suffixes (``Dr.``, ``Jr.``) are left out; ``Last, First`` is understood."""
    plain = _TWO_WORDS.match(text)
    if plain and not {plain[1].lower(), plain[2].lower()} & _special_words():
        return plain[1], plain[2]
    name = HumanName(text)
    first = " ".join(part for part in (name.first, name.middle) if part)
    if not first and not name.last:
        return text, ""
    return (first, name.last) if first else (name.last, "")


def first_name(values: pa.Array) -> Result:
    """First (and middle) names of names such as ``Ada Lovelace``, ``Lovelace, Ada``, ``Dr. Ada King Lovelace``."""
    return Result(pa.array([split_name(value)[0] for value in values.to_pylist()], pa.string()))


def last_name(values: pa.Array) -> Result:
    """Last names, particles included (``de la Vega``); blank for a name of one word."""
    return Result(pa.array([split_name(value)[1] or None for value in values.to_pylist()], pa.string()))
