"""The sales reps, price lists, and attribute definitions of a sandbox. The included ones are invented."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

_INVENTED = Path(__file__).with_name("fixtures.json")


@dataclass(frozen=True)
class Fixtures:
    """Records as the API lists them; reps and price lists also by ID (in lowercase), attributes by entity and name."""

    sales_reps: tuple[dict[str, Any], ...]
    price_lists: tuple[dict[str, Any], ...]
    attributes: tuple[dict[str, Any], ...]

    @cached_property
    def rep_by_id(self) -> dict[str, dict[str, Any]]:
        return _by_id(self.sales_reps)

    @cached_property
    def price_list_by_id(self) -> dict[str, dict[str, Any]]:
        return _by_id(self.price_lists)

    @cached_property
    def attributes_by_entity(self) -> dict[str, dict[str, dict[str, Any]]]:
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for definition in self.attributes:
            found.setdefault(definition.get("entity", ""), {})[definition.get("name", "")] = definition
        return found


def _by_id(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {record["id"].lower(): record for record in records}


def load_fixtures(path: Path | None) -> Fixtures:
    """Read ``sales_reps``, ``price_lists``, and ``attributes`` from a JSON file. Missing ones stay as invented.

    Raises ValueError if the file cannot be read or contains something else.
    """
    # There are no invented attributes: with any list, the attributes of a company's own mapping would be unknown.
    invented: dict[str, list[Any]] = orjson.loads(_INVENTED.read_bytes())
    given = {} if path is None else _read(path, tuple(invented))
    return Fixtures(*(tuple(records) for records in (invented | given).values()))


def _read(path: Path, kinds: tuple[str, ...]) -> dict[str, list[Any]]:
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"the sandbox's fixtures {path} cannot be read: {error}") from error
    if type(document) is not dict or not document.keys() <= set(kinds):
        raise ValueError(f"the sandbox's fixtures {path} must be an object with {', '.join(kinds)}")
    for kind, records in document.items():
        if any(type(record) is not dict or type(record.get("id")) is not str for record in records):
            raise ValueError(f"the sandbox's fixtures {path}: each entry of {kind} needs an ID")
    return document
