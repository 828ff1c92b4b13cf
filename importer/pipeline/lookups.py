"""Sales reps and price lists named in the sources → the ids that the API wants."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.tables import TEXT, TEXT_LIST, EntityTables, FieldOrigin, ProblemTable

__all__ = ["Directory", "needed_lookups", "pending_lookups", "resolve_lookups"]

NAMES = {"sales_rep": "sales rep", "price_list": "price list"}
KEYS = {"sales rep": "e-mail address", "price list": "reference id"}  # what tells two of one name apart


@dataclass(frozen=True)
class Directory:
    """What the API knows: kind of lookup → (folded name, e-mail, reference id or id → id), and names for hints."""

    ids: Mapping[str, Mapping[str, str]]
    names: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, sales_reps: Iterable[Mapping[str, Any]], price_lists: Iterable[Mapping[str, Any]]) -> "Directory":
        """From the API's lists. A name that two entries share means neither of them."""
        reps = [(rep, (rep.get("email"), _full_name(rep))) for rep in sales_reps]
        prices = [(item, (item.get("reference_id"), item.get("name"))) for item in price_lists]
        return cls(
            {"sales_rep": _index(reps), "price_list": _index(prices)},
            {"sales_rep": [_full_name(rep) for rep, _ in reps], "price_list": [str(p.get("name")) for p, _ in prices]},
        )


def _full_name(rep: Mapping[str, Any]) -> str:
    return " ".join(str(part) for part in (rep.get("first_name"), rep.get("last_name")) if part)


def _index(items: Sequence[tuple[Mapping[str, Any], tuple[Any, ...]]]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for item, names in items:
        identity = str(item.get("id") or "")
        for name in (identity, *names):
            if identity and name:
                found.setdefault(_fold(str(name)), set()).add(identity)
    return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def needed_lookups(tables: EntityTables) -> dict[str, FieldOrigin]:
    """Customer fields with a lookup that have any value: field → origin."""
    origins = tables.entries[0].fields
    return {
        name: origin
        for name, origin in origins.items()
        if origin.lookup and name in tables.customers and tables.customers[name].notna().any()
    }


def _values(series: "pd.Series[Any]") -> tuple[np.ndarray[Any, np.dtype[np.int64]], pa.Array]:
    """(customer position, text) of every value; a list gives several lines."""
    data = series.array.__arrow_array__()
    data = data.combine_chunks() if isinstance(data, pa.ChunkedArray) else data
    if pa.types.is_list(data.type):
        return pc.list_parent_indices(data).to_numpy().astype(np.int64), pc.list_flatten(data)
    positions = np.flatnonzero(data.is_valid().to_numpy(zero_copy_only=False)).astype(np.int64)
    return positions, data.drop_null()


def _rows(tables: EntityTables, field: str, positions: "np.ndarray[Any, np.dtype[np.int64]]") -> Any:
    rows = tables.customer_field_rows.get(field)
    return (tables.customers["_row"].to_numpy() if rows is None else rows)[positions]


def pending_lookups(tables: EntityTables) -> ProblemTable:
    """A warning for each distinct name that only the API can turn into an id, at the first place it stands."""
    parts = []
    for field, origin in needed_lookups(tables).items():
        positions, texts = _values(tables.customers[field])
        encoded = texts.dictionary_encode()
        codes, first, counts = np.unique(encoded.indices.to_numpy(), return_index=True, return_counts=True)
        kind = NAMES[origin.lookup or ""]
        names = encoded.dictionary.take(pa.array(codes)).to_pylist()
        parts.append(
            ProblemTable.build(
                len(codes),
                severity=Severity.WARNING,
                code="lookup_pending",
                customer=positions[first],
                entity="customer",
                record=positions[first],
                field=field,
                row=_rows(tables, field, positions[first]),
                column=origin.columns[0] if origin.columns else None,
                value=names,
                message=[f"{kind} '{name}' is looked up in the API when the run starts" for name in names],
                hint=[f"{count:,} customer{'s' if count != 1 else ''} with this {kind}." for count in counts],
            )
        )
    return ProblemTable.concat(parts)


def resolve_lookups(tables: EntityTables, directory: Directory) -> tuple[EntityTables, ProblemTable]:
    """Replace names by ids; a name that the API does not know is an error at its cell, with the nearest known one."""
    customers = tables.customers.copy()
    parts = []
    for field, origin in needed_lookups(tables).items():
        known = directory.ids[origin.lookup or ""]
        positions, texts = _values(customers[field])
        encoded = texts.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        ids = pa.array([known.get(_fold(name)) for name in names], pa.string())
        resolved = ids.take(encoded.indices)
        unknown = np.flatnonzero(resolved.is_null().to_numpy(zero_copy_only=False))
        if len(unknown):
            wrong = texts.take(pa.array(unknown)).to_pylist()
            parts.append(_unresolved(tables, field, origin, positions[unknown], wrong, directory))
        customers[field] = _put_back(customers[field], positions, resolved)
    return replace(tables, customers=customers), ProblemTable.concat(parts)


def _put_back(series: "pd.Series[Any]", positions: Any, values: pa.Array) -> "pd.Series[Any]":
    if series.dtype != TEXT_LIST:
        out = np.full(len(series), None, object)
        out[positions] = values.to_pylist()
        return pd.Series(out, index=series.index, dtype=TEXT)
    kept = values.is_valid().to_numpy(zero_copy_only=False)
    counts = np.bincount(positions[kept], minlength=len(series))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, values.drop_null(), mask=pa.array(counts == 0))
    return pd.Series(pd.arrays.ArrowExtensionArray(lists), index=series.index, dtype=TEXT_LIST)


def _unresolved(
    tables: EntityTables, field: str, origin: FieldOrigin, positions: Any, texts: Sequence[str], directory: Directory
) -> ProblemTable:
    kind = origin.lookup or ""
    hints = {text: _nearest(text, directory.names[kind], NAMES[kind]) for text in set(texts)}
    return ProblemTable.build(
        len(texts),
        severity=Severity.ERROR,
        code="lookup_unresolved",
        customer=positions,
        entity="customer",
        record=positions,
        field=field,
        row=_rows(tables, field, positions),
        column=origin.columns[0] if origin.columns else None,
        value=list(texts),
        message=[f"'{text}' is no {NAMES[kind]} that the API knows" for text in texts],
        hint=[hints[text] for text in texts],
    )


def _nearest(text: str, names: Sequence[str], kind: str) -> str:
    if sum(_fold(name) == _fold(text) for name in names) > 1:
        return f"More than one {kind} is called so: give its {KEYS[kind]} or its id instead."
    near = difflib.get_close_matches(text, names, n=1)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return f"{guess}Mend the cell, or make the {kind} in WizCommerce first."
