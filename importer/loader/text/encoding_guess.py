"""Guesses the encoding of a text that is not Unicode: the one in which its words are most like those of a language."""

import json
import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import pycountry

_WEST = ("en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "nb_NO", "fi", "is", "ca")
_CENTRAL = ("pl", "cs", "sk", "hu", "ro", "hr", "sl", "sq", "de")
_CYRILLIC = ("ru", "uk", "bg", "sr", "mk")
# Encoding → its languages. If a text is the same in several encodings, the likeliest is used; in a tie, the first.
_LANGUAGES: dict[str, Sequence[str]] = {
    "cp1252": _WEST, "cp1250": _CENTRAL, "cp1251": _CYRILLIC, "cp1253": ("el",), "cp1254": ("tr", *_WEST),
    "cp1255": ("he",), "cp1256": ("ar", "fr"), "cp1257": ("lt", "lv", "et", "de"), "cp874": ("th",),
    "iso8859-15": _WEST, "iso8859-2": _CENTRAL, "iso8859-9": ("tr", *_WEST), "iso8859-5": _CYRILLIC,
    "iso8859-7": ("el",), "iso8859-13": ("lt", "lv", "et"), "mac-roman": _WEST, "cp850": _WEST, "cp437": _WEST,
    "cp852": _CENTRAL, "cp857": ("tr",), "cp866": ("ru", "bg"), "koi8-u": ("ru", "uk"), "mac-cyrillic": _CYRILLIC,
    "gb18030": ("zh_CN",), "cp950": ("zh_TW", "zh_HK"), "cp932": ("ja",), "euc_jp": ("ja",), "cp949": ("ko",),
}  # fmt: skip
_DATA = tomllib.loads(Path(__file__).with_name("encodings.toml").read_text(encoding="utf-8"))
LANGUAGES: dict[str, str] = _DATA["languages"]
_GROUPS: dict[str, Sequence[tuple[int, int, int, float, int]]] = _DATA["groups"]
_RARE = 0.01 / 20_000  # the chance of any other character
_UNREADABLE = -18.0  # a byte without a character, or a control character
_NOT_READABLE = re.compile("[\ufffd\x80-\x9f]")
_BESIDE = -5.0  # of such a character next to a lowercase Latin letter
_OTHER_LANGUAGE = -4.0  # a word in a different language than most
_PAIRS = (("«", "»"), ("‹", "›"))  # noqa: RUF001 - these hardly ever occur without each other
_UNPAIRED = -6.0
_USUAL = 7.5  # in favor of cp1252, which most such files are in
_UNUSUAL = dict.fromkeys(_GROUPS, -4.0) | dict.fromkeys(
    ("mac-roman", "mac-cyrillic", "cp850", "cp437", "cp852", "cp857"), -1.0
)
_UNUSUAL |= dict.fromkeys((name for name in _LANGUAGES if name.startswith("iso")), -3.0)
_COUNTRY = 10.0  # in favor of a language, if its country is named in every row
_DISTINCT, _COMPARED = 2000, 200  # pieces of words
_MARGIN, _DOUBT = 7.0, 13.0
# Per byte beyond ASCII, of single ones and of runs; random letters are below it.
_LEAST_SINGLE, _LEAST_IN_RUNS = -12.0, -5.1
_IN_LATIN = re.compile(r"(?<=[a-z])[^\x00-\x7f]|[^\x00-\x7f](?=[a-z])")
_MORE_NAMES = {"turkey": ("tr",), "russia": ("ru",), "czech republic": ("cs",), "korea": ("ko",)}
_CELL = re.compile(r'[,;\t|"]+')
_OTHER_SCRIPTS = frozenset({"ru", "uk", "bg", "sr", "mk", "el", "he", "ar", "th"})  # ASCII letters are unusual there
EDGE = " "  # of a word
_SIGNS = frozenset("‘’“”„‚‹›«»–—…•·°®™©€£¥§ªº¿¡´\xa0\xad½¼²×№、。「」・ー（）")  # noqa: RUF001
_JOINS = frozenset("‘’´\xa0\xad・ー")  # noqa: RUF001 - stand within words, too
_OPENING = frozenset("‚„“‹«¿¡£€№")  # noqa: RUF001 - stand before words
_CLOSING = frozenset("’”»›©®™°ªº½¼²")  # noqa: RUF001 - come after words and numbers
_BEFORE_NUMBERS = frozenset("£€¥§№±")
# Logarithms of probabilities: of a common sign, of any other sign, of a sign within a word, of a capital in a lowercase
# word, of a letter next to a digit.
_SIGN, _ODD, _WITHIN, _ODD_CASE, _BY_DIGIT = -4.0, -16.0, -6.0, -7.0, -5.0
_UNSEEN = 0.02  # the assumed number of occurrences of a letter that is not in the names
_MIX = 0.85  # the weight of pairs compared with single letters


def guess(pieces: Iterable[bytes], lines: Sequence[bytes], home: str | None) -> tuple[str, ...]:
    """The encoding of ``pieces``: bytes beyond ASCII with a byte on either side. ``lines``: rows with such bytes.

    Several, the likeliest first, if it is not certain.

    ``home``: the country that the user names (alpha-2); it counts as if every row named it.
    """
    distinct = sorted(set(pieces))[:: 1 + len(set(pieces)) // _DISTINCT]
    bonus = _of_countries(lines, home)
    readings: dict[str, tuple[float, str]] = {}
    few = distinct[:: 1 + len(distinct) // _COMPARED]
    for encoding in _LANGUAGES:
        text = "\n".join(_decoded(piece, encoding) for piece in distinct)
        own = (_score(few, encoding, bonus), encoding)
        readings[text] = max(readings.get(text, own), own, key=lambda each: each[0])
    scored = sorted(readings.values(), reverse=True)
    best = scored[0][1]
    rivals = [
        encoding
        for score, encoding in scored[1:]
        if score > scored[0][0] - 10 * _DOUBT and not _leads(distinct, best, encoding, bonus)
    ]
    length = sum(len(piece.translate(None, bytes(range(128)))) for piece in few)
    least = _LEAST_SINGLE if length < 3 * len(few) else _LEAST_IN_RUNS
    if rivals or scored[0][0] < least * length:
        near = [name for score, name in scored[1:] if score > scored[0][0] - _DOUBT]
        return (best, *dict.fromkeys([*rivals, *near] or [scored[1][1]]))[:4]
    return (best,)


def _leads(distinct: Sequence[bytes], best: str, other: str, bonus: dict[str, float]) -> bool:
    """Whether ``best`` is clearly likelier than ``other``, by the pieces that differ and some others."""
    differing = [piece for piece in distinct if _decoded(piece, best) != _decoded(piece, other)]
    differing = differing[:: 1 + len(differing) // _COMPARED]
    alike = sorted(set(distinct).difference(differing))
    compared = [*differing, *alike[:: 1 + len(alike) // _COMPARED]]
    return _score(compared, best, bonus) - _score(compared, other, bonus) > _MARGIN


def _score(pieces: Sequence[bytes], encoding: str, bonus: dict[str, float]) -> float:
    """The chance of the pieces in the language that fits most of them; some may be in a different one."""
    languages = _LANGUAGES[encoding]
    chances = [[_chance(piece, encoding, code) for code in languages] for piece in pieces]
    either = [max(own) + _OTHER_LANGUAGE for own in chances]
    prior = _USUAL if encoding == "cp1252" else _UNUSUAL.get(encoding, 0.0)
    text = "".join(_decoded(piece, encoding) for piece in pieces)
    prior += _UNPAIRED * sum((first in text) != (second in text) for first, second in _PAIRS)
    return prior + max(
        sum(max(own[place], other) for own, other in zip(chances, either, strict=True)) + bonus.get(code, 0.0)
        for place, code in enumerate(languages)
    )


def _chance(piece: bytes, encoding: str, code: str) -> float:
    text = _decoded(piece, encoding)
    text, count = _NOT_READABLE.subn("", text)
    unreadable = count * _UNREADABLE
    if encoding not in _GROUPS:
        return unreadable + _likelihood(text, code)
    signs = [char for char in text if not char.isascii()]
    return (
        unreadable + len(_IN_LATIN.findall(text)) * _BESIDE + sum(_sign_chance(char, encoding, code) for char in signs)
    )


@cache
def _sign_chance(char: str, encoding: str, code: str) -> float:
    """The chance of one Chinese, Japanese, or Korean character."""
    lead, trail = (*char.encode(encoding), 0)[:2]
    in_group = (
        share / size for low, high, least, share, size in _GROUPS[encoding] if low <= lead <= high and trail >= least
    )
    model = _models()[code]
    return math.log(0.5 * max(in_group, default=0.0) + 0.5 * model.letters.get(char, 0) / model.total + _RARE)


@lru_cache(maxsize=200_000)
def _decoded(piece: bytes, encoding: str) -> str:
    return piece.decode(encoding, "replace")


def _of_countries(lines: Sequence[bytes], home: str | None) -> dict[str, float]:
    """The evidence for each language: in how many rows one of its countries is named in a cell."""
    named = dict.fromkeys(LANGUAGES, 0)
    for line in lines:
        cells = {cell.strip().casefold() for cell in _CELL.split(line.decode("ascii", "replace"))}
        found = {code for cell in cells for code in _languages_of().get(cell, ())}
        for code in found:
            named[code] += 1
    for code, where in LANGUAGES.items():
        if home is not None and home in where.split():
            named[code] = len(lines)
    return {code: _COUNTRY * count / len(lines) for code, count in named.items() if count}


@cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    """Name or code of a country → languages."""
    found: dict[str, tuple[str, ...]] = {}
    for country in pycountry.countries:
        languages = tuple(code for code, where in LANGUAGES.items() if country.alpha_2 in where.split())
        names = [country.name, getattr(country, "common_name", ""), country.alpha_2, country.alpha_3]
        found.update((name.casefold(), languages) for name in [*names, country.name.split(",")[0]] if name)
    return found | _MORE_NAMES


@dataclass(frozen=True)
class _Language:
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
def _models() -> dict[str, _Language]:
    counts = json.loads(Path(__file__).with_name("letter_pairs.json").read_text(encoding="utf-8"))
    return {code: _Language(**own, total=sum(own["letters"].values())) for code, own in counts.items()}


@lru_cache(maxsize=200_000)
def _likelihood(word: str, code: str) -> float:
    """The logarithm of the chance of all pairs with a character beyond ASCII in ``word``, its edges included."""
    foreign = code in _OTHER_SCRIPTS
    chance, before, small_before = 0.0, EDGE, EDGE
    for char, after in zip(f"{word}{EDGE}", f"{word}{EDGE}{EDGE}"[1:], strict=True):
        small = as_letter(char)
        if not char.isascii() and small in {EDGE, "'"}:
            chance += _mark_chance(before, char, after)
        elif not char.isascii() or (small_before != EDGE and not before.isascii()):
            mixed = foreign and char.isalpha() and before.isalpha() and char.isascii() != before.isascii()
            chance += _ODD if mixed else _models()[code].chance(small_before, small)
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


def _mark_chance(before: str, sign: str, after: str) -> float:
    within = before.isalpha() and after.isalpha()
    misplaced = (sign in _OPENING and before.isalpha()) or (sign in _CLOSING | _BEFORE_NUMBERS and after.isalpha())
    if sign in _JOINS or (sign in _SIGNS and not within and not misplaced):
        return _SIGN
    return _ODD + (_WITHIN if within else 0.0)
