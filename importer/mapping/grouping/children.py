"""Addresses and contacts: candidates from rows, blank ones left out, equal ones merged, each with an id."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.cell_problems import extension_problems, field_problems
from importer.mapping.columns import Codes, Column, Mask, concat, first_rows, folded, tuple_numbers
from importer.mapping.fields import FORMER, LIST_SEPARATOR, Context, Evaluated, evaluate
from importer.mapping.language.mapping_model import AddressEntry, ChildEntry
from importer.mapping.language.mapping_rules import NUMBER
from importer.mapping.table_rows import TableData, source_reference
from importer.mapping.transforms.packed_addresses import Prepared
from importer.mapping.transforms.post_codes import settled_post_codes
from importer.tables import FORMER_ID, Entity, ProblemTable

# These say what a child is, not that there is one: a row whose other cells are blank makes no child.
_LABELS = frozenset({"type", "is_default", "reference_id"})
_LONGEST_ID = 255  # characters
_DIGEST = 12  # hexadecimal digits: 48 bits, within one customer's children


@dataclass(frozen=True)
class Candidates:
    """Children that one entry (for one number of a repeated group) makes, one for each line.

    ``at``: row index into ``table``; ``customers``: customer position; ``several``: the row gave more than one type;
    ``stated``: a cell says whether the child is the default; ``texts``: the cells that a child's id is made of.
    """

    entry: ChildEntry
    number: str
    table: TableData
    evaluated: dict[str, Evaluated]
    columns: dict[str, Column]
    at: Codes
    customers: Codes
    several: Mask
    stated: Mask
    texts: tuple[Column, ...]


@dataclass(frozen=True)
class Children:
    """All addresses or contacts, merged and in order. ``entries`` indexes the candidate sets they came from.

    ``lines``: for each of these sets the child that each of its lines is, or is a part of.
    ``former``: their ids as earlier versions made them, null where they are the same; None if all are.
    """

    columns: dict[str, Column | pa.Array]
    customers: Codes
    rows: Codes
    entries: Codes
    stated: Mask
    problems: list[ProblemTable] = field(default_factory=list)
    lines: tuple[Codes, ...] = ()
    former: pa.Array | None = None


def candidates(prepared: Prepared, customers: Codes, context: Context) -> Candidates:
    """The children that an entry makes of a table's rows. ``customers``: the customer of each row, -1 for none."""
    entry, number, table = prepared.entry, prepared.number, prepared.owned.rows
    evaluated = {name: evaluate(name, rule, table, number, context) for name, rule in entry.fields().items()}
    if prepared.filled is not None:
        line = evaluated["address_line_1"]
        findings = (*line.findings, *prepared.findings)
        changes = (*line.changes, *prepared.changes)
        evaluated["address_line_1"] = replace(line, filled=prepared.filled, findings=findings, changes=changes)
    filled = [found.filled for name, found in evaluated.items() if name not in _LABELS]
    content = np.logical_or.reduce([np.zeros(len(table), bool), *filled])
    at = np.flatnonzero(content & (customers >= 0))
    columns = {name: found.column.take(at) for name, found in evaluated.items()}
    if isinstance(entry, AddressEntry):
        evaluated, columns = settled_post_codes(evaluated, columns, at, context.countries.take(at))
    stated = np.zeros(len(at), bool)
    if "is_default" in columns:
        stated = columns["is_default"].filled & evaluated["is_default"].filled[at]
    elif isinstance(entry, AddressEntry) and entry.type.flags is not None:
        unset = entry.type.model_copy(update={"default": None})
        stated = evaluate("type", unset, table, number, context).column.filled[at]
        columns["is_default"] = Column.constant("true", len(at)).where(stated)
    phone = evaluated.get("phone")
    if phone is not None and entry.phone.extension_to is not None:
        extension = (phone.extension or Column.blank(len(table))).where(phone.column.filled)
        name = f"attributes.{entry.phone.extension_to}"
        columns[name] = extension.take(at)
        evaluated[name] = replace(phone, column=extension, findings=(), changes=(), extension=None)
    own = evaluated.get("reference_id")
    if own is not None and any(change.code == "key_tidied" for change in own.changes):
        columns[FORMER_ID] = evaluate(FORMER, entry.reference_id, table, number, context).column.take(at)
    texts = _source_texts(prepared, evaluated, at)
    several = np.zeros(len(at), bool)
    made = Candidates(entry, number, table, evaluated, columns, at, customers[at], several, stated, texts)
    return _by_type(made) if "type" in columns else made


