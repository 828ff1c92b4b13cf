"""Addresses in one cell or in unlabeled lines: their parts become columns that an entry's fields can read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.catalogue.field_names import ADDRESS_PARTS, field_name, in_sentence
from importer.mapping.columns import Codes, Column, Mask, combine, concat, first_of, first_rows
from importer.mapping.field_parts import joined
from importer.mapping.fields import Context, evaluate, without_blanks
from importer.mapping.grouping.row_assignment import CustomerRows, RowAssignment
from importer.mapping.language.mapping_model import AddressEntry, ChildEntry, Mapping, part_references
from importer.mapping.language.mapping_rules import NUMBER, FieldRule
from importer.mapping.table_rows import TableData, source_reference
from importer.mapping.transform_results import RowChange, RowFinding, failures, rewriting
from importer.mapping.transforms.address_parser import Line, PostalAddress, read_address
from importer.mapping.transforms.text_forms import decode
from importer.records import Severity
from importer.tables import Entity

# Field of an address → the part that it takes, and the rest of its rule.
_FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    "address_line_1": ("line_1", {}),
    "city": ("city", {}),
    "first_name": ("attention", {"as": "first_name"}),
    "last_name": ("attention", {"as": "last_name"}),
    "phone": ("phone", {"invalid": "blank"}),
    "email": ("email", {"invalid": "blank"}),
    "address_line_2": ("line_2", {}),
    "state": ("state", {}),
    "country": ("country", {}),
    "zip_code": ("zip_code", {}),
}
_PART_NAMES = {name: in_sentence(field_name("address", name)) for name in _FIELDS}
_FROM_THE_END = frozenset({"city", "state", "zip_code", "country"})  # these are in the last lines
_NAMES = ("company_name", "display_name", "first_name", "last_name")
_TITLE = r"^(?:mrs?|ms|miss|dr|prof)\.?[\t-\r\x{1c}-\x{1f}\x{85}\pZ]"
_STREET_FIRST = frozenset({None, "US", "CA"})  # where a line without a house number may be a name
_NOTHING = "nothing"  # instead of a part that no address has
_HINT = "Compare the parts with the cell; where they are wrong, fix the cell, or export the parts as separate columns."


@dataclass(frozen=True)
class Prepared:
    """An entry for one number of a repeated group, with the rows that it reads; every packed field has a rule.

    ``filled``: rows whose packed address is not all blank; ``parts``: references of the columns that have its parts;
    ``in_parts``: the rows where they do; ``findings``, ``changes``: what is reported about it.
    """

    entry: ChildEntry
    number: str
    owned: CustomerRows
    filled: Mask | None = None
    parts: frozenset[str] = frozenset()
    in_parts: Mask | None = None
    findings: tuple[RowFinding, ...] = ()
    changes: tuple[RowChange, ...] = ()


def prepare(
    mapping: Mapping, assignment: RowAssignment, folder: Path, home: str | None
) -> dict[Entity, list[Prepared]]:
    """Every entry by entity, for each of its numbers; those whose table has no rows are left out.

    ``home``: the country (alpha-2) of packed addresses that name none.
    """
    names = _customer_names(mapping, assignment, folder) if any(entry.cells for entry in mapping.addresses) else ()
    out: dict[Entity, list[Prepared]] = {"address": [], "contact": []}
    for entity, entry, number, owned in _entries(mapping, assignment):
        one = Prepared(entry, number, owned)
        if isinstance(entry, AddressEntry) and entry.cells:
            one = _unpacked(entry, number, owned, [name.take(owned.customers) for name in names], home)
        out[entity].append(one)
    return out


def cell_columns(mapping: Mapping, assignment: RowAssignment) -> list[dict[str, tuple[str, ...]]]:
    """For every entry, as :func:`prepare` has them, the order in which fields of a packed address name its columns."""
    found: dict[Entity, list[dict[str, tuple[str, ...]]]] = {"address": [], "contact": []}
    for entity, entry, number, owned in _entries(mapping, assignment):
        headers = [owned.rows.names(reference.replace(NUMBER, number)) for reference in entry.cells]
        columns = tuple(dict.fromkeys(header for own in headers for header in own))
        orders = {name: columns[::-1] if name in _FROM_THE_END else columns for name in _FIELDS if entry.cells}
        found[entity].append(orders)
    return [*found["address"], *found["contact"]]


def _entries(mapping: Mapping, assignment: RowAssignment) -> Iterator[tuple[Entity, ChildEntry, str, CustomerRows]]:
    for entry in mapping.children():
        owned = assignment.by_table[entry.table or mapping.main_table]
        for number in entry.numbers() if owned.present else ():
            yield "address" if isinstance(entry, AddressEntry) else "contact", entry, number, owned


def fields_taken_apart(entry: ChildEntry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of a prepared entry that no packed address has a part for, and all that read a part of one."""
    references = {name: rule.columns() for name, rule in entry.fields().items()}
    derived = {name: [one for one in own if one != source_reference(one)] for name, own in references.items()}
    idle = tuple(name for name, own in derived.items() if any(one.endswith(_NOTHING) for one in own))
    return idle, tuple(name for name, own in derived.items() if own)


