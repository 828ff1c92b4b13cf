"""Which single-byte encoding a text has: western Windows text, unless the bytes speak clearly for another."""

import re
from collections.abc import Sequence

__all__ = ["foreign_script", "single_byte_encoding"]

_OTHERS = ("mac-roman", "cp850", "cp1250")
_ENOUGH = 5  # distinct pieces of words; fewer can be chance
_MANY_RUNS = 20
_IN_WORD = re.compile(rb"[A-Za-z][\x80-\xff]+(?![\x80-\xff])[A-Za-z]?")
_RUN = re.compile(rb"[\x80-\xff]{4,}")
_UNDEFINED = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))  # no character of cp1252
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
