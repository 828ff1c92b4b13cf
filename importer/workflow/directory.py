"""What the API knows by name: sales reps, price lists, and attribute definitions; and the file that stores them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import AwareDatetime, TypeAdapter, ValidationError
from rapidfuzz import fuzz, process

from importer.cell_text import fold
from importer.errors import UsageError
from importer.report.report_files import whole_file
from importer.tables import ENTITIES, Entity
from importer.validation.attributes import AttributeDefinition

NEAR = 75  # out of 100: minimum similarity of a name that is proposed
MOST_NEAR = 3
NAMES = {"sales_rep": "sales rep", "price_list": "price list"}
HINT = "Save it again: importer lookups save --api TARGET --to FILE."


@dataclass(frozen=True, slots=True)
class Known:
    """A sales rep or a price list. ``key``: the rep's email address or the list's reference ID; may be empty."""

    id: str
    key: str
    name: str
    active: bool = True

    @property
    def distinction(self) -> str:
        """What distinguishes it from others with the same name."""
        return (self.key or self.id) + ("" if self.active else " (inactive)")


@dataclass(frozen=True)
class Directory:
    """``known``: kind of lookup → all entries that exist. ``attributes``: entity → definitions by name.

    Kinds and entities that were not read are absent. An entity without attributes has an empty mapping.
    """

    known: Mapping[str, tuple[Known, ...]] = field(default_factory=dict)
    attributes: Mapping[Entity, Mapping[str, AttributeDefinition]] = field(default_factory=dict)

    def find(self, kind: str, text: str) -> Sequence[Known]:
        """The entries that ``text`` may mean: none, one, or several with the same name.

        IDs are tried first, then email addresses or reference IDs, and then names, which may have the last name first
        (``de la Cruz, Maria``). Case and surplus spaces are ignored.
        """
        ids, keys, names = self._indexes[kind]
        sought = fold(text)
        last, _, first = sought.partition(",")
        tries = ((ids, sought), (keys, sought), (names, sought), (names, fold(f"{first} {last}")))
        return next((index[words] for index, words in tries if words in index), ())

    def nearest(self, kind: str, text: str) -> list[str]:
        """The names (or email addresses, or reference IDs) that are most similar to ``text``, the nearest first."""
        everyone = self.known[kind]
        spellings = {word: fold(word) for one in everyone for word in (one.name, one.key) if word}
        near = process.extract(fold(text), spellings, scorer=fuzz.token_sort_ratio, score_cutoff=NEAR, limit=MOST_NEAR)
        return [word for _, _, word in near]

    @cached_property
    def _indexes(self) -> Mapping[str, tuple[Mapping[str, list[Known]], ...]]:
        return {
            kind: (
                _index((one.id, one) for one in everyone),
                _index((one.key, one) for one in everyone),
                _index((one.name, one) for one in everyone),
            )
            for kind, everyone in self.known.items()
        }


@dataclass(frozen=True)
class Needs:
    """The content of a :class:`Directory` that some records need.

    ``lookups``: kinds of lookup. ``attributes``: entities whose records have attributes. ``entities``: entities with
    records, which may lack a mandatory attribute.
    """

    lookups: frozenset[str]
    attributes: frozenset[Entity]
    entities: frozenset[Entity]


def _index(items: Iterable[tuple[str, Known]]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = {}
    for text, one in items:
        same = found.setdefault(fold(text), [])
        if text and one not in same:
            same.append(one)
    return {text: same for text, same in found.items() if same}


def known_reps(items: Iterable[Mapping[str, Any]]) -> tuple[Known, ...]:
    return tuple(
        Known(
            str(item["id"]),
            str(item.get("email") or ""),
            " ".join(str(part) for part in (item.get("first_name"), item.get("last_name")) if part),
            _active(item),
        )
        for item in items
        if item.get("id")
    )


def known_price_lists(items: Iterable[Mapping[str, Any]]) -> tuple[Known, ...]:
    return tuple(
        Known(str(item["id"]), str(item.get("reference_id") or ""), str(item.get("name") or ""), _active(item))
        for item in items
        if item.get("id")
    )


def definitions(items: Iterable[Mapping[str, Any]]) -> dict[str, AttributeDefinition]:
    """Attribute definitions as the API lists them, by name."""
    return {
        str(item["name"]): AttributeDefinition(
            str(item["name"]),
            str(item.get("data_type") or ""),
            *_options(item),
            mandatory=item.get("is_mandatory") is True,
        )
        for item in items
        if item.get("name")
    }


def _options(item: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The values that an attribute takes, and label → value where the two differ.

    An option is a text, or has a label and a value. The options are in ``options``, ``configuration.options``, or both.
    A label with two values is left out.
    """
    configuration = item.get("configuration")
    configured = configuration.get("options") if isinstance(configuration, Mapping) else None
    both = [options for options in (configured, item.get("options")) if isinstance(options, list)]
    listed = [option for options in both for option in options]
    pairs = [(option.get("label"), option.get("value")) for option in listed if isinstance(option, Mapping)]
    values: dict[str, None] = {}
    labels: dict[str, set[str]] = {}
    for label, own in pairs:
        value = label if own in (None, "") else own
        if value not in (None, ""):
            values[str(value)] = None
            labels.setdefault(str(value if label in (None, "") else label), set()).add(str(value))
    texts = (str(option) for option in listed if not isinstance(option, Mapping) and option not in (None, ""))
    values |= dict.fromkeys(text for text in texts if text not in labels)
    known = {label: own.pop() for label, own in labels.items() if len(own) == 1}
    return tuple(values), {label: value for label, value in known.items() if label != value}


def _active(item: Mapping[str, Any]) -> bool:
    return item.get("status") != "inactive"


@dataclass(frozen=True)
class Snapshot:
    """The content of the file: the directory, the host that it is from (``api``), and when it was saved."""

    format: Literal["importer lookups 1"]
    api: str
    saved: AwareDatetime
    directory: Directory

    def described(self, now: datetime) -> dict[str, Any]:
        saved = self.saved.isoformat(timespec="seconds").replace("+00:00", "Z")
        return {"api": self.api, "saved": saved, "age_seconds": max(0, int((now - self.saved).total_seconds()))}


_FILE = TypeAdapter(Snapshot)


def write_lookups(path: Path, snapshot: Snapshot) -> None:
    """Write the file, readable only by its owner. Raises :class:`OutputError`."""
    with whole_file(path) as file:
        file.write(orjson.dumps(_FILE.dump_python(snapshot, mode="json"), option=orjson.OPT_INDENT_2))


def load_lookups(path: Path) -> Snapshot:
    """Read what :func:`write_lookups` wrote. Raises :class:`UsageError` for any other file."""
    try:
        snapshot = _FILE.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file", f"Check --lookups. {HINT}") from None
    except OSError as error:
        raise UsageError(f"{path}: the lookups cannot be read: {error.strerror}", HINT) from error
    except ValidationError as error:
        raise UsageError(f"{path} is not a file from `importer lookups save`, or it is incomplete", HINT) from error
    if snapshot.directory.known.keys() != NAMES.keys() or snapshot.directory.attributes.keys() != set(ENTITIES):
        raise UsageError(f"{path} is not a file from `importer lookups save`, or it is incomplete", HINT)
    return snapshot