def _customer_names(mapping: Mapping, assignment: RowAssignment, folder: Path) -> tuple[Column, ...]:
    """What each customer is called, by all columns that the mapping takes its names from, in plain forms."""
    table, start = assignment.main.rows, first_rows(assignment.main.customers, len(assignment.ids))
    rules = {name: rule for name, rule in mapping.customer.fields().items() if name in _NAMES}
    columns = [table.column(reference) for rule in rules.values() for reference in rule.columns()]
    context = Context(Column.blank(len(table)), folder)
    columns += [evaluate(name, rule, table, "", context).column for name, rule in rules.items()]
    if {"first_name", "last_name"} <= rules.keys():
        columns.append(joined(columns[-2:], " "))
    return tuple(form for column in columns for form in _plain_forms(column.take(start)))


def _plain(texts: pa.Array) -> pa.Array:
    """Letters and digits only, without case and a title: how a line is compared with a name."""
    odd = pc.invert(pc.string_is_ascii(texts))
    folded = pa.array([text.casefold() for text in texts.filter(odd).to_pylist()], pa.string())
    bare = pc.replace_substring_regex(pc.replace_with_mask(pc.ascii_lower(texts), odd, folded), _TITLE, "")
    letters = pa.array(["".join(filter(str.isalnum, text)) for text in bare.filter(odd).to_pylist()], pa.string())
    return pc.replace_with_mask(pc.replace_substring_regex(bare, "[^a-z0-9]+", ""), odd, letters)


def _plain_forms(name: Column) -> Iterator[Column]:
    """A name as it is compared with a line; of ``Parent:Job`` either part as well."""
    forms = [name.values]
    if pc.any(pc.match_substring(name.values, ":")).as_py():
        forms += [pc.replace_substring_regex(name.values, behind, "") for behind in ("(?s):.*", "(?s).*:")]
    return (name.replaced(_plain(form)) for form in forms)


def _leading_names(addresses: Sequence[PostalAddress], tuples: Codes, names: Sequence[Column]) -> Codes:
    """How many of the first two lines of each row's address are names of its customer: company, person, or both.

    ``names``: in plain forms, row by row.
    """
    count = np.zeros(len(tuples), np.int64)
    for place in range(2):
        texts = [address.street[place].text if len(address.street) > place else None for address in addresses]
        own = Column.keyed(tuples, _plain(pa.array(texts, pa.string())))
        same = np.zeros(len(tuples), bool)
        for name in names:
            both = concat([own, name]).codes.reshape(2, -1)
            same |= (both[0] >= 0) & (both[0] == both[1])
        count += same & (count == place)
    return count


@dataclass(frozen=True)
class _Reading:
    """An address as it is sent: its parts by name, and what is reported about it."""

    parts: dict[str, Line]
    description: str
    doubts: str = ""


