"""What the API's contract says of each field, as data. Source: the API's public reference."""

from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, Entity

__all__ = ["FIELDS", "REQUIRED", "max_length"]

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
