"""What is wrong with a mapping file, in the words of the mapping: which address, which key, what was meant.

All of it at once: the model stops at the first fault of a rule, and does not compare the rules of a mapping while one
of them is wrong. So what is wrong is taken out, or replaced by something right, and the rest is checked again, until
nothing new is found.
"""

import ast
import copy
import re
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from importer.mapping.language.mapping_model import ONE_TABLE, AddressEntry, ContactEntry, CustomerEntry, Mapping
from importer.mapping.language.mapping_rules import Condition, FieldRule, OtherColumn, ParentRule, SkipRule, TableRule
from importer.mapping.transforms.registry import TransformStep
from importer.wording import nearest

Place = tuple[str | int, ...]

_WORDS = tomllib.loads(files(__package__).joinpath("mapping_errors.toml").read_text(encoding="utf-8"))
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
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


def yaml_message(error: yaml.MarkedYAMLError) -> str:
    """Why the file is not YAML."""
    problem = error.problem or error.context or ""
    alias = re.match(r"found undefined alias '(.+)'", problem)
    if alias is not None:
        return f"*{alias[1]} repeats a part that is called &{alias[1]}, but nothing above has that name"
    reasons = (reason for beginning, reason in _WORDS["yaml"].items() if problem.startswith(beginning))
    return f"not valid YAML: {next(reasons, problem)}"


def yaml_hint(error: yaml.MarkedYAMLError) -> str:
    """What to do about it."""
    if "alias" in (error.problem or ""):
        return "A name that begins with '*' needs quotes: \"*Name\"."
    return "Check the indentation, and put quotes around names that contain ':', '#', '*' or '{'."


@dataclass(frozen=True)
class MappingFault:
    """Something wrong in a mapping. ``where``: ``file:line``. ``place``: the keys that lead to it.

    ``meant``: for an unknown key, the one that it almost certainly is.
    """

    where: str
    text: str
    place: Place = ()
    meant: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


def _faults_of(error: ValidationError, spots: Table[Place, str]) -> Iterator[MappingFault]:
    """Yield each fault that the model found. ``spots``: ``file:line`` of every place in the mapping."""
    for item in error.errors():
        place = (*item["loc"], *item.get("ctx", {}).get("place", ()))
        if place[:2] == ("tables", "customers") and ("tables",) not in spots:
            place = place[2:]
        known = place
        while known and known not in spots:
            known = known[:-1]
        text, name, meant = _said(item), known, None
        if item["type"] == "extra_forbidden":
            (text, meant), name = _unknown_key(item["loc"]), known[:-1]
        elif item["type"] == "missing":
            text = f"{place[-1]} is missing"
        where = _place_name(name)
        # Where a value can be one of several things, pydantic names in the place which of them it is not.
        exact = place if item["type"] in {"missing", "misplaced"} else known
        yield MappingFault(spots[known], f"{where + ': ' if where else ''}{text}", exact, meant)


def _place_name(place: Place) -> str:
    """``("addresses", 0, "type")`` → ``the first address, type``."""
    words: list[str] = []
    for before, part in zip(("", *place), place, strict=False):
        if isinstance(part, int):
            number = _ORDINALS[part] if part < len(_ORDINALS) else f"{part + 1}th"
            words[-1] = words[-1].removesuffix(str(before)).removesuffix(".")
            words += [f"the {number} {_WORDS['items'].get(str(before), f'item of {before}')}", ""]
        elif words:
            words[-1] += f".{part}" if words[-1] else part
        else:
            words.append(part)
    return ", ".join(word for word in words if word)


def _said(item: Any) -> str:
    """The message of one error; pydantic's own are put in other words."""
    given, context = item["input"], item.get("ctx", {})
    match item["type"]:
        case "literal_error" | "enum":
            text = f"must be {context.get('expected')}, not {given!r}"
        case "bool_parsing" | "bool_type":
            text = f"must be yes or no, not {given!r}"
        case "string_pattern_mismatch":
            text = f"must be a code of two capital letters, such as US, not {given!r}"
        case "string_type":
            text = f"must be one value, not {'a list' if isinstance(given, list) else 'a table of keys'}"
        case "too_short" | "string_too_short":
            text = f"needs at least {context.get('min_length')}" if given else "must not be empty"
        case "model_type" | "model_attributes_type" | "dict_type":
            is_entry = str(context.get("class_name", "")).endswith("Entry")
            text = f"must be a table of {'fields' if is_entry else 'keys'}, not {given!r}"
        case "list_type":
            text = f"must be a list, not {given!r}"
        case _:
            text = str(item["msg"]).removeprefix("Value error, ")
    return text


