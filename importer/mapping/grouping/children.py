"""Makes addresses and contacts from rows: leaves out blank ones, merges equal ones, and gives each an ID."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.cell_problems import extension_problems, field_problems
from importer.mapping.columns import Codes, Column, Mask, caseless, concat, first_rows, tuple_numbers
from importer.mapping.field_parts import LIST_SEPARATOR, Evaluated, joined
from importer.mapping.fields import Context, evaluate, evaluate_former, extension_field
from importer.mapping.grouping.same_children import absorbed, equal_children
from importer.mapping.language.mapping_model import AddressEntry, ChildEntry
from importer.mapping.language.mapping_rules import NUMBER, FieldRule
from importer.mapping.table_rows import TableData, source_reference
from importer.mapping.trace import spread
from importer.mapping.transform_results import RowFinding, ValueFinding
from importer.mapping.transforms.packed_addresses import Prepared
from importer.mapping.transforms.post_codes import read_post_codes
from importer.mapping.transforms.towns import read_towns
from importer.records import Severity
from importer.tables import FORMER_ID, Entity, ProblemTable

# These describe a child, but are not enough to make one: if all other cells of a row are blank, there is no child. A
# country alone is not an address, and a job title alone is not a contact.
_LABELS = frozenset({"type", "is_default", "reference_id"})
_NOT_ALONE = {"address": "country", "contact": "designation"}
_LONGEST_ID = 255  # characters
_DIGEST = 12  # hexadecimal digits: 48 bits, within one customer's children


@dataclass(frozen=True)
class Candidates:
    """The children that one entry makes (for one number of a repeated group), one on each line.

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
    """All addresses or contacts, merged and in order.

    ``entries`` indexes the candidate sets they came from; ``both``: the same cells give an address of a different type;
    ``lines``: for each of these sets the child that each of its lines is, or is a part of.
    ``former``: their IDs as earlier versions made them, null if an ID is the same; None if all are.
    """

    columns: dict[str, Column | pa.Array]
    customers: Codes
    rows: Codes
    entries: Codes
    stated: Mask
    both: Mask
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
    if isinstance(entry, AddressEntry) and entry.label is not None:
        evaluated["address_line_1"] = _with_label(evaluated["address_line_1"], entry.label, number, table)
    at = np.flatnonzero(_content(prepared, evaluated, len(table)) & (customers >= 0))
    columns = {name: found.column.take(at) for name, found in evaluated.items()}
    if isinstance(entry, AddressEntry):
        countries = context.countries.take(at)
        if prepared.filled is None:  # a packed address has its parts already
            before = columns
            evaluated, columns = read_towns(evaluated, columns, at, countries)
            _trace_changed("city", before, columns, at, len(table), context)
        before = columns
        evaluated, columns = read_post_codes(evaluated, columns, at, countries)
        _trace_changed("postal code", before, columns, at, len(table), context)
    evaluated = {name: _with_parts_left(entry, number, found) for name, found in evaluated.items()}
    stated = np.zeros(len(at), bool)
    if "is_default" in columns:
        stated = columns["is_default"].filled & _says(entry.is_default, evaluated["is_default"])[at]
    elif isinstance(entry, AddressEntry) and entry.type.flags is not None:
        unset = entry.type.model_copy(update={"default": None})
        stated = evaluate("type", unset, table, number, context.unwatched()).column.filled[at]
        before = columns
        columns = {**columns, "is_default": Column.constant("true", len(at)).where(stated)}
        _trace_changed("flags", before, columns, at, len(table), context)
    if "phone" in evaluated and entry.phone.extension_to is not None:
        name = f"attributes.{entry.phone.extension_to}"
        evaluated[name] = extension_field(name, evaluated["phone"], context)
        columns[name] = evaluated[name].column.take(at)
    own = evaluated.get("reference_id")
    if own is not None:
        former = evaluate_former(entry.reference_id, table, number, own, context)
        columns |= {} if former is None else {FORMER_ID: former.take(at)}
    texts = _source_texts(prepared, evaluated, at)
    several = np.zeros(len(at), bool)
    made = Candidates(entry, number, table, evaluated, columns, at, customers[at], several, stated, texts)
    return _by_type(made) if "type" in columns else made


