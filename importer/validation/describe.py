"""From broken rules to problems with places, messages and hints, by the column."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.catalogue import CODES
from importer.records import Severity
from importer.tables import Entity, EntityTables, ProblemTable, Sources
from importer.validation import column_rules as rules
from importer.validation.field_places import Places, locate
from importer.validation.schemas import max_length

__all__ = ["Finding", "describe"]

Positions = npt.NDArray[np.int64]
_SHOWN = 60  # characters of a value that a hint repeats


@dataclass(frozen=True)
class Finding:
    """Records of one entity that break one rule in one field.

    ``values``: the record's value of each (text, may be null). ``others``: for rules about two records, where the
    other one stands (``file:row``); ``other_values``: its value.
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
    """One problem per record of the finding, with place, the text of the source cell, message and hint."""
    code = CODES[finding.code]
    places = locate(tables, sources, finding.entity, finding.field, finding.records)
    frame = tables.frame(finding.entity)
    own = finding.entity == "customer"
    message = _MESSAGES[code.name].format(
        field=f"the {finding.entity}'s {finding.field.replace('attributes.', 'attribute ')}",
        limit=max_length(finding.field),
    )
    return ProblemTable.build(
        len(finding.records),
        severity=finding.severity or code.severity,
        code=code.name,
        customer=finding.records if own else frame["_customer"].to_numpy()[finding.records],
        entity=finding.entity,
        record=finding.records,
        field=finding.field,
        row=places.rows,
        column=_column(places.columns),
        value=_column(pc.coalesce(places.cells, finding.values)),
        message=message[0].upper() + message[1:],
        hint=_column(_HINTS[finding.code](finding, places)),
    )


# What is said of one cell: ``{field}`` is the entity and field in words, ``{limit}`` its greatest length.
_MESSAGES = {
    "required": "{field} is required but blank",
    "too_long": "{field} is longer than {limit} characters",
    "control_character": "{field} contains a control character",
    "line_break": "{field} contains a line break or tab",
    "replacement_character": "{field} contains the replacement character U+FFFD",
    "excel_damaged": "{field} was turned into a rounded number by a spreadsheet",
    "invalid_phone": "{field} is not an international phone number",
    "invalid_email": "{field} is not a valid e-mail address",
    "invalid_type": "{field} is neither billing nor shipping",
    "invalid_country": "{field} is not a two-letter country code",
    "invalid_uuid": "{field} is not an id of WizCommerce",
    "duplicate_reference_id": "{field} is used by another record too",
    "reference_id_case": "{field} differs from another one only in upper and lower case",
    "several_defaults": "{field} is set although another one is the default already",
    "contact_without_email": "{field} is blank",
    "customer_alike": "{field} and address are those of another customer",
}


def _column(texts: pa.Array) -> pd.api.extensions.ExtensionArray:
    return pd.arrays.ArrowExtensionArray(texts)


def _join(*parts: object) -> pa.Array:
    """Texts and columns one after the other; null where a column is null."""
    return pc.binary_join_element_wise(*parts, "")


def _shown(finding: Finding) -> pa.Array:
    """The values, in quotes and short enough for a sentence; ``nothing`` for null."""
    cut = pc.utf8_slice_codeunits(finding.values, 0, _SHOWN)
    tail = pc.if_else(pc.greater(pc.utf8_length(finding.values), _SHOWN), "…", "")
    return pc.coalesce(_join('"', cut, tail, '"'), "nothing")


def _all(finding: Finding, text: str) -> pa.Array:
    return pa.repeat(text, len(finding.records))


def _fill_in(finding: Finding, places: Places) -> pa.Array:
    named = _join('Fill in the column "', places.columns, '".')
    return pc.coalesce(named, f"Map a column to {finding.field}, or give it a default in the mapping.")


def _shorten(finding: Finding, _: Places) -> pa.Array:
    length = pc.utf8_length(finding.values)
    over = pc.subtract(length, max_length(finding.field))
    noun = pc.if_else(pc.equal(over, 1), " character", " characters")
    longer = " Only attributes of the types long_text and html may be longer." if "." in finding.field else ""
    return _join("Shorten it by ", over.cast(pa.string()), noun, ": it has ", length.cast(pa.string()), f".{longer}")


