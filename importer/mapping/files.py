"""Finding and reading mapping files: YAML as plain text, every fault with its file and line."""

import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

import importer
from importer.errors import MappingError
from importer.mapping.model import ONE_TABLE, Mapping

__all__ = ["LoadedMapping", "list_mappings", "load_mapping"]

Place = tuple[str | int, ...]
_PACKAGE = Path(importer.__file__).parent
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class LoadedMapping:
    """A mapping with where it came from: ``folder`` is where its Python functions are looked for."""

    name: str
    path: Path
    sha256: str
    mapping: Mapping

    @property
    def folder(self) -> Path:
        """The folder of the mapping file."""
        return self.path.parent


def shipped_folder() -> Path:
    """Where the mappings that come with the program lie: in the installed package, else beside it in a checkout."""
    installed = _PACKAGE / "_mappings"
    return installed if installed.is_dir() else _PACKAGE.parent / "mappings"


def list_mappings() -> dict[str, Path]:
    """Name → path of every shipped mapping, sorted by name."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*")) if path.suffix in SUFFIXES}


def load_mapping(name: str) -> LoadedMapping:
    """Read a mapping by the name of a shipped one or by path.

    Raises :class:`MappingError` that names file, line and what to do: no such mapping, not YAML, an unknown key
    (with the nearest valid one), a value that does not fit.
    """
    path = _find(name)
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: is not UTF-8 text (byte {error.start + 1})", "Save the file as UTF-8.") from error
    data, lines = _read_yaml(text, path)
    try:
        mapping = Mapping.model_validate(data)
    except ValidationError as error:
        raise MappingError(
            "\n".join(_explain(error, path, lines)), "`importer mappings` shows mappings that work."
        ) from error
    return LoadedMapping(path.stem, path, hashlib.sha256(raw).hexdigest(), mapping)


def _find(name: str) -> Path:
    shipped = list_mappings()
    if name in shipped:
        return shipped[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise MappingError(f"{name}: is a folder, not a mapping file")
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        raise MappingError(f"{name}: no such mapping file", f"Shipped mappings: {', '.join(shipped)}.")
    near = difflib.get_close_matches(name.casefold(), shipped, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise MappingError(
        f"no mapping is called {name!r}",
        f"{guess}Shipped mappings: {', '.join(shipped)}. A mapping of your own is given by its path.",
    )


def _read_yaml(text: str, path: Path) -> tuple[Any, dict[Place, int]]:
    """YAML → (plain data in which every scalar is text, the line of every place)."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise MappingError(
            f"{path}{line}: not valid YAML: {error.problem or error.context}",
            "Look at the indentation, and put quotes around names that hold ':', '#', '*' or '{'.",
        ) from error
    except yaml.YAMLError as error:
        raise MappingError(f"{path}: not valid YAML: {error}") from error
    if root is None:
        raise MappingError(f"{path}: the file is empty")
    try:
        return _Plain(path).read(root)
    except RecursionError as error:
        raise MappingError(
            f"{path}: tables lie in one another without end (an alias '*' inside its own '&')"
        ) from error


@dataclass(frozen=True)
class _Plain:
    """Turns YAML's nodes into plain tables, lists and texts."""

    path: Path

    def read(self, node: yaml.Node, place: Place = ()) -> tuple[Any, dict[Place, int]]:
        """(The data in which every scalar is text, the line of every place)."""
        lines = {place: node.start_mark.line + 1}
        if isinstance(node, yaml.SequenceNode):
            items = []
            for number, item in enumerate(node.value):
                data, own = self.read(item, (*place, number))
                items.append(data)
                lines |= own
            return items, lines
        if isinstance(node, yaml.MappingNode):
            table, own = self._table(node, place)
            return table, own | lines
        return node.value, lines

    def _table(self, node: yaml.MappingNode, place: Place) -> tuple[dict[str, Any], dict[Place, int]]:
        table: dict[str, Any] = {}
        lines: dict[Place, int] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise MappingError(f"{self.path}:{line}: a key must be a plain text")
            if key.value == "<<":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            if key.value in table:
                raise MappingError(f"{self.path}:{line}: {key.value!r} stands twice in the same table")
            table[key.value], own = self.read(value, (*place, key.value))
            lines |= own | {(*place, key.value): line}
        for source in merged:  # what stands in the table itself goes before what it inherits
            if not isinstance(source, yaml.MappingNode):
                raise MappingError(f"{self.path}:{source.start_mark.line + 1}: '<<' takes a table, such as *name")
            inherited, own = self._table(source, place)
            lines = own | lines
            table = {**inherited, **table}
        return table, lines


def _explain(error: ValidationError, path: Path, lines: dict[Place, int]) -> Iterator[str]:
    for item in error.errors():
        place = (*item["loc"], *item.get("ctx", {}).get("place", ()))
        if place[:2] == ("tables", "customers") and ("tables",) not in lines:
            place = place[2:]
        known = place
        while known and known not in lines:
            known = known[:-1]
        name = ".".join(str(part) for part in known)
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = _unknown_key(item["loc"])
            name = ".".join(str(part) for part in known[:-1])
        elif item["type"] == "missing":
            text = f"{place[-1]} is missing"
        elif item["type"] in {"model_type", "model_attributes_type", "list_type", "dict_type"}:
            text = f"cannot be {item['input']!r} here"
        yield f"{path}:{lines.get(known, 1)}: {name + ': ' if name else ''}{text}"


def _unknown_key(place: Place) -> str:
    keys = sorted(_keys_at(place[:-1]))
    near = difflib.get_close_matches(str(place[-1]), keys, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(keys)}"
    return f"unknown key {place[-1]!r}; {guess}"


def _keys_at(place: Place) -> set[str]:
    """The keys that the model allows at a place."""
    model: type[BaseModel] = Mapping
    for part in place:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part in fields:
            inner = next(_models_in(fields[str(part)].annotation), None)
            model = inner or model
    keys = {field.alias or name for name, field in model.model_fields.items()}
    return keys | {*ONE_TABLE} if model is Mapping else keys


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
