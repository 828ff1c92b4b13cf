"""Splitting headers into words, and covering these at the lowest cost with lexicon phrases in the table's language."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from importer.drafting.concepts import ADDRESS_PARTS
from importer.drafting.header_affixes import (
    SHORT_ROLES,
    with_groups_first,
    with_prefixes_apart,
    with_prefixes_spelled_out,
    without_letters,
    without_types,
)
from importer.drafting.lexicon import Lexicon, Meaning, letters_and_digits

_LONGEST = 6  # words in a phrase
_UNKNOWN = 2.6  # the cost of a word that is in no phrase; a phrase costs 1 or more
_FILLER = 0.2
_LETTER = 1.0  # the cost of a single letter: "T.a.v." is a phrase rather than three letters
_COMPOUND = 0.4
_SURELY_COMPOUND = 2.0  # the highest cost of a long word that three or more phrases cover: "SHIPADDRESSCITY"
_LONG = 10  # letters in such a word
_SHORTEST_PART = 3  # letters in a part of a compound
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")  # in these scripts, parts may have one letter
_LINKS = ("s", "n", "en", "es", "e", "er")  # between the parts of a compound
_FOREIGN = 1.2  # the extra cost of a phrase in a different language
_ENGLISH = 0.3
_SEVERAL = 3  # the fewest columns with each prefix
_SHARED = 0.6  # a word in at least this share of the columns means nothing
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_NUMBER_SIGN = re.compile(r"#(?![\s#]*\d)")  # "Phone #2" is the second phone
_WORD = re.compile(r"[^\W_]+")
_BREAK = re.compile(r"(\s[-\u2013\u2014]\s|[:>|()\[\]{}]|(?<=\w{5})\.(?=\w{3})|__|\s/\s)")
_PATH = re.compile(r"\w>\w.*>\w")
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ii": 2, "iii": 3, "iv": 4}
# Letters of the ship-to and bill-to address: Lieferung and Rechnung, livraison and facturation, delivery and invoice.
_LETTER_ROLES = (("l", "r"), ("l", "f"), ("s", "b"), ("d", "i"))
_SHORT_ENDS = ("nr", "no", "id")  # of a compound
_LARGEST = 30  # a larger number in a header is not a position in a series


@dataclass(frozen=True)
class Word:
    """A word of a header. ``number``: its position in a series. ``breaks``: a colon, dash, or bracket precedes it.

    ``aside``: it is in brackets.
    """

    text: str
    number: int | None = None
    breaks: bool = False
    aside: bool = False


@cache
def words(header: str) -> tuple[Word, ...]:
    """The words of a header, from left to right; of a path such as ``Location>Address>City``, only the last part."""
    header = header.rstrip("> ").rsplit(">", 1)[-1] if _PATH.search(header) else header
    plain = (
        unicodedata.normalize("NFKC", header)
        .replace("'", "\u2019")
        .replace("\u2019s ", " ")
        .replace("\u3012", "郵便番号")
    )
    plain = _NUMBER_SIGN.sub(" number ", plain)
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


@dataclass(frozen=True)
class Segment:
    """Words that form one phrase. ``meanings``: none if it is unknown; ``number``: the number after or inside it.

    ``breaks``: a colon, dash, or bracket precedes it; ``aside``: it is in brackets. ``within``: a role in the phrase:
    ``Delivery code`` belongs to the shipping address. ``group``: a number before a phrase that already has a number.
    """

    text: str
    meanings: tuple[Meaning, ...]
    number: int | None
    breaks: bool
    aside: bool
    within: str | None = None
    group: int | None = None

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of its meanings of one kind: ``concept`` or ``role``."""
        return tuple(meaning.name for meaning in self.meanings if meaning.kind == kind)


