"""Text in a terminal's columns: East Asian wide characters take two of them, combining ones none."""

import unicodedata

__all__ = ["columns_of", "cut", "padded", "wrapped"]


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """The text with spaces behind it, as wide as ``width`` or wider."""
    return text + " " * (width - columns_of(text))


def cut(text: str, width: int, *, mark: str, end: bool = False) -> str:
    """The text within ``width`` columns: of a longer one the beginning, or with ``end`` the end, and ``mark``."""
    if columns_of(text) <= width:
        return text
    room, kept = width - len(mark), ""
    for character in reversed(text) if end else text:
        if columns_of(kept) + _columns(character) > room:
            break
        kept += character
    return mark + kept[::-1] if end else kept.rstrip() + mark


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """The words of a text in lines of at most ``width`` columns; a longer word stands alone and is not broken."""
    lines = [first]
    bare = True
    for word in text.split():
        gap = "" if bare else " "
        if not bare and columns_of(lines[-1]) + 1 + columns_of(word) > width:
            lines.append(rest)
            gap = ""
        lines[-1] += gap + word
        bare = False
    return lines
