"""Finding and reading mapping files and those that they extend: every fault with its file and line."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

import importer
from importer.did_you_mean import nearest
from importer.errors import MappingError
from importer.mapping.language.extends import EXTENDS, functions, lay_onto
from importer.mapping.language.mapping_model import ONE_TABLE, Mapping
from importer.mapping.language.yaml_source import Part, Place, Spot, read_parts, to_plain

__all__ = ["LoadedMapping", "list_mappings", "load_mapping"]

_PACKAGE = Path(importer.__file__).parent
SUFFIXES = (".yaml", ".yml")
MOST_BYTES = 1 << 20  # of a file: reading as much takes some seconds
MOST_FILES = 20  # that extend one another


@dataclass(frozen=True)
class LoadedMapping:
    """A mapping with where it came from: ``folder`` is where its Python functions are looked for.

    ``sha256`` covers the file and all that it extends; ``bases`` are those, the nearest first.
    """

    name: str
    path: Path
    sha256: str
    mapping: Mapping
    bases: tuple[Path, ...] = ()

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
    paths = (path for path in shipped_folder().glob("*") if path.suffix in SUFFIXES)
    return {path.stem: path for path in sorted(paths, key=lambda path: path.stem)}


def load_mapping(name: str) -> LoadedMapping:
    """Read a mapping by the name of a shipped one or by path, and what it extends.

    Raises :class:`MappingError` that names file, line and what to do: no such mapping, not YAML, an unknown key
    (with the nearest valid one), a value that does not fit, a mapping that extends itself.
    """
    path = _find(name)
    chain: list[tuple[Path, bytes]] = []
    data, spots = to_plain(_read(path, chain))
    try:
        mapping = Mapping.model_validate(data)
    except ValidationError as error:
        raise MappingError(
            "\n".join(_explain(error, spots)), "`importer mappings` shows mappings that work."
        ) from error
    bases = tuple(base for base, _ in chain[1:])
    return LoadedMapping(path.stem, path, _digest([raw for _, raw in chain]), mapping, bases)


def _read(path: Path, chain: list[tuple[Path, bytes]]) -> Part:
    """A mapping file laid onto what it extends; ``chain`` takes up each file that is read, with its bytes."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise MappingError(f"{path}: has more than {MOST_BYTES:,} bytes", "Is it a mapping at all?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: is not UTF-8 text (byte {error.start + 1})", "Save the file as UTF-8.") from error
    chain.append((path, raw))
    own = read_parts(text, path)
    for part in functions(own):
        _refuse_outside(part)
    said = (own.table or {}).get(EXTENDS)
    if said is None:
        return own
    return lay_onto(_read(_base(said, chain), chain), own)


def _base(said: Part, chain: list[tuple[Path, bytes]]) -> Path:
    """The file that a mapping extends: a shipped one by its name, another by its path from the mapping's folder."""
    if not isinstance(said.value, str) or not said.value.strip():
        raise MappingError(f"{said.where}: {EXTENDS}: the name or the path of one mapping belongs here")
    try:
        path = _find(said.value, said.path.parent)
    except MappingError as error:
        raise MappingError(f"{said.where}: {EXTENDS}: {error.message}", error.hint) from error
    if len(chain) == MOST_FILES:
        raise MappingError(f"{said.where}: {EXTENDS}: {MOST_FILES} mappings extend one another, more are not read")
    files = [file for file, _ in chain]
    if path.resolve() in (file.resolve() for file in files):
        raise MappingError(
            f"{said.where}: {EXTENDS}: goes round in a circle: {' → '.join(file.name for file in [*files, path])}"
        )
    return path


def _refuse_outside(function: Part) -> None:
    """Raise for a Python function that is not in the folder of the mapping that names it, or below.

    A mapping may come from someone else: it must not run a file that its user did not put beside it.
    """
    folder, file = function.path.parent, Path(str(function.value).rpartition(":")[0])
    try:
        inside = not file.is_absolute() and (folder / file).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a link to itself, or a name that no file can have
        inside = False
    if not inside:
        raise MappingError(
            f"{function.where}: python: {function.value!r} is not in the mapping's folder",
            "Put the file beside the mapping or in a folder below, name it from there, and use no link that leads out.",
        )


def _digest(files: list[bytes]) -> str:
    """SHA-256 of one file; of several, that of their digests one after another."""
    digests = [hashlib.sha256(raw).hexdigest() for raw in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _find(name: str, folder: Path = Path()) -> Path:
    shipped = list_mappings()
    if name in shipped:
        return shipped[name]
    path = folder / Path(name).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise MappingError(f"{name}: is a folder, not a mapping file")
    if path.suffix in SUFFIXES or len(Path(name).parts) > 1:
        raise MappingError(f"{name}: no such mapping file", f"Shipped mappings: {', '.join(shipped)}.")
    near = nearest(name.casefold(), shipped)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise MappingError(
        f"no mapping is called {name!r}",
        f"{guess}Shipped mappings: {', '.join(shipped)}. A mapping of your own is given by its path.",
    )


def _explain(error: ValidationError, spots: dict[Place, Spot]) -> Iterator[str]:
    for item in error.errors():
        place = (*item["loc"], *item.get("ctx", {}).get("place", ()))
        if place[:2] == ("tables", "customers") and ("tables",) not in spots:
            place = place[2:]
        known = place
        while known and known not in spots:
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
        path, line = spots[known]
        yield f"{path}:{line}: {name + ': ' if name else ''}{text}"


def _unknown_key(place: Place) -> str:
    keys = sorted(_keys_at(place[:-1]))
    near = nearest(str(place[-1]), keys, cutoff=0.5)
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


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