def _unknown_key(place: Place) -> tuple[str, str | None]:
    """What is said about an unknown key, and the key that it almost certainly is."""
    keys = sorted(_keys_at(place[:-1]))
    word = str(place[-1])
    meant = next(iter(_meant(word, keys) or nearest(word, keys, cutoff=0.75)), None)
    near = meant or next(iter(nearest(word, keys, cutoff=0.5)), None)
    guess = f"did you mean {near!r}?" if near else f"valid keys: {', '.join(keys)}"
    return f"unknown key {place[-1]!r}; {guess}", meant


def _meant(word: str, keys: list[str]) -> list[str]:
    """The allowed keys that a word usually stands for."""
    plain = re.sub(r"[\s\-]+", "_", word.strip().casefold())
    return [key for key, words in _WORDS["meant"].items() if key in keys and plain in words.split()]


def _keys_at(place: Place) -> set[str]:
    """The keys that the model allows at a place."""
    model: type[BaseModel] = Mapping
    for part in place:
        model = _inner(model, part) or model
    keys = {field.alias or name for name, field in model.model_fields.items()}
    return keys | {*ONE_TABLE} if model is Mapping else keys


def _model_at(place: Place) -> type[BaseModel] | None:
    """The class of what is at a place; None for what has no class of its own."""
    model: type[BaseModel] | None = Mapping
    for before, part in zip(("", *place), place, strict=False):
        own = TableRule if model is Mapping and part in ONE_TABLE else model or Mapping
        named = isinstance(part, int) or before in {"attributes", "tables"}
        model = model if named else _inner(own, part)
    return model


def _inner(model: type[BaseModel], part: str | int) -> type[BaseModel] | None:
    """The class of a key's value, or of its items."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return next(_models_in(fields[str(part)].annotation), None) if part in fields else None


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def every_fault(data: Any, spots: Table[Place, str]) -> tuple[Mapping | None, list[MappingFault]]:
    """The mapping that plain ``data`` describes, or None and everything that is wrong with it.

    ``spots``: ``file:line`` of every place in the data.
    """
    try:
        return Mapping.model_validate(data), []
    except ValidationError as error:
        draft, faults = _Draft(copy.deepcopy(data), dict(spots)), list(_faults_of(error, spots))
    found: list[MappingFault] = []
    for _ in range(_MOST_ROUNDS):
        renamed = {(*fault.place[:-1], fault.meant): fault.place for fault in faults if fault.meant}
        reported = (fault for fault in faults if fault.place not in renamed and not draft.causes(fault))
        found += [fault for fault in reported if fault not in found]
        left = dict.fromkeys(fault.place for fault in faults if fault.place not in {*renamed, *renamed.values()})
        changed = [draft.rename(old, new) for new, old in renamed.items()] + [draft.repair(place) for place in left]
        if not any(changed):
            break
        try:
            Mapping.model_validate(draft.data)
            break
        except ValidationError as error:
            faults = list(_faults_of(error, draft.spots))
    return None, found


@dataclass
class _Draft:
    """A mapping that is made right step by step. ``tries``: how often something was repaired at a place."""

    data: Any
    spots: dict[Place, str]
    tries: dict[Place, int] = field(default_factory=dict)
    removed: set[Place] = field(default_factory=set)

    def causes(self, fault: MappingFault) -> bool:
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
    model = _model_at(place)
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


def function_faults(mapping: Mapping, path: Path) -> list[MappingFault]:
    """The Python functions that a mapping file refers to but that do not exist. None of them is run."""
    found = {step.argument: _function_fault(path.parent, step.argument) for step in _steps(mapping)}
    return [MappingFault(f"{path}", f"python: {text}") for text in found.values() if text is not None]


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
