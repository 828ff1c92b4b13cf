"""The sample exports with reversed columns, another encoding, and another delimiter give the same bodies."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from pandas.testing import assert_frame_equal

from importer.mapping.language.mapping_files import list_mappings, load_mapping
from importer.tables import ENTITIES, FORMER_ID, Sources
from tests.mapping.golden import GOLDENS, bodies, check, checked
from tests.mapping.support import apply_mapping
from tests.samples.__main__ import SAMPLE_DATA

READING = {  # encoding, delimiter, records above the header
    "generic-long": ("utf-8-sig", "\t", 0),
    "generic-wide": ("cp1252", ";", 2),
    "magento": ("utf-8", ",", 0),
    "magento-composite": ("utf-8", ",", 0),
    "quickbooks-desktop": ("cp1252", ",", 0),
    "quickbooks-online": ("utf-8", ",", 3),
    "sage-50": ("cp1252", ",", 0),
    "shopify": ("utf-8", ",", 0),
}
WORKBOOKS = ("business-central", "netsuite-template", "odoo", "sage-100", "wizcommerce-template")
Grid = list[list[str]]


def backwards(grid: Grid, top: int) -> Iterator[list[str]]:
    """The grid with reversed columns; titles above the header and footer lines stay as they are."""
    width = len(grid[top])
    for number, row in enumerate(grid):
        yield [*reversed(row)] if number >= top and len(row) == width else row


@pytest.mark.parametrize("system", READING)
def test_rearranged_text_files_give_the_same_bodies(system: str, tmp_path: Path) -> None:
    encoding, delimiter, top = READING[system]
    for path in (SAMPLE_DATA / system).iterdir():
        text = io.StringIO(path.read_bytes().decode(encoding), newline="")
        out = io.StringIO()
        rows = backwards(list(csv.reader(text, delimiter=delimiter)), top)
        csv.writer(out, delimiter="|", lineterminator="\n").writerows(rows)
        (tmp_path / f"{path.stem}.csv").write_text(out.getvalue(), encoding="utf-16", newline="")
    assert bodies(check(system, [tmp_path])) == (GOLDENS / f"{system}.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("system", WORKBOOKS)
def test_rearranged_workbooks_give_the_same_bodies(system: str, tmp_path: Path) -> None:
    (path,) = (SAMPLE_DATA / system).iterdir()
    book, made = openpyxl.load_workbook(path), openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for sheet in book.worksheets:
        page = made.create_sheet(sheet.title)
        for row in sheet.iter_rows(values_only=True):
            page.append([*reversed(row)])
    made.save(tmp_path / path.name)
    assert bodies(check(system, [tmp_path])) == (GOLDENS / f"{system}.jsonl").read_text(encoding="utf-8")


def _snake(header: str) -> str:
    return header if header.startswith("_") else re.sub(r"[^\w#]+", "_", header.lower()).strip("_")


SPELLINGS = (
    _snake,
    lambda header: header.replace(" ", "\u00a0"),
    lambda header: f"\u200b{header[0]}\u2060{header[1:]}",
    lambda header: f"{header} (Req)",
    str.upper,
)


@pytest.mark.parametrize("system", list_mappings())
def test_headers_in_other_spellings_give_the_same_records(system: str) -> None:
    loaded, usual = load_mapping(system), checked(system)
    tables = []
    for table in usual.sources.tables:
        names = [
            SPELLINGS[(place + len(system)) % len(SPELLINGS)](name) if name else name
            for place, name in enumerate(table.frame.columns)
        ]
        tables.append(replace(table, frame=table.frame.set_axis(names, axis="columns"), stored=None))
    made = apply_mapping(loaded, Sources(tuple(tables)), country="US")
    for entity in ENTITIES:
        now = made.tables.frame(entity).drop(columns=FORMER_ID, errors="ignore")  # IDs from earlier versions
        assert_frame_equal(now, usual.mapped.tables.frame(entity))
