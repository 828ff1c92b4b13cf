"""The results of the included mappings for the sample data, as text: bodies, and everything that is reported.

``python -m tests.mapping.golden`` rewrites ``goldens/``; look at the differences before you commit them.
"""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from importer.cell_text import header_key
from importer.loader import LoadOptions, load
from importer.mapping.language.mapping_files import list_mappings, load_mapping
from importer.payload import write_payloads
from importer.tables import ProblemTable, Sources
from importer.validation.policies import Validated, apply_policies, complete_defaults
from tests.mapping.support import Mapped, apply_mapping
from tests.samples.__main__ import SAMPLE_DATA
from tests.support import validate_all

__all__ = ["GOLDENS", "Checked", "bodies", "check", "checked", "said"]

GOLDENS = Path(__file__).parent / "goldens"
Place = tuple[str, int]


@dataclass(frozen=True)
class Checked:
    """A system's sample data after the check."""

    sources: Sources
    mapped: Mapped
    validated: Validated

    @property
    def ids(self) -> list[str]:
        """The customers' reference IDs in order."""
        return list(self.mapped.tables.customers["reference_id"])

    @property
    def rejected(self) -> set[str]:
        """The reference IDs of rejected customers."""
        return {key for key, gone in zip(self.ids, self.validated.rejected, strict=True) if gone}

    def found(self) -> dict[Place, set[tuple[str, str, str | None]]]:
        """(sheet or file, row) → (severity, code, column) of every problem that has a place."""
        out: dict[Place, set[tuple[str, str, str | None]]] = {}
        frame = self.validated.problems.frame
        for line in frame[frame["row"] >= 0][["severity", "code", "row", "column"]].itertuples(index=False):
            place = self.sources.location(line.row)
            name = None if pd.isna(line.column) else line.column
            assert place.row is not None
            at = (place.sheet or Path(place.file).stem, place.row)
            out.setdefault(at, set()).add((line.severity, line.code, name))
        return out


@cache
def checked(system: str) -> Checked:
    """The sample data of a system, checked with its mapping."""
    return check(system, [SAMPLE_DATA / system])


def check(system: str, paths: Sequence[Path]) -> Checked:
    """Check files with an included mapping; phones are American by default."""
    loaded = load_mapping(system)
    hints = loaded.mapping.header_hints()
    allowed = frozenset(header_key(name) for names in hints for name in names)
    names = tuple(name for table in loaded.mapping.tables.values() for name in table.names)
    options = LoadOptions(columns=hints, two_headers=loaded.mapping.two_headers, allowed=allowed, names=names)
    sources = load([str(path) for path in paths], options)
    mapped = apply_mapping(loaded, sources, country="US")
    further = validate_all(mapped.tables, sources, resolved_lookups=False)
    return Checked(sources, mapped, apply_policies(mapped.tables, ProblemTable.concat([mapped.problems, further])))


def bodies(one: Checked) -> str:
    """The bodies that would be sent, one per line."""
    out = io.BytesIO()
    tables = complete_defaults(one.validated.tables)
    write_payloads(tables, ~one.validated.rejected, out, unresolved_lookups=True)
    return out.getvalue().decode()


def said(one: Checked) -> str:
    """Errors and warnings with their cells, skipped rows, unused columns, and notes."""
    return "\n".join(_lines(one)) + "\n"


def _lines(one: Checked) -> Iterator[str]:
    frame = one.validated.problems.frame
    for line in frame[frame["severity"] != "info"].itertuples(index=False):
        place = str(one.sources.location(line.row)) if line.row >= 0 else "-"
        column = "" if pd.isna(line.column) else line.column
        yield f"{line.severity} {line.code}: {place}, {column}"
    skipped = one.mapped.tables.rows["skipped"].dropna()
    tables = one.sources.split(skipped.index.to_numpy())[0]
    names = [one.sources.tables[number].name for number in tables]
    for (name, reason), count in sorted(Counter(zip(names, skipped, strict=True)).items()):
        yield f"left out: {name}: {count} {reason}"
    for table in one.sources.tables:
        for reason, count in sorted(Counter(table.skipped["reason"]).items()):
            yield f"no data: {table.name}: {count} {reason}"
    for name, columns in one.mapped.tables.unused_columns.items():
        yield f"not used: {name}: {', '.join(columns)}"
    for note in one.mapped.notes:
        yield f"note: {note.message}"


def main() -> None:
    """Write the golden files of every included mapping."""
    GOLDENS.mkdir(exist_ok=True)
    for system in list_mappings():
        one = checked(system)
        (GOLDENS / f"{system}.jsonl").write_text(bodies(one), encoding="utf-8")
        (GOLDENS / f"{system}.txt").write_text(said(one), encoding="utf-8")


if __name__ == "__main__":
    main()
