"""The text of a mapping file as parts: texts, lists and tables that know their file and line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from importer.errors import MappingError

__all__ = ["Part", "Place", "Spot", "read_parts", "to_plain"]

Place = tuple[str | int, ...]
Spot = tuple[Path, int]
_NULL = "tag:yaml.org,2002:null"
MOST_PARTS = 200_000  # texts, lists and tables of a file; the largest shipped mapping has 300
MOST_DEPTH = 50


@dataclass(frozen=True)
class Part:
    """A text, a list of parts or a table of parts; in a table, ``line`` is that of its key.

    ``null``: the text is YAML's word for nothing (``null``, ``~`` or no text at all), without quotes.
    """

    value: "str | list[Part] | dict[str, Part]"
    path: Path
    line: int
    null: bool = False

    @property
    def table(self) -> "dict[str, Part] | None":
        """The parts of a table by their keys; None of anything else."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def items(self) -> "list[Part] | None":
        """The parts of a list; None of anything else."""
        return self.value if isinstance(self.value, list) else None

    @property
    def where(self) -> str:
        """``file:line``, as in messages."""
        return f"{self.path}:{self.line}"


def read_parts(text: str, path: Path) -> Part:
    """YAML → its parts, every scalar a text.

    Raises :class:`MappingError` with file and line when it is not YAML, or its aliases make too much of it.
    """
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
    except RecursionError as error:
        raise MappingError(_too_deep(f"{path}")) from error
    if root is None:
        raise MappingError(f"{path}: the file is empty")
    return _Reader(path).read(root)


@dataclass
class _Reader:
    """Makes parts of YAML's nodes. An alias is read again wherever it is used, and counted each time."""

    path: Path
    count: int = 0

    def read(self, node: yaml.Node, depth: int = 0, line: int | None = None) -> Part:
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
            return Part([self.read(item, depth + 1) for item in node.value], self.path, line)
        if isinstance(node, yaml.MappingNode):
            return Part(self._table(node, depth + 1), self.path, line)
        return Part(node.value, self.path, line, node.tag == _NULL)

    def _table(self, node: yaml.MappingNode, depth: int) -> dict[str, Part]:
        table: dict[str, Part] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise MappingError(f"{self.path}:{line}: a key must be a plain text")
            if key.value == "<<":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            if key.value in table:
                raise MappingError(f"{self.path}:{line}: {key.value!r} is in the same table twice")
            table[key.value] = self.read(value, depth, line)
        for source in merged:  # the table's own keys override what it inherits
            if not isinstance(source, yaml.MappingNode):
                raise MappingError(f"{self.path}:{source.start_mark.line + 1}: '<<' takes a table, such as *name")
            table = {**(self.read(source, depth).table or {}), **table}
        return table


def _too_deep(where: str) -> str:
    return f"{where}: tables are nested more than {MOST_DEPTH} deep (is an alias '*' inside its own '&'?)"


def to_plain(part: Part) -> tuple[Any, dict[Place, Spot]]:
    """(The data with every scalar a text, the file and line of every place in it)."""
    spots: dict[Place, Spot] = {}

    def plain(part: Part, place: Place) -> Any:
        spots[place] = (part.path, part.line)
        if isinstance(part.value, dict):
            return {key: plain(inner, (*place, key)) for key, inner in part.value.items()}
        if isinstance(part.value, list):
            return [plain(inner, (*place, number)) for number, inner in enumerate(part.value)]
        return part.value

    return plain(part, ()), spots
