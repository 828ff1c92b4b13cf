"""How likely a text is in a language: by the letters, and the pairs of letters, of the names that it has for places."""

import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# The languages with letters beyond ASCII that lists of addresses are written in, and where they are spoken.
LANGUAGES = {
    "en": "US GB CA AU IE NZ", "fr": "FR BE CH CA LU", "de": "DE AT CH LI LU", "es": "ES MX AR CO CL PE",
    "it": "IT CH SM", "pt": "PT BR", "nl": "NL BE", "sv": "SE FI", "da": "DK", "nb_NO": "NO", "fi": "FI", "is": "IS",
    "ca": "ES AD", "pl": "PL", "cs": "CZ", "sk": "SK", "hu": "HU", "ro": "RO MD", "hr": "HR BA", "sl": "SI",
    "sq": "AL XK", "tr": "TR CY", "lt": "LT", "lv": "LV", "et": "EE", "ru": "RU BY KZ", "uk": "UA", "bg": "BG",
    "sr": "RS ME", "mk": "MK", "el": "GR CY", "he": "IL", "ar": "SA AE EG JO KW QA", "th": "TH",
    "zh_CN": "CN SG", "zh_TW": "TW", "zh_HK": "HK MO", "ja": "JP", "ko": "KR",
}  # fmt: skip
OTHER_SCRIPTS = frozenset({"ru", "uk", "bg", "sr", "mk", "el", "he", "ar", "th"})  # next to them ASCII letters are odd
EDGE = " "  # of a word
_SIGNS = frozenset("‘’“”„‚‹›«»–—…•·°®™©€£¥§ªº¿¡´\xa0\xad½¼²×№、。「」・ー（）")  # noqa: RUF001
_JOINS = frozenset("‘’´\xa0\xad・ー")  # noqa: RUF001 - stand within words, too
_OPENING = frozenset("‚„“‹«¿¡£€№")  # noqa: RUF001 - stand before words
_CLOSING = frozenset("’”»›©®™°ªº½¼²")  # noqa: RUF001 - stand behind words and numbers
_BEFORE_NUMBERS = frozenset("£€¥§№±")
# Logarithms of chances: of a usual sign, of any other, if it is within a word, of a capital in a word of small letters,
# of a letter beside a digit.
_SIGN, _ODD, _WITHIN, _ODD_CASE, _BY_DIGIT = -4.0, -16.0, -6.0, -7.0, -5.0
_UNSEEN = 0.02  # of a letter that the names do not have, the occurrences
_MIX = 0.85  # how much pairs count, beside letters


@dataclass(frozen=True)
class Language:
    """Letters and pairs of letters as often as they occur, without case."""

    letters: Mapping[str, int]
    pairs: Mapping[str, int]
    total: int

    def chance(self, before: str, letter: str) -> float:
        """The logarithm of the chance that ``letter`` follows ``before``."""
        alone = (self.letters.get(letter, 0) + _UNSEEN) / (self.total + 400 * _UNSEEN)
        after = self.pairs.get(before + letter, 0) / (self.letters.get(before, 0) + 5)
        return math.log((1 - _MIX) * alone + _MIX * after)


@cache
def language(code: str) -> Language:
    """The language by its code of :data:`LANGUAGES`."""
    found = _counts()[code]
    return Language(found["letters"], found["pairs"], sum(found["letters"].values()))


@cache
def _counts() -> dict[str, dict[str, dict[str, int]]]:
    found: dict[str, dict[str, dict[str, int]]] = json.loads(
        Path(__file__).with_name("letter_pairs.json").read_text(encoding="utf-8")
    )
    return found


def likelihood(word: str, code: str) -> float:
    """The logarithm of the chance of all pairs with a character beyond ASCII in ``word``, its edges included."""
    foreign = code in OTHER_SCRIPTS
    chance, before, small_before = 0.0, EDGE, EDGE
    for char, after in zip(f"{word}{EDGE}", f"{word[1:]}{EDGE}{EDGE}", strict=True):
        small = as_letter(char)
        if not char.isascii() and small in {EDGE, "'"}:
            chance += _sign_chance(before, char, after)
        elif not char.isascii() or (small_before != EDGE and not before.isascii()):
            mixed = foreign and char.isalpha() and before.isalpha() and char.isascii() != before.isascii()
            chance += _ODD if mixed else language(code).chance(small_before, small)
            chance += _BY_DIGIT if before.isdigit() or char.isdigit() else 0.0
        if before.islower() and char.isupper() and not (char.isascii() and before.isascii()):
            chance += _ODD_CASE
        before, small_before = char, small
    return chance


def as_letter(char: str) -> str:
    """A letter without case, an accent, or an apostrophe; :data:`EDGE` for anything else."""
    if char.isalpha():
        return char.lower()[:1]
    return "'" if char in "’'" else char if unicodedata.category(char).startswith("M") else EDGE  # noqa: RUF001


def _sign_chance(before: str, sign: str, after: str) -> float:
    within = before.isalpha() and after.isalpha()
    misplaced = (sign in _OPENING and before.isalpha()) or (sign in _CLOSING | _BEFORE_NUMBERS and after.isalpha())
    if sign in _JOINS or (sign in _SIGNS and not within and not misplaced):
        return _SIGN
    return _ODD + (_WITHIN if within else 0.0)
