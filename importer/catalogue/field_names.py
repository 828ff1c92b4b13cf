"""The names of WizCommerce's fields for people, in the data owner's reports, sign-off sheets, notes, and the page."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files

from importer.tables import ATTRIBUTE_PREFIX

FIELD_NAMES: Mapping[str, Mapping[str, str]] = tomllib.loads(
    files(__package__).joinpath("field_names.toml").read_text(encoding="utf-8")
)
# The parts of an address that get separate columns if one cell could not be split.
ADDRESS_PARTS = ("address_line_1", "address_line_2", "city", "state", "zip_code", "country")
_HEADERS = {"address_line_1": "Street", "address_line_2": "Street 2", "zip_code": "Postal code"}


def field_name(entity: str, field: str) -> str:
    """The name of a field for people: ``zip_code`` is ``ZIP/postal code``; a custom attribute has its own name."""
    return FIELD_NAMES.get(entity, {}).get(field) or field.removeprefix(ATTRIBUTE_PREFIX)


def full_field_name(entity: str, field: str) -> str:
    """The field's name with its owner (``Address: City``); a customer's own fields have only their name."""
    name = field_name(entity, field)
    return name if entity == "customer" else with_owner(entity.capitalize(), name)


def with_owner(owner: str, name: str) -> str:
    """A name with its owner: ``Address: City``. If the name begins with its owner, it stays: ``Address line 2``."""
    return name if name.casefold().startswith(f"{owner.casefold()} ") else f"{owner}: {name}"


def in_sentence(name: str) -> str:
    """A field's name as it is written within a sentence: ``address line 2``, ``ZIP/postal code``."""
    return name if name.startswith("ZIP") else f"{name[:1].lower()}{name[1:]}"


def name_with_article(entity: str, field: str) -> str:
    """The field's name with an article: ``the city``, ``the contact's phone``, ``the address attribute Color``."""
    name = field_name(entity, field)
    if field.startswith(ATTRIBUTE_PREFIX):
        return f"the {entity} attribute {name}"
    if field == "is_default":
        return f"the {entity}"
    name = in_sentence(name)
    if field in {"address_line_1", "address_line_2"}:
        return name
    if entity == "contact" and field != "reference_id":
        return f"the contact's {name}"
    of_address = entity == "address" and field in {"type", "first_name", "last_name", "phone", "email"}
    return f"the address {name}" if of_address else f"the {name}"


def part_column(column: str, field: str) -> str:
    """The header of the column for one part of the addresses in ``column``: ``Ship address > City``."""
    return f"{column} > {_header(field)}"


def is_part_column(header: str, headers: Iterable[str]) -> bool:
    """Whether ``header`` is a :func:`part_column` of one of ``headers``."""
    column, _, name = header.rpartition(" > ")
    return name in map(_header, ADDRESS_PARTS) and column in headers


def _header(field: str) -> str:
    """The name of a part in its column's header. It must not change, because existing files have it."""
    return _HEADERS.get(field) or field_name("address", field)