def _trace_changed(
    step: str, before: dict[str, Column], after: dict[str, Column], at: Codes, length: int, context: Context
) -> None:
    """Record what a step over several fields changed, if there is a trace. The columns are by candidate."""
    for name, column in after.items() if context.trace is not None else ():
        if column is not (old := before.get(name, Column.blank(len(at)))):
            context.traced(field=name).record_step(step, spread(old, at, length), spread(column, at, length))


def _content(prepared: Prepared, evaluated: dict[str, Evaluated], length: int) -> Mask:
    """True on rows that give a child: they have more than labels, countries, and jobs."""
    lonely = _NOT_ALONE["address" if isinstance(prepared.entry, AddressEntry) else "contact"]
    content = np.zeros(length, bool)
    for name, found in evaluated.items():
        if name not in _LABELS and name != lonely:
            content |= found.filled
    return content


def _says(rule: FieldRule, found: Evaluated) -> Mask:
    """True on rows for which the source states, in a cell or by a condition, whether the child is the default."""
    return np.ones(len(found.column), bool) if any(rule.conditions()) else found.filled


def _with_label(line: Evaluated, label: str, number: str, table: TableData) -> Evaluated:
    """The first line with a note of each address's name, which is only reported."""
    reference = label.replace(NUMBER, number)
    column = table.column(reference)
    text = "is the name of this address, but WizCommerce has no field for it"
    note = ValueFinding(np.ones(len(column.values), bool), Severity.INFO, "address_label", text)
    at = np.flatnonzero(column.filled)
    return replace(line, findings=(*line.findings, RowFinding(at, column.codes[at], note, reference, 0)))


def _with_parts_left(entry: ChildEntry, number: str, found: Evaluated) -> Evaluated:
    """The field with a note where cells have more parts than the entry takes, at its last number."""
    if found.parts is None or number != entry.numbers()[-1]:
        return found
    at = np.flatnonzero(found.parts > int(number))
    counts = found.parts[at]
    texts = [
        f"has {count} parts; those after number {number} are not used" for count in range(counts.max(initial=0) + 1)
    ]
    note = ValueFinding(
        np.ones(len(texts), bool), Severity.WARNING, "value_not_taken", texts, "Increase the last number of `repeat`."
    )
    return replace(found, findings=(*found.findings, *found.at_columns(RowFinding(at, counts, note, "", 0))))


def _source_texts(prepared: Prepared, evaluated: dict[str, Evaluated], at: Codes) -> tuple[Column, ...]:
    """The texts that each child's ID is made from: its cells, or its own part of a cell with several children.

    All cells of a packed address count, whether or not other addresses use them. Columns of its parts count only if
    they are filled, so that adding such columns changes no other ID.
    """
    table = prepared.owned.rows
    columns: dict[str, Column] = {}
    parts: dict[str, Column] = {}
    for name, rule in prepared.entry.fields().items():
        if name in _LABELS:
            continue
        if rule.take == NUMBER:
            columns[f"take {name}"] = evaluated[name].column
            continue
        for reference in rule.columns():
            if reference in prepared.parts:
                parts[reference] = table.column(reference)
                continue
            source = source_reference(reference)
            sources = (source,) if source == reference else prepared.entry.cells
            numbered = [one.replace(NUMBER, prepared.number) for one in sources]
            columns |= {one: table.column(one) for one in numbered}
    if parts:
        cell = prepared.entry.cells[0].replace(NUMBER, prepared.number)
        columns[cell] = joined([columns[cell], *parts.values()], LIST_SEPARATOR)
    return tuple(column.take(at) for column in columns.values())


def _by_type(made: Candidates) -> Candidates:
    """Split each row with several types into one child of each type."""
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


