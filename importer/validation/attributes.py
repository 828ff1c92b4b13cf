"""Custom attributes: how WizCommerce defines them, and which values do not fit or are missing.

Values are sent unchanged, except that an option's label is replaced by its value. A value that does not fit is reported
as a problem of its cell, and is never converted.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from importer.catalogue.field_names import name_with_article
from importer.records import Severity
from importer.tables import ATTRIBUTE_PREFIX, ENTITIES, TEXT, Entity, EntityTables, ProblemTable, Sources, arrow
from importer.validation.describe import problems_at
from importer.validation.field_places import locate
from importer.validation.schemas import is_email, is_phone
from importer.wording import first_few, shortened

_CHOICES = frozenset({"select", "multi_select"})
_UNLIMITED = frozenset({"long_text", "html"})  # no limit of 255 characters is documented for these
_SEPARATORS = re.compile(r"(\s*[,;|]\s*)")  # between choices; which one the API expects is not documented
NEAR = 75  # out of 100: how similar a name in "did you mean" must be
MOST_OPTIONS = 10  # options that a hint names
SHOWN = 60  # characters of a value that a message repeats
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_URL = re.compile(r"https?://[^\s/?#.]+(?:\.[^\s/?#.]+)*(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)
_SECTIONS: Mapping[Entity, str] = {"customer": "customer", "address": "addresses", "contact": "contacts"}
_PLAIN_KEY = re.compile(r"[A-Za-z][\w .()/&+-]*")  # a name that YAML accepts without quotes


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """An attribute as WizCommerce defines it.

    ``options``: the values that a ``select`` or ``multi_select`` accepts. ``labels``: label → value, for options that
    WizCommerce shows under a different label. ``mandatory``: each record must have the attribute.
    """

    name: str
    data_type: str
    options: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    mandatory: bool = False

    @property
    def has_options(self) -> bool:
        """Whether the attribute accepts only certain values."""
        return self.data_type in _CHOICES and bool(self.options)

    @property
    def shown_options(self) -> list[str]:
        """The options as WizCommerce shows them."""
        labels = {value: label for label, value in self.labels.items()}
        return [labels.get(option, option) for option in self.options]

    @property
    def unlimited(self) -> bool:
        """Whether the text may be longer than 255 characters."""
        return self.data_type in _UNLIMITED

    def choose(self, text: str) -> tuple[str, str | None]:
        """Return what is sent for the source's text, and the part of it that is not an option, if any.

        A value takes precedence over a label. Choices of a ``multi_select`` keep their separators.
        """
        value = self._value(text)
        if value is not None or self.data_type != "multi_select":
            return (text, text) if value is None else (value, None)
        parts = _SEPARATORS.split(text)
        chosen = {part: self._value(part) for part in parts[::2] if part}
        wrong = next((part for part, value in chosen.items() if value is None), None)
        return (text if wrong is not None else "".join(chosen.get(part) or part for part in parts)), wrong

    def _value(self, text: str) -> str | None:
        return text if text in self.options else self.labels.get(text)


Definitions = Mapping[Entity, Mapping[str, AttributeDefinition]]


def defined_columns(
    definitions: Definitions, wanted: Callable[[AttributeDefinition], bool]
) -> dict[Entity, frozenset[str]]:
    """Entity → the columns of its attributes whose definitions are ``wanted``."""
    return {
        entity: frozenset(f"{ATTRIBUTE_PREFIX}{name}" for name, definition in own.items() if wanted(definition))
        for entity, own in definitions.items()
    }


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _by_rule(rule: Callable[[pa.Array], pa.Array]) -> Callable[[str], bool]:
    return lambda text: bool(rule(pa.array([text]))[0].as_py())


# Data type → (which texts it accepts, its name, how to write one). Other types (text, long_text, html, file, and what
# the API may add) accept any text.
_TYPES: Mapping[str, tuple[Callable[[str], object], str, str]] = {
    "number": (
        re.compile(_NUMBER).fullmatch,
        "a number",
        "Enter only digits and a decimal point, such as 1234.50.",
    ),
    "percentage": (
        re.compile(rf"{_NUMBER}\s*%?").fullmatch,
        "a percentage",
        "Enter digits and a decimal point, such as 12.5.",
    ),
    "date_only": (
        _is_date,
        "a date",
        "Enter it as 2025-01-31, or use the `date` transform in the mapping to convert other formats.",
    ),
    "email": (_by_rule(is_email), "an email address", "Enter one email address, such as name@example.com."),
    "phone_e164": (
        _by_rule(is_phone),
        "an international phone number",
        "Enter + and the country code, digits only; the mapping's `phone` transform does that.",
    ),
    "checkbox": (
        re.compile("true|false", re.IGNORECASE).fullmatch,
        "a checkbox's value",
        "Enter true or false, or use `values` in the mapping to map other values.",
    ),
    "url": (_URL.fullmatch, "a web address", "Enter the whole URL, such as https://example.com."),
}


def used_attributes(tables: EntityTables) -> dict[Entity, list[str]]:
    """Entity → its attribute columns that have any value; entities without such a column are left out."""
    used = {
        entity: [name for name in frame.columns if name.startswith(ATTRIBUTE_PREFIX) and frame[name].notna().any()]
        for entity, frame in ((entity, tables.frame(entity)) for entity in ENTITIES)
    }
    return {entity: names for entity, names in used.items() if names}


def check_attributes(
    tables: EntityTables, sources: Sources, definitions: Definitions
) -> tuple[EntityTables, ProblemTable]:
    """The tables with the labels of options replaced by their values, and the problems of attributes.

    A problem is a value of an attribute that WizCommerce does not define, a value that does not fit, or a missing value
    of a mandatory attribute. For an entity without any definitions, one problem says that it cannot be checked.
    """
    parts = []
    frames = {entity: tables.frame(entity) for entity in ENTITIES}
    for entity, columns in used_attributes(tables).items():
        known = definitions.get(entity)
        if not known:
            parts.append(unchecked_attributes(entity))
            continue
        for column in columns:
            values, problems = _check(tables, sources, entity, column, known)
            parts.append(problems)
            if values is not None:
                frames[entity] = frames[entity].assign(**{column: values})
    for entity in ENTITIES:
        parts += _missing(tables, sources, entity, definitions.get(entity, {}))
    changed = replace(tables, customers=frames["customer"], addresses=frames["address"], contacts=frames["contact"])
    return changed, ProblemTable.concat(parts)


def unchecked_attributes(entity: Entity) -> ProblemTable:
    """The problem that says that an entity's attributes cannot be checked."""
    return ProblemTable.build(
        1,
        severity=Severity.INFO,
        code="attributes_unchecked",
        entity=entity,
        message=f"WizCommerce lists no attributes for {entity} records, so those of this import were not checked",
        hint="Check in WizCommerce that the attributes in the mapping exist.",
    )


