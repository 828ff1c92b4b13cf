"""Rows grouped into customers: fields that every row of a customer must agree on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import BLANKS
from importer.mapping.cell_problems import cell_problems, extension_problems, field_problems, unrepeated
from importer.mapping.columns import Codes, Column, Mask, first_rows
from importer.mapping.field_parts import LIST_SEPARATOR, Evaluated
from importer.mapping.fields import Context, evaluate, extension_field
from importer.mapping.language.mapping_model import CustomerEntry
from importer.mapping.language.mapping_rules import FieldRule
from importer.mapping.table_rows import TableData
from importer.records import Severity
from importer.tables import ProblemTable, Sources

# What people write beside the name of a customer that they cannot delete, in the languages of the shipped mappings.
_SAID = (
    r"(?:permanently )?(?:closed|inactive|deleted|do not use|out of business|ceased trading|defunct|dissolved"
    r"|geschlossen|inaktiv|gelöscht|fermée?"
    r"|inacti[fv]e?|supprimée?|cerrad[oa]|inactiv[oa]|eliminad[oa]|gesloten|inactief|verwijderd|chius[oa]|inattiv[oa]"
    r"|eliminat[oa])"
)
_CLOSED = (
    rf"[(\[*]\s*{_SAID}\s*[)\]*]+\s*$|[-\x{{2013}}:]\s+{_SAID}\s*$"
    rf"|^[(\[*]+\s*{_SAID}\s*[)\]*]|^{_SAID}\s*[-\x{{2013}}:]\s"
)
_TEST = (
    r"^(?:[xz]{2,}\W*)?(?:test|dummy)(?:\W*(?:test|account|client|company|customer|cliente?|kunde|firma|klant|[0-9]+))*\W*$"
    r"|^(?:asdf+|qwerty|x{3,}|z{3,})$"
)
_AGREE = "Rows for the same customer must agree: correct one of them, or set `conflict: first` in the mapping."


@dataclass(frozen=True)
class Grouped:
    """Customers by position: field → column, the row of each value, and the problems found."""

    columns: dict[str, Column]
    evaluated: dict[str, Evaluated]
    field_rows: dict[str, Codes]
    rows: Codes
    problems: list[ProblemTable]


def group_customers(
    entry: CustomerEntry, table: TableData, codes: Codes, count: int, context: Context, sources: Sources
) -> Grouped:
    """Group rows into customers. ``codes``: the customer of each row of ``table``, all ≥ 0."""
    start = first_rows(codes, count)
    grouped = Grouped({}, {}, {}, table.rows[start], [])
    every = (np.arange(len(table), dtype=np.int64), codes, codes)
    for name, rule in entry.fields().items():
        # The default is applied last, so that a blank cell agrees with any other row of its customer.
        found = evaluate(name, rule.model_copy(update={"default": None}), table, "", context)
        if found.rank is not None:
            found = replace(
                found, column=found.column.where(_best_ranked(found.rank, found.column.filled, codes, count))
            )
        grouped.evaluated[name] = found
        first = first_rows(codes, count, found.column.filled)
        grouped.columns[name] = found.column.take(first)
        if rule.default is not None:
            wrong = np.zeros(count, bool)
            wrong[codes[found.wrong()]] = True
            before, grouped.columns[name] = grouped.columns[name], grouped.columns[name].filled_up(rule.default, wrong)
            if context.trace is not None:
                context.traced(field=name).record_step("default", before.take(codes), grouped.columns[name].take(codes))
        where = np.where(first >= 0, first, start)
        if not np.array_equal(where, start):
            grouped.field_rows[name] = table.rows[where]
        grouped.problems.extend(field_problems(found.findings, table, "customer", name, every))
        if name == "company_name":
            grouped.problems.extend(_closed(found, table, codes))
        grouped.problems.extend(_conflicts(name, rule, found, table, codes, first, sources))
        if rule.extension_to is not None:
            target = f"attributes.{rule.extension_to}"
            extension = extension_field(target, found, context)
            grouped.evaluated[target] = extension
            grouped.columns[target] = extension.column.take(first_rows(codes, count, extension.column.filled))
        if found.extension is not None:
            first = first_rows(codes, count, found.extension.filled & found.column.filled)
            at = first[first >= 0]
            own = (at, codes[at], codes[at])
            grouped.problems.extend(extension_problems(found, table, "customer", name, own, rule.extension_to))
    return grouped


def _best_ranked(rank: Codes, filled: Mask, codes: Codes, count: int) -> Mask:
    """True on rows whose value may count.

    A value from an ``else`` rule does not count if another row of the same customer has one from an earlier rule.
    """
    best = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(best, codes[filled], rank[filled])
    mask: Mask = rank == best[codes]
    return mask


def agreeing(column: Column, codes: Codes, first: Codes) -> Mask:
    """True on rows with the same value as the ``first`` row of their customer, apart from white space."""
    reference = first[codes]
    same: Mask = column.filled & (column.codes == np.append(column.codes, -1)[reference])
    at = np.flatnonzero(column.filled & ~same)
    both = (column.take(rows).to_arrow() for rows in (at, reference[at]))
    same[at] = pc.equal(*(pc.replace_substring_regex(texts, f"[{BLANKS}]+", " ") for texts in both))
    return same


def _conflicts(
    name: str, rule: FieldRule, found: Evaluated, table: TableData, codes: Codes, first: Codes, sources: Sources
) -> Iterator[ProblemTable]:
    """The problems of rows whose value differs from that of their customer's first row; a blank cell never differs.

    They are errors, or infos about unused values if the mapping says that the first row counts.
    """
    reference = first[codes]
    every = np.flatnonzero(found.column.filled & ~agreeing(found.column, codes, first))
    if not len(every):
        return
    every = every[unrepeated(codes[every], found.column.codes[every])]
    names = pa.array([source.name for source in sources.tables], pa.string())
    for column, at in found.by_reference(every):
        written, other = _as_written(found, table, at, reference[at])
        rows = table.rows[reference[at]]
        numbers = pa.array(sources.row_numbers(rows)).cast(pa.string())
        place = ("row ", numbers, " of ", names.take(pa.array(sources.split(rows)[0])))
        if rule.conflict == "first":
            severity, code, hint = Severity.INFO, "conflict_passed_over", ""
            parts = ("This row has '", written, "', which is not used: ", *place, " comes first, with '", other, "'")
        else:
            severity, code, hint = Severity.ERROR, "customer_conflict", _AGREE
            parts = ("This row has '", written, "', but ", *place, " has '", other, "'")
        message = pc.binary_join_element_wise(*parts, "")
        details = {"severity": severity, "code": code, "message": message, "hint": hint}
        yield _customer_problems(table, at, column, codes, name, **details)


def _as_written(found: Evaluated, table: TableData, at: Codes, others: Codes) -> tuple[pa.Array, pa.Array]:
    """The cells of the rows ``at`` and of the rows ``others``, as the file has them.

    If the cells of a pair are the same, their values after the mapping's steps are returned instead.
    """
    values = pc.replace_substring(found.column.values, LIST_SEPARATOR, ", ")
    become = [values.take(pa.array(found.column.codes[rows])) for rows in (at, others)]
    cells = list(become)
    for number, reference in enumerate(found.references):
        for side, rows in enumerate((at, others)):
            own = found.chosen[rows] == number
            texts = pc.utf8_trim_whitespace(table.cells(reference, rows[own]))
            cells[side] = pc.replace_with_mask(cells[side], pa.array(own), texts.cast(cells[side].type))
    same = pc.equal(*cells)
    return pc.if_else(same, become[0], cells[0]), pc.if_else(same, become[1], cells[1])


def _closed(found: Evaluated, table: TableData, codes: Codes) -> Iterator[ProblemTable]:
    """Warnings about names that say that a customer is closed or only a test, once per customer and name."""
    closed = pc.match_substring_regex(found.column.values, f"{_CLOSED}|{_TEST}", ignore_case=True)
    at = np.flatnonzero(found.column.rows_with(closed.to_numpy(zero_copy_only=False)))
    if not len(at):
        return
    at = at[unrepeated(codes[at], found.column.codes[at])]
    for column, rows in found.by_reference(at):
        names = found.column.take(rows).to_arrow()
        message = pc.binary_join_element_wise(
            "The name '", names, "' suggests that the customer is closed or only a test", ""
        )
        hint = "To leave out such rows, use `skip` with `matches` in the mapping."
        details = {"severity": Severity.WARNING, "code": "name_says_closed", "message": message, "hint": hint}
        yield _customer_problems(table, rows, column, codes, "company_name", **details)


def _customer_problems(
    table: TableData, at: Codes, column: str, codes: Codes, field: str, **details: Any
) -> ProblemTable:
    own = codes[at]
    return cell_problems(table, at, column, customer=own, entity="customer", record=own, field=field, **details)