def _unpacked(
    entry: AddressEntry, number: str, owned: CustomerRows, names: Sequence[Column], home: str | None
) -> Prepared:
    """The entry with a rule for every field that it does not map itself, over columns of the addresses' parts."""
    table = owned.rows
    references = [reference.replace(NUMBER, number) for reference in entry.cells]
    wholes = [table.column(reference) for reference in references]
    read = [_plain_cells(whole, reference, table) for whole, reference in zip(wholes, references, strict=True)]
    columns = [column for column, _ in read]
    tuples, distinct = combine(columns)
    cells = zip(*(column.to_arrow().to_pylist() for column in distinct), strict=True)
    addresses = [read_address(own, home) for own in cells]
    named = _leading_names(addresses, tuples, names)
    filled = np.logical_or.reduce([column.filled for column in columns])
    given = frozenset(entry.fields())
    parts = {name: _part_columns(references, name, table) for name in _FIELDS if name not in given}
    every_part = frozenset(one for own in parts.values() for one in own)
    in_parts = np.logical_or.reduce([np.zeros(len(table), bool), *(table.column(one).filled for one in every_part)])
    numbers = np.where(filled, 3 * tuples + named, -1).astype(np.int64)  # each row's reading; -1: its cells are blank
    taken = np.where(in_parts, -1, numbers)
    said = np.isin(np.arange(3 * len(addresses)), taken).tolist()
    readings = [_reading(addresses[n // 3], n % 3, given, home, said=said[n]) for n in range(len(said))]
    rules = {
        name: _rule(name, own, readings, taken if name in ADDRESS_PARTS else numbers, references, table)
        for name, own in parts.items()
    }
    findings = _findings(readings, taken, references, first_of(columns)[1])
    changes = tuple(change for _, own in read for change in own)
    entry = entry.model_copy(update=rules)
    return Prepared(entry, number, owned, filled | in_parts, every_part, in_parts, tuple(findings), changes)


def _part_columns(references: Sequence[str], field: str, table: TableData) -> list[str]:
    """The references to columns of one part that the sources have; most have none."""
    if field not in ADDRESS_PARTS:
        return []
    return [reference for reference in part_references(references, field) if table.names(reference)]


def _plain_cells(whole: Column, reference: str, table: TableData) -> tuple[Column, list[RowChange]]:
    """The cells of a packed address without text that counts as blank and without HTML, and what that changed."""
    column, changes = without_blanks(whole, reference, table.blanks.among(whole.values, "address_line_1"))
    decoded = decode(column.values).values
    reported = np.zeros(len(decoded), bool)
    changes += rewriting("text_decoded", reference, column.codes, column.values, decoded, reported)
    return (column if decoded is column.values else column.replaced(decoded)), changes


def _reading(address: PostalAddress, named: int, given: frozenset[str], home: str | None, *, said: bool) -> _Reading:
    """The parts of an address; ``named``: how many of its first lines are names of the customer, not of the street.

    ``said``: whether anything is reported about it: whether a row has it.
    """
    street = list(address.street[named:])
    parts = dict(zip(("line_1", "line_2"), street, strict=False)) | address.pieces
    if len(street) > 2:
        parts["line_2"] = Line(", ".join(line.text for line in street[1:]), street[1].cell)
    if not said:
        return _Reading(parts, "")
    doubts = [*address.doubts]
    if named and not street:
        doubts.append("there is no street in it")
    elif _may_be_name(street, address, home):
        doubts.append(f"its {'next' if named else 'first'} line, {street[0].text!r}, may be a name")
    used = {name: part for name, (part, _) in _FIELDS.items() if name not in given and part in parts}
    described = [f"{_PART_NAMES[name]} {parts[part].text!r}" for name, part in used.items() if part != "attention"]
    described += [f"for {parts['attention'].text!r}"] if "attention" in used.values() else []
    left = [*address.left, *(line.text for part, line in parts.items() if part not in used.values())]
    not_used = f"; not used: {', '.join(map(repr, left))}" if left else ""
    return _Reading(parts, f"{', '.join(described) or 'nothing found'}{not_used}", "; ".join(doubts))


def _may_be_name(street: Sequence[Line], address: PostalAddress, home: str | None) -> bool:
    country = address.pieces["country"].text if "country" in address.pieces else home
    digits = [any(map(str.isdigit, line.text)) for line in street]
    return country in _STREET_FIRST and any(digits[1:]) and not digits[0]


def _rule(
    name: str,
    own: Sequence[str],
    readings: Sequence[_Reading],
    numbers: Codes,
    references: Sequence[str],
    table: TableData,
) -> FieldRule:
    """A field's rule: its ``own`` columns, then those of its part, one for each cell that the part may be in."""
    part, more = _FIELDS[name]
    lines = [reading.parts.get(part) for reading in readings]
    found: list[str] = []
    for cell, reference in enumerate(references):
        texts = [line.text if line is not None and line.cell == cell else None for line in lines]
        if any(texts):
            found.append(table.derive(reference, part, Column.keyed(numbers, pa.array(texts, pa.string()))))
    found = found or [table.derive(references[0], _NOTHING, Column.blank(len(table)))]
    from_ = found[::-1] if name in _FROM_THE_END else found
    return FieldRule.model_validate({"from": [*own, *from_], "take": "first", **more})


def _findings(
    readings: Sequence[_Reading], numbers: Codes, references: Sequence[str], first: Codes
) -> Iterator[RowFinding]:
    """What became of each address, and any doubts about it, at the ``first`` of its filled cells."""
    one = "was split into its parts"
    several = "and the lines that belong to it were split into the parts of an address"
    messages = [f"{one if len(references) == 1 else several}: {reading.description}" for reading in readings]
    unsure = "may have been split incorrectly"
    doubts = [f"{unsure} ({reading.doubts}): {reading.description}" if reading.doubts else None for reading in readings]
    for finding in (
        *failures("address_unsure", doubts, _HINT, Severity.WARNING),
        *failures("address_parsed", messages, "", Severity.INFO),
    ):
        chosen = np.append(finding.chosen, False)[numbers]
        for cell, reference in enumerate(references):
            at = np.flatnonzero(chosen & (first == cell))
            if len(at):
                yield RowFinding(at, numbers[at], finding, reference, 0)