def _source_texts(prepared: Prepared, evaluated: dict[str, Evaluated], at: Codes) -> tuple[Column, ...]:
    """The cells that each child comes from, to make its id of; of a cell with several children the child's own part.

    Of a packed address all cells count, whether other addresses have something in them or not.
    """
    table = prepared.owned.rows
    columns: dict[str, Column] = {}
    for name, rule in prepared.entry.fields().items():
        if name in _LABELS:
            continue
        if rule.take == NUMBER:
            columns[f"take {name}"] = evaluated[name].column
            continue
        for reference in rule.columns():
            source = source_reference(reference)
            sources = (source,) if source == reference else prepared.entry.cells
            numbered = [one.replace(NUMBER, prepared.number) for one in sources]
            columns |= {one: table.column(one) for one in numbered}
    return tuple(column.take(at) for column in columns.values())


def _by_type(made: Candidates) -> Candidates:
    """A row that gives several types becomes one child of each type."""
    types = [value.split(LIST_SEPARATOR) for value in made.columns["type"].values.to_pylist()]
    counts = np.array([*map(len, types), 1], np.int64)[made.columns["type"].codes]
    if counts.max(initial=1) == 1:
        return made
    lines = np.repeat(np.arange(len(made.at), dtype=np.int64), counts)
    within = np.arange(len(lines)) - np.repeat(np.cumsum(counts) - counts, counts)
    offsets = np.cumsum([0, *map(len, types)])
    flat = pa.array([item for own in types for item in own], pa.string())
    codes = made.columns["type"].codes[lines]
    columns = {name: column.take(lines) for name, column in made.columns.items()}
    spread = np.where(codes >= 0, offsets[codes] + within, -1).astype(np.int64)
    columns["type"] = Column.keyed(spread, flat)
    return replace(
        made,
        columns=columns,
        at=made.at[lines],
        customers=made.customers[lines],
        several=(counts > 1)[lines],
        stated=made.stated[lines],
        texts=tuple(column.take(lines) for column in made.texts),
    )


def merge_children(
    entity: Entity, sets: Sequence[Candidates], ids: pa.Array, former: pa.Array | None = None
) -> Children:
    """All candidates in order, equal ones of a customer merged.

    ``ids``: each customer's reference id, or null; ``former``: as earlier versions made it, null where it is the same.
    """
    if not sets:
        nothing = np.empty(0, np.int64)
        return Children({}, nothing, nothing, nothing, np.empty(0, bool))
    names = list(dict.fromkeys(name for made in sets for name in made.columns))
    customers = np.concatenate([made.customers for made in sets])
    rows = np.concatenate([made.table.rows[made.at] for made in sets])
    entries = np.repeat(np.arange(len(sets), dtype=np.int64), [len(made.at) for made in sets])
    columns = {name: concat([made.columns.get(name, Column.blank(len(made.at))) for made in sets]) for name in names}
    order = np.argsort(customers * (rows.max(initial=0) + 1) + rows, kind="stable")  # of a row, entry by entry
    own_former = columns.pop(FORMER_ID, None)
    group, first = _equal(columns, customers, order)
    heads = order[first]
    record = np.empty(len(order), np.int64)
    record[order] = group
    flag = columns.pop("is_default", None)
    columns = {name: column.take(heads) for name, column in columns.items()}
    if flag is not None:
        columns["is_default"] = _merged_default(flag, record, len(heads))
    stated = np.zeros(len(heads), bool)
    stated[record[np.concatenate([made.stated for made in sets])]] = True
    several = np.concatenate([made.several for made in sets])[heads]
    customers, rows, entries = customers[heads], rows[heads], entries[heads]
    own = columns.get("reference_id", Column.blank(len(first)))
    roles = columns["type"].to_arrow() if "type" in columns else pa.repeat(pa.scalar(entity, pa.string()), len(first))
    roles = pc.fill_null(roles, "")
    given, was = _with_roles(own, roles, several), None
    if own_former is not None:
        was = _with_roles(own_former.take(heads), roles, several)
    wanting = np.flatnonzero(~own.filled)
    if len(wanting):
        owners, own_roles, least = customers[wanting], roles.take(wanting), _least_texts(sets, record, wanting)
        mask = pa.array(~own.filled)
        made = _made_ids(pc.fill_null(ids.take(owners), ""), own_roles, least)
        given = pc.replace_with_mask(given, mask, made)
        if former is not None:
            before = pc.fill_null(pc.coalesce(former, ids).take(owners), "")
            was = pc.replace_with_mask(given if was is None else was, mask, _made_ids(before, own_roles, least))
    if was is not None:
        was = pc.if_else(pc.equal(was, given), pa.scalar(None, pa.string()), was)
    lines = tuple(np.split(record, np.cumsum([len(made.at) for made in sets])[:-1]))
    problems = _problems(entity, sets, lines)
    return Children({**columns, "reference_id": given}, customers, rows, entries, stated, problems, lines, was)


