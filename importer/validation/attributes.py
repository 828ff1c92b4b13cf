"""Custom attributes held against what WizCommerce defines: their names, types and options.

Values are sent as the text they are; what does not fit is a problem at its cell, never converted.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from importer.records import Severity
from importer.tables import ATTRIBUTE_PREFIX, ENTITIES, Entity, EntityTables, ProblemTable, Sources
from importer.validation import rules
from importer.validation.places import arrow, locate

__all__ = ["AttributeDefinition", "check_attributes", "unchecked_attributes", "used_attributes"]

NEAR = 75  # of 100: what two names must at least have in common
MOST_OPTIONS = 10  # named in a hint
SHOWN = 60  # characters of a value that a message repeats
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_URL = re.compile(r"https?://[^\s/?#.]+(?:\.[^\s/?#.]+)*(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)
_CHOICES = frozenset({"select", "multi_select"})
_SEPARATORS = re.compile(r"\s*[,;|]\s*")  # between choices; which one the API takes is not documented


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """An attribute as WizCommerce defines it; ``options`` are those of a ``select`` or ``multi_select``."""

    name: str
    data_type: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kind:
    """A data type: which texts it takes, what it is called, and how to write one."""

    takes: Callable[[str], bool]
    called: str
    advice: str


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _by_rule(rule: Callable[[pa.Array], pa.Array]) -> Callable[[str], bool]:
    return lambda text: bool(rule(pa.array([text]))[0].as_py())


# Types that are not here (text, long_text, html, file, and what the API may add) take any text.
_KINDS: Mapping[str, _Kind] = {
    "number": _Kind(
        lambda text: _NUMBER.fullmatch(text) is not None,
        "a number",
        "Write digits, with a point before decimals and nothing else, such as 1234.50.",
    ),
    "percentage": _Kind(
        lambda text: _NUMBER.fullmatch(text.removesuffix("%").rstrip()) is not None,
        "a percentage",
        "Write digits, with a point before decimals, such as 12.5.",
    ),
    "date_only": _Kind(
        _is_date, "a date", "Write it as 2025-01-31; the mapping's transform `date` turns other forms into that."
    ),
    "email": _Kind(_by_rule(rules.is_email), "an e-mail address", "Write one address, such as name@company.com."),
    "phone_e164": _Kind(
        _by_rule(rules.is_phone),
        "an international phone number",
        "Write + and the country code, digits only; the mapping's transform `phone` does that.",
    ),
    "checkbox": _Kind(
        lambda text: text.lower() in {"true", "false"},
        "a checkbox's value",
        "Write true or false; `values` in the mapping turns other words into those.",
    ),
    "url": _Kind(
        lambda text: _URL.fullmatch(text) is not None, "a web address", "Write it whole, such as https://example.com."
    ),
}


def used_attributes(tables: EntityTables) -> dict[Entity, list[str]]:
    """Entity → its attribute columns that have any value; entities without one are left out."""
    used: dict[Entity, list[str]] = {}
    for entity in ENTITIES:
        frame = tables.frame(entity)
        names = [name for name in frame.columns if name.startswith(ATTRIBUTE_PREFIX) and frame[name].notna().any()]
        if names:
            used[entity] = names
    return used


def check_attributes(
    tables: EntityTables, sources: Sources, definitions: Mapping[Entity, Mapping[str, AttributeDefinition]]
) -> ProblemTable:
    """A problem for each value of an attribute that WizCommerce does not define, and for each that does not fit.

    ``definitions``: entity → name → definition. An entity without any cannot be checked, which one line says.
    """
    parts = []
    for entity, columns in used_attributes(tables).items():
        known = definitions.get(entity)
        if not known:
            parts.append(unchecked_attributes(entity))
            continue
        parts += [_check(tables, sources, entity, column, known) for column in columns]
    return ProblemTable.concat(parts)


def unchecked_attributes(entity: Entity) -> ProblemTable:
    """The line that says that this entity's attributes cannot be checked."""
    return ProblemTable.build(
        1,
        severity=Severity.INFO,
        code="attributes_unchecked",
        entity=entity,
        message=f"WizCommerce lists no attributes of {entity} records, so those of this import were not checked",
        hint="Look in WizCommerce whether the attributes that the mapping names are there.",
    )


