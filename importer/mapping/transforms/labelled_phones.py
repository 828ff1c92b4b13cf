"""One of several labeled phone numbers in a cell."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

import pyarrow as pa

from importer.mapping.transform_results import TransformResult, failures
from importer.records import Severity

# The words of labels, as people write them; any other word is a label of its own.
_LABEL_WORDS = {
    "phone": ("phone", "tel", "telephone", "ph", "p", "t", "telefon", "telefono", "tél", "phones", "number", "no"),
    "mobile": ("mobile", "cell", "cellular", "mob", "m", "c", "handy", "portable"),
    "fax": ("fax", "facsimile", "f", "telefax"),
    "work": ("work", "office", "business", "bus", "w"),
    "home": ("home", "h"),
    "other": ("other", "alt", "alternate"),
}
_SAME = {word: name for name, words in _LABEL_WORDS.items() for word in words}
_STRONGEST = ("fax", "mobile")  # a "work fax" is a fax
_LONGEST_LABEL = 24  # characters of a label
_NO_LABEL = re.compile(r"^(?:ext|extn|extension|x|or|and|https?)$", re.IGNORECASE)
_KNOWN = "|".join(sorted(map(re.escape, _SAME), key=len, reverse=True))
_BEFORE_A_COLON = r"([^\W\d_][^\W\d_.\- ]*(?:[ .\-]+[^\W\d_]+){0,2}\.?)\s*[:=]"
_BEFORE_A_NUMBER = rf"({_KNOWN})\.?(?=\s*[+(]?\d)"
_ANY_LABEL = re.compile(rf"(?:^|(?<=[\s,;/|)\d]))(?:{_BEFORE_A_COLON}|{_BEFORE_A_NUMBER})\s*", re.IGNORECASE)
_LABEL_BEHIND = re.compile(rf"^(.*\d)\s*[(\[]?({_KNOWN})\.?[)\]]?$", re.IGNORECASE | re.DOTALL)
_BETWEEN_LABELED = re.compile(r"[;|\n]+|,(?!\s*(?:x|ext))", re.IGNORECASE)
_EDGES = " \t\r\n,;|/"


def labelled(values: pa.Array, labels: Sequence[str]) -> TransformResult:
    """Of every cell the first number with the first of ``labels`` that it has; a number without one is a phone.

    Labels are compared by what they mean (``Tel.`` is ``Phone``, ``Cell`` is ``Mobile``). What else a cell
    contains is reported.
    """
    wanted = [_meaning(label) for label in labels]
    taken: list[str | None] = []
    told: list[str | None] = []
    for value in values.to_pylist():
        numbers = _labeled_numbers(value)
        chosen = next((one for label in wanted for one in numbers if one[0] == label), None)
        taken.append(None if chosen is None else chosen[1])
        left = ", ".join(" ".join(one) for one in numbers if one is not chosen)
        told.append(f"contains more than is used here; not used: {left}" if left else None)
    return TransformResult(pa.array(taken, pa.string()), failures("value_not_taken", told, "", Severity.INFO))


@cache
def _meaning(label: str) -> str:
    """``Cell Phone`` → ``mobile``: what a label says, however it is spelled."""
    words = [_SAME.get(word, word) for word in re.findall(r"[^\W\d_]+", label.casefold())]
    strong = next((word for word in _STRONGEST if word in words), None)
    special = [word for word in words if word != "phone"]
    return strong or " ".join(special) or "phone"


def _labeled_numbers(value: str) -> list[tuple[str, str]]:
    """(What its label means, number) of each number in a cell."""
    found: list[tuple[str, str]] = []
    label, start = "", 0
    for match in _ANY_LABEL.finditer(value):
        name = match[1] or match[2]
        if len(name) > _LONGEST_LABEL or _NO_LABEL.match(name):
            continue
        found += _pieces(label, value[start : match.start()])
        label, start = name, match.end()
    return [*found, *_pieces(label, value[start:])]


def _pieces(label: str, text: str) -> Iterator[tuple[str, str]]:
    """The numbers behind one label, ``""`` where there is none: then it may be behind the number."""
    for piece in _BETWEEN_LABELED.split(text):
        number = piece.strip(_EDGES)
        behind = None if label else _LABEL_BEHIND.match(number)
        if behind is not None:
            yield (_meaning(behind[2]), behind[1].strip(_EDGES))
        elif number:
            yield (_meaning(label) if label else "phone", number)
