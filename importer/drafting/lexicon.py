"""The words that drafts know: phrases in headers and words in cells by language, and field names in ERP tables.

The data files are in ``lexicon/`` and ``codes/``.
"""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

_SECTIONS = {"concepts": "concept", "roles": "role", "also_roles": "role", "fillers": "filler"}
HEAD_FIRST = frozenset({"fr", "es", "it", "pt", "pl", "cs", "ar"})  # languages in which the first noun decides
_FEWEST = 4  # columns that are needed to recognize a table
_SHARE = 0.45
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "ł": "l", "đ": "d", "œ": "oe", "ð": "d", "þ": "th", "\u0131": "i"})
# "Straße" is written "Strasse"; without umlauts, "Länder" is written "Laender", and "Besøk" is written "Besoek".
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_CODE = re.compile(r"(.*\D)(\d?)")
_LONGEST_PREFIX = 5
_TWINS = {"S": "Shipping", "ST": "Shipping", "B": "Billing", "BT": "Billing"}
_SEVERAL = 3  # the fewest columns with such a prefix
_FILE_PREFIX = 2  # letters before all column names of a file: ``CMNAME``, ``CMCITY``
_NO_WORD = re.compile(r"[\W_]+")


def letters_and_digits(text: str) -> str:
    """Only the letters and digits of a text, without case and accents: ``Código-Postal`` becomes ``codigopostal``."""
    folded = text.casefold()
    if folded.isascii():
        return _NO_WORD.sub("", folded)
    decomposed = unicodedata.normalize("NFKD", folded.translate(_LETTERS))
    return "".join(letter for letter in decomposed if letter.isalnum())


def spellings(phrase: str) -> set[str]:
    """The forms under which a phrase of the lexicon is found."""
    if phrase.isascii():
        return {letters_and_digits(phrase)} - {""}
    return {letters_and_digits(phrase), letters_and_digits(phrase.casefold().translate(_SPELLED_OUT))} - {""}


@dataclass(frozen=True)
class Meaning:
    """What a phrase means in a language. ``kind``: ``concept``, ``role``, or ``filler``; ``name``: which one."""

    kind: str
    name: str
    language: str


class Lexicon:
    """All phrases of all languages. ``phrases``: folded text → its meanings, English first.

    ``languages``: country → the languages of lists from that country, besides English.
    """

    def __init__(self) -> None:
        self.phrases: dict[str, list[Meaning]] = {}
        self.languages: dict[str, list[str]] = {}
        self._cells: dict[str, set[str]] = {}
        for language, content in sorted(_contents("lexicon"), key=lambda item: item[0] != "en"):
            for country in content.get("countries", ()):
                self.languages.setdefault(country, []).append(language)
            for section, kind in _SECTIONS.items():
                for name, phrases in content.get(section, {}).items():
                    for spelling in {form for phrase in phrases for form in spellings(phrase)}:
                        self.phrases.setdefault(spelling, []).append(Meaning(kind, name, language))
            for phrase in content.get("also_meta", {}).get("words", ()):
                for spelling in spellings(phrase):
                    self.phrases.setdefault(spelling, []).append(Meaning("concept", "meta", language))
            for name, texts in content.get("cell_words", {}).items():
                self._cells.setdefault(name, set()).update(form for text in texts for form in spellings(text))

    def cell_words(self, *names: str) -> frozenset[str]:
        """The folded words that cells can have for these kinds: ``active``, ``supplier``, ``billing``, …"""
        return frozenset[str]().union(*(self._cells.get(name, ()) for name in names))

    def is_cell(self, text: str, *names: str) -> bool:
        """Whether a cell's text is a word for one of these kinds."""
        return letters_and_digits(text) in self.cell_words(*names)


def _contents(folder: str) -> list[tuple[str, dict[str, Any]]]:
    """The data files of a folder by name."""
    entries = [entry for entry in files(__package__).joinpath(folder).iterdir() if entry.name.endswith(".toml")]
    return sorted((entry.name.removesuffix(".toml"), tomllib.loads(entry.read_text("utf-8"))) for entry in entries)


@cache
def lexicon() -> Lexicon:
    return Lexicon()


