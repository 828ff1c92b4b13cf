"""Entity tables to the JSON bodies that are sent, and the way back from a body's field to its record.

Bodies are put together by the column: each field becomes a column of fragments (``,"city":"Marlow"``, or nothing),
the fragments of a record are joined, and so are the records of a customer. That is several times faster than building
objects, and a block at a time needs little memory. The bytes are those that orjson would write.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.errors import InternalError
from importer.tables import (
    ADDRESS_FIELDS,
    ATTRIBUTE_PREFIX,
    CONTACT_FIELDS,
    CUSTOMER_FIELDS,
    TEXT,
    Entity,
    EntityTables,
)

__all__ = ["content_hash", "record_of", "write_payloads"]

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_FIELDS: dict[Entity, tuple[str, ...]] = {
    "customer": CUSTOMER_FIELDS,
    "address": ADDRESS_FIELDS,
    "contact": CONTACT_FIELDS,
}
_CHILDREN: tuple[tuple[Entity, str], ...] = (("address", "addresses"), ("contact", "contacts"))
_NEEDED: dict[Entity, tuple[str, ...]] = {
    "customer": ("reference_id", "company_name"),
    "address": ("reference_id",),
    "contact": ("reference_id",),
}
_Part = Any  # a text, or a column of texts
_LARGE = pa.large_string()  # a block's text may pass the 2 GiB that ordinary Arrow strings can hold
_TO_ESCAPE = r'["\\\x00-\x1f]'
_PATH = re.compile(r"[^.\[\]/]+")


def content_hash(body: bytes | memoryview) -> str:
    """SHA-256 of a body, in hex: equal exactly when the bytes are. It is the fastest where the processor knows it."""
    return hashlib.sha256(body).hexdigest()


def write_payloads(
    tables: EntityTables,
    keep: Mask,
    file: BinaryIO,
    *,
    unresolved_lookups: bool,
    hashed: bool = True,
    block_records: int = 100_000,
) -> pd.DataFrame:
    """Write the bodies of the customers that ``keep`` marks, one a line, in the order of their positions.

    Comes back: one line per body with ``position`` (int64, the customer's), ``reference_id`` and ``hash`` (TEXT, see
    :func:`content_hash`), ``offset`` and ``length`` (int64, bytes in ``file``, without the newline, counted from
    where it stood). Empty fields are left out; ``display_name`` is the company name unless it has its own. With
    ``unresolved_lookups`` the fields that their entry looks up stand as ``{"$lookup": {kind: text}}``.
    Without ``hashed`` the hashes are null: they take a fifth of the time.
    ``block_records`` (customers, addresses and contacts) bounds memory and changes no byte.
    Raises :class:`InternalError` when a record lacks what validation requires.
    """
    writer = _Writer(tables, keep, unresolved_lookups)
    offset = 0
    parts = []
    for positions in _blocks(tables, keep, block_records):
        lines = writer.lines(positions)
        ends = np.frombuffer(lines.buffers()[1], dtype=np.int64)[lines.offset : lines.offset + len(lines) + 1]
        data = memoryview(lines.buffers()[2] or b"")[ends[0] : ends[-1]]
        file.write(data)
        starts = ends[:-1] - ends[0]
        lengths = np.diff(ends) - 1
        bodies = zip(starts.tolist(), lengths.tolist(), strict=True)
        hashes = [content_hash(data[at : at + size]) for at, size in bodies] if hashed else [None] * len(lengths)
        ids = tables.customers["reference_id"].take(positions).array
        columns = {"position": positions, "reference_id": ids, "hash": pd.Series(hashes, dtype=TEXT).array}
        parts.append(pd.DataFrame({**columns, "offset": starts + offset, "length": lengths}))
        offset += len(data)
    return pd.concat(parts, ignore_index=True)


def _blocks(tables: EntityTables, keep: Mask, size: int) -> Iterator[Positions]:
    """Customer positions in blocks of about ``size`` records; one empty block when there are none."""
    positions = np.flatnonzero(keep)
    weight = np.ones(len(keep), dtype=np.int64)
    for entity, _ in _CHILDREN:
        weight += np.bincount(tables.frame(entity)["_customer"].to_numpy(), minlength=len(keep))
    number = (np.cumsum(weight[positions]) - 1) // size
    yield from np.split(positions, np.flatnonzero(np.diff(number)) + 1)


class _Writer:
    """Knows the tables' columns and their lookups; makes the JSON lines of a block."""

    def __init__(self, tables: EntityTables, keep: Mask, unresolved_lookups: bool) -> None:
        self.entries = tables.entries
        self.keep = keep
        self.unresolved = unresolved_lookups
        self.records = {entity: _columns(tables.frame(entity)) for entity in _FIELDS}
        self.owners = {entity: tables.frame(entity)["_customer"].to_numpy() for entity, _ in _CHILDREN}

    def lines(self, positions: Positions) -> pa.LargeStringArray:
        """The bodies of these customers, each with its newline: all from the first to the last that are kept."""
        low, high = (int(positions[0]), int(positions[-1]) + 1) if len(positions) else (0, 0)
        kept = self.keep[low:high]
        children = []
        for entity, key in _CHILDREN:
            first, last = np.searchsorted(self.owners[entity], [low, high]).tolist()
            owner = self.owners[entity][first:last] - low
            own = kept[owner]
            if not own.any():
                continue
            objects = self._objects(entity, _some(self.records[entity], first, own))
            counts = np.bincount(owner[own], minlength=high - low)[kept]
            joined = _join_lists(np.concatenate([[0], np.cumsum(counts)]), objects)
            children.append(_text(f',"{key}":[', joined, "]"))
        return self._objects("customer", _some(self.records["customer"], low, kept), children, end="}\n")

    def _objects(
        self, entity: Entity, records: pa.RecordBatch, children: Sequence[pa.Array] = (), *, end: str = "}"
    ) -> pa.Array:
        """JSON objects of fragments that bring their commas (the first has none); a null fragment is left out."""
        for field in _NEEDED[entity]:
            if field not in records.schema.names or records.column(field).null_count:
                raise InternalError(f"a record without {field} came as far as its body: {entity}")
        parts: list[_Part] = ["{", *self._fields(entity, records), *children, *_attributes(records), end]
        # Not null_handling="skip": it loses rows in which all is null.
        return _joined(parts, null_handling="replace")

    def _fields(self, entity: Entity, records: pa.RecordBatch) -> list[_Part]:
        """The fragments of the record's own fields, the first without a comma."""
        fragments: list[_Part] = []
        for field in _FIELDS[entity]:
            name = f'"{field}":' if field == "reference_id" else f',"{field}":'
            if field == "display_name":
                fragments += _fragment(_display_name(records), name)
            elif field in records.schema.names:
                fragments += self._field(name, field, records)
        return fragments

    def _field(self, name: str, field: str, records: pa.RecordBatch) -> list[_Part]:
        """The fragments of ``name`` and value."""
        column = records.column(field)
        if pa.types.is_boolean(column.type):
            return [pc.if_else(column, _scalar(f"{name}true"), _scalar(f"{name}false"))]
        kinds = self._kinds(field, records)
        if not pa.types.is_list(column.type):
            looked_up = kinds.null_count < len(kinds)
            return [_text(name, _looked_up(_quoted(column), kinds))] if looked_up else _fragment(column, name)
        owners = pc.list_parent_indices(column)
        items = _looked_up(_quoted(pc.list_flatten(column)), kinds.take(owners))
        counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
        return [_text(f"{name}[", _join_lists(np.concatenate([[0], np.cumsum(counts)]), items), "]")]

    def _kinds(self, field: str, records: pa.RecordBatch) -> pa.Array:
        """What each record's entry looks the field up in; null where it does not, or where that is done already."""
        origins = [entry.fields.get(field) for entry in self.entries]
        kinds = [origin.lookup if origin and self.unresolved else None for origin in origins]
        if not any(kinds):
            return pa.nulls(len(records), _LARGE)
        return pa.array(kinds, _LARGE).take(records.column("_entry"))