def segments(headers: Sequence[str], lexicon: Lexicon, likely: Collection[str]) -> list[tuple[Segment, ...]]:
    """The phrases of each header. ``likely``: languages that the country suggests.

    The languages of most headers cost least, so that ``Land`` is a country if the other headers are German.
    """
    plain_reader = _PhraseReader(lexicon, {})

    def is_known(header: str) -> bool:
        return all(segment.meanings for segment in plain_reader.read(words(header)))

    def is_part(header: str) -> bool:
        found = plain_reader.read(words(header))
        return any(set(segment.names("concept")) & ADDRESS_PARTS for segment in found)

    bare = without_letters(with_prefixes_spelled_out(with_groups_first(without_types(headers))), is_known)
    bare = with_prefixes_apart(bare, is_known, is_part)
    split = _without_affixes([words(header) for header in bare], lexicon)
    split = _with_letters(_with_short_roles(split))
    votes: Counter[str] = Counter(dict.fromkeys(likely, 2))
    first = [plain_reader.read(one) for one in split]
    for one in first:
        for segment in one:
            spoken = {meaning.language for meaning in segment.meanings if meaning.kind != "filler"}
            votes.update(dict.fromkeys(spoken, min(len(segment.text), 12) / max(len(spoken), 1)))
    most = max(votes.values(), default=0)
    weights = {language: _FOREIGN * (1 - count / most) for language, count in votes.items()}
    weights["en"] = min(weights.get("en", _ENGLISH), _ENGLISH)
    reader = _PhraseReader(lexicon, weights)
    return [reader.read(one) for one in split]


def _with_short_roles(split: list[tuple[Word, ...]]) -> list[tuple[Word, ...]]:
    """Spell out short roles: ``stCity`` beside ``btCity`` belongs to the ship-to address."""
    counts = Counter(one[0].text for one in split if len(one) > 1)
    for shipping, billing in SHORT_ROLES:
        if min(counts[shipping], counts[billing]) >= _SEVERAL:
            long = {shipping: "shipto", billing: "billto"}
            split = [
                (replace(one[0], text=long[one[0].text]), *one[1:]) if len(one) > 1 and one[0].text in long else one
                for one in split
            ]
    return split


def _with_letters(split: list[tuple[Word, ...]]) -> list[tuple[Word, ...]]:
    """Spell out letters at the end: ``PLZ L`` beside ``PLZ R`` belongs to the ship-to address, and A and B are numbers.

    If nobody can know what the letters stand for, they are unknown words: their columns are groups of their own.
    """
    rests: dict[str, set[str]] = {}
    for one in split:
        letter = one[-1].text if len(one) > 1 and _is_letter(one[-1]) else ""
        rests.setdefault(letter, set()).add("".join(word.text for word in one[: -1 if letter else None]))
    shared = Counter(rest for own in rests.values() for rest in own)
    often = {letter for letter, own in rests.items() if letter and sum(shared[rest] > 1 for rest in own) >= _SEVERAL}
    long = {letter: f"_{letter}" for letter in often}
    if {"a", "b"} <= often:
        long |= {letter: str(number) for number, letter in enumerate("abcdef", start=1) if letter in often}
    for shipping, billing in _LETTER_ROLES:
        if {shipping, billing} <= often:
            long |= {shipping: "shipto", billing: "billto"}
            break
    return [
        (*one[:-1], replace(one[-1], text=long[one[-1].text], number=_position(long[one[-1].text])))
        if len(one) > 1 and one[-1].text in long
        else one
        for one in split
    ]


def _is_letter(word: Word) -> bool:
    return len(word.text) == 1 and word.text.isalpha() and word.number is None


def _without_affixes(split: list[tuple[Word, ...]], lexicon: Lexicon) -> list[tuple[Word, ...]]:
    """The words, except unknown words that begin or end most headers: ``kh_Kod``, ``kh_Nazwa``."""
    if len(split) < 5:
        return split
    for at, rest in ((0, slice(1, None)), (-1, slice(-1))):
        counts = Counter(one[at].text for one in split if len(one) > 1)
        often = {text for text, count in counts.items() if count >= _SHARED * len(split)}
        common = often - lexicon.phrases.keys()
        split = [one[rest] if len(one) > 1 and one[at].text in common else one for one in split]
    return split


