"""Headers as words: split, without case and accents, so that every spelling of a phrase is the same."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "ł": "l", "đ": "d", "œ": "oe", "ð": "d", "þ": "th"})
# "Straße" is written "Strasse", and where there are no umlauts "Länder" is "Laender", "Besøk" is "Besoek".
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_WORD = re.compile(r"[^\W_]+")
_BREAK = re.compile(r"(\s[-\u2013\u2014]\s|[:>|()\[\]{}]|(?<=\w{5})\.(?=\w{3})|__|\s/\s)")
_PATH = re.compile(r"\w>\w.*>\w")
_NO_WORD = re.compile(r"[\W_]+")
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ii": 2, "iii": 3, "iv": 4}
_LARGEST = 30  # a larger number in a header is no position in a series


def letters_and_digits(text: str) -> str:
    """Text without case, accents, and anything but letters and digits: ``Código-Postal`` is ``codigopostal``."""
    folded = text.casefold()
    if folded.isascii():
        return _NO_WORD.sub("", folded)
    decomposed = unicodedata.normalize("NFKD", folded.translate(_LETTERS))
    return "".join(letter for letter in decomposed if letter.isalnum())


def spellings(phrase: str) -> set[str]:
    """The forms that a phrase of a lexicon is found under."""
    if phrase.isascii():
        return {letters_and_digits(phrase)} - {""}
    return {letters_and_digits(phrase), letters_and_digits(phrase.casefold().translate(_SPELLED_OUT))} - {""}


@dataclass(frozen=True)
class Word:
    """A word of a header. ``number``: it is a position in a series. ``breaks``: a colon, dash, or bracket precedes it.

    ``aside``: it stands in brackets.
    """

    text: str
    number: int | None = None
    breaks: bool = False
    aside: bool = False


@cache
def words(header: str) -> tuple[Word, ...]:
    """The words of a header, from left to right; of a path such as ``Location>Address>City`` the last part."""
    header = header.rstrip("> ").rsplit(">", 1)[-1] if _PATH.search(header) else header
    plain = (
        unicodedata.normalize("NFKC", header).replace("'", "\u2019").replace("\u2019s ", " ").replace("#", " number ")
    )
    found: list[Word] = []
    depth = 0
    for at, piece in enumerate(_BREAK.split(plain)):
        depth += piece.count("(") + piece.count("[") - piece.count(")") - piece.count("]")
        if at % 2:  # a break itself
            continue
        first = True
        for word in _WORD.findall(_CAMEL.sub(" ", piece)):
            text = letters_and_digits(word)
            if text:
                number = None if depth > 0 and len(_WORD.findall(piece)) > 1 else _position(text)
                found.append(Word(text, number, first and bool(found), depth > 0))
                first = False
    return tuple(found)


def _position(text: str) -> int | None:
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= 2 and int(text) <= _LARGEST else None
    return _NUMBERS.get(text)