def merge_children(entity: Entity, sets: Sequence[Candidates], ids: pa.Array, former: pa.Array | None) -> Children:
    """All candidates in order, each child once.

    ``ids``: each customer's reference id, or null; ``former``: as earlier versions made it, null if it is the same.

    Children of a customer whose fields are all equal are merged. A child whose filled fields all equal those of a
    different child adds nothing. The order of equal rows makes no difference to what is sent.
    """
    if not sets:
        nothing, none = np.empty(0, np.int64), np.empty(0, bool)
        return Children({}, nothing, nothing, nothing, none, none)
    names = list(dict.fromkeys(name for made in sets for name in made.columns))
    customers = np.concatenate([made.customers for made in sets])
    rows = np.concatenate([made.table.rows[made.at] for made in sets])
    entries = np.repeat(np.arange(len(sets), dtype=np.int64), [len(made.at) for made in sets])
    columns = {name: concat([made.columns.get(name, Column.blank(len(made.at))) for made in sets]) for name in names}
    flag, own_former = (columns.pop(name, None) for name in ("is_default", FORMER_ID))
    order = np.argsort(customers * (rows.max(initial=0) + 1) + rows, kind="stable")  # of a row, entry by entry
    wrong = np.concatenate([_wrong(made) for made in sets])
    record, equal, heads = _once(columns, customers, order, wrong)
    several, alone, stated = (np.zeros(len(heads), bool) for _ in range(3))
    stated[record[np.concatenate([made.stated for made in sets])]] = True
    many = np.concatenate([made.several for made in sets])
    several[equal[many & (equal >= 0)]] = True
    alone[record[~many]] = True
    columns = {name: column.take(heads) for name, column in columns.items()}
    parents = customers[heads]
    before = None if former is None else pc.coalesce(former, ids).take(parents)
    own_former = None if own_former is None else own_former.take(heads)
    given, was = _ids(entity, columns, several, (ids.take(parents), before, own_former), sets, equal)
    if flag is not None:
        named = np.concatenate([np.full(len(made.at), _is_compared(made.entry)) for made in sets])
        merged = _merged_default(flag, record, len(heads))
        columns["is_default"] = _first_named(merged, record[named], customers[heads], columns.get("type"))
    lines = tuple(np.split(record, np.cumsum([len(made.at) for made in sets])[:-1]))
    problems = _problems(entity, sets, lines)
    columns["reference_id"] = given
    places = (customers[heads], rows[heads], entries[heads])
    return Children(columns, *places, stated, several & ~alone, problems, lines, was)


def _wrong(made: Candidates) -> Mask:
    wrong = np.zeros(len(made.table), bool)
    for found in made.evaluated.values():
        wrong |= found.wrong()
    return wrong[made.at]


def _once(columns: dict[str, Column], customers: Codes, order: Codes, wrong: Mask) -> tuple[Codes, Codes, Codes]:
    """(The child of each line; the same, but -1 for lines that add nothing; the line that each child is taken from)."""
    compared = {name: column.replaced(caseless(column.values)) for name, column in columns.items()}
    heads, child = equal_children([*columns.values()], [*compared.values()], customers, order)
    distinct = {name: column.take(heads) for name, column in compared.items()}
    into = absorbed(
        [*distinct.values()], customers[heads], distinct.get("type"), np.isin(np.arange(len(heads)), child[wrong])
    )
    kept = into == np.arange(len(into))
    record = (np.cumsum(kept) - 1)[into][child]
    return record, np.where(kept[child], record, -1), heads[kept]


def _ids(
    entity: Entity,
    columns: dict[str, Column],
    several: Mask,
    known: tuple[pa.Array, pa.Array | None, Column | None],
    sets: Sequence[Candidates],
    record: Codes,
) -> tuple[pa.Array, pa.Array | None]:
    """The children's IDs and former IDs: the source's, with the role if a row gave ``several`` types, or generated.

    ``known``, by child: the ids of their customers, the former ones of these, and the former ids of the source.
    """
    ids, former, own_former = known
    own = columns.get("reference_id", Column.blank(len(several)))
    roles = columns["type"].to_arrow() if "type" in columns else pa.repeat(pa.scalar(entity, pa.string()), len(several))
    roles = pc.fill_null(roles, "")
    given, was = _with_roles(own, roles, several), None
    if own_former is not None:
        was = _with_roles(own_former, roles, several)
    wanting = np.flatnonzero(~own.filled)
    if len(wanting):
        own_roles, least = roles.take(wanting), _least_texts(sets, record, wanting)
        mask = pa.array(~own.filled)
        made = _made_ids(pc.fill_null(ids.take(wanting), ""), own_roles, least)
        given = pc.replace_with_mask(given, mask, made)
        if former is not None:
            before = pc.fill_null(former.take(wanting), "")
            was = pc.replace_with_mask(given if was is None else was, mask, _made_ids(before, own_roles, least))
    if was is not None:
        was = pc.if_else(pc.equal(was, given), pa.scalar(None, pa.string()), was)
    return given, was