def _check(
    tables: EntityTables, sources: Sources, entity: Entity, column: str, known: Mapping[str, AttributeDefinition]
) -> ProblemTable:
    name = column.removeprefix(ATTRIBUTE_PREFIX)
    encoded = arrow(tables.frame(entity)[column]).dictionary_encode()
    definition = known.get(name)
    if definition is None:
        code, hint = "attribute_unknown", _correct_name(name, list(known))
        told: list[tuple[str, str] | None] = [
            (f"WizCommerce has no attribute '{name}' for {entity} records", hint)
        ] * len(encoded.dictionary)
    else:
        code = "attribute_option" if _has_options(definition) else "attribute_invalid"
        told = [_fault(text, definition) for text in encoded.dictionary.to_pylist()]
    wrong = np.array([*(item is not None for item in told), False], dtype=np.bool_)
    codes = pc.fill_null(encoded.indices, len(told)).to_numpy(zero_copy_only=False)
    records = np.flatnonzero(wrong[codes])
    if not len(records):
        return ProblemTable.empty()
    return _told(
        tables, sources, entity, column, records, [told[number] or ("", "") for number in codes[records]], code
    )


def _told(
    tables: EntityTables,
    sources: Sources,
    entity: Entity,
    column: str,
    records: npt.NDArray[np.int64],
    told: Sequence[tuple[str, str]],
    code: str,
) -> ProblemTable:
    frame = tables.frame(entity)
    places = locate(tables, sources, entity, column, records)
    values = pc.coalesce(places.cells, arrow(frame[column]).take(pa.array(records)))
    return ProblemTable.build(
        len(records),
        severity=Severity.ERROR,
        code=code,
        customer=records if entity == "customer" else frame["_customer"].to_numpy()[records],
        entity=entity,
        record=records,
        field=column,
        row=places.rows,
        column=_column(places.columns),
        value=_column(values),
        message=[message for message, _ in told],
        hint=[hint for _, hint in told],
    )


def _column(texts: pa.Array) -> Any:
    return pd.arrays.ArrowExtensionArray(texts)


def _correct_name(name: str, known: Sequence[str]) -> str:
    near = _near(name, known)
    guess = f"Did you mean '{near}'? " if near else ""
    return f"{guess}Correct the name in the mapping, or make the attribute in WizCommerce first."


def _has_options(definition: AttributeDefinition) -> bool:
    return definition.data_type in _CHOICES and bool(definition.options)


def _fault(text: str, definition: AttributeDefinition) -> tuple[str, str] | None:
    """What is wrong with a value and what to do, or None."""
    if _has_options(definition):
        chosen = [text]
        if definition.data_type == "multi_select" and text not in definition.options:
            chosen = [part for part in _SEPARATORS.split(text) if part]
        wrong = next((part for part in chosen if part not in definition.options), None)
        if wrong is None:
            return None
        return f"'{_shown(wrong)}' is no option of the attribute '{definition.name}'", _choose(
            wrong, definition.options
        )
    kind = _KINDS.get(definition.data_type)
    if kind is None or kind.takes(text):
        return None
    return f"'{_shown(text)}' is not {kind.called}, as the attribute '{definition.name}' wants", kind.advice


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _choose(text: str, options: Sequence[str]) -> str:
    near = _near(text, options)
    guess = f"Did you mean '{near}'? " if near else ""
    more = f" and {len(options) - MOST_OPTIONS} more" if len(options) > MOST_OPTIONS else ""
    listed = ", ".join(f"'{option}'" for option in options[:MOST_OPTIONS])
    return f"{guess}The options are {listed}{more}; `values` in the mapping turns other words into those."


def _near(text: str, known: Sequence[str]) -> str | None:
    found = process.extractOne(text, known, scorer=fuzz.ratio, processor=str.casefold, score_cutoff=NEAR)
    return found[0] if found else None
