"""Field names of ERP tables that nobody can guess, as English headers: the data files in ``codes/``."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FOLDER = "codes"
_FEWEST = 4  # columns by which a table is recognized
_SHARE = 0.45


@dataclass(frozen=True)
class CodeTable:
    """The columns of one table. ``labels``: code in lower case → English header, ``""`` where nothing is proposed.

    ``codes``: as they are written in the system. ``cells``: code in lower case → what its values say → the values.
    """

    title: str
    codes: frozenset[str]
    labels: dict[str, str]
    numbered: tuple[tuple[re.Pattern[str], str], ...]
    cells: dict[str, dict[str, list[str]]]

    def label(self, header: str) -> str | None:
        """The English header of a code, or None."""
        text = header.strip()
        code = text.lower()
        spelled = text in (text.upper(), code)  # "Street" is a word, "STREET" and "street" may be a code
        if code in self.labels and (spelled or text in self.codes):
            return self.labels[code]
        for pattern, label in self.numbered:
            match = pattern.fullmatch(text)
            if match is not None and (spelled or re.fullmatch(pattern.pattern, text)):
                return label.replace("{n}", str(int(match[1])))
        return None


@cache
def code_tables() -> tuple[CodeTable, ...]:
    """All tables, read once."""
    found = []
    for entry in sorted(files(__package__).joinpath(_FOLDER).iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            content = tomllib.loads(entry.read_text("utf-8"))
            numbered = tuple(
                (re.compile(re.escape(code).replace(r"\{n\}", r"(\d{1,2})"), re.IGNORECASE), label)
                for code, label in content.get("numbered", {}).items()
            )
            labels = {code.lower(): label for code, label in content["columns"].items()}
            cells = {code.lower(): kinds for code, kinds in content.get("cell_words", {}).items()}
            found.append(CodeTable(content["title"], frozenset(content["columns"]), labels, numbered, cells))
    return tuple(found)


def recognized(headers: Sequence[str]) -> CodeTable | None:
    """The table that most of the headers are the codes of; None if no table has enough of them."""
    counts = [(sum(table.label(header) is not None for header in headers), table) for table in code_tables()]
    most, best = max(counts, key=lambda item: item[0], default=(0, None))
    return best if most >= max(_FEWEST, _SHARE * len(headers)) else None
