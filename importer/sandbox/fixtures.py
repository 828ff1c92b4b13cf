"""The sales reps, price lists and attribute definitions that a sandbox knows. All of them are invented."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

__all__ = ["Fixtures", "load_fixtures"]

_SPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
_STAMPS = {"created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z"}
_REPS = (
    ("Robin", "Vale", "active"),
    ("Sam", "Okoro", "active"),
    ("Ines", "Duarte", "active"),
    ("Kim", "Larsen", "active"),
    ("Pat", "Former", "inactive"),
)
_PRICE_LISTS = (
    ("Wholesale", "PRC-WHOLESALE", "USD", "active"),
    ("Retail", "PRC-RETAIL", "USD", "active"),
    ("Europe", "PRC-EUROPE", "EUR", "active"),
    ("Closed 2019", "PRC-2019", "USD", "inactive"),
)


@dataclass(frozen=True)
class Fixtures:
    """Records as the API lists them; reps and price lists by id (in lower case), attributes by entity and name."""

    sales_reps: tuple[dict[str, Any], ...]
    price_lists: tuple[dict[str, Any], ...]
    attributes: tuple[dict[str, Any], ...]
    rep_by_id: dict[str, dict[str, Any]] = field(init=False, repr=False)
    price_list_by_id: dict[str, dict[str, Any]] = field(init=False, repr=False)
    attributes_by_entity: dict[str, dict[str, dict[str, Any]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rep_by_id", _by_id(self.sales_reps))
        object.__setattr__(self, "price_list_by_id", _by_id(self.price_lists))
        by_entity: dict[str, dict[str, dict[str, Any]]] = {}
        for definition in self.attributes:
            by_entity.setdefault(definition.get("entity", ""), {})[definition.get("name", "")] = definition
        object.__setattr__(self, "attributes_by_entity", by_entity)


def _by_id(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {record["id"].lower(): record for record in records}


def _id(*parts: str) -> str:
    """The same id for the same record in every sandbox, so that what was sent yesterday still fits."""
    return str(uuid.uuid5(_SPACE, "/".join(parts)))


def _invented() -> Fixtures:
    reps = [
        {
            "id": _id("rep", first, last),
            "email": f"{first}.{last}@example.com".lower(),
            "first_name": first,
            "last_name": last,
            "phone": f"+1415555010{number}",
            "department": "Sales",
            "status": status,
            **_STAMPS,
        }
        for number, (first, last, status) in enumerate(_REPS)
    ]
    price_lists = [
        {
            "id": _id("price list", name),
            "reference_id": reference_id,
            "name": name,
            "description": f"{name} prices",
            "currency": currency,
            "status": status,
            **_STAMPS,
        }
        for name, reference_id, currency, status in _PRICE_LISTS
    ]
    # No attributes: those of a firm's own mapping are as good as any here, and a list would call them unknown.
    return Fixtures(tuple(reps), tuple(price_lists), ())


def load_fixtures(path: Path | None) -> Fixtures:
    """Read ``sales_reps``, ``price_lists`` and ``attributes`` from a JSON file; what it leaves out stays as invented.

    Raises ValueError when the file cannot be read or holds something else.
    """
    invented = _invented()
    if path is None:
        return invented
    kinds = ("sales_reps", "price_lists", "attributes")
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"the sandbox's fixtures {path} cannot be read: {error}") from error
    if type(document) is not dict or not document.keys() <= set(kinds):
        raise ValueError(f"the sandbox's fixtures {path} must be an object with {', '.join(kinds)}")
    for kind in kinds:
        for record in document.get(kind, ()):
            if type(record) is not dict or type(record.get("id")) is not str:
                raise ValueError(f"the sandbox's fixtures {path}: each entry of {kind} needs an id")
    return Fixtures(*(tuple(document.get(kind, getattr(invented, kind))) for kind in kinds))
