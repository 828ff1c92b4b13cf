"""Every field has the rules that all texts share, and its own rules."""

import pyarrow as pa
import pytest

from importer.tables import ENTITIES, FIELDS, Entity
from importer.validation.schemas import REQUIRED, failures, max_length

FAULTS = {
    "required": ["", " ", "\u00a0", None],
    "too_long": ["x" * 51, "\u00e9" * 256],
    "control_character": ["a\x01b"],
    "line_break": ["a\nb", "a\u2028b", "a\x85"],
    "replacement_character": ["\ufffd"],
}
SOUND = ["Marlow", "\u00c5bo", "x" * 50]
TEXTS = [*SOUND, *(text for texts in FAULTS.values() for text in texts)]
FIELDS_OF = [(entity, field) for entity in ENTITIES for field in FIELDS[entity] if field != "is_default"]


@pytest.mark.parametrize(
    ("entity", "field"), [*FIELDS_OF, ("customer", "attributes.Tier"), ("contact", "attributes.a.b")]
)
def test_every_field_has_the_general_text_rules(entity: Entity, field: str) -> None:
    found = failures(entity, field, pa.array(TEXTS, pa.string()))
    texts = {code: [TEXTS[position] for position in positions] for code, positions in found.items()}
    expected = {**FAULTS, "too_long": [text for text in FAULTS["too_long"] if len(text or "") > max_length(field)]}
    if field not in REQUIRED[entity]:
        del expected["required"]
    if "." in field:
        del expected["line_break"]
    assert {code: sorted(found, key=str) for code, found in texts.items() if code in FAULTS} == {
        code: sorted(wrong, key=str) for code, wrong in expected.items()
    }


@pytest.mark.parametrize(
    ("entity", "field", "text", "code"),
    [
        ("customer", "reference_id", "A-1.5E+10", "excel_damaged"),
        ("address", "reference_id", "1E+05", "excel_damaged"),
        ("address", "zip_code", "1E+05", "excel_damaged"),
        *((entity, "phone", "555", "invalid_phone") for entity in ENTITIES),
        *((entity, "email", "ann", "invalid_email") for entity in ENTITIES),
        ("address", "type", "both", "invalid_type"),
        ("address", "country", "USA", "invalid_country"),
        ("customer", "assigned_price_list_id", "Retail", "invalid_uuid"),
    ],
)
def test_some_fields_have_a_format(entity: Entity, field: str, text: str, code: str) -> None:
    assert {name: list(positions) for name, positions in failures(entity, field, pa.array([None, text])).items()} == {
        **({"required": [0]} if field in REQUIRED[entity] else {}),
        code: [1],
    }


def test_child_id_is_not_mistaken_for_a_damaged_number() -> None:
    assert failures("address", "reference_id", pa.array(["A-1.5E+10"])) == {}
