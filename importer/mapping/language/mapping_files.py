"""Finding and reading mapping files and those that they extend: every error with its file and line.

A mapping that extends another one is merged with it key by key. A text, a list, and a field with its own source
replace those of the base. ``null`` removes what the base has; ``...`` in a list is replaced by the base's items;
a table with numbers in the place of a list changes its items.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

import importer
from importer.errors import MappingError
from importer.mapping.language.mapping_errors import MappingFault, Place, every_fault, yaml_hint, yaml_message
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import TYPES
from importer.mapping.word_table import WordTable
from importer.wording import nearest, readable

INHERITED = "..."  # an item of a list: the base's items belong here
SUFFIXES = (".yaml", ".yml")
MOST_BYTES = 1 << 20  # of a file; it takes some seconds to read as much
MOST_FILES = 20  # that extend one another
MOST_PARTS = 200_000  # texts, lists and tables of a file; the largest shipped mapping has 300
MOST_DEPTH = 50
_PACKAGE = Path(importer.__file__).parent
_NULL = "tag:yaml.org,2002:null"
_NAMED = frozenset({"tables", "attributes", "values"})  # tables whose keys are names that people give
_WHOLE = frozenset({"from", "constant", "flags", "column", "only", "any", "all"})  # replace the base's table as a whole


@dataclass(frozen=True)
class LoadedMapping:
    """A mapping and where it came from.

    ``sha256``: of the file; if it extends others, of all their digests. ``bases``: those files, the nearest first.
    ``words``: the value table that applies.
    """

    name: str
    path: Path
    sha256: str
    mapping: Mapping
    bases: tuple[Path, ...] = ()
    words: WordTable = field(default_factory=WordTable)

    @property
    def folder(self) -> Path:
        """The folder of the mapping file, in which its Python functions are looked for."""
        return self.path.parent


@dataclass(frozen=True)
class YamlNode:
    """A text, a list of parts or a table of parts; in a table, ``line`` is that of its key.

    ``null``: the text is YAML's word for nothing (``null``, ``~`` or no text at all), without quotes.
    """

    value: "str | list[YamlNode] | dict[str, YamlNode]"
    path: Path
    line: int
    null: bool = False

    @property
    def table(self) -> "dict[str, YamlNode] | None":
        """The parts of a table by their keys; None of anything else."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def items(self) -> "list[YamlNode] | None":
        """The parts of a list; None of anything else."""
        return self.value if isinstance(self.value, list) else None

    @property
    def where(self) -> str:
        """``file:line``, as in messages."""
        return f"{self.path}:{self.line}"


def shipped_folder() -> Path:
    """The folder of the shipped mappings: in the installed package, or beside it in a checkout."""
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
    faults: list[MappingFault] = []
    data, spots = to_plain(_read(path, chain, faults))
    mapping, found = every_fault(data, spots)
    faults += found
    if mapping is None or faults:
        raise _wrong(faults, [file for file, _ in chain])
    bases = tuple(base for base, _ in chain[1:])
    digests = [hashlib.sha256(raw).hexdigest() for _, raw in chain]
    digest = hashlib.sha256("\n".join(digests).encode()).hexdigest() if bases else digests[0]
    return LoadedMapping(path.stem, path, digest, mapping, bases)


def _wrong(faults: Sequence[MappingFault], files: Sequence[Path]) -> MappingError:
    """The error that lists all faults, in the order of the files and their lines."""
    order = {str(file): number for number, file in enumerate(files)}

    def key(fault: MappingFault) -> tuple[int, int]:
        file, _, line = fault.where.rpartition(":")
        return order.get(file, -1), int(line) if line.isdecimal() else 0

    faults = sorted(faults, key=key)
    return MappingError(
        "\n".join(map(str, faults)),
        "See mappings/README.md for the keys, and the included mappings for examples.",
        [(fault.where, fault.text) for fault in faults],
    )


