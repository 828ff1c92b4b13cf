"""The included mappings with the sample exports: planted errors are found at their cells, others are accepted."""

import csv
import io
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import openpyxl
import pytest

from importer.errors import MappingError
from tests.mapping.golden import Checked
from tests.mapping.golden import check as check_paths
from tests.samples.dirt import Planted, Sample
from tests.samples.netsuite import make as make_netsuite
from tests.samples.sap_business_one import make as make_sap
from tests.samples.xero import make as make_xero

MAKERS: dict[str, Callable[[], Sample]] = {
    "xero": make_xero,
    "netsuite": make_netsuite,
    "sap-business-one": make_sap,
}
READING = {"xero": ("utf-8", ","), "netsuite": ("cp1252", ","), "sap-business-one": ("utf-8-sig", "\t")}
HEADER_ROW = {"xero": 1, "netsuite": 5, "sap-business-one": 1}
CODES = {
    "phone": "invalid_phone",
    "email": "invalid_email",
    "city_too_long": "too_long",
    "city_missing": "required",
    "company_name_missing": "required",
    "country_unknown": "invalid_country",
    "conflict": "customer_conflict",
    "orphan": "orphan_row",
}
# Wrong values that are left out (NetSuite's address phones) or replaced by another (SAP's contacts have two phones)
# with a warning; the customer is still sent.
MENDED = {"xero": 0, "netsuite": 1, "sap-business-one": 1}
Grid = list[list[str]]


@cache
def sample(system: str) -> Sample:
    return MAKERS[system]()


def grids(system: str) -> dict[str, Grid]:
    encoding, delimiter = READING[system]
    return {
        file: list(csv.reader(io.StringIO(data.decode(encoding), newline=""), delimiter=delimiter))
        for file, data in sample(system).files.items()
    }


def check(system: str, files: Mapping[str, bytes], folder: Path) -> Checked:
    for file, data in files.items():
        (folder / file).write_bytes(data)
    return check_paths(system, [folder])


def code_of(dirt: Planted, system: str) -> str:
    return "key_blank" if system == "xero" and dirt.code == "company_name_missing" else CODES[dirt.code]


def assert_as_planted(system: str, checked: Checked) -> None:
    """Each harmful fault is found at its row and column with the right code; all other customers are accepted."""
    found = checked.found()
    harmful = [dirt for dirt in sample(system).planted if dirt.harmful]
    mended = set()
    for dirt in harmful:
        at = found.get((Path(dirt.file).stem, dirt.row), set())
        own = {(severity, code) for severity, code, name in at if dirt.column in ("", name)}
        if ("warning", code_of(dirt, system)) in own:
            mended.add(dirt.customer)
        else:
            assert ("error", code_of(dirt, system)) in own, dirt
    assert len(mended) == MENDED[system]
    alone = {dirt.customer for dirt in harmful if code_of(dirt, system) in {"key_blank", "orphan_row"}}
    assert checked.rejected == sample(system).rejected - mended - alone
    assert set(checked.ids) == set(sample(system).customers) - alone
    places = {(Path(dirt.file).stem, dirt.row) for dirt in harmful}
    errors = {place for place, at in found.items() if any(severity == "error" for severity, *_ in at)}
    assert errors <= places


