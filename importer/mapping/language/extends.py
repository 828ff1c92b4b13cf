"""Mappings that extend another one: what a file says laid onto what its base says.

A table is merged with the base's key by key; a text, a list, and a field that says where it comes from take the place
of the base's. ``null`` takes out what the base has; ``...`` in a list stands for the base's items; a table with
numbers in the place of a list changes its items.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from importer.errors import MappingError
from importer.mapping.language.yaml_source import Part

__all__ = ["EXTENDS", "INHERITED", "functions", "lay_onto"]

EXTENDS = "extends"
INHERITED = "..."  # an item of a list: the base's items stand here
_NAMED = frozenset({"tables", "attributes", "values"})  # tables whose keys are names that people give
_WHOLE = frozenset({"from", "constant", "flags", "column", "only", "any", "all"})  # say where it comes from: all anew


def lay_onto(base: Part, own: Part) -> Part:
    """The mapping ``own`` with everything that it leaves to its base. Raises :class:`MappingError` with file and line.

    Python functions that the base names are found from the folder of ``own``.
    """
    return base if base.table is None else _merged(_moved(base, own.path.parent), own)


def _merged(base: Part, own: Part, *, named: bool = False) -> Part:
    if own.items is not None:
        return replace(own, value=list(_spliced(base, own.items)))
    if own.table is None or (not named and own.table.keys() & _WHOLE):
        return own
    if base.items and all(item.table is not None for item in base.items):
        return replace(base, value=_renumbered(base.items, own.table))
    if base.table is None:  # the short form of a field, of which something else is changed
        base = replace(base, value={"from": base})
    return replace(own, value=_tables(base.table or {}, own.table))


def _tables(base: dict[str, Part], own: dict[str, Part]) -> dict[str, Part]:
    merged = dict(base)
    for key, part in own.items():
        if part.null:
            if key not in base:
                raise MappingError(f"{part.where}: {key}: there is nothing to take out")
            del merged[key]
        elif key in base:
            merged[key] = _merged(base[key], part, named=key in _NAMED)
        else:
            merged[key] = _new(part)
    return merged


def _new(part: Part) -> Part:
    if any(item.value == INHERITED for item in part.items or ()):
        raise MappingError(f"{part.where}: there is nothing that '{INHERITED}' could stand for")
    return part


def _spliced(base: Part, own: list[Part]) -> Iterator[Part]:
    inherited = [item for item in own if item.value == INHERITED]
    if len(inherited) > 1:
        raise MappingError(f"{inherited[1].where}: '{INHERITED}' stands twice in the same list")
    for item in own:
        if item.value == INHERITED:
            yield from base.items if base.items is not None else [base]
        else:
            yield item


def _renumbered(items: list[Part], own: dict[str, Part]) -> list[Part]:
    """The base's items, some of them changed or taken out by their numbers (the first is 1)."""
    changed: dict[int, Part | None] = dict(enumerate(items, start=1))
    for key, part in own.items():
        if not key.isdecimal() or int(key) not in changed:
            raise MappingError(
                f"{part.where}: {key!r} is no number from 1 to {len(items)}",
                "The mapping that is extended has a list here: write the number of the item that is to change, or a "
                f"list that takes its place ('- {INHERITED}' in it stands for the items there are).",
            )
        changed[int(key)] = None if part.null else _merged(items[int(key) - 1], part)
    return [part for part in changed.values() if part is not None]


def functions(part: Part, key: str = "") -> Iterator[Part]:
    """Every Python function that a mapping names: ``file.py:function``."""
    for name, inner in (part.table or {}).items():
        yield from functions(inner, name)
    for inner in part.items or ():
        yield from functions(inner)
    if _is_function(part, key):
        yield part


def _is_function(part: Part, key: str) -> bool:
    return key == "python" and isinstance(part.value, str) and part.value.rpartition(":")[0].endswith(".py")


def _moved(part: Part, folder: Path, key: str = "") -> Part:
    """The part with the files of its Python functions named from another folder."""
    if isinstance(part.value, dict):
        return replace(part, value={name: _moved(inner, folder, name) for name, inner in part.value.items()})
    if isinstance(part.value, list):
        return replace(part, value=[_moved(inner, folder) for inner in part.value])
    if not _is_function(part, key) or part.path.parent == folder:
        return part
    return replace(part, value=f"{os.path.relpath(part.path.parent, folder)}/{part.value}")