def _columns(frame: pd.DataFrame) -> pa.RecordBatch:
    """What bodies are made of, each column in one piece."""
    names = [name for name in frame.columns if name == "_entry" or not name.startswith("_")]
    return pa.RecordBatch.from_arrays([_arrow(frame[name]) for name in names], names)


def _some(records: pa.RecordBatch, first: int, chosen: Mask) -> pa.RecordBatch:
    """Those that are chosen of the records from ``first`` on; without a copy where all are."""
    some = records.slice(first, len(chosen))
    return some if chosen.all() else some.filter(pa.array(chosen))


def _display_name(customers: pa.RecordBatch) -> pa.Array:
    company = customers.column("company_name")
    return (
        pc.coalesce(customers.column("display_name"), company) if "display_name" in customers.schema.names else company
    )


def _attributes(records: pa.RecordBatch) -> list[pa.Array]:
    """One fragment ``,"attributes":[…]`` per record, in the columns' order; no fragment without attributes."""
    names = [name for name in records.schema.names if name.startswith(ATTRIBUTE_PREFIX)]
    if not names:
        return []
    items = []
    for column in names:
        name = orjson.dumps(column.removeprefix(ATTRIBUTE_PREFIX)).decode()
        items.append(_quoted(records.column(column), f',{{"name":{name},"value":', "}"))
    joined = pc.binary_join_element_wise(*items, _scalar(""), null_handling="replace")
    filled = pc.if_else(pc.equal(joined, ""), pa.scalar(None, _LARGE), pc.utf8_slice_codeunits(joined, 1))
    return [_text(',"attributes":[', filled, "]")]


