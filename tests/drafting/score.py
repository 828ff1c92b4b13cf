"""How well drafts match an expert's mapping: `make suggest-score`, or `python -m tests.drafting.score [-v] [DIR]`.

DIR has a folder per system with its export and `truth.yaml`; the default is `systems` beside this module. -v also
prints every missed or wrong column. `systems/README.md` says what counts as right.
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer.commands.suggest import suggest
from importer.drafting.draft import Draft, DraftColumn
from importer.errors import ImporterError
from importer.settings import Options
from tests.support import read_yaml

SYSTEMS = Path(__file__).parent / "systems"
LEVELS = ("labels", "codes")
_NO_FIELD = frozenset({"attribute", "ignore"})
_NOTHING = _NO_FIELD | {"sensitive"}


@dataclass
class Score:
    """One system: counts of columns, and whether key and layout match the expert's. ``refused``: why there is none."""

    name: str
    level: str
    key: bool = False
    layout: bool = False
    refused: str = ""
    mappable: int = 0
    right: int = 0
    proposals: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Total:
    """Several systems. ``right`` and ``missed`` are shares of the mappable columns, ``wrong`` one of the proposals."""

    files: int
    mappable: int
    right: float
    missed: float
    proposals: int
    wrong: float
    key: int
    layout: int


def read_truth(folder: Path) -> dict[str, Any]:
    truth: dict[str, Any] = read_yaml(folder / "truth.yaml")
    return truth


def export_of(folder: Path) -> list[str]:
    """The paths of an export's files."""
    return [str(path) for path in sorted(folder.iterdir()) if path.name != "truth.yaml"]


def draft_of(folder: Path, truth: Mapping[str, Any]) -> Draft:
    """The draft from ``importer suggest``, with its questions answered as proposed."""
    return suggest(Options(sources=tuple(export_of(folder)), country=truth["default_country"]))


def score(name: str, truth: Mapping[str, Any], draft: Draft) -> Score:
    out = Score(
        name,
        truth["level"],
        key=draft.key in [truth["key"], *truth["key_also_ok"]],
        layout=draft.layout in [truth["layout"], *truth.get("layout_also_ok", [])],
    )
    proposed = {(table_of(column), column.n): set(column.targets) - _NOTHING for column in draft.columns}
    for column in truth["columns"]:
        place = column.get("table", "file.csv"), column["n"]
        target, fields = set(_listed(column["target"])), proposed.get(place, set())
        good = target | set(column.get("also_ok", ()))
        mappable = not target <= _NOTHING
        shown = f"{column['n']} {column['header']!r} is {', '.join(sorted(target))}"
        out.mappable += mappable
        out.proposals += bool(fields)
        if fields - good:
            out.wrong.append(f"{shown}, not {', '.join(sorted(fields - good))}")
        elif mappable and (fields or good & _NO_FIELD):
            out.right += 1
        elif mappable:
            out.missed.append(shown)
    return out


def table_of(column: DraftColumn) -> str:
    return column.sheet or Path(column.file).name


def _listed(given: str | list[str]) -> list[str]:
    return given if isinstance(given, list) else [given]


def score_all(where: Path = SYSTEMS) -> tuple[list[Score], dict[str, Draft]]:
    """The score of each system, and the drafts by system name."""
    scores, drafts = [], {}
    for path in sorted(where.glob("*/truth.yaml")):
        name, truth = path.parent.name, read_truth(path.parent)
        try:
            drafts[name] = draft_of(path.parent, truth)
        except ImporterError as error:
            mappable = sum(not set(_listed(column["target"])) <= _NOTHING for column in truth["columns"])
            scores.append(Score(name, truth["level"], refused=str(error), mappable=mappable))
        else:
            scores.append(score(name, truth, drafts[name]))
    return scores, drafts


def total(scores: Iterable[Score]) -> Total:
    own = list(scores)
    mappable, proposals = sum(one.mappable for one in own), sum(one.proposals for one in own)
    right, wrong = sum(one.right for one in own), sum(len(one.wrong) for one in own)
    missed = sum(one.mappable if one.refused else len(one.missed) for one in own)
    return Total(
        len(own),
        mappable,
        right / max(mappable, 1),
        missed / max(mappable, 1),
        proposals,
        wrong / max(proposals, 1),
        sum(one.key for one in own),
        sum(one.layout for one in own),
    )


def table(scores: list[Score]) -> str:
    """The totals by level, then the systems with the most wrong columns."""
    lines = ["level   files  mappable   right  missed   wrong  proposals  key  layout"]
    for level in (*LEVELS, "all"):
        one = total(score for score in scores if level in (score.level, "all"))
        lines.append(
            f"{level:<7} {one.files:5}  {one.mappable:8}  {one.right:6.1%}  {one.missed:6.1%}  {one.wrong:6.1%}"
            f"  {one.proposals:9}  {one.key:3}  {one.layout:6}"
        )
    worst = sorted((one for one in scores if one.wrong), key=lambda one: -len(one.wrong))[:5]
    lines += [
        "",
        f"without a wrong column: {sum(not one.wrong and not one.refused for one in scores)} of {len(scores)}",
    ]
    lines += [f"{len(one.wrong):3} wrong in {one.name}" for one in worst]
    lines += [f"no draft of {one.name}: {one.refused}" for one in scores if one.refused]
    return "\n".join(lines)


def details(scores: list[Score]) -> str:
    """Each missed or wrong column, and each key and layout that differs from the expert's."""
    lines = []
    for one in scores:
        lines += [f"{one.name}: wrong: {text}" for text in one.wrong]
        lines += [f"{one.name}: missed: {text}" for text in one.missed]
        lines += [f"{one.name}: another {what}" for what in ("key", "layout") if not getattr(one, what)]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-v", "--verbose", action="store_true", help="print each column that was missed or is wrong")
    parser.add_argument("folder", nargs="?", type=Path, default=SYSTEMS, metavar="DIR")
    given = parser.parse_args()
    found, _ = score_all(given.folder)
    print("\n".join([*([details(found), ""] if given.verbose else []), table(found)]))
