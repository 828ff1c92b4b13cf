"""Sentences and tables in lines of at most a given width."""

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

ARROW = "← "  # further lines of a cell that begins with it are indented
_SIDE_BY_SIDE = 72  # characters that three columns need at least


def section(title: str, sentences: Sequence[str], width: int) -> list[str]:
    """A heading and its sentences, with bullets if there are several; nothing if there are none."""
    bullet = "- " if len(sentences) > 1 else ""
    lines = [line for sentence in sentences for line in wrap(sentence, bullet, width)]
    return [*wrap(title, "", width), "-" * min(len(title), width), *lines] if lines else []


def wrap(text: str, bullet: str, width: int) -> list[str]:
    """A paragraph in lines of at most ``width`` characters, its first one after a bullet."""
    return textwrap.wrap(
        text, width, initial_indent=bullet, subsequent_indent=" " * len(bullet), break_on_hyphens=False
    )


def table(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Cells side by side, each wrapped; on a narrow screen one below the other."""
    if width < _SIDE_BY_SIDE:
        stacked = []
        for first, *rest in rows:
            stacked += _cell(first, width)
            stacked += [f"    {line}" for text in rest if text for line in _cell(text, width - 4)]
        return stacked
    count = len(rows[0])
    left = width - 2 * (count - 1)
    widths: list[int] = []
    for number in range(count):
        longest = max(len(row[number]) for row in rows)
        widths.append(max(1, min(longest, (left - sum(widths)) // (count - number))))
    lines = []
    for row in rows:
        cells = [_cell(text, size) for text, size in zip(row, widths, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            padded = (part.ljust(size) for part, size in zip(parts, widths, strict=True))
            lines.append("  ".join(padded).rstrip())
    return lines


def _cell(text: str, width: int) -> list[str]:
    hang = "  " if text.startswith(ARROW) else ""
    return textwrap.wrap(text, width, subsequent_indent=hang, break_on_hyphens=False) or [""]