def _join_lists(offsets: npt.NDArray[Any], items: pa.Array) -> pa.Array:
    """Items joined by commas, per list; null for an empty list."""
    empty = pa.array(np.diff(offsets) == 0)
    return pc.binary_join(pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), items, mask=empty), _scalar(","))


def _looked_up(quoted: pa.Array, kinds: pa.Array) -> pa.Array:
    if kinds.null_count == len(kinds):
        return quoted
    return pc.coalesce(_text('{"$lookup":{', _quoted(kinds), ":", quoted, "}}"), quoted)


def _fragment(texts: pa.Array, name: str) -> list[_Part]:
    """``name`` and a JSON string in each record, nothing where there is none: where each has a plain one, no copy."""
    texts = texts.cast(_LARGE)
    return [_quoted(texts, name)] if texts.null_count or _may_need_escapes(texts) else [f'{name}"', texts, '"']


def _quoted(texts: pa.Array, before: str = "", after: str = "") -> pa.Array:
    """JSON strings with something before and after each; null stays null."""
    texts = texts.cast(_LARGE)
    plain = _text(f'{before}"', texts, f'"{after}')
    if not _may_need_escapes(texts):
        return plain
    special = pc.fill_null(pc.match_substring_regex(texts, _TO_ESCAPE), False)
    escaped = [f"{before}{orjson.dumps(text).decode()}{after}" for text in texts.filter(special).to_pylist()]
    return pc.replace_with_mask(plain, special, pa.array(escaped, _LARGE))


def _may_need_escapes(texts: pa.LargeStringArray) -> bool:
    """Whether the column has a byte that JSON escapes: few have, and a look at bytes costs far less than a pattern."""
    ends = np.frombuffer(texts.buffers()[1] or b"", dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if not len(texts):
        return False
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)[ends[0] : ends[-1]]
    return bool((data < 0x20).any() or (data == ord('"')).any() or (data == ord("\\")).any())


def _text(*parts: _Part) -> pa.Array:
    """Texts and columns one after the other; null where a column is null."""
    return _joined(parts, null_handling="emit_null")


def _joined(parts: Sequence[_Part], *, null_handling: str) -> pa.Array:
    """Texts and columns one after the other, neighbouring texts as one."""
    whole: list[Any] = []
    for part in parts:
        if isinstance(part, str) and whole and isinstance(whole[-1], str):
            whole[-1] += part
        else:
            whole.append(part)
    columns = (_scalar(part) if isinstance(part, str) else part for part in whole)
    return pc.binary_join_element_wise(*columns, _scalar(""), null_handling=null_handling)


def _scalar(text: str) -> pa.Scalar:
    return pa.scalar(text, _LARGE)


def _arrow(series: "pd.Series[Any]") -> pa.Array:
    """The Arrow data of a column, in one piece."""
    data = pa.array(series)
    return data.combine_chunks() if isinstance(data, pa.ChunkedArray) else data


def record_of(tables: EntityTables, customer: int, path: str) -> tuple[Entity, int, str | None] | None:
    """Lead a field that the API names in a refusal back to entity, record position and field.

    ``path`` is ``phone``, ``addresses[1].zip_code``, ``contacts.0.email``, ``/attributes/2/value``, with or without
    a leading ``data.`` or ``body.``; numbers count from 0 in the body as it was sent. The field is null where the
    path ends at a record or names something that the record has not. ``None`` when there is no such record.
    """
    steps = _PATH.findall(path)
    if steps and steps[0] in {"data", "body"}:
        steps = steps[1:]
    if not steps:
        return None
    for entity, key in _CHILDREN:
        if steps[0] == key and len(steps) > 1:
            owner = tables.frame(entity)["_customer"].to_numpy()
            first, last = np.searchsorted(owner, [customer, customer + 1]).tolist()
            if not steps[1].isdecimal() or int(steps[1]) >= last - first:
                return None
            record = first + int(steps[1])
            return entity, record, _field_of(tables.frame(entity), entity, record, steps[2:])
    if not 0 <= customer < len(tables.customers):
        return None
    return "customer", customer, _field_of(tables.customers, "customer", customer, steps)


def _field_of(frame: pd.DataFrame, entity: Entity, record: int, steps: list[str]) -> str | None:
    if not steps:
        return None
    if steps[0] == "attributes" and len(steps) > 1 and steps[1].isdecimal():
        names = [name for name in frame.columns if name.startswith(ATTRIBUTE_PREFIX)]
        sent = [name for name in names if not pd.isna(frame[name].iloc[record])]
        return sent[int(steps[1])] if int(steps[1]) < len(sent) else None
    # In the API's answers the company name is called `name`.
    field = "company_name" if (entity, steps[0]) == ("customer", "name") else steps[0]
    return field if field in _FIELDS[entity] else None
