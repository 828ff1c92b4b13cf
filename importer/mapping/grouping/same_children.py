"""Finds children of a customer that are the same: equal ones, and ones whose fields are all contained in another's."""

from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Column, Mask, first_rows, tuple_numbers


def equal_children(
    exact: Sequence[Column], compared: Sequence[Column], customers: Codes, order: Codes
) -> tuple[Codes, Codes]:
    """(The line that each child is taken from, the child of each line); children in the order of their first lines.

    ``exact``: the fields as they are sent; ``compared``: the same as they are compared. Where equal lines are written
    differently, the child is taken from the best one, so that the order of lines makes no difference.
    """
    group = tuple_numbers(codes[order] for codes in (customers, *(column.codes for column in compared)))
    count = int(group.max(initial=-1)) + 1
    heads = order[first_rows(group, count)]
    child = np.empty(len(order), np.int64)
    child[order] = group
    if count < len(order):
        heads = _best_heads(exact, child, heads)
    return heads, child


def _best_heads(exact: Sequence[Column], child: Codes, heads: Codes) -> Codes:
    """The best-written line of each child whose lines are written differently."""
    written = np.zeros(len(child), bool)
    for column in exact:
        written |= column.codes != column.codes[heads[child]]
    mixed = np.flatnonzero(np.isin(child, child[written]))
    if not len(mixed):
        return heads
    own = [pc.fill_null(column.take(mixed).to_arrow(), "") for column in exact]
    texts = pc.binary_join_element_wise(*own, "\x1f").to_pylist()
    best: dict[int, tuple[tuple[int, bool, bool, str], bool, int]] = {}
    for number, text, line in zip(child[mixed].tolist(), texts, mixed.tolist(), strict=True):
        rank = (_rank(text), line != heads[number], line)
        best[number] = min(best.get(number, rank), rank)
    chosen = heads.copy()
    for number, (_, _, line) in best.items():
        chosen[number] = line
    return chosen


def _rank(text: str) -> tuple[int, bool, bool, str]:
    """The rank of a spelling; the least is best: short, and neither all uppercase nor all lowercase."""
    return len(text), text == text.upper(), text == text.lower(), text


def absorbed(columns: Sequence[Column], customers: Codes, kind: Column | None, wrong: Mask) -> Codes:
    """For each child, the number of a different child that has all its filled fields and more, or its own number.

    ``columns``: the fields as they are compared; ``kind``: what children must at least have in common. A
    ``wrong`` child stays, because its true values are not known.
    """
    into = np.arange(len(customers), dtype=np.int64)
    family = tuple_numbers([customers, *([] if kind is None else [kind.codes])])
    several = np.flatnonzero(np.bincount(family, minlength=1)[family] > 1)
    if not len(several):
        return into
    filled = np.stack([column.filled[several] for column in columns])
    pattern = tuple_numbers(own.astype(np.int64) for own in filled)
    patterns = filled[:, first_rows(pattern, pattern.max() + 1)]
    for number in range(patterns.shape[1]):
        own = patterns[:, number]
        wider = (patterns[own].all(axis=0)) & (patterns.sum(axis=0) > own.sum())
        narrower = (pattern == number) & ~wrong[several]
        others = wider[pattern] & ~wrong[several] & np.isin(family[several], family[several[narrower]])
        if others.any():
            fields = [column.codes for column, there in zip(columns, own, strict=True) if there]
            _merge_into(into, several, narrower, others, [family, *fields], columns)
    while not np.array_equal(into, into[into]):
        into = into[into]
    return into


def _merge_into(
    into: Codes, several: Codes, narrower: Mask, others: Mask, fields: Sequence[Codes], columns: Sequence[Column]
) -> None:
    """Put each of ``narrower`` into one of the ``others`` that has the same ``fields``.

    Of several, it is the one whose text is the least: the order of rows must not decide which is the default.
    """
    lines = np.flatnonzero(narrower | others)
    group = tuple_numbers(codes[several[lines]] for codes in fields)
    at = np.flatnonzero(narrower[lines])
    wanted = np.flatnonzero(others[lines] & np.isin(group, group[at]))
    if not len(wanted):
        return
    own = [column.take(several[lines[wanted]]).to_arrow() for column in columns]
    texts = pc.binary_join_element_wise(*own, "\x1f", null_handling="replace")
    found = np.full(int(group.max()) + 1, -1, np.int64)
    for_group = wanted[pc.array_sort_indices(texts, order="descending").to_numpy()]
    found[group[for_group]] = for_group  # the last one counts
    chosen = found[group[at]]
    into[several[lines[at[chosen >= 0]]]] = several[lines[chosen[chosen >= 0]]]
