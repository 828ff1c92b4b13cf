"""Reads a phone number from a cell's text: the first number, its extension, and any other text next to it.

Or, of several numbers with labels, the one with the label that is wanted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from importer.mapping.transform_results import TransformResult, failures
from importer.records import Severity

_FEWEST = 5  # digits; fewer are not the phone number of a person or a company
_WHOLE = 7  # digits, a leading zero included, after which a slash begins something else
_SIMPLE = re.compile(r"\(?[1-9](?:[().\-]? ?[0-9]){6,11}")  # (415) 555-0132: too short for two numbers
_RUN = re.compile(r"(?:[+(][ \t().+\-]*+)?\d(?:[\d \t().\-/+\u2010-\u2015]*\d)?")
# Between two numbers of one run: a slash, a spaced hyphen, a plus, a further leading zero or area code in parentheses,
# or a blank between two numbers that are too long for one.
_BREAK = re.compile(
    r"(?P<slash>\s*/\s*)|(?P<hyphen>\s+[\-\u2010-\u2015]\s+)(?=(?:\D*\d){7})|\s+(?=\(?\+\d)|\s+(?=0\d{1,5}[\s/\-]*\d{5})"
    r"|(?<!\s)(?:\s*+(?=\(\d{2,5}\)(?:\D*\d){5})|(?P<blank>\s++)(?=(?:\D*\d){10}))"
)
_LONG = 10  # digits; two such numbers are not one number
_HOURS = re.compile(
    r"\b\d{1,2}(?:[:.h]\d{2})?\s*(?:-|\u2013|bis|to|till|until|à|a|t/m)\s*\d{1,2}(?:[:.h]\d{2})?\s*"
    r"(?:uhr|h|hrs|hours|am|pm|a\.m\.|p\.m\.|o'?clock)\b"
    r"|\b\d{1,2}:\d{2}(?:\s*(?:-|\u2013|bis|to)\s*\d{1,2}:\d{2})?(?:\s*(?:uhr|h|am|pm))?\b"
    r"|\b\d{1,2}\s*(?:uhr|am|pm|hrs)\b"
    r"|\b24\s*/\s*7\b",
    re.IGNORECASE,
)
_MARK = (
    r"(?:\b(?:ext|extn|extension|app|apparat|dw|durchwahl|durchw|nst|nebenstelle|poste|int|interno|interne|anexo|ramal"
    r"|toestel|tst|anknytning|ankn|lokal|wew|klapka|linka|доб|вн)\b\.?|ext|x|#|;ext=|転|转|轉|内線|内线|內線|내선)"
)
_EXTENSION = re.compile(rf"^[\s,;/]*[(\[]?{_MARK}\s*[:.\-(]*\s*(\d{{1,7}})(?!\d)[)\]]?", re.IGNORECASE)
_FAX_WORD = (
    r"(?:\b(?:tele)?fa(?:x|ks)\b|facsimile|t[e\u00e9]l[e\u00e9]copie(?:ur)?|\u0444\u0430\u043a\u0441"
    r"|\u30d5\u30a1\u30c3\u30af\u30b9|\u4f20\u771f|\u50b3\u771f|\ud329\uc2a4)"
)
_FAX = re.compile(rf"(?:{_FAX_WORD}|\bf)\W*$", re.IGNORECASE)
_OF_FAX = r"(?:\b(?:work|office|business|bus|home|main|other)\b[ .]{1,2})?"
_FAX_BEHIND = re.compile(
    rf"\s*(?:(?P<bracket>[(\[]\s*(?:{_OF_FAX}{_FAX_WORD}|f)\W*?[)\]])|-?\s*{_OF_FAX}{_FAX_WORD}\.?\s*(?:$|[,;/|\n]))",
    re.IGNORECASE,
)
_VOICE_WORD = r"\b(?:phone|tel|tel[e\u00e9]fono?|telephone|ph|p|t|t[e\u00e9]l|office|main|mobile|cell|m|o)\b"
_VOICE = re.compile(rf"{_VOICE_WORD}\W*$", re.IGNORECASE)
_BOTH = re.compile(rf"{_VOICE_WORD}\W*?(?:[/&+,]|and|und|et|y|e|u)\W*(?:{_FAX_WORD}|\bf)\W*$", re.IGNORECASE)
_LABEL = re.compile(r"^\s*[A-Za-z][A-Za-z .]*[ #]?\d[ ]*[:=]")  # Tel. 2:
_TWICE = re.compile(r"(?:\+|\b00)\s*([1-9]\d{0,2})\W*(?:\+|00)\s*\1")  # +49 0049
_LETTER_INSIDE = re.compile(r"\d[^\W\d_]{1,2}\d|\d[^\W\d_](?![^\W\d_])|(?<![^\W\d_])[OoIl]\d")


@dataclass(frozen=True, slots=True)
class NumberText:
    """The text of a number. ``forms``: how it may be meant, the likeliest first; ``others``: there are more digits.

    ``letter``: a letter is among the digits; ``twice``: it has two country codes; ``numbers``: how many there are;
    ``fax``: it is the only one, and a fax number.
    """

    forms: tuple[str, ...]
    extension: str | None
    others: bool
    letter: bool
    twice: bool
    numbers: int
    fax: bool = False


@dataclass(frozen=True, slots=True)
class _Run:
    """Digits and marks between other text, or a part of them."""

    text: str
    start: int
    end: int
    whole: str

    @property
    def digits(self) -> int:
        return sum(map(str.isdigit, self.text))

    def is_same(self, other: "_Run") -> bool:
        """Whether two numbers are the same, perhaps with and without the country code."""
        digits, others = ("".join(filter(str.isdigit, run.text)).lstrip("0") for run in (self, other))
        return min(self.digits, other.digits) >= _WHOLE and (digits.endswith(others) or others.endswith(digits))


def number_text(text: str) -> NumberText | None:
    """Find the first number of a text that is not a fax number; None if there are no digits."""
    if _SIMPLE.fullmatch(text):
        return NumberText((text,), None, others=False, letter=False, twice=False, numbers=1)
    label = _LABEL.match(text)
    searched = text if label is None else " " * label.end() + text[label.end() :]
    searched = _HOURS.sub(lambda hours: " " * len(hours[0]), searched)
    runs = list(_runs(searched))
    real = [run for run in runs if run.digits >= _FEWEST] or sorted(runs, key=lambda run: -run.digits)[:1]
    if not real:
        return None
    hours = searched != text and label is None
    voice = _voice(searched, real)
    first, *more = voice or real
    run = max((first, *filter(first.is_same, more)), key=lambda one: one.digits)
    for same in (other for other in real if other is not run and run.is_same(other)):
        searched = searched[: same.start] + " " * (same.end - same.start) + searched[same.end :]
    real = [other for other in real if other is run or not run.is_same(other)]
    behind = searched[run.end :]
    extension = _EXTENSION.match(behind)
    rest = behind if extension is None else behind[extension.end() :]
    others = any(map(str.isdigit, searched[: run.start] + rest)) or hours
    near = searched[max(run.start - 1, 0) : run.end + 2]
    letter = extension is None and _LETTER_INSIDE.search(near) is not None
    forms = tuple(dict.fromkeys((run.text, run.whole))) if voice or len(real) == 1 else ()
    number = None if extension is None else extension[1]
    twice = _TWICE.search(text) is not None
    return NumberText(forms, number, others, letter, twice, len(real), fax=not voice and len(real) == 1)


def _voice(text: str, runs: Sequence[_Run]) -> list[_Run]:
    """The numbers without a label, before or after them, that says that they are fax numbers only."""
    voice, begin = [], 0
    for run in runs:
        before, begin = text[begin : run.start], run.end
        behind = _FAX_BEHIND.match(text, run.end)
        if behind is not None and (behind["bracket"] or not _VOICE.search(before)):
            begin = behind.end()
        elif not _FAX.search(before) or _BOTH.search(before):
            voice.append(run)
    return voice


def _runs(text: str) -> Iterator[_Run]:
    """The numbers of a text, each up to where the next one may begin."""
    for match in _RUN.finditer(text):
        start, whole = match.start(), match[0]
        begin = 0
        for cut in _BREAK.finditer(whole):
            before = sum(map(str.isdigit, _national(whole[begin : cut.start()])))
            if before < (_LONG if cut["blank"] else _WHOLE):
                continue
            yield _Run(whole[begin : cut.start()], start + begin, start + cut.start(), whole)
            begin = cut.end()
        yield _Run(whole[begin:], start + begin, match.end(), whole if begin == 0 else whole[begin:])


def _national(text: str) -> str:
    """Without what is certainly a country code: two digits after ``+`` or ``00``."""
    return re.sub(r"^\W*(?:\+|\(?00)\W*\d\W?\d", "", text)


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
    messages: list[str | None] = []
    for value in values.to_pylist():
        numbers = _labeled_numbers(value)
        chosen = next((one for label in wanted for one in numbers if one[0] == label), None)
        taken.append(None if chosen is None else chosen[1])
        left = ", ".join(" ".join(one) for one in numbers if one is not chosen)
        messages.append(f"contains something that is not used here: {left}" if left else None)
    return TransformResult(pa.array(taken, pa.string()), failures("value_not_taken", messages, "", Severity.INFO))


@cache
def _meaning(label: str) -> str:
    """``Cell Phone`` → ``mobile``: what a label means, regardless of its spelling."""
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
    """The numbers after ``label``. If it is ``""``, there is no label before the number, but it may be after it."""
    for piece in _BETWEEN_LABELED.split(text):
        number = piece.strip(_EDGES)
        behind = None if label else _LABEL_BEHIND.match(number)
        if behind is not None:
            yield (_meaning(behind[2]), behind[1].strip(_EDGES))
        elif number:
            yield (_meaning(label) if label else "phone", number)
