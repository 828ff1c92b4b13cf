"""Several labelled numbers in one cell: ``Phone:(555) 010-1234 Mobile:(555) 010-9999``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from importer.mapping.transform_results import Finding, Result
from importer.records import Severity

__all__ = ["labelled"]

# The words of labels, as people write them; what stands nowhere here is a label by itself.
_WORDS = {
    "phone": ("phone", "tel", "telephone", "ph", "p", "t", "telefon", "telefono", "tél", "phones", "number", "no"),
    "mobile": ("mobile", "cell", "cellular", "mob", "m", "c", "handy", "portable"),
    "fax": ("fax", "facsimile", "f", "telefax"),
    "work": ("work", "office", "business", "bus", "w"),
    "home": ("home", "h"),
    "other": ("other", "alt", "alternate"),
}
_SAME = {word: name for name, words in _WORDS.items() for word in words}
_STRONGEST = ("fax", "mobile")  # a "work fax" is a fax
_LONGEST = 24  # characters of a label
_NO_LABEL = re.compile(r"^(?:ext|extn|extension|x|or|and|https?)$", re.IGNORECASE)
_KNOWN = "|".join(sorted(map(re.escape, _SAME), key=len, reverse=True))
_BEFORE_A_COLON = r"([^\W\d_][^\W\d_.\- ]*(?:[ .\-]+[^\W\d_]+){0,2}\.?)\s*[:=]"
_BEFORE_A_NUMBER = rf"({_KNOWN})\.?(?=\s*[+(]?\d)"
_LABEL = re.compile(rf"(?:^|(?<=[\s,;/|)\d]))(?:{_BEFORE_A_COLON}|{_BEFORE_A_NUMBER})\s*", re.IGNORECASE)
_BEHIND = re.compile(rf"^(.*\d)\s*[(\[]?({_KNOWN})\.?[)\]]?$", re.IGNORECASE | re.DOTALL)
_BETWEEN = re.compile(r"[;|\n]+|,(?!\s*(?:x|ext))", re.IGNORECASE)
_EDGES = " \t\r\n,;|/"


@dataclass(frozen=True)
class _Number:
    label: str
    text: str


def labelled(values: pa.Array, labels: Sequence[str]) -> Result:
    """Of every cell the first number with the first of ``labels`` that it has; a number without one is a phone.

    Labels are compared by what they mean (``Tel.`` is ``Phone``, ``Cell`` is ``Mobile``). What a cell holds besides is
    said.
    """
    wanted = [_meaning(label) for label in labels]
    taken: list[str | None] = []
    said: list[str] = []
    for value in values.to_pylist():
        numbers = _numbers(value)
        chosen = next((one for label in wanted for one in numbers if one.label == label), None)
        taken.append(None if chosen is None else chosen.text)
        left = ", ".join(f"{one.label} {one.text}" for one in numbers if one is not chosen)
        said.append(f"holds more than is taken here; not taken: {left}" if left else "")
    passed = np.array([text != "" for text in said], bool)
    findings = (Finding(passed, Severity.INFO, "value_not_taken", said),) if passed.any() else ()
    return Result(pa.array(taken, pa.string()), findings)


@cache
def _meaning(label: str) -> str:
    """``Cell Phone`` → ``mobile``: what a label says, however it is spelt."""
    words = [_SAME.get(word, word) for word in re.findall(r"[^\W\d_]+", label.casefold())]
    strong = next((word for word in _STRONGEST if word in words), None)
    special = [word for word in words if word != "phone"]
    return strong or " ".join(special) or "phone"


def _numbers(value: str) -> list[_Number]:
    found: list[_Number] = []
    label, start = "", 0
    for match in _LABEL.finditer(value):
        name = match[1] or match[2]
        if len(name) > _LONGEST or _NO_LABEL.match(name):
            continue
        found += _pieces(label, value[start : match.start()])
        label, start = name, match.end()
    return found + _pieces(label, value[start:])


def _pieces(label: str, text: str) -> list[_Number]:
    pieces = [piece.strip(_EDGES) for piece in _BETWEEN.split(text)]
    return [_named(label, piece) for piece in pieces if piece]


def _named(label: str, text: str) -> _Number:
    behind = None if label else _BEHIND.match(text)
    if behind is not None:
        return _Number(_meaning(behind[2]), behind[1].strip(_EDGES))
    return _Number(_meaning(label) if label else "phone", text)