class _PhraseReader:
    """Reads headers. ``weights``: language → the extra cost of its phrases."""

    def __init__(self, lexicon: Lexicon, weights: Mapping[str, float]) -> None:
        self._lexicon = lexicon
        self._weights = weights
        self._part = cache(self._compound)

    def read(self, header: tuple[Word, ...]) -> tuple[Segment, ...]:
        """The cheapest segments. A number belongs to the segment before it, or else to the first segment."""
        at = [place for place, word in enumerate(header) if word.number is None]
        best: list[tuple[float, tuple[Segment, ...]]] = [(0.0, ())]
        for end in range(1, len(at) + 1):
            options = [
                (cost + best[start][0], (*best[start][1], *found))
                for start in range(max(0, end - _LONGEST), end)
                for cost, found in self._cover(header, at[start:end], at[end] if end < len(at) else len(header))
            ]
            best.append(min(options, key=lambda option: option[0]))
        return _with_first_number(header, at, best[-1][1])

    def _cover(
        self, header: tuple[Word, ...], at: list[int], following: int
    ) -> list[tuple[float, tuple[Segment, ...]]]:
        """The possible segments for these words, each with its cost: a phrase, a compound, or an unknown word."""
        inside = [header[place] for place in range(at[0], at[-1]) if header[place].number is not None]
        after = [header[place].number for place in range(at[-1] + 1, following)]
        used = [header[place] for place in at]
        first = used[0]
        if any(word.breaks for word in used[1:]) or len(inside) > 1 or (inside and after):
            return []
        number = next(iter([word.number for word in inside] + after), None)
        text = "".join(word.text for word in used)
        found: list[tuple[float, tuple[Segment, ...]]] = []
        meanings = self._meanings(text) or (self._meanings(self._without_fillers(used)) if len(used) > 2 else ())
        if meanings:
            one = Segment(text, meanings, number, first.breaks, first.aside, self._role_within(used, meanings))
            found.append((self._cost(meanings), (one,)))
        if len(used) == 1 and len(text) == 1 and all(meaning.kind == "filler" for meaning in meanings):
            letter = meanings or (Meaning("filler", "words", "en"),)  # "c_location": a letter says nothing
            return [(_LETTER, (Segment(text, letter, number, first.breaks, first.aside),))]
        if len(used) == 1:
            if not meanings and (parts := self._part(text)) is not None:
                cost, pieces = parts
                if len(pieces) > 2 and len(text) >= _LONG and _shared_languages(pieces):
                    cost = min(cost, _SURELY_COMPOUND)
                spread = [Segment(piece, own, None, breaks=False, aside=first.aside) for piece, own in pieces]
                spread[0] = replace(spread[0], breaks=first.breaks)
                spread[-1] = replace(spread[-1], number=number)
                found.append((cost + _COMPOUND, tuple(spread)))
            found.append((_UNKNOWN, (Segment(text, (), number, first.breaks, first.aside),)))
        return found

    def _role_within(self, used: list[Word], meanings: tuple[Meaning, ...]) -> str | None:
        """A role with which a phrase begins or ends, if the rest has the same meaning by itself."""
        means = {meaning.name for meaning in meanings if meaning.kind == "concept"}
        means |= {"id", "name"} if "address_name" in means else set()
        used = [word for word in used if not self._is_filler(word.text)]
        pairs = [("".join(word.text for word in part) for part in (used[:at], used[at:])) for at in range(1, len(used))]
        for left, right in pairs or (self._halves(used) if means & ADDRESS_PARTS else ()):
            for role, rest in ((left, right), (right, left)):
                found = [own.name for own in self._meanings(role) if own.kind == "role"]
                found = found if pairs or found[:1] in (["billing"], ["shipping"]) else []  # "Wohnort" is any town
                if found and any(own.kind == "concept" and own.name in means for own in self._meanings(rest)):
                    return found[0]
        return None

    def _halves(self, used: list[Word]) -> Iterator[tuple[str, str]]:
        """The possible halves of a compound that is itself a phrase: ``Leveringsby``."""
        for text in (word.text for word in used[:1] if word.text.isalpha()):
            for at in range(_SHORTEST_PART, len(text) - 1):
                for link in ("", *_LINKS):
                    if text[:at].endswith(link):
                        yield text[: at - len(link)], text[at:]

    def _without_fillers(self, used: list[Word]) -> str:
        """The text of the words without fillers: ``Code de la société`` becomes ``codesociete``."""
        middle = [word.text for word in used[1:-1] if not self._is_filler(word.text)]
        return "".join([used[0].text, *middle, used[-1].text])

    def _is_filler(self, text: str) -> bool:
        return any(meaning.kind == "filler" for meaning in self._lexicon.phrases.get(text, ()))

    def _meanings(self, text: str) -> tuple[Meaning, ...]:
        """The meanings of a phrase in the language that costs least; without weights, in all cheapest languages."""
        known = self._lexicon.phrases.get(text, ())
        least = min((self._weights.get(meaning.language, _FOREIGN) for meaning in known), default=0.0)
        nearest = [meaning for meaning in known if self._weights.get(meaning.language, _FOREIGN) <= least]
        if nearest and not self._weights:
            return tuple(nearest)
        language = nearest[0].language if nearest else ""
        return tuple(meaning for meaning in nearest if meaning.language == language)

    def _cost(self, meanings: tuple[Meaning, ...]) -> float:
        foreign = min((self._weights.get(meaning.language, _FOREIGN) for meaning in meanings), default=0.0)
        return (_FILLER if all(meaning.kind == "filler" for meaning in meanings) else 1.0) + foreign * bool(
            self._weights
        )

    def _compound(self, text: str) -> tuple[float, tuple[tuple[str, tuple[Meaning, ...]], ...]] | None:
        """A word split into phrases and the letters that link them (``Rechnungsadresse``), with its cost."""
        shortest = 1 if _IDEOGRAPHS.fullmatch(text) else _SHORTEST_PART
        if len(text) < 2 * shortest or not text.isalpha():
            return None
        best: list[tuple[float, tuple[tuple[str, tuple[Meaning, ...]], ...]]] = [(0.0, ())]
        best += [(math.inf, ())] * len(text)
        for end in range(shortest, len(text) + 1):
            starts = list(range(max(0, end - 24), end - shortest + 1))
            if end == len(text) and text.endswith(_SHORT_ENDS):
                starts.append(end - 2)
            for start in starts:
                cost, before = best[start]
                if math.isinf(cost) or not (own := self._meanings(text[start:end])):
                    continue
                total = cost + self._cost(own)
                if total < best[end][0]:
                    best[end] = (total, (*before, (text[start:end], own)))
                for link in _LINKS:
                    after = end + len(link)
                    if text.startswith(link, end) and after < len(text) and total + 0.1 < best[after][0]:
                        best[after] = (total + 0.1, (*before, (text[start:end], own)))
        cost, pieces = best[-1]
        return None if math.isinf(cost) or len(pieces) < 2 else (cost, pieces)


def _shared_languages(pieces: tuple[tuple[str, tuple[Meaning, ...]], ...]) -> set[str]:
    """The languages that have all of these phrases."""
    return set.intersection(*({meaning.language for meaning in meanings} for _, meanings in pieces))


def _with_first_number(header: tuple[Word, ...], at: list[int], found: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Add a number before all words to the first segment: ``2. Telefon``."""
    if not found or not at or at[0] == 0:
        return found
    if found[0].number is not None:
        return (replace(found[0], group=header[0].number), *found[1:])
    return (replace(found[0], number=header[0].number), *found[1:])
