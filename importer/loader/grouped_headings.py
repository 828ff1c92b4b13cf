"""Headings in two rows: ``Bill To`` over ``Street, City`` names the columns ``Bill To Street`` and ``Bill To City``."""

from collections import Counter
from collections.abc import Callable, Sequence

from importer.cell_text import header_key

Row = Sequence[str]

_FIRST_ROWS = 15  # the headings are among them


def find_grouped(rows: Sequence[Row], header: int | None, score: Callable[[Row], int]) -> tuple[int, list[str]] | None:
    """The lower row of headings in two rows, and the names that both make; None if there are none.

    They are those in which ``score`` finds more columns of the mapping than in any single row; else those around the
    likely ``header``, if titles of groups tell columns of one name apart.
    """
    best = max(map(score, rows), default=0)
    found: tuple[int, list[str]] | None = None
    for index in range(1, min(len(rows), _FIRST_ROWS)):
        names = _joined(rows[index - 1], rows[index])
        if names is not None and (own := score(names)) > best:
            best, found = own, (index, names)
    if found is not None or header is None:
        return found
    for index in (header, header + 1):
        names = _joined(rows[index - 1], rows[index]) if 0 < index < len(rows) else None
        if names is not None and score(names) >= best and _tells_apart(names, rows[index]):
            return index, names
    return None


def _joined(upper: Row, lower: Row) -> list[str] | None:
    """The names of the columns, if some cell of the upper row stands over several of the lower one; else None.

    A cell of the upper row with a blank below it is a name by itself.
    """
    names, group, spans = [], "", 0
    for place in range(max(len(upper), len(lower))):
        title = upper[place].strip() if place < len(upper) else ""
        name = lower[place].strip() if place < len(lower) else ""
        spans += bool(group and name and not title)
        group = title if title and name else "" if title or not name else group
        names.append(f"{group} {name}".strip() if name else title)
    return names if spans and not any(map(_is_value, (*upper, *lower))) else None


def _is_value(cell: str) -> bool:
    """Whether a filled cell is a value, and no heading: it has no letter, or is an email address."""
    return bool(cell.strip()) and (not any(map(str.isalpha, cell)) or "@" in cell)


def _tells_apart(names: Row, lower: Row) -> bool:
    """Whether columns of one name in the lower row all have different names with their groups."""
    counts = Counter(header_key(name) for name in lower if name.strip())
    repeated = [name for name, cell in zip(names, lower, strict=False) if counts[header_key(cell)] > 1]
    return bool(repeated) and len(set(map(header_key, repeated))) == len(repeated)