def _take_out(finding: Finding, _: Places) -> pa.Array:
    found = pc.struct_field(pc.extract_regex(finding.values, f"(?P<mark>{rules.ANY_CONTROL})"), "mark")
    marks = pc.dictionary_encode(found)
    names = pa.array([f"U+{ord(mark):04X}" for mark in marks.dictionary.to_pylist()], pa.string())
    return _join("Take the character ", names.take(marks.indices), " out of the cell.")


def _one_line(finding: Finding, _: Places) -> pa.Array:
    plain = pc.replace_substring_regex(_shown(finding), rules.ANY_CONTROL, " ⏎ ")
    return _join("Put it on one line, or split the cell in the mapping: ", plain, ".")


def _mend_letters(finding: Finding, _: Places) -> pa.Array:
    return _join("Mend ", _shown(finding), " in the source, or export it again as UTF-8.")


def _export_as_text(finding: Finding, _: Places) -> pa.Array:
    return _join("The digits behind ", _shown(finding), " are lost: export again with the column formatted as text.")


def _write_phone(finding: Finding, _: Places) -> pa.Array:
    return _join("Write ", _shown(finding), " with + and the country code, digits only, such as +14155550123.")


def _write_email(finding: Finding, _: Places) -> pa.Array:
    shown = _shown(finding)
    several = pc.greater(pc.count_substring(finding.values, "@"), 1)
    return pc.if_else(
        several,
        _join("Keep one address of ", shown, ", or split the cell in the mapping and take the first."),
        _join("Write ", shown, " as one address that receives mail, such as name@company.com."),
    )


def _name_type(finding: Finding, _: Places) -> pa.Array:
    return _join("Say billing or shipping for ", _shown(finding), " under `values` in the mapping.")


def _name_country(finding: Finding, _: Places) -> pa.Array:
    names = rules.country_names()
    meant = pc.index_in(pc.utf8_lower(pc.utf8_trim_whitespace(finding.values)), value_set=pa.array(list(names)))
    code = pa.array(list(names.values())).take(meant)
    guesses = pc.dictionary_encode(finding.values)
    near = pa.array([_near_country(text) for text in guesses.dictionary.to_pylist()], pa.string()).take(guesses.indices)
    plain = _join("Write the country's two-letter code instead of ", _shown(finding), ", such as US.")
    other = pc.coalesce(_join("Write ", near, " instead of ", _shown(finding), " if you mean that."), plain)
    return pc.coalesce(_join("Write ", code, " instead of ", _shown(finding), "."), other)


def _near_country(text: str) -> str | None:
    """``US (United States)`` for a name that is nearly that of a country."""
    names = rules.country_names()
    long = [name for name in names if len(name) > 3]
    near = difflib.get_close_matches(text.strip().lower(), long, n=1, cutoff=0.8)
    return f"{names[near[0]]} ({near[0].title()})" if near else None


def _look_up(finding: Finding, _: Places) -> pa.Array:
    kind = "sales_rep" if finding.field == "assigned_sales_rep_ids" else "price_list"
    return _join(f"With `lookup: {kind}` the mapping finds the id of ", _shown(finding), " by its name.")


def _name_other(finding: Finding, _: Places) -> pa.Array:
    return _join(_shown(finding), " stands in ", finding.others, " too: give each its own id.")


def _name_other_case(finding: Finding, _: Places) -> pa.Array:
    return _join(
        finding.others, ' has "', finding.other_values, '", here it is ', _shown(finding), ": write both alike, or not."
    )


def _keep_one(finding: Finding, _: Places) -> pa.Array:
    return _join("The default stands in ", finding.others, " already: keep one of them.")


def _same_customer(finding: Finding, _: Places) -> pa.Array:
    return _join(finding.others, " has it under the id ", finding.other_values, ": if they are one, keep one of them.")


_HINTS: dict[str, Callable[[Finding, Places], pa.Array]] = {
    "required": _fill_in,
    "too_long": _shorten,
    "control_character": _take_out,
    "line_break": _one_line,
    "replacement_character": _mend_letters,
    "excel_damaged": _export_as_text,
    "invalid_phone": _write_phone,
    "invalid_email": _write_email,
    "invalid_type": _name_type,
    "invalid_country": _name_country,
    "invalid_uuid": _look_up,
    "duplicate_reference_id": _name_other,
    "reference_id_case": _name_other_case,
    "several_defaults": _keep_one,
    "contact_without_email": _fill_in,
    "customer_alike": _same_customer,
}
