"""The nearest known words to a misspelled one, for hints such as "did you mean ...?"."""

from collections.abc import Iterable


def nearest(word: str, words: Iterable[str], n: int = 1, *, cutoff: float = 0.6) -> list[str]:
    """Return up to ``n`` of ``words``, the most similar first. ``cutoff``: from 0 (any word) to 1 (the same word)."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - a tenth of the time of --help, which does not need it

    found = process.extract(word, list(words), scorer=fuzz.ratio, limit=n, score_cutoff=100 * cutoff)
    return [known for known, _, _ in found]
