"""The API's contract as pandera schemas, one per table.

A schema is run on the distinct values of one column at a time (:func:`failures`): that keeps the failure cases as
small as the data is varied, and what is slow (e-mail addresses) is done once per value.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc
from pandera.errors import SchemaErrors

from importer.tables import ADDRESS_FIELDS, ATTRIBUTE_PREFIX, CONTACT_FIELDS, CUSTOMER_FIELDS, TEXT, Entity
from importer.validation import column_rules as rules
from importer.validation.field_places import arrow

__all__ = ["FIELDS", "REQUIRED", "SCHEMAS", "failures", "max_length"]

FIELDS: dict[Entity, tuple[str, ...]] = {
    "customer": CUSTOMER_FIELDS,
    "address": ADDRESS_FIELDS,
    "contact": CONTACT_FIELDS,
}
REQUIRED: dict[Entity, frozenset[str]] = {
    "customer": frozenset({"reference_id", "company_name"}),
    "address": frozenset({"reference_id", "address_line_1", "city", "type"}),
    "contact": frozenset({"reference_id", "first_name"}),
}


def max_length(field: str) -> int:
    """The most characters (not bytes) that the API takes in a field."""
    return 50 if field == "city" else 255


@contextmanager
def _unfound(name: str) -> Iterator[None]:
    """While the block runs, an import of this module fails, unless it is there already."""
    absent = name not in sys.modules
    if absent:
        sys.modules[name] = None  # type: ignore[assignment]  # as the import system has it
    try:
        yield
    finally:
        if absent:
            del sys.modules[name]


with _unfound("hypothesis"):  # at its first use pandera loads it, to make up data: a fifth of a short check
    pandera.SeriesSchema().validate(pd.Series(dtype=TEXT))

Rule = Callable[[pa.Array], pa.Array]
_NOT_TEXT = frozenset({"is_default"})  # the column's type is all there is to check
_ATTRIBUTES = rf"^{ATTRIBUTE_PREFIX.replace('.', chr(92) + '.')}"
_FORMS: dict[str, tuple[str, Rule]] = {
    "phone": ("invalid_phone", rules.is_phone),
    "email": ("invalid_email", rules.is_email),
    "type": ("invalid_type", rules.is_type),
    "country": ("invalid_country", rules.is_country),
    "zip_code": ("excel_damaged", rules.is_whole_number),
    "assigned_price_list_id": ("invalid_uuid", rules.is_uuid),
    "assigned_sales_rep_ids": ("invalid_uuid", rules.is_uuid),
}


def _check(code: str, rule: Rule) -> pandera.Check:
    """A pandera check whose name is the problem's code, working on the Arrow data of the column as a whole."""

    def run(column: pd.Series) -> pd.Series | bool:
        texts = arrow(column)
        verdict = rule(texts.drop_null())
        if pc.all(verdict, min_count=0).as_py():  # as nearly always, and pandera need not look at each value
            return True
        passed = np.ones(len(texts), dtype=np.bool_)
        passed[texts.is_valid().to_numpy(zero_copy_only=False)] = verdict
        return pd.Series(passed, index=column.index)

    return pandera.Check(run, name=code, ignore_na=False)  # pandera would copy the column for each check


def _checks(entity: Entity, field: str, *, required: bool, one_line: bool = True) -> Iterator[pandera.Check]:
    if required:
        yield _check("required", rules.is_filled)
    yield _check("too_long", partial(rules.no_longer_than, limit=max_length(field)))
    yield _check("control_character", rules.is_printable)
    if one_line:
        yield _check("line_break", rules.is_one_line)
    yield _check("replacement_character", rules.keeps_its_letters)
    if field in _FORMS:
        yield _check(*_FORMS[field])
    if field == "reference_id":
        # A child's own id is one cell, and one made from its customer's id must not repeat the customer's problem.
        rule = rules.is_whole_composite_id if entity == "customer" else rules.is_whole_number
        yield _check("excel_damaged", rule)


def _schema(entity: Entity) -> pandera.DataFrameSchema:
    columns: dict[str, pandera.Column] = {}
    for field in FIELDS[entity]:
        if field not in _NOT_TEXT:
            required = field in REQUIRED[entity]
            checks = list(_checks(entity, field, required=required))
            columns[field] = pandera.Column(TEXT, checks, nullable=not required, required=False)
    checks = list(_checks(entity, "", required=False, one_line=False))
    columns[_ATTRIBUTES] = pandera.Column(TEXT, checks, nullable=True, required=False, regex=True)
    return pandera.DataFrameSchema(columns, name=entity)


SCHEMAS: dict[Entity, pandera.DataFrameSchema] = {
    "customer": _schema("customer"),
    "address": _schema("address"),
    "contact": _schema("contact"),
}


@cache
def _of_field(entity: Entity, name: str) -> pandera.SeriesSchema:
    """A column of the table's schema by itself: in a frame of its own it would cost three times as much."""
    column = SCHEMAS[entity].columns[name]
    return pandera.SeriesSchema(column.dtype, column.checks, nullable=column.nullable)


def failures(entity: Entity, field: str, values: pa.Array) -> dict[str, npt.NDArray[np.int64]]:
    """Problem code → positions in ``values`` (text, best distinct) that break that rule of ``field``."""
    schema = _of_field(entity, _ATTRIBUTES if field.startswith(ATTRIBUTE_PREFIX) else field)
    try:
        schema.validate(pd.Series(pd.arrays.ArrowExtensionArray(values)), lazy=True, inplace=True)
    except SchemaErrors as found:
        failed: dict[str, npt.NDArray[np.int64]] = {}
        for error in found.schema_errors:
            code = "required" if error.check == "not_nullable" else error.check.name
            positions = error.failure_cases["index"].to_numpy(dtype=np.int64)
            failed[code] = np.concatenate([failed[code], positions]) if code in failed else positions
        return failed
    return {}
