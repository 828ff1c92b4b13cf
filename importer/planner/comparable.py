"""Customers and their children by field: what two records are compared by.

Bodies are those that create a customer; :func:`importer.planner.compare.body_of` makes one of what the API shows. The
order of ids and attributes does not count, nor the case of ids.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from importer.planner.compare import VANISHED, as_text
from importer.tables import ChildKind

__all__ = ["KINDS", "Body", "Path", "child_names", "content", "path_text"]

Body = Mapping[str, Any]
Path = tuple[str, ...]

KINDS: tuple[ChildKind, ...] = ("addresses", "contacts")


def content(record: Body) -> dict[Path, Any]:
    """The record's own fields and attributes, without its id and its children; a null is as good as nothing."""
    found: dict[Path, Any] = {}
    for name, value in record.items():
        if name in (*KINDS, "id", VANISHED) or value is None:
            continue
        if name == "attributes":
            found |= {(name, item["name"]): as_text(item["value"]) for item in value}
        else:
            found[(name,)] = _value(name, value)
    return found


def child_names(children: Sequence[Body] | None) -> list[str]:
    """The name of each child: its reference id, else its id; its number where that is taken."""
    found: dict[str, None] = {}
    for number, child in enumerate(children or ()):
        names = (child.get("reference_id"), child.get("id"), f"#{number + 1}")
        found[next(str(name) for name in names if name and str(name) not in found)] = None
    return list(found)


def path_text(path: Path) -> str:
    """A path as a person reads it: ``addresses[A1].city``, ``attributes[Color]``."""
    text, names = "", iter(path)
    for name in names:
        text += f"{'.' if text else ''}{name}"
        if name == "attributes" or (name in KINDS and text == name):
            text += f"[{next(names, '')}]"
    return text


def _value(name: str, value: Any) -> Any:
    if name == "assigned_sales_rep_ids":
        return sorted({item.lower() for item in value})
    return value.lower() if name == "assigned_price_list_id" else value
