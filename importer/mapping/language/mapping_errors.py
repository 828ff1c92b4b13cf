"""What is wrong with a mapping file, in the words of the mapping: which address, which key, what was meant."""

import re
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from importer.mapping.language.mapping_model import ONE_TABLE, Mapping
from importer.mapping.language.mapping_rules import TableRule
from importer.wording import nearest

Place = tuple[str | int, ...]

_WORDS = tomllib.loads(files(__package__).joinpath("mapping_errors.toml").read_text(encoding="utf-8"))
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


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
class Fault:
    """Something wrong in a mapping. ``where``: ``file:line``. ``place``: the keys that lead to it.

    ``meant``: for an unknown key, the one that it almost certainly is.
    """

    where: str
    text: str
    place: Place = ()
    meant: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


def faults_of(error: ValidationError, spots: Table[Place, str]) -> Iterator[Fault]:
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
        where = place_name(name)
        # Where a value can be one of several things, pydantic names in the place which of them it is not.
        exact = place if item["type"] in {"missing", "misplaced"} else known
        yield Fault(spots[known], f"{where + ': ' if where else ''}{text}", exact, meant)


def place_name(place: Place) -> str:
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


def model_at(place: Place) -> type[BaseModel] | None:
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
