"""Which single-byte encoding a text has: western Windows text, unless the bytes speak clearly for another."""

import re
from collections.abc import Sequence

__all__ = ["foreign_script", "other_readings", "single_byte_encoding"]

_OTHERS = ("mac-roman", "cp850", "cp1250")
_ENOUGH = 5  # distinct pieces of words; fewer can be chance
_MANY_RUNS = 20
_IN_WORD = re.compile(rb"[A-Za-z][\x80-\xff]+(?![\x80-\xff])[A-Za-z]?")
_RUN = re.compile(rb"[\x80-\xff]{4,}")
_UNDEFINED = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))  # no character of cp1252
_APOSTROPHES = frozenset("'\u2019\u2018")
_BEFORE_APOSTROPHE, _AFTER_APOSTROPHE = frozenset("dlmnot"), frozenset("dlmrstv")  # as in O\u2019Hara and Ann\u2019s
_JOINS = frozenset("'\u2019\u2018-\u2013\u00b7\u00ad")  # stand between the letters of one word


def single_byte_encoding(content: bytes) -> str:
    """cp1252 (latin-1 where it has no character for a byte), unless its words make no sense and another's all do.

    Senseless is a sign between two letters, or a capital behind a small letter: ``CafŽ`` in cp1252 is ``Café`` in
    mac-roman. Encodings that differ in letters only, as cp1250 and cp1252 often do, cannot be told apart so.
    """
    usual = "latin-1" if any(content.find(byte) >= 0 for byte in _UNDEFINED) else "cp1252"
    pieces = sorted(set(_IN_WORD.findall(content)))
    if len(pieces) < _ENOUGH or 2 * _senseless(pieces, "cp1252") < len(pieces):
        return usual
    fitting = [name for name in _OTHERS if not _senseless(pieces, name)]
    return fitting[0] if len(fitting) == 1 else usual


def other_readings(content: bytes, chosen: str) -> tuple[str, ...]:
    """The encodings in which the words have other letters than in ``chosen`` and make as much sense.

    Never cp1250 where cp1252 was chosen: most of its letters stand in the places of Western ones, so every Western
    text would be in doubt.
    """
    pieces = sorted(set(_IN_WORD.findall(content)))
    least = _senseless(pieces, chosen)
    others = [
        name
        for name in ("cp1252", *_OTHERS)
        if name != chosen
        and (chosen, name) != ("cp1252", "cp1250")
        and any(_reads_otherwise(piece, chosen, name) for piece in pieces)
        and _senseless(pieces, name) <= least
    ]
    return (*others, "cp1251") if _RUN.search(content) else tuple(others)


def _reads_otherwise(piece: bytes, chosen: str, name: str) -> bool:
    """Whether a piece has other letters in ``name``; an apostrophe where one is usual cannot be a letter."""
    text = piece.decode(chosen, "replace")
    certain = any(char in _APOSTROPHES for char in text) and (
        text[0].casefold() in _BEFORE_APOSTROPHE or text[-1].casefold() in _AFTER_APOSTROPHE
    )
    return not certain and text != piece.decode(name, "replace")


def foreign_script(content: bytes) -> bool:
    """Whether most bytes beyond ASCII stand in long runs: Cyrillic, Greek or Chinese, which have many encodings."""
    runs = _RUN.findall(content)
    if len(set(runs)) < _MANY_RUNS:
        return False
    high = len(content.translate(None, delete=bytes(range(128))))
    return 2 * sum(map(len, runs)) > high


def _senseless(pieces: Sequence[bytes], encoding: str) -> int:
    return sum(1 for piece in pieces if not _makes_sense(piece.decode(encoding, "replace")))


def _makes_sense(piece: str) -> bool:
    """Whether letters stand between letters, and no capital behind a small letter or before one within a word."""
    for before, char, after in zip(piece, piece[1:], [*piece[2:], " "], strict=False):
        if not char.isalpha():
            if after.isalpha() and char not in _JOINS:
                return False
        elif char.isupper() and ord(char) > 127 and (before.islower() or after.islower()):
            return False
    return "\ufffd" not in piece