def _with_roles(own: Column, roles: pa.Array, several: Mask) -> pa.Array:
    """The IDs from the source, with the role appended if a row gives a child of each role."""
    ids = own.to_arrow()
    return pc.if_else(pa.array(several), pc.binary_join_element_wise(ids, roles, "-"), ids)


def _least_texts(sets: Sequence[Candidates], record: Codes, wanting: Codes) -> pa.Array:
    """The cells that each wanted child comes from as one text; the least of several, whatever the order of rows."""
    lines = []
    for made in sets:
        cells = [Column(column.codes, caseless(column.values)).to_arrow() for column in made.texts]
        if not cells:
            cells = [pa.repeat(pa.scalar("", pa.string()), len(made.at))]
        lines.append(pc.binary_join_element_wise(*cells, LIST_SEPARATOR, null_handling="replace", null_replacement=""))
    texts = pa.table({"record": record, "text": pa.chunked_array(lines, pa.string())}).filter(pa.array(record >= 0))
    least = texts.group_by("record").aggregate([("text", "min")]).sort_by("record")
    return least["text_min"].take(wanting).combine_chunks()


def _made_ids(customer_ids: pa.Array, roles: pa.Array, texts: pa.Array) -> pa.Array:
    """Ids from the customers' ids (as much as fits), the roles, and a digest of what each child comes from."""
    contents = pc.binary_join_element_wise(customer_ids, roles, texts, LIST_SEPARATOR).to_pylist()
    digests = [hashlib.blake2b(text.encode(), digest_size=_DIGEST // 2).hexdigest() for text in contents]
    lengths = pc.subtract(_LONGEST_ID - _DIGEST - 2, pc.utf8_length(roles)).to_pylist()
    cut = [text[:length] for text, length in zip(customer_ids.to_pylist(), lengths, strict=True)]
    return pc.binary_join_element_wise(pa.array(cut, pa.string()), roles, pa.array(digests, pa.string()), "-")


def _merged_default(flag: Column, record: Codes, count: int) -> Column:
    """A merged child is the default if any of its lines says yes, and is not if none says yes and any says no."""
    codes = np.full(count, -1, np.int64)
    codes[record[flag.filled]] = 1
    codes[record[flag.rows_with(pc.equal(flag.values, "true").to_numpy(zero_copy_only=False))]] = 0
    return Column(codes, pa.array(["true", "false"], pa.string()))


def _is_compared(entry: ChildEntry) -> bool:
    """Whether a comparison, rather than a separate cell, says which child is the default."""
    return entry.is_default is not None and any(entry.is_default.conditions())


def _first_named(flag: Column, named: Codes, customers: Codes, kind: Column | None) -> Column:
    """The flags with one yes among the children that a comparison makes the default: a name may occur twice."""
    compared = np.zeros(len(customers), bool)
    compared[named] = True
    yes = np.flatnonzero(compared & (flag.codes == 0))
    if len(yes) < 2:
        return flag
    group = tuple_numbers([customers[yes], *([] if kind is None else [kind.codes[yes]])])
    first = np.isin(np.arange(len(yes)), first_rows(group, int(group.max()) + 1))
    keep = np.ones(len(customers), bool)
    keep[yes[~first]] = False
    return flag.where(keep)


def _problems(entity: Entity, sets: Sequence[Candidates], lines: Sequence[Codes]) -> list[ProblemTable]:
    problems: list[ProblemTable] = []
    for made, own in zip(sets, lines, strict=True):
        for name, found in made.evaluated.items():
            places = (made.at, made.customers, own)
            problems += field_problems(found.findings, made.table, entity, name, places)
            if found.extension is not None:
                wanting = (found.extension.filled & found.column.filled)[made.at]
                places = (made.at[wanting], made.customers[wanting], own[wanting])
                target = made.entry.fields()[name].extension_to
                problems += extension_problems(found, made.table, entity, name, places, target)
    return problems
