"""Turn broken rules into problems with places, messages, and hints, for whole columns at once."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.catalogue import CODES
from importer.catalogue.field_names import name_with_article
from importer.records import Severity
from importer.tables import Entity, EntityTables, Positions, ProblemTable, Sources
from importer.validation.field_places import Places, locate
from importer.validation.schemas import ANY_CONTROL, country_names, max_length
from importer.wording import capitalized, nearest

_SHOWN = 60  # characters of a value that a hint repeats


@dataclass(frozen=True)
class Finding:
    """Records of one entity that break one rule in one field.

    ``values``: each record's value (text, may be null). For rules about two records, ``others`` is the place of the
    other record (``file:row``), and ``other_values`` its value.
    """

    code: str
    entity: Entity
    field: str
    records: Positions
    values: pa.Array
    severity: Severity | None = None
    others: pa.Array | None = None
    other_values: pa.Array | None = None


def describe(finding: Finding, tables: EntityTables, sources: Sources) -> ProblemTable:
    """One problem per record of the finding, with its place, the text of the source cell, a message, and a hint."""
    entity, field = finding.entity, finding.field
    places = locate(tables, sources, entity, field, finding.records)
    message = CODES[finding.code].message.format(field=name_with_article(entity, field), limit=max_length(field))
    return problems_at(
        tables,
        entity,
        field,
        finding.records,
        places,
        severity=finding.severity or CODES[finding.code].severity,
        code=finding.code,
        value=pc.coalesce(places.cells, finding.values),
        message=capitalized(message),
        hint=pd.arrays.ArrowExtensionArray(_HINTS.get(finding.code, _sentence)(finding, places)),
    )


def problems_at(
    tables: EntityTables,
    entity: Entity,
    field: str,
    records: Positions,
    places: Places,
    *,
    value: pa.Array,
    severity: Severity = Severity.ERROR,
    **columns: Any,
) -> ProblemTable:
    """A problem for each of these records; ``columns``: code, message, and hint."""
    return ProblemTable.build(
        len(records),
        severity=severity,
        customer=records if entity == "customer" else tables.frame(entity)["_customer"].to_numpy()[records],
        entity=entity,
        record=records,
        field=field,
        row=places.rows,
        column=pd.arrays.ArrowExtensionArray(places.columns),
        value=pd.arrays.ArrowExtensionArray(value),
        **columns,
    )


def _join(*parts: object) -> pa.Array:
    """Texts and columns joined row by row; null if any of the columns is null."""
    return pc.binary_join_element_wise(*parts, "")


def _shown(finding: Finding) -> pa.Array:
    """The values, quoted and short enough for a sentence; ``nothing`` for null."""
    cut = pc.utf8_slice_codeunits(finding.values, 0, _SHOWN)
    tail = pc.if_else(pc.greater(pc.utf8_length(finding.values), _SHOWN), "…", "")
    return pc.coalesce(_join('"', cut, tail, '"'), "nothing")


def _sentence(finding: Finding, _: Places) -> pa.Array:
    """The catalogue's hint with the values of each record filled in."""
    columns = {"value": _shown(finding), "other": finding.others, "other_value": finding.other_values}
    parts = re.split(r"\{(\w+)\}", CODES[finding.code].hint)
    return _join(*(columns[part] if number % 2 else part for number, part in enumerate(parts)))


def _fill_in(finding: Finding, places: Places) -> pa.Array:
    # One country or type may be right for a whole list, but one city or email address is not.
    default = ", or set a default in the mapping" if finding.field in {"country", "type"} else ""
    absent = f"Map a column to {finding.field}{default}."
    return pc.if_else(
        pc.is_valid(places.columns), f"Fill in {name_with_article(finding.entity, finding.field)}.", absent
    )


def _shorten(finding: Finding, _: Places) -> pa.Array:
    length = pc.utf8_length(finding.values)
    over = pc.subtract(length, max_length(finding.field))
    noun = pc.if_else(pc.equal(over, 1), " character", " characters")
    longer = " Only attributes of the types long_text and html may be longer." if "." in finding.field else ""
    return _join("Shorten it by ", over.cast(pa.string()), noun, ": it has ", length.cast(pa.string()), f".{longer}")


def _take_out(finding: Finding, _: Places) -> pa.Array:
    found = pc.struct_field(pc.extract_regex(finding.values, f"(?P<mark>{ANY_CONTROL})"), "mark")
    marks = pc.dictionary_encode(found)
    names = pa.array([f"U+{ord(mark):04X}" for mark in marks.dictionary.to_pylist()], pa.string())
    return _join("Remove the character ", names.take(marks.indices), " from the cell.")


def _one_line(finding: Finding, _: Places) -> pa.Array:
    plain = pc.replace_substring_regex(_shown(finding), ANY_CONTROL, " ⏎ ")
    return _join("Put it on one line, or split the cell in the mapping: ", plain, ".")


def _write_email(finding: Finding, _: Places) -> pa.Array:
    shown = _shown(finding)
    return pc.if_else(
        pc.greater(pc.count_substring(finding.values, "@"), 1),
        _join("Keep one email address in ", shown, ", or split the cell in the mapping and take the first."),
        _join("Enter ", shown, " as one address that receives mail, such as name@example.com."),
    )


def _name_country(finding: Finding, _: Places) -> pa.Array:
    names, shown = country_names(), _shown(finding)
    meant = pc.index_in(pc.utf8_lower(pc.utf8_trim_whitespace(finding.values)), value_set=pa.array(list(names)))
    code = pa.array(list(names.values())).take(meant)
    texts = pc.dictionary_encode(finding.values)
    near = pa.array([_near_country(text) for text in texts.dictionary.to_pylist()], pa.string()).take(texts.indices)
    return pc.coalesce(
        _join("Enter ", code, " instead of ", shown, "."),
        _join("Enter ", near, " instead of ", shown, " if that is what you mean."),
        _join("Enter the country's two-letter code instead of ", shown, ", such as US."),
    )


def _near_country(text: str) -> str | None:
    """``US (United States)`` for a name that is almost the name of a country; otherwise None."""
    names = country_names()
    near = nearest(text.strip().lower(), [name for name in names if len(name) > 3], cutoff=0.8)
    return f"{names[near[0]]} ({near[0].title()})" if near else None


def _look_up(finding: Finding, _: Places) -> pa.Array:
    kind = "sales_rep" if finding.field == "assigned_sales_rep_ids" else "price_list"
    return _join(f"With `lookup: {kind}` the mapping finds the ID of ", _shown(finding), " by its name.")


_HINTS: dict[str, Callable[[Finding, Places], pa.Array]] = {
    "required": _fill_in,
    "too_long": _shorten,
    "control_character": _take_out,
    "line_break": _one_line,
    "invalid_email": _write_email,
    "invalid_country": _name_country,
    "invalid_uuid": _look_up,
    "contact_without_email": _fill_in,
}