def _with_roles(own: Column, roles: pa.Array, several: Mask) -> pa.Array:
    """The ids that the source gives, with the role where a row gives a child of each."""
    ids = own.to_arrow()
    return pc.if_else(pa.array(several), pc.binary_join_element_wise(ids, roles, "-"), ids)


def _least_texts(sets: Sequence[Candidates], record: Codes, wanting: Codes) -> pa.Array:
    """The cells that each wanted child comes from as one text; the least of several, whatever the order of rows."""
    joined = []
    for made in sets:
        cells = [column.replaced(folded(column.values)).to_arrow() for column in made.texts]
        if not cells:
            cells = [pa.repeat(pa.scalar("", pa.string()), len(made.at))]
        joined.append(pc.binary_join_element_wise(*cells, LIST_SEPARATOR, null_handling="replace", null_replacement=""))
    texts = pa.table({"record": record, "text": pa.chunked_array(joined, pa.string())})
    least = texts.group_by("record").aggregate([("text", "min")]).sort_by("record")
    return least["text_min"].take(wanting).combine_chunks()


def _made_ids(customer_ids: pa.Array, roles: pa.Array, texts: pa.Array) -> pa.Array:
    """Ids from the customers' ids (as much as fits), the roles, and a digest of what each child comes from."""
    contents = pc.binary_join_element_wise(customer_ids, roles, texts, LIST_SEPARATOR).to_pylist()
    digests = [hashlib.blake2b(text.encode(), digest_size=_DIGEST // 2).hexdigest() for text in contents]
    lengths = pc.subtract(_LONGEST_ID - _DIGEST - 2, pc.utf8_length(roles)).to_pylist()
    cut = [text[:length] for text, length in zip(customer_ids.to_pylist(), lengths, strict=True)]
    return pc.binary_join_element_wise(pa.array(cut, pa.string()), roles, pa.array(digests, pa.string()), "-")


def _equal(columns: dict[str, Column], customers: Codes, order: Codes) -> tuple[Codes, Codes]:
    """(The group of equal children of each line in order, the first line of each group); groups by first lines."""
    by_customer = Column(customers, pa.array([], pa.string()))  # only the codes are compared
    compared = [column.replaced(folded(column.values)) for name, column in columns.items() if name != "is_default"]
    group = tuple_numbers([by_customer, *compared], order)
    return group, first_rows(group, int(group.max(initial=-1)) + 1)


def _merged_default(flag: Column, record: Codes, count: int) -> Column:
    """A merged child is the default when any of its lines says so, and is not when none does and any says no."""
    codes = np.full(count, -1, np.int64)
    codes[record[flag.filled]] = 1
    codes[record[flag.rows_with(pc.equal(flag.values, "true").to_numpy(zero_copy_only=False))]] = 0
    return Column(codes, pa.array(["true", "false"], pa.string()))


def _problems(entity: Entity, sets: Sequence[Candidates], lines: Sequence[Codes]) -> list[ProblemTable]:
    problems: list[ProblemTable] = []
    for made, own in zip(sets, lines, strict=True):
        for name, found in made.evaluated.items():
            places = (made.at, made.customers, own)
            problems.extend(field_problems(found.findings, made.table, entity=entity, field=name, records=places))
            if found.extension is not None:
                wanting = (found.extension.filled & found.column.filled)[made.at]
                places = (made.at[wanting], made.customers[wanting], own[wanting])
                target = made.entry.fields()[name].extension_to
                problems += extension_problems(
                    found, made.table, entity=entity, field=name, records=places, target=target
                )
    return problems