@dataclass(frozen=True)
class CodeTable:
    """The columns of one table. ``labels``: code in lowercase → English header, ``""`` if nothing is proposed.

    ``codes``: as they are written in the system. ``cells``: code in lowercase → a meaning → the values that have it.
    ``parts``: abbreviations in codes → their meanings; ``prefixes``: abbreviations before them → to whom they belong.
    """

    title: str
    codes: frozenset[str]
    labels: dict[str, str]
    numbered: tuple[tuple[re.Pattern[str], str], ...]
    cells: dict[str, dict[str, list[str]]]
    parts: dict[str, str]
    prefixes: dict[str, str]

    @cached_property
    def in_capitals(self) -> bool:
        return 2 * sum(map(str.isupper, self.codes)) > len(self.codes)

    def label(self, header: str) -> str | None:
        """The English header of a code, ``""`` if nothing is proposed; None if it is not a code of the table."""
        whole = self.own_label(header)
        return self._composed(header) if whole is None else whole

    def _composed(self, header: str) -> str | None:
        """The label of a code such as ``SHPAD1``, made from its parts."""
        code = _CODE.fullmatch(_NO_WORD.sub("", header)) if header.isupper() else None
        if code is None:
            return None
        for end in range(min(_LONGEST_PREFIX, len(code[1]) - 1), -1, -1):
            part = self.parts.get(code[1][end:])
            if part is not None and (not end or code[1][:end] in self.prefixes):
                return " ".join(f"{self.prefixes.get(code[1][:end], '')} {part} {code[2]}".split()) if part else ""
        return None

    def own_label(self, header: str) -> str | None:
        """The label of a code that is listed as a whole."""
        text = header.strip()
        code = text.lower()
        spelled = text in (text.upper(), code)  # "Street" is a word, "STREET" and "street" may be a code
        if code in self.labels and (spelled or text in self.codes):
            return self.labels[code]
        for pattern, label in self.numbered:
            match = pattern.fullmatch(text)
            if match is not None and (spelled or re.fullmatch(pattern.pattern, text)):
                return label.replace("{n}", str(int(match[1])))
        return None


@cache
def code_tables() -> tuple[CodeTable, ...]:
    found = []
    for _, content in _contents("codes"):
        numbered = tuple(
            (re.compile(re.escape(code).replace(r"\{n\}", r"(\d{1,2})"), re.IGNORECASE), label)
            for code, label in content.get("numbered", {}).items()
        )
        labels = {code.lower(): label for code, label in content["columns"].items()}
        cells = {code.lower(): kinds for code, kinds in content.get("cell_words", {}).items()}
        prefixes = {prefix: whose for whose, all_of_it in content.get("prefixes", {}).items() for prefix in all_of_it}
        parts = {part: label for label, all_of_it in content.get("parts", {}).items() for part in all_of_it}
        codes = frozenset(content["columns"])
        found.append(CodeTable(content["title"], codes, labels, numbered, cells, parts, prefixes))
    return tuple(found)


def recognized(headers: Sequence[str]) -> CodeTable | None:
    """The table whose codes most of the headers are; None if no table has enough of them.

    If there is none, codes may be made of the usual abbreviations, with one prefix for all columns of the file.
    """
    plain = [_NO_WORD.sub("", header) for header in headers]
    starts = Counter(header[:_FILE_PREFIX] for header in plain if len(header) > _FILE_PREFIX + 1)
    start, count = starts.most_common(1)[0] if starts else ("", 0)
    own = {start: ""} if count >= max(_FEWEST, _SHARE * len(headers)) and start.isalpha() else {}
    own |= {  # "STCTY" beside "CTY"
        short: whose
        for short, whose in _TWINS.items()
        if sum(header.startswith(short) and header.removeprefix(short) in plain for header in plain) >= _SEVERAL
    }
    whole = [(sum(table.own_label(header) is not None for header in headers), table) for table in code_tables()]
    made = [replace(table, prefixes=own | table.prefixes) for table in code_tables() if table.parts]
    composed = [(sum(table.label(header) is not None for header in headers), table) for table in made]
    for counts in (whole, composed):
        most, best = max(counts, key=lambda item: item[0], default=(0, None))
        if most >= max(_FEWEST, _SHARE * len(headers)):
            return best
    return None
