"""What the API knows by name: sales reps, price lists and the definitions of attributes."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rapidfuzz import fuzz, process

from importer.tables import Entity
from importer.validation import AttributeDefinition

__all__ = ["Directory", "Known", "Needs", "definitions", "fold", "known_price_lists", "known_reps"]

NEAR = 75  # of 100: what a name must at least have in common with another to be proposed for it
MOST_NEAR = 3


@dataclass(frozen=True, slots=True)
class Known:
    """A sales rep or a price list. ``key``: the rep's e-mail address, the list's reference id; may be empty."""

    id: str
    key: str
    name: str
    active: bool = True

    @property
    def told_apart(self) -> str:
        """What tells it from another one of the same name."""
        return (self.key or self.id) + ("" if self.active else " (inactive)")


@dataclass(frozen=True)
class Directory:
    """``known``: kind of lookup → all that there are. ``attributes``: entity → definitions, by their names.

    What was not asked for is absent; an entity for which the API lists no attributes has none.
    """

    known: Mapping[str, tuple[Known, ...]] = field(default_factory=dict)
    attributes: Mapping[Entity, Mapping[str, AttributeDefinition]] = field(default_factory=dict)

    def find(self, kind: str, text: str) -> Sequence[Known]:
        """Who may be meant by ``text``: one, none, or several of one name.

        An id goes before an e-mail address or reference id, and those before a name, which may be written with the
        last name first (``de la Cruz, Maria``). Case and spaces do not count.
        """
        ids, keys, names = self._indexes[kind]
        sought = fold(text)
        last, _, first = sought.partition(",")
        tries = ((ids, sought), (keys, sought), (names, sought), (names, fold(f"{first} {last}")))
        return next((index[words] for index, words in tries if words in index), ())

    def nearest(self, kind: str, text: str) -> list[str]:
        """Names (or e-mail addresses and reference ids) that ``text`` may have been meant for, the nearest first."""
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
    """What of a :class:`Directory` some records refer to.

    ``lookups``: kinds of lookup. ``attributes``: entities whose records have attributes. ``entities``: those of which
    there are records, which may lack a mandatory attribute.
    """

    lookups: frozenset[str]
    attributes: frozenset[Entity]
    entities: frozenset[Entity]


def fold(text: str) -> str:
    """A name as it is compared: without case, forms of letters and surplus white space."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _index(items: Iterable[tuple[str, Known]]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = {}
    for text, one in items:
        same = found.setdefault(fold(text), [])
        if text and one not in same:
            same.append(one)
    return {text: same for text, same in found.items() if same}


def known_reps(items: Iterable[Mapping[str, Any]]) -> tuple[Known, ...]:
    """Sales reps as the API lists them."""
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
    """Price lists as the API lists them."""
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

    Options are texts, or a label and a value each; at ``options``, at ``configuration.options``, or at both. A label
    of two values stands for neither.
    """
    configuration = item.get("configuration")
    configured = configuration.get("options") if isinstance(configuration, Mapping) else None
    listed = [option for options in (configured, item.get("options")) for option in _listed(options)]
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


def _listed(options: Any) -> Sequence[Any]:
    return options if isinstance(options, list) else ()


def _active(item: Mapping[str, Any]) -> bool:
    return item.get("status") != "inactive"
