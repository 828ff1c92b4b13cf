"""Resolving names in the sources, such as sales reps and price lists, to IDs of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.tables import TEXT, TEXT_LIST, EntityTables, FieldOrigin, Positions, ProblemTable, Sources, arrow
from importer.validation.describe import problems_at
from importer.validation.field_places import locate
from importer.wording import first_few
from importer.workflow.directory import NAMES, Directory, Known

KEYS = {"sales_rep": "email address", "price_list": "reference ID"}  # distinguish entries with the same name
MOST_NAMED = 5  # in a hint

NameCounts = Mapping[str, Mapping[str, int]]  # field → name → how many customers have it


def _needed_lookups(tables: EntityTables) -> dict[str, FieldOrigin]:
    """The customer fields that have a lookup and at least one value: field → origin."""
    origins = tables.entries[0].fields
    return {
        name: origin
        for name, origin in origins.items()
        if origin.lookup and name in tables.customers and tables.customers[name].notna().any()
    }


def _values(series: "pd.Series[Any]") -> tuple[Positions, pa.Array]:
    """(customer position, text) for every value; a list yields several lines."""
    data = arrow(series)
    if pa.types.is_list(data.type):
        return pc.list_parent_indices(data).to_numpy().astype(np.int64), pc.list_flatten(data)
    positions = np.flatnonzero(data.is_valid().to_numpy(zero_copy_only=False)).astype(np.int64)
    return positions, data.drop_null()


def looked_up_names(tables: EntityTables) -> NameCounts:
    """The names in the fields that are looked up, and how often each occurs."""
    found: dict[str, dict[str, int]] = {}
    for field in _needed_lookups(tables):
        counts = pc.value_counts(_values(tables.customers[field])[1])
        found[field] = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
    return found


def pending_lookups(tables: EntityTables, counts: NameCounts) -> ProblemTable:
    """A warning for each distinct name that only the API can resolve to an ID, at its first cell.

    ``counts``: the names to report, and how many customers in total have each.
    """
    parts = []
    for field, origin in _needed_lookups(tables).items():
        positions, texts = _values(tables.customers[field])
        encoded = texts.dictionary_encode()
        codes, first = np.unique(encoded.indices.to_numpy(), return_index=True)
        kind, own = NAMES[origin.lookup or ""], counts.get(field, {})
        rows = tables.customer_field_rows.get(field, tables.customers["_row"].to_numpy())
        names = encoded.dictionary.take(pa.array(codes)).to_pylist()
        first = first[np.array([name in own for name in names], dtype=np.bool_)]
        names = [name for name in names if name in own]
        parts.append(
            ProblemTable.build(
                len(names),
                severity=Severity.WARNING,
                code="lookup_pending",
                customer=positions[first],
                entity="customer",
                record=positions[first],
                field=field,
                row=rows[positions[first]],
                column=origin.columns[0] if origin.columns else None,
                value=names,
                message=[
                    f"'{name}' will be looked up in WizCommerce: {own[name]:,} "
                    f"{'customers have' if own[name] != 1 else 'customer has'} this {kind}"
                    for name in names
                ],
                hint="",
            )
        )
    return ProblemTable.concat(parts)


def resolve_lookups(
    tables: EntityTables, sources: Sources, directory: Directory, counts: NameCounts
) -> tuple[EntityTables, ProblemTable]:
    """Replace names with IDs. A name that the API does not know is an error at its cell, with the nearest names.

    An inactive entry is used, but with a warning at the first cell that names it. ``counts``: as for
    :func:`pending_lookups`.
    """
    customers = tables.customers.copy()
    parts = []
    for field, origin in _needed_lookups(tables).items():
        kind = origin.lookup or ""
        positions, texts = _values(customers[field])
        encoded = texts.dictionary_encode()
        names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        meant = [directory.find(kind, name) for name in names]
        ids = pa.array([found[0].id if len(found) == 1 else None for found in meant], pa.string())
        customers[field] = _put_back(customers[field], positions, ids.take(encoded.indices))
        unresolved = np.flatnonzero(np.array([len(found) != 1 for found in meant], dtype=np.bool_)[codes])
        said = [(name, *_unresolved(kind, name, own, directory)) for name, own in zip(names, meant, strict=True)]
        lines = [said[code] for code in codes[unresolved]]
        where = (tables, sources, field)
        parts.append(_problems(*where, Severity.ERROR, positions[unresolved], lines, code="lookup_unresolved"))
        idle = np.array([len(found) == 1 and not found[0].active for found in meant], dtype=np.bool_)
        idle &= np.array([name in counts.get(field, {}) for name in names], dtype=np.bool_)
        codes, first = np.unique(codes, return_index=True)
        lines = [(names[code], *_inactive(kind, names[code])) for code in codes[idle]]
        at = positions[first][idle]
        parts.append(_problems(*where, Severity.WARNING, at, lines, code="lookup_inactive"))
    return replace(tables, customers=customers), ProblemTable.concat(parts)


def _problems(
    tables: EntityTables,
    sources: Sources,
    field: str,
    severity: Severity,
    positions: Positions,
    lines: Sequence[tuple[str, str, str]],
    *,
    code: str,
) -> ProblemTable:
    """A problem for each of these customers. ``lines``: the name in the cell, the message, and the hint."""
    places = locate(tables, sources, "customer", field, positions)
    names, messages, hints = ([line[part] for line in lines] for part in range(3))
    value = pa.array(names, pa.string())
    return problems_at(
        tables,
        "customer",
        field,
        positions,
        places,
        severity=severity,
        code=code,
        value=value,
        message=messages,
        hint=hints,
    )


def _unresolved(kind: str, name: str, found: Sequence[Known], directory: Directory) -> tuple[str, str]:
    word = NAMES[kind]
    if len(found) > 1:
        same = first_few(found, MOST_NAMED, text=lambda one: one.distinction)
        return (
            f"'{name}' may be any of {len(found)} {word}s with that name",
            f"More than one {word} has this name: {same}. Use its {KEYS[kind]} or its ID instead.",
        )
    near = " or ".join(f"'{other}'" for other in directory.nearest(kind, name))
    guess = f"Did you mean {near}? " if near else ""
    hint = f"{guess}Fix the cell, or create the {word} in WizCommerce first."
    return f"'{name}' is not a {word} in WizCommerce", hint


def _inactive(kind: str, name: str) -> tuple[str, str]:
    word = NAMES[kind]
    return f"the {word} '{name}' is inactive in WizCommerce; it is sent anyway", f"Is it still the right {word}?"


def _put_back(series: "pd.Series[Any]", positions: Any, values: pa.Array) -> "pd.Series[Any]":
    """The column with these values, null if there is none; a list has no repeats."""
    if series.dtype != TEXT_LIST:
        out = np.full(len(series), None, object)
        out[positions] = values.to_pylist()
        return pd.Series(out, index=series.index, dtype=TEXT)
    # A rep that is listed under two names, or by name and by ID, is still one rep.
    again = pd.DataFrame({"position": positions, "value": values.to_pandas()}).duplicated().to_numpy()
    kept = values.is_valid().to_numpy(zero_copy_only=False) & ~again
    counts = np.bincount(positions[kept], minlength=len(series))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, values.filter(pa.array(kept)), mask=pa.array(counts == 0))
    return pd.Series(pd.arrays.ArrowExtensionArray(lists), index=series.index, dtype=TEXT_LIST)
