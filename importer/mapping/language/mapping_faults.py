"""Everything that is wrong with a mapping, at once.

The model stops at the first fault of a rule, and does not compare the rules of a mapping while one of them is wrong. So
what is wrong is taken out, or replaced by something right, and the rest is checked again, until nothing new is found.
"""

import ast
import copy
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from importer.mapping.language.mapping_errors import Fault, Place, faults_of, model_at
from importer.mapping.language.mapping_model import AddressEntry, ContactEntry, CustomerEntry, Mapping
from importer.mapping.language.mapping_rules import Condition, FieldRule, OtherColumn, ParentRule, SkipRule, TableRule
from importer.mapping.transforms.registry import TransformStep

_MOST_ROUNDS = 200  # each finds at least one more fault
_COLUMN = "Column"
_RIGHT: dict[type[BaseModel], Any] = {
    FieldRule: {"from": _COLUMN},
    Condition: {"column": _COLUMN, "blank": "yes"},
    SkipRule: {"column": _COLUMN, "blank": "yes", "reason": "blank"},
    TableRule: {"key": _COLUMN},
    ParentRule: {"from": _COLUMN, "match": _COLUMN},
    OtherColumn: _COLUMN,
    CustomerEntry: {"company_name": _COLUMN},
    AddressEntry: {"type": "billing", "address_line_1": _COLUMN},
    ContactEntry: {"first_name": _COLUMN},
}
_MISSING = {"customer": _RIGHT[CustomerEntry], "tables": {"customers": _RIGHT[TableRule]}}


def every_fault(data: Any, spots: Table[Place, str]) -> tuple[Mapping | None, list[Fault]]:
    """The mapping that plain ``data`` describes, or None and everything that is wrong with it.

    ``spots``: ``file:line`` of every place in the data.
    """
    try:
        return Mapping.model_validate(data), []
    except ValidationError as error:
        draft, faults = _Draft(copy.deepcopy(data), dict(spots)), list(faults_of(error, spots))
    found: list[Fault] = []
    for _ in range(_MOST_ROUNDS):
        renamed = {(*fault.place[:-1], fault.meant): fault.place for fault in faults if fault.meant}
        told = (fault for fault in faults if fault.place not in renamed and not draft.causes(fault))
        found += [fault for fault in told if fault not in found]
        left = dict.fromkeys(fault.place for fault in faults if fault.place not in {*renamed, *renamed.values()})
        changed = [draft.rename(old, new) for new, old in renamed.items()] + [draft.repair(place) for place in left]
        if not any(changed):
            break
        try:
            Mapping.model_validate(draft.data)
            break
        except ValidationError as error:
            faults = list(faults_of(error, draft.spots))
    return None, found


@dataclass
class _Draft:
    """A mapping that is made right step by step. ``tries``: how often something was repaired at a place."""

    data: Any
    spots: dict[Place, str]
    tries: dict[Place, int] = field(default_factory=dict)
    removed: set[Place] = field(default_factory=set)

    def causes(self, fault: Fault) -> bool:
        """Whether a fault is only there because something was taken out or replaced."""
        within = any(fault.place[: len(place)] == place for place in self.tries)
        return within or any(fault.place == place[:-1] for place in self.removed)

    def rename(self, old: Place, new: Place) -> bool:
        """Give a misspelled key its right name, so that what is below it is checked."""
        parent = _parent(self.data, old)
        if not isinstance(parent, dict) or old[-1] not in parent:
            return False
        value = parent.pop(old[-1])
        if new[-1] not in parent:
            parent[new[-1]] = value
            self.spots |= {
                (*new, *place[len(old) :]): spot for place, spot in self.spots.items() if place[: len(old)] == old
            }
        return True

    def repair(self, place: Place) -> bool:
        """Replace or take out what is wrong at a place, or add what is missing; False where nothing can be done."""
        while place and (_parent(self.data, place) is None or self.tries.get(place, 0) > 1):
            place = place[:-1]  # that is not there, or it did not help: it is about more
        if not place:
            return False
        self.tries[place] = self.tries.get(place, 0) + 1
        parent: Any = _parent(self.data, place)
        key: Any = place[-1]
        right = _right(place)
        if isinstance(parent, dict) and key not in parent:
            parent[key] = copy.deepcopy(_MISSING.get(str(key), _COLUMN if right is None else right))
        elif isinstance(parent, list) or (right is not None and self.tries[place] == 1):
            parent[key] = copy.deepcopy(_COLUMN if right is None else right)
        else:
            del parent[key]
            self.removed.add(place)
        return True


def _right(place: Place) -> Any:
    """Something right for a place in a mapping; None for a key that can be left out."""
    if isinstance(place[-1], int) and place[-2] in {"as", "then"}:
        return "text"
    if place[-1] == "matches":
        return "x"
    model = model_at(place)
    return None if model is None else _RIGHT.get(model)


def _parent(data: Any, place: Place) -> Any:
    """The table or list that has the last key of a place; None where the data has no such place."""
    for part in place[:-1]:
        inside = isinstance(part, int) and part < len(data) if isinstance(data, list) else isinstance(data, dict)
        if not inside or (isinstance(data, dict) and part not in data):
            return None
        data = data[part]
    last = place[-1]
    if isinstance(data, list):
        return data if isinstance(last, int) and last < len(data) else None
    return data if isinstance(data, dict) and isinstance(last, str) else None


def function_faults(mapping: Mapping, path: Path) -> list[Fault]:
    """The Python functions that a mapping file refers to but that do not exist. None of them is run."""
    found = {step.argument: _function_fault(path.parent, step.argument) for step in _steps(mapping)}
    return [Fault(f"{path}", f"python: {text}") for text in found.values() if text is not None]


def _steps(part: Any) -> Iterator[TransformStep]:
    """Every use of a Python function in a part of a mapping."""
    if isinstance(part, TransformStep):
        yield from [part] if part.name == "python" else []
    elif isinstance(part, BaseModel):
        yield from (step for name in type(part).model_fields for step in _steps(getattr(part, name)))
    elif isinstance(part, dict | list):
        yield from (step for inner in (part.values() if isinstance(part, dict) else part) for step in _steps(inner))


def _function_fault(folder: Path, argument: str) -> str | None:
    file, _, name = argument.rpartition(":")
    try:
        code = ast.parse((folder / file).read_bytes())
    except OSError:
        return f"{file}: no such Python file; put it beside the mapping file"
    except (SyntaxError, ValueError) as error:
        return f"{file}: not a Python program: {error}"
    defined = {node.name for node in ast.walk(code) if isinstance(node, ast.FunctionDef)}
    names = {node.id for node in ast.walk(code) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imported = {(a.asname or a.name) for n in ast.walk(code) if isinstance(n, ast.ImportFrom) for a in n.names}
    return None if name in defined | names | imported else f"{file} has no function {name!r}"
