"""Bodies in words for people, and problems in words for the owner of the data.

The latter do without the options, files, and names that only the importer has.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from importer.catalogue import find
from importer.catalogue.field_names import FIELD_NAMES, field_name
from importer.report.word_counts import LOOKED_UP
from importer.tables import ATTRIBUTE_PREFIX, CHILD_ENTITIES, TEXT, Entity

# What an owner of the data does not know: code, options, the mapping language, file formats.
_TECHNICAL = re.compile(
    r"`|--\w|\w_\w|\b(?:mappings?|API|JSON|YAML|CSV|importer|ledger|UTF-8|encoding|exit code|UUID|E\.164|ISO)\b|[{}]",
    re.IGNORECASE,
)

_OF_THE_LIST = re.compile(r"'[^']*'|\"[^\"]*\"|\S+\.(?:csv|txt|tsv|xlsx?|ods)\S*", re.IGNORECASE)  # cells and places
_YES = {True: "yes", False: "no"}
# The hints of these codes say how to write a text file. The fixes for the owner say what to do in a workbook.
ABOUT_TEXT_FILES = frozenset({"row_too_long", "row_split", "quote_unclosed", "quote_inside"})
_UNSEEN = frozenset({"reference_id", "type", "is_default"})  # of a child: its title has them, or nobody needs them


def is_plain(text: str) -> bool:
    """Whether an owner of the data understands the text. Quoted cells and file names in it do not matter."""
    return not _TECHNICAL.search(_OF_THE_LIST.sub("", text))


def owner_words(code: str, message: str, hint: str) -> tuple[str, str, str]:
    """(title, message, hint) of a problem. The title replaces a message that is too technical, ``""`` such a hint."""
    title = owner_title(code)
    plain = is_plain(hint) and code not in ABOUT_TEXT_FILES
    return title, message if is_plain(message) else title, hint if plain else ""


def in_owner_words(problems: pd.DataFrame) -> pd.DataFrame:
    """The problems (columns ``code``, ``message``, ``hint``) in words that the owner of the data understands."""
    keys = [problems[name].fillna("") for name in ("code", "message", "hint")]
    said = [owner_words(code, message, hint) for code, message, hint in zip(*keys, strict=True)]
    hints = [hint or owner_fix(code) for code, (_, _, hint) in zip(keys[0], said, strict=True)]
    words = {"message": [message for _, message, _ in said], "hint": hints}
    return problems.assign(
        **{name: pd.Series(texts, index=problems.index, dtype=TEXT) for name, texts in words.items()}
    )


def in_workbook_words(problems: pd.DataFrame) -> pd.DataFrame:
    """The problems (columns ``code`` and ``hint``), with hints that say what to do in a workbook."""
    hints = [owner_fix(code) if code in ABOUT_TEXT_FILES else hint for code, hint in problems[["code", "hint"]].values]
    return problems.assign(hint=pd.Series(hints, index=problems.index, dtype=TEXT))


def owner_title(code: str) -> str:
    """A heading that says what is wrong."""
    entry = find(code)
    return "Something to review" if entry is None else entry.owner_title or entry.title


def owner_fix(code: str) -> str:
    """What the owner of the data should do about a problem."""
    entry = find(code)
    return "Review the cell, and correct it if it is wrong." if entry is None else entry.owner or entry.fix


def records_of(body: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[Entity, dict[str, str]]]:
    """The customer, then its addresses and contacts, each with its filled fields; attributes as ``attributes.Color``.

    A sales rep or a price list that has not been looked up yet is the text to look up. ``names``: ID → name of a sales
    rep or price list.
    """
    customer = _fields(body)
    for field in LOOKED_UP:
        if field in customer:
            customer[field] = ", ".join(names.get(one, one) for one in customer[field].split(", "))
    yield "customer", customer
    for kind, entity in CHILD_ENTITIES.items():
        for record in body.get(kind, ()):
            yield entity, _fields(record)


def _fields(record: Mapping[str, Any]) -> dict[str, str]:
    own = {name: _text(value) for name, value in record.items() if name not in {*CHILD_ENTITIES, "attributes"}}
    more = {f"{ATTRIBUTE_PREFIX}{item['name']}": _text(item["value"]) for item in record.get("attributes", ())}
    return own | more


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _YES[value]
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, Mapping):  # {"$lookup": {kind: text}}
        return _text(next(iter(next(iter(value.values())).values())))
    return str(value)


def in_reading_order(entity: Entity, names: Iterator[str] | list[str]) -> list[str]:
    """Fields in the order in which people read them, attributes last."""
    place = {name: number for number, name in enumerate(FIELD_NAMES[entity])}
    return sorted(names, key=lambda name: place.get(name, len(place)))


def readable(body: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The title of each record, and the name and text of each field, such as ``City`` and ``Austin``."""
    out = []
    for entity, fields in records_of(body, names):
        shown = [
            name for name in in_reading_order(entity, list(fields)) if not (entity != "customer" and name in _UNSEEN)
        ]
        out.append((_title(entity, fields), [(field_name(entity, name), fields[name]) for name in shown]))
    return out


def _title(entity: Entity, fields: Mapping[str, str]) -> str:
    if entity == "customer":
        return "Customer"
    kind = f"{fields['type']} {entity}" if fields.get("type") else entity
    return kind.capitalize() + (" (default)" if fields.get("is_default") == "yes" else "")
