"""Single wrong cells in clean exports: exactly these are found, with their codes and places."""

from collections import Counter
from pathlib import Path

import pytest

from importer.commands.check import check
from importer.settings import Options
from tests.workflow.desk import read_table
from tests.workflow.planting import LAYOUTS, Layout, made, plant, write

COUNT = 110


def found(layout: Layout, folder: Path) -> list[dict[str, str]]:
    """The errors and warnings in errors.csv."""
    options = Options(sources=(str(folder),), mapping=layout.mapping, country="US", out=folder.parent / "out")
    lines = read_table(Path(check(options)["folder"]) / "errors.csv")
    return [line for line in lines if line["severity"] != "info"]


@pytest.mark.parametrize("name", LAYOUTS)
def test_clean_export_has_no_problems(tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    write(layout, made(layout, 5, COUNT), tmp_path / "clean")
    assert found(layout, tmp_path / "clean") == []


@pytest.mark.parametrize("name", LAYOUTS)
def test_exactly_the_planted_wrong_cells_are_found(tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    lines, planted = plant(layout, 5, COUNT)
    where = write(layout, lines, tmp_path / "wrong")
    wanted = Counter(
        (severity, code, *where[line.table], str(line.number), column, line.cells[column].strip())
        for line, column, code, severity in planted
    )
    told = Counter(
        tuple(line[name].strip() for name in ("severity", "code", "source", "sheet", "row", "column", "value"))
        for line in found(layout, tmp_path / "wrong")
        if line["code"] != "word_unknown"  # it summarizes other problems
    )
    assert len(planted) > 40
    assert told - wanted == Counter()
    assert wanted - told == Counter()