def _check(
    tables: EntityTables, sources: Sources, entity: Entity, column: str, known: Mapping[str, AttributeDefinition]
) -> tuple["pd.Series[Any] | None", ProblemTable]:
    """The column with labels replaced by the values of their options (None: no labels), and its problems."""
    name = column.removeprefix(ATTRIBUTE_PREFIX)
    encoded = arrow(tables.frame(entity)[column]).dictionary_encode()
    texts, values = encoded.dictionary.to_pylist(), None
    definition = known.get(name)
    faults: Sequence[tuple[str, str] | None]
    if definition is None:
        code = "attribute_unknown"
        message = f"WizCommerce has no attribute '{name}' for {entity} records"
        advice = "Correct the name in the mapping, or create the attribute in WizCommerce first."
        faults = [(message, f"{_guess(name, list(known))}{advice}")] * len(texts)
    elif definition.has_options:
        code = "attribute_option"
        chosen = [definition.choose(text) for text in texts]
        faults = [None if wrong is None else _no_option(wrong, definition) for _, wrong in chosen]
        if any(value != text for (value, _), text in zip(chosen, texts, strict=True)):
            sent = pa.array([value for value, _ in chosen], pa.string()).take(encoded.indices)
            values = pd.Series(sent, index=tables.frame(entity).index, dtype=TEXT)
    else:
        code = "attribute_invalid"
        faults = [_fault(text, definition) for text in texts]
    wrong = np.array([*(fault is not None for fault in faults), False], dtype=np.bool_)
    codes = pc.fill_null(encoded.indices, len(faults)).to_numpy(zero_copy_only=False)
    records = np.flatnonzero(wrong[codes])
    if not len(records):
        return values, ProblemTable.empty()
    places = locate(tables, sources, entity, column, records)
    cells = pc.coalesce(places.cells, encoded.dictionary.take(encoded.indices.take(pa.array(records))))
    found = [faults[number] or ("", "") for number in codes[records]]
    messages, hints = ([words[part] for words in found] for part in (0, 1))
    return values, problems_at(
        tables, entity, column, records, places, code=code, value=cells, message=messages, hint=hints
    )


def _missing(
    tables: EntityTables, sources: Sources, entity: Entity, known: Mapping[str, AttributeDefinition]
) -> Iterator[ProblemTable]:
    """A problem for each record without a value of an attribute that is mandatory in WizCommerce."""
    frame = tables.frame(entity)
    for name in (name for name, definition in known.items() if definition.mandatory):
        column = f"{ATTRIBUTE_PREFIX}{name}"
        records = np.flatnonzero(frame[column].isna() if column in frame.columns else np.ones(len(frame)))
        places = locate(tables, sources, entity, column, records)
        filled = f"Fill in {name_with_article(entity, column)}, or set a `default`."
        key = name if _PLAIN_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)
        added = f"In the mapping, add `{key}: COLUMN` to the `attributes` under `{_SECTIONS[entity]}`."
        yield problems_at(
            tables,
            entity,
            column,
            records,
            places,
            code="attribute_missing",
            value=places.cells,
            message=f"The {entity} is missing the attribute '{name}', which is mandatory in WizCommerce",
            hint=pd.arrays.ArrowExtensionArray(pc.if_else(pc.is_valid(places.columns), filled, added)),
        )


def _no_option(text: str, definition: AttributeDefinition) -> tuple[str, str]:
    options = definition.shown_options
    listed = first_few(options, MOST_OPTIONS, text="'{}'".format)
    return (
        f"'{shortened(text, SHOWN)}' is not an option of the attribute '{definition.name}'",
        f"{_guess(text, options)}The options are {listed}; use `values` in the mapping to map other values.",
    )


def _fault(text: str, definition: AttributeDefinition) -> tuple[str, str] | None:
    accepts, name, advice = _TYPES.get(definition.data_type, (bool, "", ""))
    if not name or accepts(text):
        return None
    return f"'{shortened(text, SHOWN)}' is not {name}, as the attribute '{definition.name}' requires", advice


def _guess(text: str, known: Sequence[str]) -> str:
    found = process.extractOne(text, known, scorer=fuzz.ratio, processor=str.casefold, score_cutoff=NEAR)
    return f"Did you mean '{found[0]}'? " if found else ""