def encoded(grid: Grid, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(grid)
    return text.getvalue().encode(encoding)


def workbook(sheets: Mapping[str, Grid]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, grid in sheets.items():
        page = book.create_sheet(Path(name).stem)
        for number, row in enumerate(grid, start=1):
            for place, cell in enumerate(row, start=1):
                if cell:
                    page.cell(number, place).value = cell
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


SYSTEMS = pytest.mark.parametrize("system", list(MAKERS))


@cache
def as_exported(system: str) -> Checked:
    with tempfile.TemporaryDirectory() as folder:
        return check(system, sample(system).files, Path(folder))


@SYSTEMS
def test_only_planted_faults_are_found(system: str) -> None:
    checked = as_exported(system)
    assert_as_planted(system, checked)
    assert not checked.mapped.notes


@SYSTEMS
def test_customers_are_in_the_order_of_their_first_rows(system: str) -> None:
    wanted = [key for key in sample(system).customers if key in set(as_exported(system).ids)]
    assert as_exported(system).ids == wanted


@SYSTEMS
def test_extensions_and_skips_are_counted_as_planted(system: str) -> None:
    checked = as_exported(system)
    planted = {dirt.customer for dirt in sample(system).of("phone_extension")} & set(checked.ids)
    frame = checked.mapped.problems.frame
    told = frame[frame["code"] == "phone_extension_dropped"]["customer"]
    assert {checked.ids[number] for number in told} == planted
    skipped = checked.mapped.tables.rows["skipped"].dropna()
    wanted = {code: len(sample(system).of(code)) for code in ("inactive", "supplier", "lead", "frozen")}
    if system == "netsuite":
        only_ids = len(sample(system).of("id_only_customer")) + len(sample(system).of("id_only_row"))
        assert dict(skipped.value_counts()) == {"inactive": wanted["inactive"], "only an ID": only_ids}
    elif system == "sap-business-one":
        main = skipped[checked.sources.split(skipped.index.to_numpy())[0] == 1]
        assert dict(main.value_counts()) == {name: count for name, count in wanted.items() if count}


@SYSTEMS
def test_output_has_the_formats_of_the_api(system: str) -> None:
    tables = as_exported(system).mapped.tables
    assert set(tables.addresses["type"].dropna()) == {"billing", "shipping"}
    assert {"US", "CA", "GB"} <= set(tables.addresses["country"].dropna()) <= {"US", "CA", "GB", "DE"}
    assert tables.customers["phone"].dropna().str.startswith("+").all()
    assert tables.addresses["reference_id"].is_unique
    assert tables.contacts["reference_id"].is_unique


@SYSTEMS
def test_samples_as_a_workbook_give_the_same_results(system: str, tmp_path: Path) -> None:
    checked = check(system, {"export.xlsx": workbook(grids(system))}, tmp_path)
    assert {table.sheet for table in checked.sources.tables} == {Path(file).stem for file in sample(system).files}
    assert checked.found() == as_exported(system).found()
    assert_as_planted(system, checked)


@SYSTEMS
@pytest.mark.parametrize(("encoding", "delimiter"), [("cp1252", ";"), ("utf-16", "\t"), ("utf-8-sig", "|")])
def test_samples_in_other_encodings_and_with_other_delimiters_are_read(
    system: str, encoding: str, delimiter: str, tmp_path: Path
) -> None:
    files = {file: encoded(grid, encoding, delimiter) for file, grid in grids(system).items()}
    assert_as_planted(system, check(system, files, tmp_path))


def rearranged(system: str, grid: Grid) -> Grid:
    """The grid with reversed columns and two unknown ones; rows above the header and a total stay."""
    top = HEADER_ROW[system] - 1
    width = len(grid[top])
    body = [[*reversed(row + [""] * (width - len(row))), "zz", ""] for row in grid[top:]]
    body = [[] if not any(row[:width]) else row for row in body]
    body = [["Total"] if row[width - 1 : width] == ["Total"] else row for row in body]
    body[0][-2:] = ["Colour", "Warehouse Bin"]
    if system == "sap-business-one":
        body[1][-2:] = ["Colour", "Warehouse Bin"]
    return [*grid[:top], *body]


@SYSTEMS
def test_samples_with_reordered_and_unknown_columns_give_the_same_children(system: str, tmp_path: Path) -> None:
    files = {file: encoded(rearranged(system, grid)) for file, grid in grids(system).items()}
    checked = check(system, files, tmp_path)
    assert_as_planted(system, checked)
    for unused in checked.mapped.tables.unused_columns.values():
        assert {"Colour", "Warehouse Bin"} <= set(unused)
    assert children(checked) == children(as_exported(system))


def children(checked: Checked) -> list[list[str]]:
    """The IDs of children, which do not depend on how the file is written."""
    return [sorted(checked.mapped.tables.frame(entity)["reference_id"]) for entity in ("address", "contact")]


OPTIONAL = {
    "xero": ("FirstName", "SAAddressLine2", "MobileNumber", "Person4Email", "DueDateSalesTerm"),
    "netsuite": ("Terms", "Shipping Method", "Contact Title", "Office Phone", "Address 2"),
    "sap-business-one": ("Phone2", "Block", "County", "Position"),
}


@SYSTEMS
def test_samples_without_optional_columns_are_accepted(system: str, tmp_path: Path) -> None:
    files = {}
    for file, grid in grids(system).items():
        top = HEADER_ROW[system] - 1
        gone = {place for place, name in enumerate(grid[top]) if name in OPTIONAL[system]}
        files[file] = encoded([[cell for place, cell in enumerate(row) if place not in gone] for row in grid])
    checked = check(system, files, tmp_path)
    assert not checked.mapped.notes
    lost = {"netsuite": {"Terms"}}.get(system, set())
    without = {dirt.customer for dirt in sample(system).planted if dirt.code == "conflict" and dirt.column in lost}
    assert checked.rejected == as_exported(system).rejected - without


@SYSTEMS
def test_samples_without_the_key_column_are_refused(system: str, tmp_path: Path) -> None:
    key = {"xero": "*ContactName", "netsuite": "Internal ID", "sap-business-one": "CardCode"}[system]
    files = {}
    for file, grid in grids(system).items():
        top = HEADER_ROW[system] - 1
        gone = {place for place, name in enumerate(grid[top]) if name == key or (key == "Internal ID" and name == "ID")}
        files[file] = encoded([[cell for place, cell in enumerate(row) if place not in gone] for row in grid])
    with pytest.raises(MappingError):
        check(system, files, tmp_path)