def _read(path: Path, chain: list[tuple[Path, bytes]], faults: list[MappingFault]) -> YamlNode:
    """A mapping file merged with what it extends. Each file that is read is added to ``chain``, with its bytes.

    Keys that are wrong in themselves are added to ``faults``, and left out.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise MappingError(f"{path}: no such file", "Check the mapping's path.") from None
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise MappingError(f"{path}: has more than {MOST_BYTES:,} bytes", "It may not be a mapping file.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: is not UTF-8 text (byte {error.start + 1})", "Save the file as UTF-8.") from error
    chain.append((path, raw))
    parts, wrong = read_parts(text, path)
    faults += wrong
    folder = chain[0][0].parent
    own = _with_word_table(_with_functions(parts, folder), folder)
    extended = (own.table or {}).get("extends")
    if extended is None:
        return own
    base = _read(_base(extended, chain), chain, faults)
    return base if base.table is None else _merged(base, own)


def _base(extended: YamlNode, chain: list[tuple[Path, bytes]]) -> Path:
    """The file that a mapping extends: a shipped one by its name, another by its path from the mapping's folder."""
    where = f"{extended.where}: extends"
    if not isinstance(extended.value, str) or not extended.value.strip():
        raise MappingError(f"{where}: write the name or the path of one mapping here")
    try:
        path = _find(extended.value, extended.path.parent)
    except MappingError as error:
        raise MappingError(f"{where}: {error.message}", error.hint) from error
    if len(chain) == MOST_FILES:
        raise MappingError(f"{where}: a mapping can extend at most {MOST_FILES - 1} others in a chain")
    files = [file for file, _ in chain]
    if path.resolve() in (file.resolve() for file in files):
        names = " → ".join(file.name for file in [*files, path])
        raise MappingError(f"{where}: the mappings extend one another in a circle: {names}")
    return path


def _with_functions(part: YamlNode, folder: Path, key: str = "") -> YamlNode:
    """The part with the files of its Python functions (``file.py:function``) named from ``folder``."""
    if isinstance(part.value, dict):
        return replace(part, value={name: _with_functions(inner, folder, name) for name, inner in part.value.items()})
    if isinstance(part.value, list):
        return replace(part, value=[_with_functions(inner, folder) for inner in part.value])
    if key != "python" or not part.value.rpartition(":")[0].endswith(".py"):
        return part
    _refuse_outside(part)
    if part.path.parent == folder:
        return part
    return replace(part, value=f"{os.path.relpath(part.path.parent, folder)}/{part.value}")


def _with_word_table(part: YamlNode, folder: Path) -> YamlNode:
    """The mapping with its value table named from ``folder``."""
    named = (part.table or {}).get("word_table")
    if named is None or named.null or not isinstance(named.value, str) or named.path.parent == folder:
        return part
    path = Path(named.value).expanduser()
    moved = path if path.is_absolute() else Path(os.path.relpath(named.path.parent / path, folder))
    return replace(part, value={**(part.table or {}), "word_table": replace(named, value=str(moved))})


def _refuse_outside(function: YamlNode) -> None:
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
            "Put the file beside the mapping or in a folder below, and write its path from there. Avoid links.",
        )


def _merged(base: YamlNode, own: YamlNode, *, named: bool = False, short: str = "from") -> YamlNode:
    if own.items is not None:
        return replace(own, value=list(_spliced(base, own.items)))
    if own.table is None or (not named and own.table.keys() & _WHOLE):
        return own
    if base.items and all(item.table is not None for item in base.items):
        return replace(base, value=_renumbered(base.items, own.table))
    inherited = base.table if base.table is not None else {short: base}  # the short form of a field
    merged = dict(inherited)
    for key, part in own.table.items():
        if part.null and key not in inherited:
            raise MappingError(f"{part.where}: {key}: there is nothing to remove")
        if part.null:
            del merged[key]
        elif key in inherited:
            merged[key] = _merged(inherited[key], part, named=key in _NAMED, short=_short(key, inherited[key]))
        elif any(item.value == INHERITED for item in part.items or ()):
            raise MappingError(f"{part.where}: there is nothing to replace '{INHERITED}' with")
        else:
            merged[key] = part
    return replace(own, value=merged)


def _short(key: str, base: YamlNode) -> str:
    """What the short form of a field is: ``billing`` is a type, any other text a column."""
    texts = [base.value] if base.items is None else [item.value for item in base.items]
    return "constant" if key == "type" and all(text in TYPES for text in texts) else "from"


def _spliced(base: YamlNode, own: list[YamlNode]) -> Iterator[YamlNode]:
    inherited = [item for item in own if item.value == INHERITED]
    if len(inherited) > 1:
        raise MappingError(f"{inherited[1].where}: '{INHERITED}' is in the same list twice")
    for item in own:
        yield from [item] if item.value != INHERITED else [base] if base.items is None else base.items


def _renumbered(items: list[YamlNode], own: dict[str, YamlNode]) -> list[YamlNode]:
    """The base's items, some of them changed or removed by their numbers (the first is 1)."""
    changed: dict[int, YamlNode | None] = dict(enumerate(items, start=1))
    for key, part in own.items():
        if not key.isdecimal() or int(key) not in changed:
            raise MappingError(
                f"{part.where}: {key!r} is not a number from 1 to {len(items)}",
                "The mapping that is extended has a list here: write the number of the item to change, or a list that "
                f"replaces it ('- {INHERITED}' in it is replaced by the items of the other mapping).",
            )
        changed[int(key)] = None if part.null else _merged(items[int(key) - 1], part)
    return [part for part in changed.values() if part is not None]


