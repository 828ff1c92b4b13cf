"""Parts of messages: counts, truncated lists and texts, and the nearest known word to a misspelled word."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def counted(count: int, noun: str, several: str = "") -> str:
    """``1 customer``, ``2,000 customers``, ``3 addresses``; ``several``: the plural, if it is irregular."""
    plural = several or f"{noun}{'es' if noun.endswith('s') else 's'}"
    return f"{count:,} {noun if count == 1 else plural}"


def all_of(count: int, noun: str) -> str:
    """``The only customer``, ``Both customers``, ``All 2,000 customers``."""
    return {1: f"The only {noun}", 2: f"Both {noun}s"}.get(count, f"All {count:,} {noun}s")


def listed(texts: Sequence[str], word: str = "and") -> str:
    """The texts joined with commas and ``word``: ``a and b``, ``a, b, and c``."""
    return ", ".join([*texts[:-1], f"{word} {texts[-1]}"]) if len(texts) > 2 else f" {word} ".join(texts)


def capitalized(text: str) -> str:
    """The message with a capital first letter; a leading quotation mark is left alone."""
    return text[:1].upper() + text[1:]


def first_few(items: Sequence[Item], most: int, separator: str = ", ", *, text: Callable[[Item], str] = str) -> str:
    """The first items, and how many more there are: ``A, B, and 1,000 more``. ``text`` turns an item into text."""
    more = len(items) - most
    gap = " " if most == 1 and separator != "\n" else separator
    return separator.join(map(text, items[:most])) + (f"{gap}and {more:,} more" if more > 0 else "")


def shortened(text: str, longest: int) -> str:
    """The text, cut to ``longest`` characters including an ellipsis if it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def readable(name: str) -> str:
    """A file's name for reports: each byte that is not UTF-8 becomes the replacement character (U+FFFD)."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def nearest(word: str, words: Iterable[str], n: int = 1, *, cutoff: float = 0.6) -> list[str]:
    """Return up to ``n`` of ``words``, the most similar first. ``cutoff``: from 0 (any word) to 1 (the same word)."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - a tenth of the time of --help, which does not need it

    found = process.extract(word, list(words), scorer=fuzz.ratio, limit=n, score_cutoff=100 * cutoff)
    return [known for known, _, _ in found]
