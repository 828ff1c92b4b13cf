"""A field by itself fails where it fails within the whole table's schema."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from importer.tables import ENTITIES, TEXT, Entity
from importer.validation.schemas import FIELDS, SCHEMAS, failures

FAULTS = [
    "",
    " ",
    "\u00a0",
    "a\nb",
    "a\x01b",
    "a\u2028b",
    "a\x85",
    "\ufffd",
    "1E+05",
    "A-1.5E+10",
    "x" * 51,
    "\u00e9" * 256,
]
SOUND = ["Marlow", "+14155550132", "a@example.com", "US", "billing", "00f8d1a2-0000-4000-8000-00c0ffee0000", "\u00c5bo"]
FIELDS_OF = [(entity, field) for entity in ENTITIES for field in FIELDS[entity] if field != "is_default"]


def by_the_table(entity: Entity, field: str, texts: list[str | None]) -> set[tuple[str, int]]:
    """(code, position) of all that the whole table's schema finds in a column."""
    try:
        SCHEMAS[entity].validate(pd.DataFrame({field: pd.Series(texts, dtype=TEXT)}), lazy=True)
    except SchemaErrors as found:
        cases: Any = found.failure_cases
        codes = cases["check"].replace("not_nullable", "required")
        return set(zip(codes, cases["index"].astype(int), strict=True))
    return set()


@pytest.mark.parametrize(
    ("entity", "field"), [*FIELDS_OF, ("customer", "attributes.Tier"), ("contact", "attributes.a.b")]
)
@settings(deadline=None, max_examples=20)
@given(texts=st.lists(st.none() | st.sampled_from([*FAULTS, *SOUND]) | st.text(max_size=6), max_size=20))
def test_each_field_alone(entity: Entity, field: str, texts: list[str | None]) -> None:
    found = failures(entity, field, pa.array(texts, pa.string()))
    alone = {(code, int(position)) for code, positions in found.items() for position in positions}
    assert alone == by_the_table(entity, field, texts)