def _find(name: str, folder: Path = Path()) -> Path:
    shipped = list_mappings()
    if name in shipped:
        return shipped[name]
    path = folder / Path(name).expanduser()
    if path.is_file():
        if readable(name) != name:
            message = f"{readable(name)}: the name is not UTF-8, so it cannot be shown in reports and commands"
            raise MappingError(message, "Rename it.")
        return path
    if path.is_dir():
        raise MappingError(f"{name}: is a folder, not a mapping file")
    if path.suffix in SUFFIXES or len(Path(name).parts) > 1:
        raise MappingError(f"{name}: no such mapping file", f"Included mappings: {', '.join(shipped)}.")
    near = nearest(name.casefold(), shipped)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise MappingError(
        f"no mapping is called {name!r}",
        f"{guess}Included mappings: {', '.join(shipped)}. Specify your own mapping by its path.",
    )


def read_parts(text: str, path: Path) -> tuple[YamlNode, list[MappingFault]]:
    """YAML → its parts, every scalar a text; and keys that are wrong in themselves.

    Raises :class:`MappingError` with file and line when it is not YAML, or its aliases make too much of it.
    """
    try:
        root = yaml.compose(text, Loader=_yaml_loader(path))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise MappingError(f"{path}{line}: {yaml_message(error)}", yaml_hint(error)) from error
    except yaml.YAMLError as error:
        raise MappingError(f"{path}: not valid YAML: {error}") from error
    except RecursionError as error:
        raise MappingError(_too_deep(f"{path}")) from error
    if root is None:
        raise MappingError(f"{path}: the file is empty")
    reader = _YamlReader(path)
    return reader.read(root), reader.faults


def _yaml_loader(path: Path) -> Any:
    """The loader in C, eight times as fast, for shipped mappings: drafts read all of them.

    Others get the one whose messages are explained here, and which bears any depth.
    """
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader) if path.parent == shipped_folder() else yaml.SafeLoader


@dataclass
class _YamlReader:
    """Makes parts of YAML's nodes. An alias is read again wherever it is used, and counted each time."""

    path: Path
    count: int = 0
    faults: list[MappingFault] = field(default_factory=list)

    def read(self, node: yaml.Node, depth: int = 0, line: int | None = None) -> YamlNode:
        line = line or node.start_mark.line + 1
        self.count += 1
        if self.count > MOST_PARTS:
            raise MappingError(
                f"{self.path}:{line}: the mapping has more than {MOST_PARTS:,} parts, counting what aliases ('*') and "
                "merges ('<<') repeat each time",
                "Use fewer aliases of aliases, or move long value tables out of the parts that are repeated.",
            )
        if depth > MOST_DEPTH:
            raise MappingError(_too_deep(f"{self.path}:{line}"))
        if isinstance(node, yaml.SequenceNode):
            return YamlNode([self.read(item, depth + 1) for item in node.value], self.path, line)
        if isinstance(node, yaml.MappingNode):
            return YamlNode(self._table(node, depth + 1), self.path, line)
        return YamlNode(node.value, self.path, line, node.tag == _NULL)

    def _table(self, node: yaml.MappingNode, depth: int) -> dict[str, YamlNode]:
        table: dict[str, YamlNode] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(line, "a key must be plain text")
                continue
            if key.value == "<<":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            if key.value in table:
                self._wrong(line, f"{key.value!r} is in the same table twice")
                continue
            table[key.value] = self.read(value, depth, line)
        for source in merged:  # the table's own keys override what it inherits
            if not isinstance(source, yaml.MappingNode):
                self._wrong(source.start_mark.line + 1, "'<<' takes a table, such as *name")
                continue
            table = {**(self.read(source, depth).table or {}), **table}
        return table

    def _wrong(self, line: int, text: str) -> None:
        fault = MappingFault(f"{self.path}:{line}", text)
        self.faults += [] if fault in self.faults else [fault]  # a part that is repeated is read again


def _too_deep(where: str) -> str:
    return f"{where}: tables are nested more than {MOST_DEPTH} deep (is an alias '*' inside its own '&'?)"


def to_plain(part: YamlNode) -> tuple[Any, dict[Place, str]]:
    """(The data with every scalar a text, ``file:line`` of every place in it)."""
    spots: dict[Place, str] = {}

    def plain(part: YamlNode, place: Place) -> Any:
        spots[place] = part.where
        if isinstance(part.value, dict):
            return {key: plain(inner, (*place, key)) for key, inner in part.value.items()}
        if isinstance(part.value, list):
            return [plain(inner, (*place, number)) for number, inner in enumerate(part.value)]
        return part.value

    return plain(part, ()), spots
